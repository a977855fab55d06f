"""Differences and their errors: against SciPy and least squares where these give the same, by their coverage elsewhere."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from bandi.experiments.inference import (
    State,
    Totals,
    compare_means,
    compare_ratios,
    difference_sequence,
    difference_test,
    lift_sequence,
    lift_test,
    stacked,
    totals_of,
)
from bandi.model.errors import InvalidInputError

FEW = arrays(np.float64, st.tuples(st.integers(0, 6), st.just(3)), elements=st.sampled_from([0.0, 0.0, 1.0, 2.5, -1.0]))


def test_a_mean_is_welch() -> None:
    random = np.random.default_rng(1)
    one, other = random.exponential(2.0, 40), random.exponential(1.0, 25)
    expected = stats.ttest_ind(one, other, equal_var=False)
    found = difference_test(compare_means(totals_of(one), totals_of(other)))
    interval = expected.confidence_interval(0.95)
    assert found.p_values == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == (pytest.approx(interval.low), pytest.approx(interval.high))


def test_covariates_are_least_squares_with_interactions() -> None:
    """Lin (2013): the adjusted difference is the coefficient of the treatment beside centred covariates and interactions."""
    random = np.random.default_rng(2)
    covariates = random.normal(size=(200, 2)) @ np.array([[1.0, 0.5], [0.0, 1.0]])
    treated = random.random(200) < 0.3
    value = (
        1.0 + 0.5 * treated + covariates @ [1.0, -2.0] + treated * (covariates @ [0.5, 0.0]) + random.normal(size=200)
    )
    centred = covariates - covariates.mean(axis=0)
    design = np.column_stack([np.ones(200), treated, centred, treated[:, None] * centred])
    expected = np.linalg.lstsq(design, value, rcond=None)[0][1]
    rows = np.column_stack([value, covariates])
    found = compare_means(totals_of(rows[treated]), totals_of(rows[~treated]))
    assert found.difference == pytest.approx(expected)


def test_covariates_save_readers_and_cover() -> None:
    """Of 2,000 intervals 95 % cover: 93.8 % to 96.2 % but for 1 in 100. Slopes of 3 and -0.8 leave 61 % of the variance.

    Four tenths of that is the covariates' mean over both variants being an estimate: without it 87 % would cover.
    """
    random = np.random.default_rng(3)
    variants = []
    for readers, slope in ((100, 3.0), (300, -0.8)):
        before = random.normal(5.0, 1.0, (2_000, readers))
        value = slope * before + 0.75 * slope * random.normal(size=before.shape)
        variants.append(stacked([totals_of(rows) for rows in np.stack([value, before], axis=2)]))
    adjusted = compare_means(*variants)
    interval = difference_test(adjusted)
    assert 0.938 < np.mean((interval.low <= 19.0) & (interval.high >= 19.0)) < 0.962
    plain = compare_means(*(totals.take([0]) for totals in variants))
    assert 0.55 < np.mean(adjusted.standard_error**2 / plain.standard_error**2) < 0.67


def test_clicks_are_clustered_by_reader() -> None:
    """Rates of clicks differ between readers: the delta method covers 95 % of 2,000 (+- 1.2 %), clicks one by one far less."""
    random = np.random.default_rng(4)
    covered = naive = 0
    for _ in range(2_000):
        shown = random.geometric(0.02, 600)
        clicks = random.binomial(shown, random.beta(1.0, 9.0, 600))
        rows = np.column_stack([clicks, shown]).astype(float)
        found = compare_ratios(totals_of(rows[:300]), totals_of(rows[300:]))
        interval = difference_test(found)
        covered += bool(interval.low <= 0.0 <= interval.high)
        rate = clicks.sum() / shown.sum()
        error = np.sqrt(rate * (1 - rate) * (1 / shown[:300].sum() + 1 / shown[300:].sum()))
        naive += bool(abs(found.difference) < 1.96 * error)
    assert 0.935 < covered / 2_000 < 0.962
    assert naive / 2_000 < 0.5


def test_a_lift_covers_where_the_control_is_small() -> None:
    """Fieller's interval covers a lift of 50 % in at least 95 % of 2,000 (- 1.2 %), though one in a few is unbounded."""
    random = np.random.default_rng(5)
    one = [totals_of(row) for row in random.normal(0.45, 1.0, (2_000, 100))]
    other = [totals_of(row) for row in random.normal(0.30, 1.0, (2_000, 100))]
    found = lift_test(compare_means(stacked(one), stacked(other)))
    assert np.mean((found.low <= 0.5) & (found.high >= 0.5)) > 0.938
    assert 0.05 < np.mean(np.isinf(found.high)) < 0.5


