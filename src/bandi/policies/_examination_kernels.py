"""Kernels of examination by slot: trials weighed by it row by row, and its estimate from within-title comparisons."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from bandi.model.records import Array
from bandi.policies._matched_kernels import all_sums, count, fit_is_due, stratum_key

FIRST_SLOTS = np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20, 30, 50])
"""First slot of each column: ten slots of their own, then bands."""
_WORTH = 10.0
"""Clicks that the first guess is worth in each pair of neighbouring columns."""
_LEAST, _MOST = 0.02, 2.0


@njit(cache=True, nogil=True)
def column_of(slot: int) -> int:
    """The column of a slot, 0 or more."""
    if slot < 10:
        return slot
    column = 10
    while column + 1 < len(FIRST_SLOTS) and slot >= FIRST_SLOTS[column + 1]:
        column += 1
    return column


@njit(cache=True, nogil=True)
def first_guess(column: int) -> float:
    """Examination before any click: 1 / log2(2 + slot), the discount of Jarvelin and Kekalainen (2002)."""
    return 1.0 / math.log2(2.0 + FIRST_SLOTS[column])


@njit(cache=True, nogil=True)
def fit_examination(sums: Array, weights: Array) -> None:
    """Examination of each column against that of the first slot: float64[columns], written.

    In the position-based model a click has probability e_j alpha_i, so R_jk / e_j and R_kj / e_k have one expectation
    (_matched_kernels.R; all pairs of slots as in Agarwal, Zaitsev, Wang, Li, Najork and Joachims 2019). The e that balances
    each slot against all others, sum over k of R_jk / e_j = sum over k of R_kj / e_k, makes 1 / e the stationary law of the
    Markov chain with rates R (as rank centrality does for wins: Negahban, Oh and Shah 2012), found without subtraction by
    Grassmann, Taksar and Heyman (1985). Between neighbours the first guess counts as `_WORTH` clicks.
    """
    columns = len(weights)
    rates = sums[:, :, 0].copy()
    for j in range(columns - 1):
        one, next_one = first_guess(j), first_guess(j + 1)
        rates[j, j + 1] += _WORTH * one / (one + next_one)
        rates[j + 1, j] += _WORTH * next_one / (one + next_one)
    for n in range(columns - 1, 0, -1):
        leaving = 0.0
        for j in range(n):
            leaving += rates[n, j]
        for i in range(n):
            rates[i, n] /= leaving
        for i in range(n):
            for j in range(n):
                if i != j:
                    rates[i, j] += rates[i, n] * rates[n, j]
    stationary = np.empty(columns)
    stationary[0] = 1.0
    weights[0] = 1.0
    for n in range(1, columns):
        stationary[n] = 0.0
        for i in range(n):
            stationary[n] += stationary[i] * rates[i, n]
        weights[n] = min(max(1.0 / max(stationary[n], 1e-9), _LEAST), _MOST)


@njit(cache=True, nogil=True)
def weigh_rows(
    items: Array, segments: Array, trials: Array, rewards: Array, occurred_ms: Array, slots: Array, owners: Array,
    cells: Array, pooled: Array, clock: Array, weights: Array, weighed: Array,
) -> None:  # fmt: skip
    """Take rows one after another. weighed: float32[rows], written: trials by the examination of their slots.

    A row whose slot is not known keeps its trial whole.
    """
    for r in range(len(items)):
        weighed[r] = trials[r]
        if slots[r] < 0:
            continue
        column = column_of(slots[r])
        weighed[r] = np.float32(trials[r] * weights[column])
        key = stratum_key(items[r], segments[r], 0)
        count(owners, cells, pooled, clock, key, column, occurred_ms[r], trials[r], rewards[r])
        if fit_is_due(clock):
            fit_examination(all_sums(owners, cells, pooled), weights)
