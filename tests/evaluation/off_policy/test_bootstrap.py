"""The Poisson bootstrap: the counts' law, the same sums for any number of threads and blocks, and what it comes to."""

import numpy as np
import pytest
from scipy import stats

from bandi.evaluation.off_policy._bootstrap import STEPS, TILE
from bandi.evaluation.off_policy.bootstrap import BLOCK, percentile_bounds, resampled_means, studentised_bounds
from bandi.model.errors import InvalidInputError


def test_the_steps_are_poisson() -> None:
    """By the whole table: mean and variance within 1e-4, every probability within one step of 16 bits."""
    counts = np.searchsorted(STEPS, np.arange(65_536), side="right")
    assert counts.mean() == pytest.approx(1, abs=1e-4)
    assert counts.var() == pytest.approx(1, abs=2e-4)
    shares = np.bincount(counts, minlength=9) / 65_536
    assert shares == pytest.approx(stats.poisson.pmf(np.arange(9), 1.0), abs=2 / 65_536)


def test_drawn_counts_are_poisson() -> None:
    """A column for each row alone gives its counts: 200,000 of them against the law (chi-squared, one false alarm in 10,000)."""
    columns = np.eye(100)
    means = resampled_means([columns], 100, 2_000, seed=3)
    counts = np.round(means[:, :-1] * means[:, -1:]).astype(int)
    found = np.bincount(np.minimum(counts.ravel(), 6), minlength=7)
    chances = np.append(stats.poisson.pmf(np.arange(6), 1.0), stats.poisson.sf(5, 1.0))
    assert stats.chisquare(found, chances * counts.size).pvalue > 1e-4
    assert np.abs(np.corrcoef(counts.T)[~np.eye(100, dtype=bool)]).max() < 0.13  # 5.8 standard errors of 4,950 pairs
    assert np.abs(np.corrcoef(counts[:50])[~np.eye(50, dtype=bool)]).max() < 0.6  # nor do resamples go together


def test_threads_change_nothing_and_blocks_go_on() -> None:
    columns = np.random.default_rng(1).random((2, BLOCK + 3 * TILE + 5))
    blocks = [columns[:, :BLOCK].copy(), columns[:, BLOCK:].copy()]
    one = resampled_means(blocks, 2, 11, seed=1, threads=1)
    assert (resampled_means(blocks, 2, 11, seed=1, threads=3) == one).all()
    assert (resampled_means(blocks, 2, 11, seed=2, threads=1) != one).all()
    repeated = resampled_means([blocks[0], blocks[0]], 2, 11, seed=1)
    assert (repeated[:, 0] != resampled_means([blocks[0]], 2, 11, seed=1)[:, 0]).all(), "a second block draws anew"


def test_errors_are_those_of_the_mean() -> None:
    values = np.random.default_rng(1).exponential(1.0, (1, 3_000))
    means = resampled_means([values], 1, 4_000, seed=1)[:, 0]
    assert means.mean() == pytest.approx(values.mean(), abs=4 * values.std() / np.sqrt(3_000 * 4_000) + 1e-3)
    assert means.std() == pytest.approx(values.std() / np.sqrt(3_000), rel=0.06)


def test_the_studentised_interval_leans_where_the_rows_are_skewed() -> None:
    values = np.random.default_rng(1).exponential(1.0, 40) ** 2
    moved = values - values.mean()
    shifts, squares, rows = resampled_means([np.stack([moved, moved**2])], 2, 4_000, seed=1).T
    error = values.std() / np.sqrt(40)
    interval = studentised_bounds(float(values.mean()), error, shifts, squares, rows)
    assert interval is not None
    assert interval.high - interval.estimate > 1.5 * (interval.estimate - interval.low)
    plain = percentile_bounds(float(values.mean()), shifts)
    assert interval.high > plain.high


def test_one_row_that_carries_all_has_no_studentised_interval() -> None:
    values = np.zeros(1_000)
    values[0] = 1.0
    moved = values  # a resample without the row varies not at all
    shifts, squares, rows = resampled_means([np.stack([moved, moved**2])], 2, 500, seed=1).T
    assert studentised_bounds(0.001, 0.001, shifts, squares, rows) is None


@pytest.mark.parametrize("resamples", [0, 9, 100_001])
def test_numbers_of_resamples_are_bounded(resamples: int) -> None:
    with pytest.raises(InvalidInputError, match="resamples"):
        resampled_means([np.ones((1, 5))], 1, resamples, seed=1)
