"""The calibrated world has the funnel that was reported: 242 %, 42 %, under 0.1 %, 4.56 days. Nothing else was fitted.

Real policies run over several worlds, whose figures are pooled. The same seeds give the same figures: the bounds say how
far a world drawn from these parameters is from the report, not how often a test fails. Titles differ so much that one
world's ratio of click rates has a standard deviation of about a third of it.
"""

import numpy as np
import pytest

from bandi.evaluation.funnel_comparison import Contender, compare_funnel
from bandi.evaluation.worlds.funnel.parameters import FunnelParameters, preset_file, read_funnel, resized
from bandi.evaluation.worlds.funnel.result import FunnelResult
from bandi.evaluation.worlds.funnel.running import run_funnel
from bandi.evaluation.worlds.funnel.truth import FunnelWorld
from bandi.model.config import Editor, Thompson
from bandi.policies.registry import make_policy


def pooled(runs: list[FunnelResult], column: str, by: str) -> float:
    def total(name: str) -> float:
        return float(sum(getattr(run.days, name).sum() for run in runs))

    return total(column) / total(by)


def funnel(parameters: FunnelParameters, seeds: range) -> dict[str, float]:
    """Of Thompson sampling, but for the ratio."""
    runs = compare_funnel({"editor": Contender(Editor()), "thompson": Contender(Thompson())}, parameters, seeds)
    thompson = runs["thompson"]
    return {
        "ratio": float(np.mean([run.ctr for run in thompson]) / np.mean([run.ctr for run in runs["editor"]])),
        "continued": pooled(thompson, "continued", "clicks"),
        "payers": pooled(thompson, "payers", "impressions"),
        "delay_days": pooled(thompson, "delay_days", "payers"),
    }


def test_a_fifth_of_the_world_has_the_funnel(calibrated: FunnelParameters) -> None:
    """4,000 readers and 30 days, where Thompson sampling has had less to learn from."""
    found = funnel(resized(calibrated, readers=4_000, days=30), range(1, 6))
    assert 1.8 < found["ratio"] < 3.0
    assert found["continued"] == pytest.approx(0.42, abs=0.03)
    assert 0.0004 < found["payers"] < 0.001
    assert found["delay_days"] == pytest.approx(4.56, rel=0.08)


@pytest.mark.soak
def test_the_whole_world_has_the_funnel(calibrated: FunnelParameters) -> None:
    """Eight worlds of full size: some minutes."""
    found = funnel(calibrated, range(1, 9))
    assert found["ratio"] == pytest.approx(2.42, rel=0.1)
    assert found["continued"] == pytest.approx(0.42, abs=0.015)
    assert 0.0005 < found["payers"] < 0.0009
    assert found["delay_days"] == pytest.approx(4.56, rel=0.05)


def test_slow_payers_take_about_ten_days() -> None:
    parameters = resized(read_funnel(preset_file("slow_payers")), readers=3_000, days=30, visits=20_000)
    runs = [run_funnel("thompson", make_policy(Thompson(), 1), FunnelWorld(parameters, seed)) for seed in range(1, 5)]
    assert pooled(runs, "delay_days", "payers") == pytest.approx(10.0, rel=0.12)
