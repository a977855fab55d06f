"""Policies of ours along a log: replay by matching, and what they would have shown."""

from pathlib import Path

import numpy as np
import pytest

from bandi.evaluation import replay
from bandi.evaluation.decision_log import DecisionLog, read_decision_log
from bandi.evaluation.intervals import t_interval, wilson_interval
from bandi.evaluation.off_policy.estimation import Settings
from bandi.evaluation.off_policy.evaluation import evaluate
from bandi.evaluation.off_policy.weights import importance_weights
from bandi.evaluation.replay import learned_probabilities, match
from bandi.model.policy_config import EpsilonGreedy, Thompson
from bandi.policies.registry import make_policy


@pytest.mark.data
def test_our_thompson_over_the_random_log(open_bandit: Path) -> None:
    log = read_decision_log(open_bandit / "random-men.csv.gz")
    matching = match(make_policy(Thompson(), 1), log, seed=1)
    assert 150 < matching.rows < 600  # about one row in 34
    tables, contexts = learned_probabilities(make_policy(Thompson(), 1), log, seed=1, draws=300, refresh=1_000)
    assert (tables.shape, contexts.max()) == ((10, 34, 3), 9)
    weights = importance_weights(tables, log.items, log.positions, log.propensities, contexts)
    assert weights.mean() == pytest.approx(1, abs=0.1)
    (snips,) = evaluate(log, tables, contexts, settings=Settings(("SNIPS",))).estimates
    assert snips.student is not None
    assert snips.student.overlaps(wilson_interval(log.clicks))


def test_matching_on_a_uniform_log_finds_the_policys_own_rate() -> None:
    """Epsilon-greedy with epsilon 1 is the uniform policy: matched rows must click like the log (mean over 60 logs)."""
    errors = []
    for seed in range(60):
        random = np.random.default_rng(seed)
        items = random.integers(0, 5, 1_000).astype(np.int32)
        clicks = (random.random(1_000) < 0.1 + 0.1 * items).astype(float)
        log = DecisionLog(
            items, np.zeros(1_000, np.int32), clicks, np.full(1_000, 0.2), np.arange(1_000), tuple("abcde")
        )
        found = match(make_policy(EpsilonGreedy(epsilon=1.0), 1), log, seed).click_rate
        assert found is not None
        errors.append(found.estimate - 0.3)
    interval = t_interval(np.array(errors))
    assert abs(interval.estimate) < 4 * (interval.high - interval.low) / 4
    assert interval.high - interval.low < 0.03


def test_a_learning_policy_beats_uniform_by_its_own_weights() -> None:
    """IPS of Thompson, learning along a uniform log, is above the log's own rate (mean over 20 logs, 95 % interval)."""
    gains = []
    for seed in range(20):
        random = np.random.default_rng(seed)
        items = random.integers(0, 5, 2_000).astype(np.int32)
        clicks = (random.random(2_000) < 0.1 + 0.1 * items).astype(float)
        log = DecisionLog(
            items, np.zeros(2_000, np.int32), clicks, np.full(2_000, 0.2), np.arange(2_000), tuple("abcde")
        )
        tables, contexts = learned_probabilities(make_policy(Thompson(), 1), log, seed, draws=200, refresh=200)
        weights = importance_weights(tables, log.items, log.positions, log.propensities, contexts)
        gains.append(float((weights * clicks).mean() - clicks.mean()))
    assert t_interval(np.array(gains)).low > 0.1


def test_tables_are_refreshed_less_often_where_memory_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.arange(100, dtype=np.int32)
    log = DecisionLog(rows % 4, rows % 2, np.zeros(100), np.full(100, 0.25), rows.astype(np.int64), tuple("abcd"))
    monkeypatch.setattr(replay, "MAX_TABLES_BYTES", 3 * 4 * 4 * 2)
    tables, contexts = learned_probabilities(make_policy(Thompson(), 1), log, seed=1, draws=10, refresh=5)
    assert tables.shape == (3, 4, 2)
    assert np.bincount(contexts).tolist() == [34, 34, 32]


def test_nothing_that_matches_is_none_and_not_nan() -> None:
    log = DecisionLog(np.array([3]), np.array([0]), np.ones(1), np.ones(1), np.zeros(1, np.int64), tuple("abcd"))
    found = [match(make_policy(Thompson(), 1), log, seed) for seed in range(20)]
    assert {m.click_rate is None for m in found if m.rows == 0} == {True}
    assert any(m.rows == 0 for m in found)
