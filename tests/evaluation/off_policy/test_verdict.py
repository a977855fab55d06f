"""Verdicts: each rule at both sides of its threshold, and whole logs that can and cannot say."""

from dataclasses import replace

import numpy as np
import pytest

from bandi.evaluation.decision_log import DecisionLog
from bandi.evaluation.intervals import Interval
from bandi.evaluation.off_policy.diagnostics import Diagnostics
from bandi.evaluation.off_policy.estimation import Estimate, Settings
from bandi.evaluation.off_policy.estimators import ESTIMATORS
from bandi.evaluation.off_policy.evaluation import evaluate
from bandi.evaluation.off_policy.synthetic import LogWorld
from bandi.evaluation.off_policy.verdict import judge
from bandi.model.errors import InvalidInputError

GOOD = Diagnostics(
    rows=10_000, positives=500, effective_rows=5_000, effective_positives=200, max_weight=10, top_share=0.05, pareto_k=0.3,
    mean_weight=1.0, mean_weight_error=0.01, unsupported=0.0, longest_pause=0.001,
)  # fmt: skip
LOGGED = Interval(0.05, 0.045, 0.055)
QUICK = Settings(resamples=100)


def estimates(low: float, high: float) -> list[Estimate]:
    return [Estimate("DR", (low + high) / 2, studentised=Interval((low + high) / 2, low, high))]


@pytest.mark.parametrize(
    ("bounds", "expected"), [((0.06, 0.07), "above"), ((0.03, 0.04), "below"), ((0.04, 0.06), "not told apart")]
)
def test_a_good_log_says_how_the_policy_stands(bounds: tuple[float, float], expected: str) -> None:
    found = judge(GOOD, estimates(*bounds), LOGGED)
    assert found.level == "says"
    assert expected in str(found)


@pytest.mark.parametrize(
    ("change", "level", "expected"),
    [
        ({"positives": 0, "effective_positives": 0.0}, "cannot say", "none of 10,000 rows has a reward"),
        ({"positives": 10_000}, "cannot say", "all of 10,000 rows have a reward"),
        ({"effective_positives": 9.9}, "cannot say", "9.9 in effect"),
        ({"effective_positives": 10.1}, "says with care", "only 10 rows"),
        ({"effective_positives": 50.0}, "says", "DR"),
        ({"effective_rows": 99.0}, "cannot say", "99 of this policy's own"),
        ({"unsupported": 0.11}, "cannot say", "11% of what this policy does was never logged"),
        ({"unsupported": 0.05}, "says with care", "5.0% of what"),
        ({"unsupported": 0.005}, "says", "DR"),
        ({"pareto_k": 1.01}, "cannot say", "no mean"),
        ({"pareto_k": 0.71}, "says with care", "Pareto k 0.71"),
        ({"pareto_k": None}, "says", "DR"),
        ({"top_share": 0.51}, "says with care", "51% of all weight"),
        ({"mean_weight": 1.06}, "cannot say", "propensities are not those"),
        ({"mean_weight": 1.04}, "says", "DR"),
        ({"mean_weight": 0.92, "unsupported": 0.05}, "says with care", "5.0%"),
        ({"mean_weight": 0.5, "mean_weight_error": 0.0}, "cannot say", "weights average 0.5"),
        ({"longest_pause": 0.2}, "says with care", "20% of the log's time"),
    ],
)
def test_rules(change: dict[str, object], level: str, expected: str) -> None:
    found = judge(replace(GOOD, **change), estimates(0.06, 0.07), LOGGED)
    assert found.level == level
    assert expected in str(found)
    assert "nan" not in str(found)


def test_no_interval_is_no_verdict() -> None:
    found = judge(GOOD, [Estimate("DM", 0.05)], LOGGED)
    assert found.level == "cannot say"
    assert "no interval (DM)" in str(found)


@pytest.mark.parametrize("name", [name for name in ESTIMATORS if name != "DM"])
def test_one_estimator_alone_is_quoted(name: str) -> None:
    world = LogWorld(rate=0.1)
    settings = replace(QUICK, estimators=(name,))
    found = evaluate(world.log(20_000, 1), world.tables()[2], settings=settings).verdict
    assert found.level == "says"
    assert f"({name})" in str(found)


def test_the_leading_estimate_is_quoted_before_the_others() -> None:
    both = [replace(estimates(0.06, 0.07)[0], name="Switch-DR"), *estimates(0.03, 0.04)]
    assert "(DR), below" in str(judge(GOOD, both, LOGGED))


@pytest.mark.parametrize(("refused", "level"), [(500, "says"), (600, "says with care"), (10_000, "says with care")])
def test_a_large_share_of_refused_rows_is_told(refused: int, level: str) -> None:
    found = judge(GOOD, estimates(0.06, 0.07), LOGGED, refused)
    assert found.level == level
    assert (f"({refused:,} of {10_000 + refused:,}) were refused" in str(found)) == (level != "says")


def test_rows_that_a_log_refused_reach_the_verdict() -> None:
    world = LogWorld(rate=0.1)
    found = evaluate(replace(world.log(20_000, 1), refused=10_000), world.tables()[2], settings=QUICK)
    assert "33% of the log's rows (10,000 of 30,000) were refused" in str(found.verdict)


def test_a_log_that_can_say() -> None:
    world = LogWorld(rate=0.1)
    found = evaluate(world.log(20_000, 1), world.tables()[2], settings=QUICK)
    assert found.verdict.level == "says"
    assert found.diagnostics.mean_weight == pytest.approx(1, abs=0.1)


def changed(log: DecisionLog, **change: np.ndarray) -> DecisionLog:
    return replace(log, **change)


def test_logs_that_cannot_say_are_told_why_and_hold_no_nan() -> None:
    world = LogWorld(rate=0.1)
    log, policy = world.log(5_000, 1), world.tables()[2]
    kept = log.items != int(policy.sum(axis=1).argmax())
    one_sided = changed(log, clicks=np.zeros(5_000))
    certain = changed(log, clicks=np.ones(5_000))
    wrong = changed(log, propensities=np.minimum(log.propensities * 2, 1.0))
    parts = {name: getattr(log, name)[kept] for name in ("items", "positions", "clicks", "propensities", "times_ms")}
    for case, expected in (
        (one_sided, "none of 5,000 rows has a reward"),
        (certain, "all of 5,000 rows have a reward"),
        (wrong, "the propensities are not those"),
        (changed(log, **parts), "was never logged"),
    ):
        found = evaluate(case, policy, settings=QUICK)
        assert found.verdict.level == "cannot say"
        assert expected in str(found.verdict)
        assert "nan" not in str(found.verdict)
        assert all(e.value is None or np.isfinite(e.value) for e in found.estimates)
    with pytest.raises(InvalidInputError, match=r"propensities, row 0: .*1 of 5000 missing"):
        evaluate(changed(log, propensities=np.append(np.nan, log.propensities[1:])), policy, settings=QUICK)
