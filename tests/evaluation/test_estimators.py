"""Estimators: against the Open Bandit Pipeline to the digit, and their intervals against known truth."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from bandi.evaluation.decision_log import Columns, read_decision_log
from bandi.evaluation.estimators import effective_sample_size, estimates, importance_weights, ips, on_policy, snips
from bandi.evaluation.intervals import bootstrap_interval, t_interval, t_quantile
from bandi.evaluation.replay import learned_weights, match
from bandi.model.errors import InvalidInputError
from bandi.model.policy_config import EpsilonGreedy, Thompson
from bandi.policies.registry import make_policy


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "log", "target"),
    [("bts_from_random", "random-men", "bts-men"), ("random_from_bts", "bts-men", "random-men")],
)
def test_ips_and_snips_are_those_of_the_open_bandit_pipeline_to_the_digit(
    open_bandit: Path, name: str, log: str, target: str
) -> None:
    reference = json.loads((open_bandit / "reference.json").read_text())
    expected = reference["estimates"][name]
    logged = read_decision_log(open_bandit / f"{log}.csv.gz")
    bts = np.array(reference["bts_action_dist"]["values"])
    distribution = bts if name == "bts_from_random" else np.full_like(bts, 1 / len(bts))
    weights = importance_weights(distribution, logged.items, logged.positions, logged.propensities)
    assert ips(weights, logged.clicks).estimate == pytest.approx(expected["ipw"], rel=1e-12)
    assert snips(weights, logged.clicks).estimate == pytest.approx(expected["snipw"], rel=1e-12)
    assert effective_sample_size(weights) == pytest.approx(expected["effective_sample_size"], rel=1e-12)
    assert weights.max() == pytest.approx(expected["max_weight"], rel=1e-12)
    other = on_policy(read_decision_log(open_bandit / f"{target}.csv.gz").clicks)
    assert other.estimate == reference["on_policy"]["bts" if target == "bts-men" else "random"]["click_rate"]
    if name == "bts_from_random":  # the logged policy's own click rate is the check
        for estimate in estimates(weights, logged.clicks, seed=1):
            assert estimate.value.overlaps(other)
            assert estimate.bootstrap.overlaps(other)


@pytest.mark.data
def test_our_thompson_over_the_random_log(open_bandit: Path) -> None:
    log = read_decision_log(open_bandit / "random-men.csv.gz")
    matching = match(make_policy(Thompson(), 1), log, seed=1)
    assert 150 < matching.rows < 600  # about one row in 34
    weights = learned_weights(make_policy(Thompson(), 1), log, seed=1, draws=300, refresh=1_000)
    assert weights.mean() == pytest.approx(1, abs=0.1)
    assert snips(weights, log.clicks).overlaps(on_policy(log.clicks))


def synthetic(seed: int, rows: int = 3_000) -> tuple[np.ndarray, np.ndarray, float]:
    """(weights, clicks, true value) of a target policy on a log of a softmax policy over 6 items and 2 slots."""
    truth = np.random.default_rng(99)
    rates = truth.uniform(0.02, 0.3, (6, 2))
    logging, target = (np.exp(truth.normal(0, 0.7, (6, 2))) for _ in range(2))
    logging, target = logging / logging.sum(axis=0), target / target.sum(axis=0)
    random = np.random.default_rng(seed)
    positions = random.integers(0, 2, rows).astype(np.int32)
    items = np.array([random.choice(6, p=logging[:, slot]) for slot in positions], np.int32)
    clicks = (random.random(rows) < rates[items, positions]).astype(float)
    weights = importance_weights(target, items, positions, logging[items, positions])
    return weights, clicks, float((rates * target).sum() / 2)


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    """400 logs; a 95 % interval must cover in at least as many as a binomial of 0.95 would with probability 0.9995.

    Both estimators with both intervals: the chance of any false alarm is 0.002.
    """
    logs = 400
    covered: dict[tuple[str, str], int] = {}
    for seed in range(logs):
        weights, clicks, truth = synthetic(seed)
        for estimate in estimates(weights, clicks, seed, resamples=300):
            for kind, interval in (("normal", estimate.value), ("bootstrap", estimate.bootstrap)):
                covered[estimate.name, kind] = covered.get((estimate.name, kind), 0) + (
                    interval.low <= truth <= interval.high
                )
    least = stats.binom.ppf(0.0005, logs, 0.95) - 0.01 * logs  # a percent below 95 is granted to the approximations
    assert len(covered) == 4
    assert all(count >= least for count in covered.values()), covered
    assert all(count < logs for count in covered.values()), covered  # and they are not infinitely wide


def test_matching_on_a_uniform_log_finds_the_policys_own_rate() -> None:
    """Epsilon-greedy with epsilon 1 is the uniform policy: matched rows must click like the log (mean over 60 logs)."""
    errors = []
    for seed in range(60):
        random = np.random.default_rng(seed)
        from bandi.evaluation.decision_log import DecisionLog

        items = random.integers(0, 5, 1_000).astype(np.int32)
        clicks = (random.random(1_000) < 0.1 + 0.1 * items).astype(float)
        log = DecisionLog(
            items, np.zeros(1_000, np.int32), clicks, np.full(1_000, 0.2), np.arange(1_000), tuple("abcde")
        )
        errors.append(match(make_policy(EpsilonGreedy(epsilon=1.0), 1), log, seed).click_rate.estimate - 0.3)
    interval = t_interval(np.array(errors))
    assert abs(interval.estimate) < 4 * (interval.high - interval.low) / 4
    assert interval.high - interval.low < 0.03


def test_a_learning_policy_beats_uniform_by_its_own_weights() -> None:
    """IPS of Thompson, learning along a uniform log, is above the log's own rate (mean over 20 logs, 95 % interval)."""
    gains = []
    for seed in range(20):
        random = np.random.default_rng(seed)
        from bandi.evaluation.decision_log import DecisionLog

        items = random.integers(0, 5, 2_000).astype(np.int32)
        clicks = (random.random(2_000) < 0.1 + 0.1 * items).astype(float)
        log = DecisionLog(
            items, np.zeros(2_000, np.int32), clicks, np.full(2_000, 0.2), np.arange(2_000), tuple("abcde")
        )
        weights = learned_weights(make_policy(Thompson(), 1), log, seed, draws=200, refresh=200)
        gains.append(ips(weights, clicks).estimate - clicks.mean())
    assert t_interval(np.array(gains)).low > 0.1


