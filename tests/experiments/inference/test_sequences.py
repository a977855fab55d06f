"""Sequences may be looked at every day: false alarms, coverage and the equations. Rates are stated with their margins."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bandi.experiments.inference import (
    Comparison,
    Totals,
    accumulated,
    compare_means,
    compare_ratios,
    difference_sequence,
    difference_test,
    intersected,
    lift_sequence,
    mixture_test,
    stacked,
    totals_of,
)
from bandi.experiments.inference.bounds import Bounds, standard_scores
from bandi.experiments.inference.sequences import (
    multipliers,
    narrowest,
    not_yet,
    one_sided_multipliers,
    running_one_sided_p_values,
    running_p_values,
    times,
    tuned_rho2,
)
from bandi.model.errors import InvalidInputError

ALPHA, EXPERIMENTS, DAYS, DAILY = 0.05, 1_000, 28, 200


def compared(
    population: Any, seed: int, columns: list[int], lift: float = 0.0, daily: tuple[int, int] = (DAILY, DAILY)
) -> Comparison:
    random = np.random.default_rng(seed)
    treatment = population.looks(random, EXPERIMENTS, DAYS, daily[0], lift)
    return compare_means(treatment.take(columns), population.looks(random, EXPERIMENTS, DAYS, daily[1]).take(columns))


@pytest.mark.parametrize("columns", [[0], [0, 1]])
def test_daily_looks_at_nothing(population: Any, columns: list[int]) -> None:
    """1,000 A/A experiments: a true 5 % is at most 6.6 % but for 1 in 100; the t-test at the end 5 % +- 1.8 %."""
    comparison = compared(population, 1, columns)
    planned = 2.0 * DAILY * DAYS
    assert (difference_sequence(comparison, planned).p_values[:, -1] <= ALPHA).mean() <= 0.05
    assert (mixture_test(comparison, 0.05).p_values[:, -1] <= ALPHA).mean() <= 0.05
    peeked = difference_test(comparison).p_values <= ALPHA
    assert peeked.any(axis=1).mean() > 0.18
    assert 0.032 < peeked[:, -1].mean() < 0.068


def test_the_truth_is_left_out_at_no_look_and_is_found(population: Any) -> None:
    """With a lift of 30 % the true lift is left out at any look in at most 5 % of 1,000, and is found in about half."""
    comparison = compared(population, 2, [0], lift=0.3)
    bounds = lift_sequence(comparison, 2.0 * DAILY * DAYS)
    assert ((bounds.low > 0.3) | (bounds.high < 0.3)).any(axis=1).mean() <= 0.05
    assert (bounds.p_values[:, -1] <= ALPHA).mean() > 0.35
    kept, empty = intersected(bounds)
    assert empty[:, -1].mean() <= 0.05
    going = ~empty[:, 1:]
    assert (kept.low[:, 1:] >= kept.low[:, :-1])[going].all()
    assert (kept.high[:, 1:] <= kept.high[:, :-1])[going].all()


def test_a_small_treatment_waits(population: Any) -> None:
    """A twentieth is treated and a tenth pays: from 100 readers on far more than 5 % are false, with enough of them 5 %."""
    comparison = compared(population, 3, [0], daily=(20, 380))
    early = replace(comparison, contributors=np.full(comparison.contributors.shape, np.inf))
    assert (difference_sequence(early, 10_000.0).p_values[:, -1] <= ALPHA).mean() > 0.08
    assert (difference_sequence(comparison, 10_000.0).p_values[:, -1] <= ALPHA).mean() <= 0.05


def bursts(random: np.random.Generator, readers: int, chance: float) -> np.ndarray:
    values: np.ndarray = 100.0 + random.normal(size=(readers, 1)) + 1_000.0 * (random.random((readers, 1)) < chance)
    return values


def bursts_of_a_ratio(random: np.random.Generator, readers: int) -> np.ndarray:
    below = 1.0 + random.poisson(5.0, readers)
    return np.stack([below + 50.0 * (random.random(readers) < 0.002), below], axis=1)


@pytest.mark.parametrize(
    ("draw", "compare", "daily", "judged"),
    [
        (lambda random, readers: bursts(random, readers, 0.002), compare_means, (25, 475), False),
        (lambda random, readers: bursts(random, readers, 0.001), compare_means, (50, 450), False),
        (bursts_of_a_ratio, compare_ratios, (25, 475), False),
        (lambda random, readers: random.normal(size=(readers, 1)), compare_means, (50, 450), True),
        (lambda random, readers: random.exponential(size=(readers, 1)) - 5.0, compare_means, (50, 450), True),
    ],
)
def test_a_small_treatment_of_any_data(draw: Any, compare: Any, daily: tuple[int, int], judged: bool) -> None:
    """A/A, 300 experiments: a true 5 % is at most 8 % but for 1 in 100. Bursts far from zero wait; signed values need not."""
    random, experiments = np.random.default_rng(10), 300
    variants = []
    for each in daily:
        rows = draw(random, each * DAYS * experiments).reshape(experiments, DAYS, each, -1)
        days = [[totals_of(day) for day in experiment] for experiment in rows]
        variants.append(stacked([stacked(one) for one in days]))
    comparison = compare(*(accumulated(by_experiment(variant)) for variant in variants))
    planned = float(sum(daily) * DAYS)
    assert (difference_sequence(comparison, planned).p_values[:, -1] <= ALPHA).mean() <= 0.08
    assert (mixture_test(comparison, 1.0).p_values[:, -1] <= ALPHA).mean() <= 0.08
    late = np.isfinite(difference_sequence(comparison, planned).low[:, 10:])
    assert late.mean() > 0.99 if judged else late.mean() < 0.5


def by_experiment(totals: Totals) -> Totals:
    """Looks last, where they were stacked first."""
    return Totals(*(np.swapaxes(part, 0, 1) for part in (totals.readers, totals.sums, totals.products, totals.cubes)))


def test_the_same_readers_for_a_year() -> None:
    """A cohort of 200 whose values grow by unrelated amounts: at most 5 % of 400 by variance, though readers stay the same.

    Time goes on all the same: by the variance that comes in.
    """
    random = np.random.default_rng(4)
    values = random.standard_normal((400, 2, 365, 100), np.float32).cumsum(axis=2, dtype=np.float32)
    sums, squares = values.sum(axis=-1, dtype=float), (values**2).sum(axis=-1, dtype=float)
    count = np.full((400, 365), 100.0)
    one, other = (Totals(count, sums[:, v, :, None], squares[:, v, :, None, None]) for v in (0, 1))
    comparison = compare_means(one, other)
    comparison = replace(comparison, contributors=np.full(count.shape, np.inf))
    assert (difference_sequence(comparison, 200.0).p_values[:, -1] <= ALPHA).mean() <= 0.05
    grown = times(comparison)
    assert grown[:, 0] == pytest.approx(200.0)
    assert np.median(grown[:, -1]) == pytest.approx(365 * 200.0, rel=0.05)


def test_time_is_readers_where_values_are_final(population: Any) -> None:
    comparison = compared(population, 5, [0])
    ratio = times(comparison)[:, -1] / comparison.readers[:, -1]
    assert 0.85 < np.median(ratio) < 1.15


def test_narrowest_where_planned() -> None:
    """The minimum of the multiplier is sqrt(x + 1) (where its derivative is 0); 3.03 standard errors at 5 %."""
    for alpha in (0.2, 0.05, 0.001):
        x = narrowest(alpha)
        best = float(multipliers(np.asarray(x), alpha))
        assert best == pytest.approx(np.sqrt(x + 1.0))
        assert (multipliers(x * np.array([0.5, 0.99, 1.01, 2.0]), alpha) > best).all()
    assert tuned_rho2(1_000.0, 0.05) == pytest.approx(8.2e-3, rel=0.01)


def test_the_bounds_hold_for_brownian_motion() -> None:
    """2,000 walks of 400 steps: two-sided 5 % is left by at most 5 %, one side by at most 5 %; p-values say the same."""
    random = np.random.default_rng(6)
    time = np.arange(1.0, 401.0)
    scores = random.standard_normal((2_000, 400)).cumsum(axis=1) / np.sqrt(time)
    x = time * tuned_rho2(100.0, ALPHA)
    left = (np.abs(scores) >= multipliers(x, ALPHA)).any(axis=1)
    above = (scores >= one_sided_multipliers(x, ALPHA)).any(axis=1)
    np.testing.assert_array_equal(left, running_p_values(scores, x)[:, -1] <= ALPHA)
    np.testing.assert_array_equal(above, running_one_sided_p_values(scores, x)[:, -1] <= ALPHA)
    assert 0.01 < left.mean() <= 0.05
    assert 0.01 < above.mean() <= 0.05


def test_the_mixture_test_is_its_equation(population: Any) -> None:
    """Johari et al. (2022), from the difference and its variance; and the sequence with rho^2 = tau^2 / variance."""
    comparison, tau = compared(population, 7, [0]), 0.05
    usable = np.isfinite(comparison.standard_error)
    variance, difference = comparison.standard_error**2, comparison.difference
    log_ratio = 0.5 * np.log(variance / (variance + tau**2))
    log_ratio += tau**2 * difference**2 / (2.0 * variance * (variance + tau**2))
    expected = np.minimum.accumulate(np.exp(-np.maximum(log_ratio, 0.0)), axis=1)
    assert usable.all()
    # The variance of a reader is taken from the first look, so that the prior does not move.
    np.testing.assert_allclose(np.median(mixture_test(comparison, tau).p_values), np.median(expected), atol=0.05)
    steady = replace(comparison, treatment_variance=1.0 / comparison.readers, control_variance=0.0 * variance)
    steady = replace(steady, weight=comparison.readers, covariance=0.0 * variance)
    one, other = mixture_test(steady, tau), difference_sequence(steady, narrowest(ALPHA) / tau**2)
    np.testing.assert_allclose(one.p_values, other.p_values)
    np.testing.assert_allclose(one.low, other.low)
    error = 1.0 / np.sqrt(comparison.readers)
    x = tau**2 / error**2
    np.testing.assert_allclose(one.p_values, running_p_values(standard_scores(steady), x))


def test_an_emptied_intersection_says_so() -> None:
    low, high = np.array([0.0, 2.0, 1.0]), np.array([1.0, 3.0, 4.0])
    kept, empty = intersected(Bounds(np.zeros(3), low, high, np.ones(3)))
    np.testing.assert_array_equal(empty, [False, True, True])
    np.testing.assert_array_equal(kept.low, [0.0, 2.0, 1.0])
    np.testing.assert_array_equal(kept.high, [1.0, 3.0, 4.0])


def test_why_there_is_no_interval_yet(population: Any) -> None:
    comparison = compared(population, 9, [0], daily=(8, 392))
    assert "at least 100 readers" in not_yet(comparison, 0)
    assert "few readers make up the metric" in not_yet(comparison, 20)
    assert not_yet(compared(population, 9, [0]), -1) == ""
    nothing = replace(comparison, states=np.full(comparison.states.shape, 3, np.int8))
    assert "every reader has the same value" in not_yet(nothing, -1)


def test_bad_settings(population: Any) -> None:
    comparison = compared(population, 8, [0])
    for planned in (0.0, float("nan"), float("inf")):
        with pytest.raises(InvalidInputError, match="planned"):
            difference_sequence(comparison, planned)
    with pytest.raises(InvalidInputError, match="alpha"):
        difference_sequence(comparison, 100.0, alpha=1.0)
    with pytest.raises(InvalidInputError, match="usual_effect"):
        mixture_test(comparison, 0.0)
