"""The Poisson bootstrap of many means at once: all cores, memory that does not grow with the rows."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from bandi.evaluation.intervals import Interval
from bandi.evaluation.off_policy._bootstrap import STEPS, TILE, add_resamples
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array

BLOCK = 64 * TILE
"""Rows of a block: every block but the last has this many."""
MAX_RESAMPLES = 100_000


def resampled_means(blocks: Iterable[Array], columns: int, resamples: int, seed: int, threads: int = 0) -> Array:
    """Means of each column over each resample, and its rows: float64[resamples, columns + 1].

    Each row counts Poisson(1) times in a resample (Oza and Russell 2001; Chamandy et al. 2012, "Estimating uncertainty for massive
    data streams"), so rows can come in blocks: float64[columns, BLOCK] each, the last one shorter. Counts are drawn from 16 bits
    each: mean and variance are 1 within 1e-4. The same seed gives the same means, whatever `threads` is (0: one for each core).

    O(rows resamples columns). Raises InvalidInputError for less than 10 resamples or more than 100,000.
    """
    if not 10 <= resamples <= MAX_RESAMPLES:
        raise InvalidInputError(Problem("resamples", str(resamples), f"10 to {MAX_RESAMPLES:,}"))
    threads = min(threads or os.cpu_count() or 1, resamples)
    sums = np.zeros((resamples, columns + 1))
    cuts = np.linspace(0, resamples, threads + 1).astype(int)
    key, tile = np.uint64(seed), 0
    with ThreadPoolExecutor(threads) as pool:
        for block in blocks:
            work = [
                pool.submit(add_resamples, block, tile, key, STEPS, int(first), sums[first:last])
                for first, last in zip(cuts[:-1], cuts[1:], strict=True)
            ]
            for part in work:
                part.result()
            tile += -(-block.shape[1] // TILE)
    sums[:, :-1] /= np.maximum(sums[:, -1:], 1.0)
    return sums


def percentile_bounds(value: float, shifts: Array) -> Interval:
    """The percentile interval, 95 % (Efron 1979): value + the resampled means of its influence, float64[resamples]."""
    low, high = np.quantile(shifts, [0.025, 0.975])
    return Interval(value, value + float(low), value + float(high))


def studentised_bounds(value: float, error: float, shifts: Array, squares: Array, rows: Array) -> Interval | None:
    """The bootstrap-t interval, 95 % (Efron 1982; Hall 1988): each resample's shift in its own standard errors.

    error: the standard error of the value; shifts, squares: resampled means of the influence and of its square, float64[resamples];
    rows: of each resample. None where one resample in 100 or more has no variance: few rows carry all of it.
    """
    variances = squares - shifts * shifts
    some = variances > 1e-12 * max(float(squares.max(initial=0.0)), 1e-300)
    if np.count_nonzero(~some) > 0.01 * len(some):
        return None
    scores = shifts[some] / np.sqrt(variances[some] / rows[some])
    low, high = np.quantile(scores, [0.025, 0.975])
    return Interval(value, value - float(high) * error, value - float(low) * error)