@pytest.mark.parametrize(
    "bad",
    [
        np.ones((2, 1)),
        np.full((3, 2), 0.5),
        np.array([[0.5, np.nan], [0.5, 0.5], [0, 0.5]]),
        np.array([[1.5, 1], [-0.5, 0], [0, 0]]),
    ],
)
def test_distributions_that_are_none_are_refused(bad: np.ndarray) -> None:
    with pytest.raises(InvalidInputError, match="action distribution"):
        importance_weights(bad, np.array([0, 1, 2]), np.array([0, 1, 0]), np.ones(3))


def test_no_weight_gives_no_number_but_no_crash() -> None:
    interval = snips(np.zeros(3), np.ones(3))
    assert np.isnan(interval.estimate)
    assert interval.low == -np.inf


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 9, 30, 200])
def test_students_quantile(freedom: int) -> None:
    assert t_quantile(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=1e-5)


def test_the_bootstrap_agrees_with_the_normal_interval_on_many_rows() -> None:
    weights, clicks, _ = synthetic(1, 6_000)
    boot, normal = bootstrap_interval(weights, clicks, 1, 2_000), ips(weights, clicks)
    assert boot.estimate == pytest.approx(normal.estimate)
    assert boot.high - boot.low == pytest.approx(normal.high - normal.low, rel=0.1)


HEADER = "timestamp,item_id,position,click,propensity_score\n"


def test_bad_rows_of_a_log_are_refused_one_by_one(tmp_path: Path) -> None:
    rows = [
        "2019-11-24 00:00:02+00:00,3,1,0,0.5", "2019-11-24 00:00:01+00:00,10,2,1,0.25", "1574553600,3,1,0,0", "1574553600,3,1,0,1.5",
        "1574553600,3,1,0,nan", "1574553600,3,1,0,x", "1574553600,3,1,2,0.5", "1574553600,3,0,1,0.5", "never,3,1,1,0.5", "1574553600,3,1",
    ]  # fmt: skip
    path = tmp_path / "log.csv"
    path.write_text(HEADER + "\n".join(rows))
    log = read_decision_log(path, refused=tmp_path / "aside.jsonl")
    assert (len(log), log.refused, log.slots) == (2, 8, 2)
    assert log.item_names == ("3", "10")
    assert log.clicks.tolist() == [1, 0]  # by time
    assert "log.csv:4: propensity_score" in str(log.problems[0])
    assert len((tmp_path / "aside.jsonl").read_text().splitlines()) == 8


def test_a_log_without_its_columns_or_rows(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(InvalidInputError, match="propensity_score"):
        read_decision_log(path)
    path.write_text(HEADER)
    with pytest.raises(InvalidInputError, match="no rows"):
        read_decision_log(path)
    path.write_text("t,i,s,c,p\n0,a,1,1,0.5\n")
    assert len(read_decision_log(path, Columns("i", "s", "c", "p", "t"))) == 1
