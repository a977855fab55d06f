"""Plans hold what they promise: power and readers, against closed forms, integration and simulated experiments."""

from typing import Any

import numpy as np
import pytest

from bandi.experiments.inference import (
    Baseline,
    compare_means,
    detectable_effect,
    difference_sequence,
    difference_test,
    mean_baseline,
    plan,
    ratio_baseline,
    totals_of,
)
from bandi.experiments.inference.planning import readers_for_normality
from bandi.experiments.inference.stopping import needed_drift, sequence_rule, stopping_chances
from bandi.model.errors import InvalidInputError

HALVES = np.array([0.5, 0.5])
DAILY = np.array([1_000.0])


def test_a_fixed_horizon_is_the_textbooks() -> None:
    """Two groups, sd 10, difference 1, 5 %, 80 %: 2 (1.96 + 0.8416)^2 / 0.01 = 1,569.8 each, but for the larger treatment."""
    found = plan(Baseline(10.0, 100.0), 0.1, DAILY, HALVES)
    assert found.fixed.by_variant[0] == pytest.approx(1569.8 * (1.0 + 1.1**2) / 2.0, abs=1)
    assert found.fixed.readers == sum(found.fixed.by_variant) == found.fixed.expected_readers
    assert found.fixed.days == found.fixed.expected_days
    assert found.difference == pytest.approx(1.0)


def test_chances_agree_with_simulation() -> None:
    """20,000 walks with the planned drift: each cumulative chance within 4 standard errors of what is integrated."""
    random = np.random.default_rng(1)
    shares, bounds = sequence_rule(10, 0.05)
    drift = needed_drift(shares, bounds, 0.8)
    steps = random.standard_normal((20_000, 10)) * np.sqrt(0.1) + drift * 0.1
    stopped = np.abs(steps.cumsum(axis=1)) >= bounds * np.sqrt(shares)
    chances = stopping_chances(drift, shares, bounds).cumsum()
    assert chances[-1] == pytest.approx(0.8)
    seen = np.logical_or.accumulate(stopped, axis=1).mean(axis=0)
    assert (np.abs(seen - chances) < 4.0 * np.sqrt(0.25 / 20_000)).all()
    assert stopping_chances(0.0, shares, bounds).sum() <= 0.05


