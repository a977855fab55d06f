"""Policies beside each other in funnel worlds."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from bandi.evaluation.funnel_comparison import (
    Contender,
    compare_funnel,
    funnel_markdown,
    summarise_funnel,
    write_funnel_runs,
)
from bandi.evaluation.worlds.funnel.parameters import FunnelParameters, preset_file, read_funnel, resized
from bandi.evaluation.worlds.funnel.result import FunnelResult
from bandi.evaluation.worlds.funnel.running import Plan
from bandi.model.config import Editor, Thompson


@pytest.fixture(scope="module")
def small() -> FunnelParameters:
    return resized(read_funnel(preset_file("calibrated")), readers=600, titles=60, days=10, visits=4_000)


@pytest.fixture(scope="module")
def results(small: FunnelParameters) -> dict[str, list[FunnelResult]]:
    contenders = {"editor": Contender(Editor()), "thompson": Contender(Thompson(), Plan(update_every=20))}
    return compare_funnel(contenders, small, range(1, 6))


def test_learning_beats_the_editors_over_worlds(results: dict[str, list[FunnelResult]]) -> None:
    comparison = summarise_funnel(results, "editor")
    editor, thompson = comparison.lines
    assert editor.ctr_versus == (1.0, 1.0, 1.0)
    assert thompson.ctr_versus[1] > 1.0
    assert thompson.waste[0] < editor.waste[0]
    assert comparison.seeds == 5
    mean = np.mean([run.ctr for run in results["thompson"]])
    assert thompson.ctr[0] == pytest.approx(mean)
    assert len(comparison.ctr_by_day["editor"]) == 10


def test_all_meet_the_same_visits(results: dict[str, list[FunnelResult]]) -> None:
    for one, other in zip(results["editor"], results["thompson"], strict=True):
        assert one.seed == other.seed
        assert (one.days.visits == other.days.visits).all()


def test_runs_are_written(results: dict[str, list[FunnelResult]], tmp_path: Path) -> None:
    comparison = summarise_funnel(results, "editor")
    runs, titles, report = write_funnel_runs(results, comparison, tmp_path / "out")
    frame = pl.read_parquet(runs)
    assert frame.height == 2 * 5 * 10
    of_one = frame.filter((pl.col("policy") == "thompson") & (pl.col("seed") == 3))
    assert (of_one["clicks"].to_numpy() == results["thompson"][2].days.clicks).all()
    assert pl.read_parquet(titles)["impressions"].sum() == frame["impressions"].sum()
    assert report.read_text() == funnel_markdown(comparison)
    assert "CTR against editor" in report.read_text()
