"""Kernels of linear models with one vector of weights per title: learning row by row, beliefs, exact draws of a top k."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from bandi.model.records import Array
from bandi.policies._heap import heapify, sift_down, sort_descending
from bandi.policies._normal import normal_quantile
from bandi.policies._packed import add_square, dot, invert, largest_eigenvalue_bound, pack_square, times
from bandi.policies._random import stream, unit
from bandi.policies._title_rows import take_row

NO_LANDMARK = np.iinfo(np.int64).min
MAX_HALF_LIVES = 60
EPOCHS = 4
"""The ridge follows the forgetting in steps of this part of a half-life."""
LEAST_EPOCH = -EPOCHS * MAX_HALF_LIVES
_FIRST_DUE, _LAST_DUE = 64, 1_024
"""Changes of a row before its inverse is found anew in float64: at first few, then twice as many each time, up to this."""
_UNSAFE = 0.05
"""A correction that leaves less than this of a direction's variance is made by a new inverse."""
_SLACK = 1.05
"""How much wider than before the first outcome a correction may leave the belief: rounding, no more."""
_LONGEST = 1e6
ROWS, REFUSED, LANDMARK = 0, 1, 2
"""Places of the totals: rows in use, outcomes refused, the time at which an outcome's weight is 1."""


class Rows(NamedTuple):
    """Titles with outcomes; row r is of the title item[r]. With p = d (d + 1) / 2, matrices packed (_packed.py):

    precision: float64[rows, p], the sum of w x x'; response: float64[rows, d], the sum of w (reward - prior) x; inverse:
    float32[rows, p], of precision + ridge I; mean: float32[rows, d], inverse times response; bound: float32[rows], not
    below the inverse's largest eigenvalue; epoch: int32[rows], which ridge; changes: int32[rows, 2], since the inverse was
    found, and when it will be again; last_ms: int64[rows].
    """

    item: Array
    precision: Array
    response: Array
    inverse: Array
    mean: Array
    bound: Array
    epoch: Array
    changes: Array
    last_ms: Array


@njit(cache=True, nogil=True)
def ridge_of(ridge: float, epoch: int) -> float:
    """The prior's precision on the scale of the landmark: it does not decay, so there it grows."""
    return ridge if epoch == 0 else ridge * 2.0 ** (epoch / EPOCHS)


@njit(cache=True, nogil=True)
def refresh(rows: Rows, r: int, ridge: float) -> bool:
    """Find a row's inverse, mean and bound anew in float64. O(d**3). False where precision + ridge I is not positive."""
    d = rows.response.shape[1]
    inverse, mean = np.empty(rows.precision.shape[1]), np.empty(d)
    if not invert(rows.precision[r], ridge_of(ridge, rows.epoch[r]), inverse):
        return False
    times(inverse, rows.response[r], mean)
    rows.inverse[r] = inverse
    rows.mean[r] = mean
    rows.bound[r] = largest_eigenvalue_bound(inverse, d) * (1.0 + 1e-6)
    rows.changes[r, 0] = 0
    return True


