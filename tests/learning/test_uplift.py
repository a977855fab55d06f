"""The interval of a difference in coins per reader, over many seeds; what earlier coins and a cap do to it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bandi.learning.uplift import student_quantile, uplift
from bandi.model.records import Array


def readers(seed: int, effect: float, n: int = 4_000) -> tuple[Array, Array, Array]:
    """Coins, earlier coins and who is held out (a fifth): one in ten pays, log-normal amounts; payers pay again."""
    random = np.random.default_rng(seed)
    means = np.where(random.random(n) < 0.1, random.lognormal(2.0, 0.7, n), 0.0)
    held = random.random(n) < 0.2
    coins = means * random.gamma(4.0, 0.25, n) * np.where(held, 1.0, 1.0 + effect)
    return coins, means * random.gamma(4.0, 0.25, n), held


def test_without_anything_before_it_is_welchs_interval() -> None:
    coins, _, held = readers(1, 0.3)
    found = uplift(coins, np.zeros(len(coins)), held, coins)
    theirs = stats.ttest_ind(coins[~held], coins[held], equal_var=False).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), rel=1e-9)
    assert found.variance_left == 1.0


@pytest.mark.parametrize("freedom", [5, 12.5, 40, 1_000])
def test_quantiles_are_students(freedom: float) -> None:
    assert student_quantile(0.975, freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=2e-4)


def test_intervals_hold_the_truth_and_earlier_coins_make_them_narrower() -> None:
    """400 seeds, 95 % intervals: at least 92 % hold the truth (fewer by chance: 1 in 150); a sixth of the variance goes at least."""
    effect, hits, left = 0.3, 0, []
    truth = effect * 0.1 * np.exp(2.0 + 0.7**2 / 2)
    for seed in range(400):
        coins, before, held = readers(seed, effect)
        found = uplift(coins, before, held, coins)
        hits += found.low <= truth <= found.high
        left.append(found.variance_left)
    assert hits >= 0.92 * 400
    assert np.median(left) < 5 / 6


def test_no_effect_is_seldom_seen() -> None:
    """300 seeds without an effect: at most 8 % of intervals leave 0 out (more by chance: 1 in 100)."""
    wrong = sum(
        not (f.low <= 0.0 <= f.high) for f in (uplift(*readers(seed, 0.0), np.ones(4_000)) for seed in range(300))
    )
    assert wrong <= 0.08 * 300


def test_a_cap_bounds_what_one_gift_does() -> None:
    coins, before, held = readers(3, 0.3)
    coins[np.flatnonzero(held)[0]] = 1e6
    wild, tame = uplift(coins, before, held, coins), uplift(coins, before, held, coins, winsorise=0.999)
    assert tame.cap is not None and tame.cap < 1_000
    assert tame.error < wild.error / 50


def test_the_ratio_is_the_difference_over_what_is_credited() -> None:
    """300 seeds: the ratio's interval holds the truth in at least 92 % (fewer by chance: 1 in 100)."""
    hits = 0
    for seed in range(300):
        coins, before, held = readers(seed, 0.5)
        found = uplift(coins, before, held, coins)
        assert found.ratio is not None
        assert found.ratio[0] == pytest.approx(found.difference / coins[~held].mean())
        hits += found.ratio[1] <= 0.5 / 1.5 <= found.ratio[2]
    assert hits >= 0.92 * 300
    nobody = uplift(*readers(1, 0.0), np.zeros(4_000))
    assert nobody.ratio is None


def test_groups_of_one_are_no_groups() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        uplift(np.ones(3), np.zeros(3), np.array([True, False, False]), np.ones(3))