@settings(max_examples=100, deadline=None)
@given(FEW, FEW)
def test_never_nan(one: np.ndarray, other: np.ndarray) -> None:
    for compare in (compare_means, compare_ratios):
        comparison = compare(totals_of(one), totals_of(other))
        state = State(int(comparison.states))
        assert (state is State.JUDGED) == bool(np.isfinite(comparison.standard_error))
        assert bool(state.words) == (state is not State.JUDGED)
        for judge in (difference_test, lift_test):
            bounds = judge(comparison)
            assert np.isfinite(bounds.estimates)
            assert bounds.low <= bounds.high
            assert 0.0 <= bounds.p_values <= 1.0
        for sequence in (difference_sequence, lift_sequence):
            bounds = sequence(comparison, 100.0, fewest=2.0)
            assert not np.isnan([bounds.estimates, bounds.low, bounds.high, bounds.p_values]).any()


@pytest.mark.parametrize(
    ("rows", "state"),
    [
        (np.zeros((0, 2)), State.TOO_FEW),
        (np.ones((1, 2)), State.TOO_FEW),
        (np.array([[1.0, 0.0], [0.0, 0.0]]), State.NO_DENOMINATOR),
        (np.ones((5, 2)), State.NO_SPREAD),
        (np.full((5, 2), [0.0, 3.0]), State.NO_SPREAD),
    ],
)
def test_what_cannot_be_judged(rows: np.ndarray, state: State) -> None:
    comparison = compare_ratios(totals_of(rows), totals_of(rows))
    assert comparison.states == state
    found = difference_test(comparison)
    assert (found.low, found.high, found.p_values) == (-np.inf, np.inf, 1.0)
    assert found.estimates == 0.0


def test_one_constant_side_is_judged_by_the_other() -> None:
    found = difference_test(compare_means(totals_of(np.array([1.0, 2.0, 3.0, 2.0] * 10)), totals_of(np.zeros(40))))
    assert found.p_values < 1e-6
    assert found.low > 1.5


def test_columns_must_agree() -> None:
    with pytest.raises(InvalidInputError, match="as many columns"):
        compare_means(totals_of(np.ones((3, 2))), totals_of(np.ones((3, 1))))
    with pytest.raises(InvalidInputError, match="at least 2"):
        compare_ratios(totals_of(np.ones(3)), totals_of(np.ones(3)))


def test_contributors_are_one_over_the_squared_skewness() -> None:
    """Of the difference of readers alike in both variants, by its definition: of a mean, a ratio, and what covariates leave."""
    random = np.random.default_rng(7)
    n, m = 300, 3_000
    value, before = random.exponential(size=(2, n + m))
    seen = 1.0 + random.poisson(3.0, n + m)
    rows = np.stack([value + before, seen, before], axis=1)
    gap = (1.0 / n - 1.0 / m) ** 2 / (1.0 / n + 1.0 / m)

    def expected(influences: list[np.ndarray]) -> float:
        left = np.concatenate([part - part.mean() for part in influences])
        return float((left**2).mean() ** 3 / (left**3).mean() ** 2 / gap)

    variants = rows[:n], rows[n:]
    plain = [part[:, 0] for part in variants]
    found = compare_means(*(totals_of(part) for part in plain))
    assert found.contributors == pytest.approx(expected(plain), rel=0.01)
    ratio = [(y - y.mean() / x.mean() * x) / x.mean() for y, x, _ in (part.T for part in variants)]
    found = compare_ratios(*(totals_of(part[:, :2]) for part in variants))
    assert found.contributors == pytest.approx(expected(ratio), rel=0.01)
    left = [y - np.polyval(np.polyfit(x, y, 1), x) for y, _, x in (part.T for part in variants)]
    found = compare_means(*(totals_of(part[:, [0, 2]]) for part in variants))
    assert found.contributors == pytest.approx(expected(left), rel=0.01)


@pytest.mark.parametrize(("shift", "scale"), [(100.0, 1.0), (-3.0, -1.0), (0.0, 1e-9), (1e4, 1e6)])
def test_contributors_know_no_unit_and_no_zero(shift: float, scale: float) -> None:
    rows = np.random.default_rng(8).exponential(size=1_000)
    plain = compare_means(totals_of(rows[:50]), totals_of(rows[50:]))
    moved = compare_means(totals_of(scale * (rows[:50] + shift)), totals_of(scale * (rows[50:] + shift)))
    assert moved.contributors == pytest.approx(plain.contributors, rel=0.01)


def test_without_cubes_skewness_is_as_large_as_it_can_be() -> None:
    """Readers squared are the most that a squared skewness may be: nm / (m - n)^2 contributors at least."""
    rows = np.append(np.zeros(999), 1.0)
    whole = totals_of(rows), totals_of(np.tile(rows, 9))
    bare = [Totals(totals.readers, totals.sums, totals.products) for totals in whole]
    assert compare_means(*bare).contributors == pytest.approx(9.0 / 64.0)
    assert compare_means(*bare).contributors <= compare_means(*whole).contributors
    assert np.isinf(compare_means(bare[0], bare[0]).contributors)


def test_far_from_zero_is_said() -> None:
    rows = np.random.default_rng(9).random(1_000)
    found = compare_means(totals_of(1e9 + rows[:500]), totals_of(1e9 + rows[500:]))
    assert "so far from 0 that rounding hides" in State(int(found.states)).words