@njit(cache=True, nogil=True)
def clear(rows: Rows, r: int, ridge: float, epoch: int) -> None:
    """Row r knows nothing but the prior."""
    rows.precision[r] = 0.0
    rows.response[r] = 0.0
    rows.inverse[r] = 0.0
    rows.mean[r] = 0.0
    scale = 1.0 / ridge_of(ridge, epoch)
    for i in range(rows.response.shape[1]):
        rows.inverse[r, i * (i + 1) // 2 + i] = scale
    rows.bound[r] = scale * (1.0 + 1e-6)
    rows.epoch[r] = epoch
    rows.changes[r, 0] = 0
    rows.changes[r, 1] = _FIRST_DUE


@njit(cache=True, nogil=True)
def move_landmark(rows: Rows, used: int, ridge: float, half_lives: int) -> None:
    """All that rows hold in units of a landmark that many half-lives later: multiplied by powers of two, so exactly."""
    scale = 2.0 ** -min(half_lives, 300)
    back = 1.0 / scale
    for r in range(used):
        if rows.epoch[r] - EPOCHS * half_lives < LEAST_EPOCH:  # what it knew weighs nothing any more
            clear(rows, r, ridge, 0)
            continue
        rows.precision[r] *= scale
        rows.response[r] *= scale
        for i in range(rows.inverse.shape[1]):
            rows.inverse[r, i] *= np.float32(back)
        rows.bound[r] *= np.float32(back)
        rows.epoch[r] -= EPOCHS * half_lives


@njit(cache=True, nogil=True)
def add(rows: Rows, r: int, x: Array, product: Array, trials: float, reward: float, ridge: float) -> bool:
    """Add trials x x' and reward x to row r: Sherman and Morrison (1950). O(d**2). False: refused, nothing is changed.

    x: float64[d]; product: float64[d], scratch. With u = A^-1 x and v = x'u: A^-1 loses trials u u' / (1 + trials v), and
    the mean gains u (reward - trials x'mean) / (1 + trials v). Negative trials take back what was added; what would leave
    less than the prior is refused.
    """
    d = len(x)
    inverse, mean = rows.inverse[r], rows.mean[r]
    times(inverse, x, product)
    v, length, fit = 0.0, 0.0, 0.0
    for i in range(d):
        v += x[i] * product[i]
        length += x[i] * x[i]
        fit += x[i] * mean[i]
    left = 1.0 + trials * v
    if trials < 0.0:
        widest = _SLACK * length / ridge_of(ridge, rows.epoch[r])
        if left <= 0.0 or v > widest * left:
            return False
    add_square(rows.precision[r], x, trials)
    for i in range(d):
        rows.response[r, i] += reward * x[i]
    rows.changes[r, 0] += 1
    if left < _UNSAFE:
        if refresh(rows, r, ridge):
            return True
        add_square(rows.precision[r], x, -trials)
        for i in range(d):
            rows.response[r, i] -= reward * x[i]
        return False
    gain = (reward - trials * fit) / left
    squares = 0.0
    for i in range(d):
        mean[i] += np.float32(gain * product[i])
        squares += product[i] * product[i]
    add_square(inverse, product, -trials / left)
    if trials < 0.0:
        rows.bound[r] += np.float32(-trials / left * squares * (1.0 + 1e-5))
    if rows.changes[r, 0] >= rows.changes[r, 1]:
        rows.changes[r, 1] = min(2 * rows.changes[r, 1], _LAST_DUE)
        refresh(rows, r, ridge)
    return True


@njit(cache=True, nogil=True)
def learn(
    rows: Rows, row_of: Array, totals: Array, most: int, first: int, items: Array, trials: Array, rewards: Array,
    occurred_ms: Array, vectors: Array, prior_mean: float, ridge: float, half_life_ms: float,
) -> int:  # fmt: skip
    """Learn from outcomes one after another from `first` on; returns how many are done (fewer: arrays must grow first).

    vectors: float32[n, d], or float32[1, d] for all alike. An outcome whose vector has no finite length is refused.
    """
    d = rows.response.shape[1]
    x, product = np.empty(d), np.empty(d)
    weight, epoch = 1.0, 0
    for i in range(first, len(items)):
        n, c = float(trials[i]), float(rewards[i]) - prior_mean * float(trials[i])
        length = 0.0
        for j in range(d):
            x[j] = vectors[i if len(vectors) > 1 else 0, j]
            length += x[j] * x[j]
        if not (length < _LONGEST and math.isfinite(n) and math.isfinite(c)):
            totals[REFUSED] += 1
            continue
        if items[i] >= len(row_of):
            return i
        r = row_of[items[i]]
        if r < 0 and n < 0.0:
            totals[REFUSED] += 1
            continue
        if r < 0 and totals[ROWS] == len(rows.item) and len(rows.item) < most:
            return i
        if half_life_ms > 0.0:
            if totals[LANDMARK] == NO_LANDMARK:
                totals[LANDMARK] = occurred_ms[i]
            exponent = float(occurred_ms[i] - totals[LANDMARK]) / half_life_ms
            if exponent > MAX_HALF_LIVES:
                steps = math.floor(exponent)
                move_landmark(rows, totals[ROWS], ridge, steps)
                totals[LANDMARK] += np.int64(steps * half_life_ms)
                exponent = float(occurred_ms[i] - totals[LANDMARK]) / half_life_ms
            weight = 2.0**exponent
            epoch = max(math.floor(exponent * EPOCHS), LEAST_EPOCH)
        if r < 0:
            r = take_row(rows.item, rows.last_ms, row_of, totals, items[i])
            clear(rows, r, ridge, epoch)
        elif epoch > rows.epoch[r]:
            rows.epoch[r] = epoch
            refresh(rows, r, ridge)
        if not add(rows, r, x, product, n * weight, c * weight, ridge):
            totals[REFUSED] += 1
        rows.last_ms[r] = max(rows.last_ms[r], occurred_ms[i])
    return len(items)


@njit(cache=True, nogil=True)
def belief(
    rows: Rows, r: int, x: Array, square: Array, length: float, ridge: float, decay: float, forgets: float
) -> tuple[float, float]:
    """(mean above the prior's, variance per noise variance) of x'theta of row r; square: x x' packed; length: |x|**2.

    Where evidence is forgotten (forgets > 0), the row's ridge is one of an earlier time: along x it is put right as it
    would be in one dimension, so the variance never exceeds the prior's and the mean goes back to it.
    """
    mean, variance = float(dot(rows.mean[r], x)), max(float(dot(rows.inverse[r], square)), 1e-30)
    if forgets > 0.0 and length > 0.0:
        evidence = decay * length / variance
        total = evidence + ridge - decay * ridge_of(ridge, rows.epoch[r])
        return mean * evidence / total, length / total
    return mean, variance


@njit(cache=True, nogil=True)
def beliefs(
    rows: Rows, row_of: Array, used: int, items: Array, x: Array, prior_mean: float, ridge: float, decay: float,
    forgets: float, means: Array, variances: Array,
) -> None:  # fmt: skip
    """`belief` of every item, the prior's mean included: float64[n] each."""
    square = np.empty(rows.inverse.shape[1], np.float32)
    pack_square(x, square)
    length = float(dot(x, x))
    for i in range(len(items)):
        r = row_of[items[i]] if items[i] < len(row_of) else -1
        if 0 <= r < used:
            mean, variances[i] = belief(rows, r, x, square, length, ridge, decay, forgets)
            means[i] = prior_mean + mean
        else:
            means[i], variances[i] = prior_mean, length / ridge


@njit(cache=True, nogil=True)
def draw_best(
    rows: Rows, row_of: Array, used: int, items: Array, x: Array, prior_mean: float, ridge: float, decay: float,
    forgets: float, spread: float, seed: np.uint64, normals: Array, limits: Array, values: Array, places: Array,
) -> None:  # fmt: skip
    """The len(values) highest of independent draws from N(mean, spread**2 * variance), one per item, highest first.

    The law is that of drawing all: each item's normal z comes first; then its score is at most mean + spread * z * |x| *
    sqrt(bound) (z > 0) or mean (z <= 0), and where that does not beat the k-th best so far its variance is never worked
    out. normals, limits: float64[n], scratch.
    """
    k = len(values)
    square = np.empty(rows.inverse.shape[1], np.float32)
    pack_square(x, square)
    length = float(dot(x, x))
    for i in range(len(items)):
        r = row_of[items[i]] if items[i] < len(row_of) else -1
        z = spread * normal_quantile(unit(stream(seed, i)))
        normals[i] = z
        if not 0 <= r < used:
            limits[i] = prior_mean + z * math.sqrt(length / ridge)
        elif forgets > 0.0:
            mean, variance = belief(rows, r, x, square, length, ridge, decay, forgets)
            limits[i] = prior_mean + mean + z * math.sqrt(variance)
        else:
            limits[i] = prior_mean + float(dot(rows.mean[r], x))
            if z > 0.0:
                limits[i] += z * math.sqrt(length * rows.bound[r]) * (1.0 + 1e-4)
    for i in range(k):
        values[i], places[i] = -math.inf, -1
    for i in range(len(items)):
        if limits[i] <= values[0]:
            continue
        score = limits[i]
        r = row_of[items[i]] if items[i] < len(row_of) else -1
        if forgets == 0.0 and 0 <= r < used:
            mean, variance = belief(rows, r, x, square, length, ridge, decay, forgets)
            score = prior_mean + mean + normals[i] * math.sqrt(variance)
            if score <= values[0]:
                continue
        values[0], places[0] = score, i
        sift_down(values, places, k, 0)
    heapify(values, places, k)
    sort_descending(values, places, k)
