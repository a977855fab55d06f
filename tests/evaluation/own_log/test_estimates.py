"""Estimates from rows: by hand, by reader, over many logs, and what is said of weights that say too little."""

from dataclasses import replace

import numpy as np
import pytest

from bandi.evaluation.own_log.estimates import evaluate, gain, observed
from bandi.evaluation.own_log.slot_rows import SlotRows
from bandi.model.records import Array


def rows(rewards: Array, weights: Array, readers: Array, missing: float = 0.0) -> SlotRows:
    """Lists of one slot, with a model that expects 0.2 of everything."""
    n = len(rewards)
    flat = np.full(n, 0.2)
    zeros = np.zeros(n, np.int64)
    return SlotRows(
        np.arange(n), readers, zeros, zeros, zeros, zeros, rewards, np.full(n, 0.5), 0.5 * weights[None], flat,
        flat[None], np.full((1, n), missing),
    )  # fmt: skip


def test_by_hand() -> None:
    found = rows(np.array([1.0, 0.0, 1.0, 0.0]), np.array([2.0, 1.0, 1.0, 0.0]), np.arange(4))
    assert observed(found).estimate == 0.5
    values = {one.estimator: one.value.estimate for one in evaluate(found, 0).estimates}
    assert values == pytest.approx({"model": 0.2, "IPS": 3 / 4, "SNIPS": 3 / 4, "DR": 0.2 + (2 * 0.8 - 0.2 + 0.8) / 4})
    assert gain(found, 0).estimate == pytest.approx(values["DR"] - 0.5)


def test_lists_of_one_reader_count_as_one() -> None:
    """1,000 readers with 9 equal lists each: the interval is that of 1,000 lists; of anonymous ones, of 9,000."""
    rewards = np.repeat((np.random.default_rng(1).random(1_000) < 0.3).astype(float), 9)
    known = rows(rewards, np.ones(9_000), np.repeat(np.arange(1_000), 9))
    one, apart = observed(known), observed(replace(known, readers=np.full(9_000, -1)))
    assert (one.high - one.low) / (apart.high - apart.low) == pytest.approx(3.0, rel=0.01)
    assert (one.high - one.low) / 2 == pytest.approx(1.96 * rewards.std() / 1_000**0.5, rel=0.01)


def test_intervals_cover_the_truth() -> None:
    """500 logs of 300 lists of 100 readers with rates of their own: at least 91 % of 95 % intervals (false alarms: below 1 in 1,000)."""
    random = np.random.default_rng(2)
    covered = dict.fromkeys(("IPS", "SNIPS", "DR"), 0)
    for _ in range(500):
        readers = random.integers(0, 100, 300)
        rates = random.beta(2.0, 5.0, 100)[readers]
        good = random.random(300) < 0.5  # the logging policy shows the good title half the time, the other one always
        rewards = (random.random(300) < rates * np.where(good, 1.0, 0.3)).astype(float)
        for one in evaluate(rows(rewards, np.where(good, 2.0, 0.0), readers), 0).estimates:
            if one.estimator in covered:
                covered[one.estimator] += one.value.low <= 2.0 / 7.0 <= one.value.high
    assert min(covered.values()) >= 455, covered


@pytest.mark.parametrize(
    ("weights", "missing", "verdict"),
    [
        (np.ones(1_000), 0.0, "usable"),
        (np.full(1_000, 0.95), 0.05, "usable with care: IPS leaves out 5.0% of its slots"),
        (np.full(1_000, 0.5), 0.5, "these logs cannot say: 50% of its slots"),
        (np.eye(1, 1_000)[0] * 1_000, 0.0, "these logs cannot say: they are worth 1 slots"),
        (np.full(1_000, 0.6), 0.0, "these logs cannot say: weights are 0.60 on average, where they should be 1.00"),
    ],
)
def test_verdicts(weights: Array, missing: float, verdict: str) -> None:
    assert evaluate(rows(np.ones(1_000), weights, np.arange(1_000), missing), 0).verdict.startswith(verdict)


def test_without_rows_or_weight_nothing_is_said() -> None:
    empty = rows(np.zeros(0), np.zeros(0), np.zeros(0, np.int64))
    assert evaluate(empty, 0).verdict.startswith("these logs cannot say")
    assert np.isnan(observed(empty).estimate)
    nothing = evaluate(rows(np.ones(5), np.zeros(5), np.arange(5)), 0)
    assert np.isnan(nothing.estimates[2].value.estimate)
    assert nothing.estimates[2].value.low == -np.inf
