"""Keep the n highest inner products of many rows with one query: dot products and a bounded heap in one pass."""

from __future__ import annotations

import numpy as np
from numba import njit

from bandi.model.records import Array

_F = np.float32
_ABOVE_0 = np.finfo(np.float32).smallest_subnormal
_ROUNDING = _F(1.0 + 1e-4)
"""A row's computed inner product may pass the product of the lengths by this much, rounded as it is."""


@njit(cache=True, nogil=True, error_model="numpy")
def scan_by_length(
    vectors: Array, rows: Array, lengths: Array, query: Array, query_length: np.float32, allowed: Array, without: Array,
    scores: Array, best: Array, held: int,
) -> tuple[int, bool]:  # fmt: skip
    """Look at vectors whose lengths fall, until none further can be among the best; how many are held then, and if so.

    By Cauchy and Schwarz |x.y| <= |x| |y|: the scan ends, nothing lost, where the heap is full and the next row's length
    times the query's is below its least score (Teflioudi, Gemulla and Mykytiuk 2015, LEMP, eq. 2).
    vectors: float32[m, f]; rows: int64[m], the id of each; allowed: bool[size], ids at or above size are not named;
    without: int32[l] ascending. scores: float32[n], best: int64[n]: the heap, of which `held` are filled.
    """
    floor = _floor(scores, held)
    for i in range(len(vectors)):
        if lengths[i] * query_length * _ROUNDING < floor:
            return held, True
        row = rows[i]
        if row < len(allowed) and allowed[row]:
            score = _dot(vectors[i], query)
            if score >= floor:
                held = _hold(row, score, without, scores, best, held)
                floor = _floor(scores, held)
    return held, False


@njit(cache=True, nogil=True, error_model="numpy")
def scan_all(
    vectors: Array, query: Array, allowed: Array, without: Array, scores: Array, best: Array, held: int
) -> int:
    """Look at every row; how many are held then. Arguments as in `scan_by_length`."""
    floor = _floor(scores, held)
    for row in range(min(len(vectors), len(allowed))):
        if allowed[row]:
            score = _dot(vectors[row], query)
            if score >= floor:
                held = _hold(row, score, without, scores, best, held)
                floor = _floor(scores, held)
    return held


@njit(cache=True, nogil=True, error_model="numpy")
def scan_some(
    vectors: Array, rows: Array, apart: Array, query: Array, allowed: Array, without: Array,
    scores: Array, best: Array, held: int,
) -> int:  # fmt: skip
    """Look at vectors[rows], distinct, but at none that is set in `apart` (bool[m]: seen already); how many are held then."""
    floor = _floor(scores, held)
    for row in rows:
        if row < len(allowed) and allowed[row] and not apart[row]:
            score = _dot(vectors[row], query)
            if score >= floor:
                held = _hold(row, score, without, scores, best, held)
                floor = _floor(scores, held)
    return held


@njit(cache=True, nogil=True, error_model="numpy")
def order(scores: Array, best: Array, held: int) -> None:
    """Sort the heap: highest score first, equal ones by id (heap sort)."""
    for last in range(held - 1, 0, -1):
        scores[0], scores[last] = scores[last], scores[0]
        best[0], best[last] = best[last], best[0]
        _sink(scores, best, last, 0)


@njit(cache=True, nogil=True, error_model="numpy")
def _floor(scores: Array, held: int) -> np.float32:
    """What a score must reach to be held: the least one held, or anything above 0."""
    return scores[0] if held == len(scores) else _ABOVE_0


@njit(cache=True, nogil=True, error_model="numpy")
def _hold(row: int, score: np.float32, without: Array, scores: Array, best: Array, held: int) -> int:
    """Hold the row where it is among the n best so far; loops call this for the few that may be, for a call costs 40 ns."""
    full = held == len(scores)
    if (full and _worse(score, row, scores[0], best[0])) or _among(row, without):
        return held
    if full:
        scores[0], best[0] = score, row
        _sink(scores, best, held, 0)
        return held
    at = held
    while at > 0:
        above = (at - 1) // 2
        if not _worse(score, row, scores[above], best[above]):
            break
        scores[at], best[at] = scores[above], best[above]
        at = above
    scores[at], best[at] = score, row
    return held + 1


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"}, error_model="numpy")
def _dot(x: Array, y: Array) -> np.float32:
    total = _F(0.0)
    for k in range(len(y)):
        total += x[k] * y[k]
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def _worse(score: np.float32, row: int, other: np.float32, other_row: int) -> bool:
    return bool(score < other or (score == other and row > other_row))


@njit(cache=True, nogil=True, error_model="numpy")
def _among(row: int, without: Array) -> bool:
    at = np.searchsorted(without, row)
    return bool(at < len(without) and without[at] == row)


@njit(cache=True, nogil=True, error_model="numpy")
def _sink(scores: Array, best: Array, size: int, at: int) -> None:
    """Restore the heap, the worst at its root, below `at`."""
    score, row = scores[at], best[at]
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        if child + 1 < size and _worse(scores[child + 1], best[child + 1], scores[child], best[child]):
            child += 1
        if not _worse(scores[child], best[child], score, row):
            break
        scores[at], best[at] = scores[child], best[child]
        at = child
    scores[at], best[at] = score, row
