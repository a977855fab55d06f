"""The Open Bandit Pipeline's values on the Open Bandit logs, to the digit, in both directions."""

import json
from pathlib import Path

import numpy as np
import pytest

from bandi.evaluation.decision_log import read_decision_log
from bandi.evaluation.intervals import wilson_interval
from bandi.evaluation.off_policy.estimation import Settings
from bandi.evaluation.off_policy.evaluation import Evaluation, RewardModel, evaluate
from bandi.evaluation.off_policy.reward_models import smoothed_table

NAMES = {
    "dm": "DM", "ipw": "IPS", "snipw": "SNIPS", "dr": "DR", "sndr": "SNDR", "switch-dr": "Switch-DR", "dr-os": "DRos",
    "ipw_clip10": "clipped IPS",
}  # fmt: skip
DIRECTIONS = [
    ("bts_from_random", "random-men", "bts-men", "bts"),
    ("random_from_bts", "bts-men", "random-men", "random"),
]


def evaluation(folder: Path, direction: str, log: str) -> Evaluation:
    """With the reward model of the reference: counted on the evaluated log itself."""
    reference = json.loads((folder / "reference.json").read_text())
    bts = np.array(reference["bts_action_dist"]["values"])
    distribution = bts if direction == "bts_from_random" else np.full_like(bts, 1 / len(bts))
    parameters = reference["parameters"]
    settings = Settings(
        parameters={
            "Switch-DR": parameters["switch-dr lambda"],
            "DRos": parameters["dr-os lambda"],
            "clipped IPS": parameters["ipw_clip10 lambda"],
        }
    )
    model = RewardModel(smoothed_table(1.0, 100.0), folds=1)
    return evaluate(read_decision_log(folder / f"{log}.csv.gz"), distribution, None, model, settings)


@pytest.mark.data
@pytest.mark.parametrize(("direction", "log", "target", "policy"), DIRECTIONS)
def test_every_estimator_of_the_reference_to_the_digit(
    open_bandit: Path, direction: str, log: str, target: str, policy: str
) -> None:
    reference = json.loads((open_bandit / "reference.json").read_text())
    expected = reference["estimates"][direction]
    found = evaluation(open_bandit, direction, log)
    by_name = {estimate.name: estimate for estimate in found.estimates}
    compared = {key for key in expected if key not in ("effective_sample_size", "max_weight")}
    assert compared == set(NAMES)
    for key in compared:
        assert by_name[NAMES[key]].value == pytest.approx(expected[key], rel=1e-10), key
    assert found.diagnostics.effective_rows == pytest.approx(expected["effective_sample_size"], rel=1e-12)
    assert found.diagnostics.max_weight == pytest.approx(expected["max_weight"], rel=1e-12)
    got = wilson_interval(read_decision_log(open_bandit / f"{target}.csv.gz").clicks)
    assert got.estimate == reference["on_policy"][policy]["click_rate"]
    for name in ("IPS", "SNIPS", "DR", "SNDR", "MRDR"):  # what the logged policy really got is the check
        interval = by_name[name].studentised
        assert interval is not None
        assert interval.overlaps(got), name
    assert found.verdict.level != "says", "10,000 rows with 46 or 69 clicks call for care at least"
