"""A ramp-up during which everything changes: within stages the difference is right, pooled it is not."""

import numpy as np
import pytest

from bandi.experiments.inference import (
    State,
    Totals,
    accumulated,
    across_stages,
    compare_means,
    difference_sequence,
    difference_test,
    stacked,
    totals_of,
)
from bandi.model.errors import InvalidInputError
from bandi.model.records import Array

STAGES = ((0.05, 1.0), (0.5, 2.0))
"""(share of the treatment, mean of all readers of the stage)."""


def test_coverage_in_a_ramp() -> None:
    """Of 1,000 intervals of a true 0.1 95 % cover (93.2 % to 96.8 % but for 1 in 100); of pooled readers none would."""
    random = np.random.default_rng(1)
    stages, pooled = [], []
    for share, mean in STAGES:
        treated, held = int(2_000 * share), 2_000 - int(2_000 * share)
        one = stacked([totals_of(mean + 0.1 + random.normal(size=treated)) for _ in range(1_000)])
        other = stacked([totals_of(mean + random.normal(size=held)) for _ in range(1_000)])
        stages.append(compare_means(one, other))
        pooled.append((one.sums[:, 0], one.readers, other.sums[:, 0], other.readers))
    found = difference_test(across_stages(stages))
    assert 0.932 < np.mean((found.low <= 0.1) & (found.high >= 0.1)) < 0.968
    sums, readers, other_sums, others = (sum(parts) for parts in zip(*pooled, strict=True))
    assert np.mean(sums / readers - other_sums / others) > 0.3


def test_one_stage_is_itself_and_an_empty_one_weighs_nothing() -> None:
    random = np.random.default_rng(2)
    alone = compare_means(totals_of(random.exponential(size=200)), totals_of(random.exponential(size=900)))
    empty = compare_means(totals_of(np.zeros(0)), totals_of(np.ones(3)))
    for stages in ([alone], [alone, empty]):
        found = across_stages(stages)
        assert found.difference == alone.difference
        assert found.standard_error == pytest.approx(alone.standard_error)
        assert found.contributors == pytest.approx(alone.contributors)
        assert found.readers == alone.readers
        assert found.states == State.JUDGED
    nothing = across_stages([empty, empty])
    assert nothing.states == State.TOO_FEW
    assert difference_test(nothing).p_values == 1.0


def test_daily_looks_during_a_ramp() -> None:
    """500 A/A experiments, looked at for 5 days at 5 % and 15 at 50 %, on other levels: 5 % at most (7.3 % in 1 of 100)."""
    random = np.random.default_rng(3)
    variants = ([], [])
    for day in range(20):
        share, mean = STAGES[day >= 5]
        for variant, readers in zip(variants, (round(400 * share), round(400 * (1.0 - share))), strict=True):
            variant.append(stacked([totals_of(row) for row in mean * random.exponential(size=(500, readers))]))
    first = np.arange(20) < 5
    stages = [compare_means(*(of_days(stacked(variant), days) for variant in variants)) for days in (first, ~first)]
    p = difference_sequence(across_stages(stages), 8_000.0).p_values
    assert p.shape == (500, 20)
    assert (p[:, -1] <= 0.05).mean() <= 0.05


def of_days(daily: Totals, days: Array) -> Totals:
    sums, products = daily.sums * days[:, None], daily.products * days[:, None, None]
    return accumulated(Totals(daily.readers * days, sums, products, daily.cubes * days[:, None, None, None]))


def test_bad_stages() -> None:
    one = compare_means(totals_of(np.ones(3)), totals_of(np.ones(3)))
    looks = stacked([totals_of(np.ones(3)), totals_of(np.ones(4))])
    for stages in ([], [one, compare_means(looks, looks)]):
        with pytest.raises(InvalidInputError, match="the same looks"):
            across_stages(stages)
