"""Readers who came yesterday: both ways give the mean of whole windows with the stated coverage; a plain mean does not."""

import numpy as np
import pytest

from bandi.experiments.inference import (
    by_maturity,
    compare_means,
    compare_ratios,
    difference_test,
    maturity_of,
    only_mature,
    totals_of,
)
from bandi.learning.delays import kaplan_meier
from bandi.model.errors import InvalidInputError
from bandi.model.records import Array

DAY, WINDOW, NOW = 86_400_000, 14.0, 21.0


def cohort(random: np.random.Generator, readers: int, rate: float) -> tuple[Array, Array, Array]:
    """(coins so far, age in days, days until they paid or infinity): arrivals over three weeks, delays of 4 days."""
    age = random.random(readers) * NOW
    delay = np.where(random.random(readers) < rate, random.exponential(4.0, readers) % WINDOW, np.inf)
    coins = random.lognormal(0.0, 0.5, readers)
    return np.where(delay <= np.minimum(age, WINDOW), coins, 0.0), age, delay


def curve(age: Array) -> Array:
    """The share that has paid by an age, of an exponential delay folded into the window."""
    return np.where(age >= WINDOW, 1.0, -np.expm1(-age / 4.0) / -np.expm1(-WINDOW / 4.0))


def test_both_ways_cover_and_a_plain_mean_does_not() -> None:
    """500 experiments with a true difference: 95 % cover, 92.5 % to 97.5 % but for 1 in 100."""
    random = np.random.default_rng(1)
    truth = 0.10 * np.exp(0.125)
    hits = np.zeros(3)
    widths = np.zeros(3)
    for _ in range(500):
        variants = [cohort(random, 3_000, rate) for rate in (0.2, 0.1)]
        mature = [totals_of(only_mature(coins, age >= WINDOW)) for coins, age, _ in variants]
        weighted = [totals_of(by_maturity(coins, curve(age))) for coins, age, _ in variants]
        plain = [totals_of(coins) for coins, _, _ in variants]
        comparisons = [compare_means(*mature), compare_ratios(*weighted), compare_means(*plain)]
        for i, comparison in enumerate(comparisons):
            bounds = difference_test(comparison)
            hits[i] += bounds.low <= truth <= bounds.high
            widths[i] += bounds.high - bounds.low
    assert 0.925 < hits[0] / 500 < 0.975
    assert 0.925 < hits[1] / 500 < 0.975
    assert hits[2] / 500 < 0.7
    assert widths[1] < 0.8 * widths[0]  # all readers tell more than the mature third


def test_with_the_curve_of_the_log() -> None:
    """Kaplan and Meier's curve of both variants serves as well: the mean of 60 estimates is within 3 of its errors."""
    random = np.random.default_rng(2)
    found = []
    for _ in range(60):
        coins, age, delay = cohort(random, 4_000, 0.15)
        starts = ((NOW - age) * DAY).astype(np.int64)
        delays = np.where(coins > 0.0, np.where(np.isfinite(delay), delay, 0.0) * DAY, -1).astype(np.int64)
        shares = kaplan_meier(starts, delays, int(NOW * DAY), int(WINDOW * DAY)).share(np.minimum(age, WINDOW) * DAY)
        found.append(coins.sum() / by_maturity(coins, np.minimum(shares, 1.0))[:, 1].sum())
    error = np.std(found, ddof=1) / np.sqrt(60)
    assert abs(np.mean(found) - 0.15 * np.exp(0.125)) < 3.0 * error


def test_words() -> None:
    found = maturity_of(np.array([1.0, 1.0, 0.5, 0.0]))
    assert (found.readers, found.mature, found.seen) == (4, 2, 0.625)
    assert found.words == "2 of 4 readers are mature; 62% of what will come has come"
    assert maturity_of(np.zeros(0)).words == "no readers yet"


def test_bad_shares() -> None:
    with pytest.raises(InvalidInputError, match="0 to 1"):
        maturity_of(np.array([1.2]))
    with pytest.raises(InvalidInputError, match="0 to 1"):
        by_maturity(np.ones(1), np.array([np.nan]))
    for value in (np.nan, np.inf):
        with pytest.raises(InvalidInputError, match="of reader 1"):
            by_maturity(np.array([0.0, value]), np.array([0.5, 0.5]))
    with pytest.raises(InvalidInputError, match="one share for each"):
        by_maturity(np.ones(2), np.ones(1))
    with pytest.raises(InvalidInputError, match="delay curve is 0"):
        by_maturity(np.ones(2), np.zeros(2))
    with pytest.raises(InvalidInputError, match="true or false"):
        only_mature(np.ones(2), np.ones(2))
