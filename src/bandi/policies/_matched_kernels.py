"""Kernels that compare click rates within a title and a day: counts of strata, and sums over pairs of columns.

A stratum is one title in one segment on one day; its columns are what is compared (slots of the list, earlier showings).
With C_j clicks and n_j impressions of column j in a stratum, and T = n_j + n_k,

    R_jk = sum over strata of C_j n_k / T,      V_jk = sum over strata of (C_j + C_k) n_j n_k / T**2

R_jk / R_kj is the rate ratio of Mantel and Haenszel (1959) for j against k, V / (R_jk R_kj) the variance of its logarithm
(Greenland and Robins 1985). It stays right however thin the strata are, so strata live in a table of fixed size: one that
has to give way to another is added to the sums, and comes back as a stratum of its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from bandi.model.records import Array
from bandi.policies._random import mix

DAY_MS = 86_400_000
KEY, DAY = 0, 1
"""Columns of `owners`."""
NOBODY = -1
CLICKS, NEXT_FIT, LATEST_DAY = 0, 1, 2
"""Places of `clock`: clicks counted so far, at how many the next fit is due, latest day."""
_HALF_LIFE_DAYS = 60.0
_GROWTH = 1.1
_LEAST_MORE = 20.0


@njit(cache=True, nogil=True, inline="always")
def stratum_key(item: int, segment: int, part: int) -> Any:
    """One number for a title, a segment (0 to 255) and a part within it (0 to 255)."""
    return np.int64(item) << np.int64(16) | (np.int64(segment) & 255) << np.int64(8) | (np.int64(part) & 255)


@njit(cache=True, nogil=True)
def add_to_sums(stratum: Array, sums: Array) -> None:
    """Add one stratum (float32[columns, 2], impressions and clicks) to the sums (float64[columns, columns, 2], R and V)."""
    columns = len(stratum)
    for j in range(1, columns):
        n_j, c_j = max(float(stratum[j, 0]), 0.0), max(float(stratum[j, 1]), 0.0)
        if n_j <= 0.0:
            continue
        for k in range(j):
            n_k, c_k = max(float(stratum[k, 0]), 0.0), max(float(stratum[k, 1]), 0.0)
            if n_k <= 0.0:
                continue
            total = n_j + n_k
            sums[j, k, 0] += c_j * n_k / total
            sums[k, j, 0] += c_k * n_j / total
            variance = (c_j + c_k) * n_j * n_k / (total * total)
            sums[j, k, 1] += variance
            sums[k, j, 1] += variance


@njit(cache=True, nogil=True)
def count(
    owners: Array, cells: Array, pooled: Array, clock: Array, key: int, column: int, occurred_ms: int, trials: float,
    clicks: float,
) -> None:  # fmt: skip
    """Add impressions and clicks of one column to the stratum of `key`. A late row joins the stratum of the latest day."""
    day = np.int64(occurred_ms // DAY_MS)
    if day > clock[LATEST_DAY]:
        if clock[LATEST_DAY] > -np.inf:
            pooled *= 2.0 ** -((day - clock[LATEST_DAY]) / _HALF_LIFE_DAYS)
        clock[LATEST_DAY] = day
    row = np.int64(mix(np.uint64(key)) & np.uint64(len(owners) - 1))
    if owners[row, KEY] != key or owners[row, DAY] < day:
        if owners[row, KEY] != NOBODY:
            add_to_sums(cells[row], pooled)
            cells[row] = np.float32(0.0)
        owners[row, KEY], owners[row, DAY] = key, day
    cells[row, column, 0] += np.float32(trials)
    cells[row, column, 1] += np.float32(clicks)
    if clicks > 0.0:
        clock[CLICKS] += clicks


@njit(cache=True, nogil=True)
def fit_is_due(clock: Array) -> bool:
    """Whether a tenth more clicks have come since the last time that this was true, which is noted."""
    if clock[CLICKS] < clock[NEXT_FIT]:
        return False
    clock[NEXT_FIT] = max(clock[CLICKS] * _GROWTH, clock[CLICKS] + _LEAST_MORE)
    return True


@njit(cache=True, nogil=True)
def all_sums(owners: Array, cells: Array, pooled: Array) -> Array:
    """Sums over all strata, those of the table included: float64[columns, columns, 2]. O(table)."""
    sums = pooled.copy()
    for row in range(len(owners)):
        if owners[row, KEY] != NOBODY:
            add_to_sums(cells[row], sums)
    return sums
