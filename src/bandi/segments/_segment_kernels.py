"""Weights of readers over segments, and the sums that fitting needs: loops over float32 rows.

One rule serves hard and soft segments: score_s = concentration * x . centre_s + offset_s; weights are the softmax of the
scores, and for an infinite concentration all weight goes to the highest x . centre_s + offset_s. An empty segment has the
offset -inf.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from bandi.features._audience_kernels import blend
from bandi.model.records import Array

_F = np.float32
_FLUSH = 4_096
"""Rows summed in float32 before the sum goes into float64: the error stays that of 4,096 additions."""
_NEGLIGIBLE = _F(1e-7)
"""A weight below float32's resolution of 1 moves no centre."""


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz", "arcp"}, error_model="numpy")
def weigh(x: Array, centres: Array, offsets: Array, concentration: float, weights: Array) -> float:
    """Write the weights of one row; gives the log of the scores' sum of exponentials, or the highest score if hard.

    x: float32[d]; centres: float32[k, d]; offsets: float32[k]; weights: float32[k], written over.
    """
    k = len(offsets)
    hard = math.isinf(concentration)
    scale = _F(1.0) if hard else _F(concentration)
    _dots(x, centres, weights)
    best = 0
    for s in range(k):
        weights[s] = scale * weights[s] + offsets[s]
        if weights[s] > weights[best]:
            best = s
    highest = weights[best]
    if hard:
        weights[:] = _F(0.0)
        weights[best] = _F(1.0)
        return float(highest)
    total = _F(0.0)
    for s in range(k):
        weights[s] = math.exp(weights[s] - highest)
        total += weights[s]
    share = _F(1.0) / total
    for s in range(k):
        weights[s] *= share
    return float(highest + math.log(total))


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz", "arcp"}, error_model="numpy")
def _dots(x: Array, centres: Array, dots: Array) -> None:
    """dots = centres x, four centres at a time: each coordinate of x is loaded once for four."""
    k, d = centres.shape
    fours = k - k % 4
    for s in range(0, fours, 4):
        c0, c1, c2, c3 = centres[s], centres[s + 1], centres[s + 2], centres[s + 3]
        d0, d1, d2, d3 = _F(0.0), _F(0.0), _F(0.0), _F(0.0)
        for j in range(d):
            value = x[j]
            d0 += value * c0[j]
            d1 += value * c1[j]
            d2 += value * c2[j]
            d3 += value * c3[j]
        dots[s], dots[s + 1], dots[s + 2], dots[s + 3] = d0, d1, d2, d3
    for s in range(fours, k):
        centre = centres[s]
        total = _F(0.0)
        for j in range(d):
            total += x[j] * centre[j]
        dots[s] = total


@njit(cache=True, nogil=True)
def weigh_history(
    recent: Array, titles: Array, fade: float, centres: Array, offsets: Array, concentration: float, shares: Array
) -> Array:
    """The weights of a reader of `recent`: float32[k]; one call from the history to the weights."""
    vector = np.empty(centres.shape[1], _F)
    blend(recent, titles, fade, vector)
    if not vector.any():
        return shares.copy()
    weights = np.empty(len(offsets), _F)
    weigh(vector, centres, offsets, concentration, weights)
    return weights


@njit(cache=True, nogil=True)
def weigh_rows(
    vectors: Array, centres: Array, offsets: Array, concentration: float, shares: Array, weights: Array,
    first: int, stop: int,
) -> None:  # fmt: skip
    """`weigh` for rows first to before stop, scaled to length 1 each; a row of zeros gets the shares, one not finite NaN."""
    x = np.empty(vectors.shape[1], _F)
    for row in range(first, stop):
        length = _length(vectors[row])
        if not math.isfinite(length):
            weights[row, :] = np.nan
        elif length == 0.0:
            weights[row, :] = shares
        else:
            scale = _F(1.0 / length)
            for j in range(len(x)):
                x[j] = vectors[row, j] * scale
            weigh(x, centres, offsets, concentration, weights[row])


@njit(cache=True, nogil=True)
def lengths(vectors: Array) -> Array:
    """The length of every row: float64[n], not finite where the row is not."""
    found = np.empty(len(vectors), np.float64)
    for row in range(len(vectors)):
        found[row] = _length(vectors[row])
    return found


@njit(cache=True, nogil=True)
def add_rows(
    vectors: Array, first: int, stop: int, centres: Array, offsets: Array, concentration: float,
    sums: Array, masses: Array,
) -> float:  # fmt: skip
    """Add each row to the segments' sums by its weights; gives the sum of `weigh`.

    vectors: float32[n, d], rows of length 1; sums: float64[k, d]; masses: float64[k].
    """
    k, d = centres.shape
    weights, narrow_sums, narrow_masses = np.empty(k, _F), np.empty((k, d), _F), np.empty(k, _F)
    objective = 0.0
    for start in range(first, stop, _FLUSH):
        narrow_sums[:] = _F(0.0)
        narrow_masses[:] = _F(0.0)
        for row in range(start, min(start + _FLUSH, stop)):
            x = vectors[row]
            objective += weigh(x, centres, offsets, concentration, weights)
            for s in range(k):
                weight = weights[s]
                if weight > _NEGLIGIBLE:
                    narrow_masses[s] += weight
                    target = narrow_sums[s]
                    for j in range(d):
                        target[j] += weight * x[j]
        for s in range(k):
            masses[s] += narrow_masses[s]
            for j in range(d):
                sums[s, j] += narrow_sums[s, j]
    return objective


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz", "arcp"}, error_model="numpy")
def lower_distances(vectors: Array, centre: Array, nearest: Array, lowered: Array) -> float:
    """lowered = the least of `nearest` and the squared distance to a further centre; gives its sum.

    vectors: float32[n, d] and centre: float32[d] of length 1; nearest, lowered: float64[n].
    """
    total = 0.0
    for row in range(len(vectors)):
        x = vectors[row]
        dot = _F(0.0)
        for j in range(len(centre)):
            dot += x[j] * centre[j]
        lowered[row] = min(nearest[row], max(2.0 - 2.0 * dot, 0.0))
        total += lowered[row]
    return total


@njit(cache=True, nogil=True)
def _length(vector: Array) -> float:
    squares = 0.0
    for j in range(len(vector)):
        squares += float(vector[j]) * float(vector[j])
    return math.sqrt(squares)