def test_simulated_experiments_have_the_planned_power(population: Any) -> None:
    """1,000 experiments of the planned size with a lift of 20 %: 80 % +- 4 % find it, and stop where expected (+- 5 %)."""
    random = np.random.default_rng(2)
    rows, shares = population.rows, population.shares
    mean = float(shares @ rows[:, 0])
    baseline = Baseline(mean, float(shares @ rows[:, 0] ** 2) - mean**2)
    found = plan(baseline, 0.2, DAILY, HALVES)
    end = compare_means(
        population.looks(random, 1_000, 1, found.fixed.readers // 2, 0.2).take([0]),
        population.looks(random, 1_000, 1, found.fixed.readers // 2).take([0]),
    )
    assert (difference_test(end).p_values[:, -1] <= 0.05).mean() == pytest.approx(0.8, abs=0.04)
    daily = found.sequence.readers // 2 // 28
    watched = compare_means(
        population.looks(random, 1_000, 28, daily, 0.2).take([0]),
        population.looks(random, 1_000, 28, daily).take([0]),
    )
    p = difference_sequence(watched, found.sequence.readers).p_values <= 0.05
    assert p[:, -1].mean() == pytest.approx(0.8, abs=0.04)
    look = np.where(p[:, -1], np.argmax(p, axis=1), 27)
    stopped = watched.readers[np.arange(1_000), look].mean()
    assert stopped / found.sequence.expected_readers == pytest.approx(1.0, abs=0.05)


def test_covariates_and_sequences_in_the_plan() -> None:
    plain, adjusted = Baseline(1.0, 25.0), Baseline(1.0, 25.0, explained=0.5)
    one, other = plan(plain, 0.05, DAILY, HALVES), plan(adjusted, 0.05, DAILY, HALVES)
    assert one.fixed == one.fixed_adjusted == other.fixed
    assert other.fixed_adjusted.readers == pytest.approx(one.fixed.readers / 2, abs=2)
    assert one.fixed.readers < one.sequence.expected_readers < one.sequence.readers < 1.8 * one.fixed.readers
    assert any("no covariates" in note for note in one.notes)
    assert not other.notes


def test_days() -> None:
    """More come on the first days; the window of the last reader must close."""
    baseline = Baseline(1.0, 1.0)
    readers = plan(baseline, 0.1, DAILY, HALVES).fixed.readers
    assert plan(baseline, 0.1, DAILY, HALVES).fixed.days == -(-readers // 1_000)
    assert plan(baseline, 0.1, np.array([3_000.0, 100.0]), HALVES).fixed.days == 2 + -(-(readers - 3_100) // 100)
    assert plan(baseline, 0.1, DAILY, HALVES, window_days=6.5).fixed.days == -(-readers // 1_000) + 7
    never = plan(baseline, 0.1, np.array([10.0, 0.0]), HALVES)
    assert never.fixed.days == -1
    assert any("fewer readers" in note for note in never.notes)


def test_several_variants_of_unequal_shares() -> None:
    found = plan(Baseline(1.0, 1.0), 0.1, DAILY, np.array([0.5, 0.4, 0.1]))
    halves = plan(Baseline(1.0, 1.0), 0.1, DAILY, HALVES)
    assert found.fixed.readers > 2 * halves.fixed.readers
    assert found.fixed.by_variant[2] == min(found.fixed.by_variant)
    assert any("2 treatments" in note for note in found.notes)


def test_the_detectable_effect_is_the_plans_inverse() -> None:
    baseline = Baseline(2.0, 9.0, explained=0.3, skewness=20.0)
    found = plan(baseline, 0.07, DAILY, HALVES)
    fixed, _ = detectable_effect(baseline, found.fixed_adjusted.readers, HALVES)
    _, sequence = detectable_effect(baseline, found.sequence_adjusted.readers, HALVES)
    assert fixed == pytest.approx(0.07, rel=1e-3)
    assert sequence == pytest.approx(0.07, rel=1e-3)
    assert detectable_effect(baseline, 10.0, HALVES)[0] == np.inf
    assert readers_for_normality(20.0) == 142_000
    assert any("skewed" in note for note in plan(baseline, 0.5, DAILY, HALVES).notes)


def test_baselines_from_the_past() -> None:
    random = np.random.default_rng(3)
    before = random.normal(5.0, 1.0, 50_000)
    value = 0.8 * before + 0.6 * random.normal(size=50_000)
    found = mean_baseline(totals_of(np.column_stack([value, before])))
    assert found.value == pytest.approx(4.0, rel=0.01)
    assert found.variance == pytest.approx(1.0, rel=0.05)
    assert found.explained == pytest.approx(0.64, abs=0.02)
    shown = random.integers(1, 30, 50_000)
    clicks = random.binomial(shown, 0.1)
    ratio = ratio_baseline(totals_of(np.column_stack([clicks, shown])))
    assert ratio.value == pytest.approx(0.1, rel=0.02)
    assert ratio.variance == pytest.approx(0.09 / 15.0, rel=0.05)
    with pytest.raises(InvalidInputError, match="same value"):
        mean_baseline(totals_of(np.ones(10)))


@pytest.mark.parametrize(
    ("baseline", "effect"),
    [(Baseline(1.0, 1e300), 1e-9), (Baseline(1e-200, 1.0), 1e-200), (Baseline(1.0, 1.0), 1e-200)],
)
def test_what_no_number_of_readers_finds(baseline: Baseline, effect: float) -> None:
    with pytest.raises(InvalidInputError, match=r"effect.*fewer than 1e\+15 readers"):
        plan(baseline, effect, DAILY, HALVES)


def test_extremes_are_no_errors() -> None:
    assert detectable_effect(Baseline(1e-200, 1.0), 1e6, HALVES) == (np.inf, np.inf)
    assert detectable_effect(Baseline(1e200, 1.0), 1e6, HALVES)[0] == 0.0
    slow = plan(Baseline(1.0, 1.0), 1e-6, np.array([1e-310]), HALVES)
    assert slow.fixed.days == -1
    negative = plan(Baseline(-2.0, 1.0), -0.1, DAILY, HALVES)
    assert negative.difference == pytest.approx(0.2)


def test_bad_plans() -> None:
    good = Baseline(1.0, 1.0)
    for bad in (
        lambda: plan(good, 0.0, DAILY, HALVES),
        lambda: plan(good, float("nan"), DAILY, HALVES),
        lambda: plan(good, -1.0, DAILY, HALVES),
        lambda: plan(good, -2.0, DAILY, HALVES),
        lambda: plan(good, 1e300, DAILY, HALVES),
        lambda: plan(good, 0.1, np.array([-1.0]), HALVES),
        lambda: plan(good, 0.1, np.zeros(0), HALVES),
        lambda: plan(good, 0.1, DAILY, np.array([0.5, 0.6])),
        lambda: plan(good, 0.1, DAILY, HALVES, power=0.01),
        lambda: plan(good, 0.1, DAILY, HALVES, alpha=0.0),
        lambda: plan(good, 0.1, DAILY, HALVES, window_days=-1.0),
        lambda: plan(good, 0.1, DAILY, HALVES, looks=0),
        lambda: detectable_effect(good, 0.0, HALVES),
    ):
        with pytest.raises(InvalidInputError):
            bad()
    with pytest.raises(InvalidInputError) as caught:
        Baseline(0.0, -1.0, explained=1.0, skewness=float("nan"))
    assert len(caught.value.problems) == 4
