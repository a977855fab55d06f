"""Kernels of logistic regression with shared weights and an intercept per title: an online Laplace posterior.

log odds = base + z'w + o_a, w ~ N(0, 1 / ridge), o_a ~ N(0, 1 / title_ridge). The joint posterior is Gaussian with a precision
of arrow shape; eliminating the intercepts leaves, for each title, its own precision tau, its cross term divided by it, C, and
m, so that o_a given w is N(m - C'w, 1 / tau); and for w alone the precision H with inverse P.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from bandi.model.records import Array
from bandi.policies._normal import normal_quantile
from bandi.policies._packed import add_square, dot, factor, invert, times
from bandi.policies._random import draw, mix, stream, unit
from bandi.policies._title_rows import NO_TIME, take_row

EPOCHS = 4
"""Evidence fades in steps of this part of a half-life."""
_DUE = 1_024
"""Changes of the shared precision before its inverse is found anew."""
_SLACK = 0.95
"""A correction may leave this share of a title's prior precision: rounding, no more."""
TITLES, REFUSED, FIRST_MS, EPOCH, CHANGES = 0, 1, 2, 3, 4
"""Places of the totals: titles in use, outcomes refused, the first outcome's time, steps of fading since, changes of H."""


class Shared(NamedTuple):
    """Of the k shared weights. precision, inverse: float64[k (k + 1) / 2], packed; mean: float64[k]."""

    precision: Array
    inverse: Array
    mean: Array


class Titles(NamedTuple):
    """Row r is of the title item[r]. own: float64[rows, 2], tau and m; cross: float64[rows, k], C; epoch: int64[rows], steps
    of fading it has been through; last_ms: int64[rows].
    """

    item: Array
    own: Array
    cross: Array
    epoch: Array
    last_ms: Array


@njit(cache=True, nogil=True)
def features(x: Array, t: Array, z: Array) -> None:
    """z: float64[2 d - 1] of a reader x and a title t, float32[d]: the title, and the products with the reader.

    A product is large where reader and title have the same words, whatever the signs that these were hashed with.
    """
    d = len(x)
    for j in range(d):
        z[j] = t[j]
    for j in range(1, d):
        z[d + j - 1] = float(x[j]) * float(t[j])


@njit(cache=True, nogil=True)
def sigmoid(x: float) -> float:
    """1 / (1 + exp(-x)) without overflow."""
    if x >= 0.0:
        return 1.0 / (1.0 + math.exp(-x))
    e = math.exp(x)
    return e / (1.0 + e)


@njit(cache=True, nogil=True)
def gradient_at_mode(log_odds: float, variance: float, trials: float, reward: float) -> float:
    """g = reward - trials * sigmoid(log_odds + variance * g): where one outcome's likelihood puts the mode.

    Newton's steps inside a bracket; for trials <= 0 (a reward alone, a correction) the gradient as it stands.
    """
    g = reward - trials * sigmoid(log_odds)
    if trials <= 0.0:
        return g
    low, high = reward - trials, reward
    for _ in range(30):
        p = sigmoid(log_odds + variance * g)
        error = g - reward + trials * p
        if error > 0.0:
            high = g
        else:
            low = g
        step = g - error / (1.0 + trials * variance * p * (1.0 - p))
        if not low < step < high:
            step = 0.5 * (low + high)
        if abs(step - g) < 1e-12:
            return step
        g = step
    return g


@njit(cache=True, nogil=True)
def faded(tau: float, title_ridge: float, share: float) -> tuple[float, float]:
    """(tau, what C and m are multiplied by) when evidence has come to weigh `share` of what it did."""
    now = title_ridge + share * (tau - title_ridge)
    return now, share * tau / now


@njit(cache=True, nogil=True)
def _fade_all(shared: Shared, ridge: float, share: float) -> None:
    for i in range(len(shared.mean)):
        for j in range(i + 1):
            at = i * (i + 1) // 2 + j
            shared.precision[at] = share * shared.precision[at] + ((1.0 - share) * ridge if i == j else 0.0)
    invert(shared.precision, 0.0, shared.inverse)


@njit(cache=True, nogil=True)
def _begin(titles: Titles, r: int, epoch: int, title_ridge: float) -> None:
    titles.epoch[r] = epoch
    titles.own[r, 0], titles.own[r, 1] = title_ridge, 0.0
    titles.cross[r] = 0.0


@njit(cache=True, nogil=True)
def add(
    shared: Shared, titles: Titles, r: int, z: Array, q: Array, pq: Array, trials: float, reward: float, base: float,
    title_ridge: float, weight: float,
) -> bool:  # fmt: skip
    """One outcome of title r: the mode and its curvature, exactly for a Gaussian belief before it. O(k**2).

    z, q, pq: float64[k], the features and scratch. False: refused, nothing is changed.
    """
    k = len(z)
    tau, m = titles.own[r, 0], titles.own[r, 1]
    cross, mean = titles.cross[r], shared.mean
    for j in range(k):
        q[j] = z[j] - cross[j]
    times(shared.inverse, q, pq)
    spread = dot(q, pq)
    log_odds = base + m + dot(q, mean)
    g = weight * gradient_at_mode(log_odds, 1.0 / tau + spread, trials, reward)
    p = sigmoid(log_odds + (1.0 / tau + spread) * g) if trials > 0.0 else sigmoid(log_odds)
    c = weight * trials * p * (1.0 - p)
    left = 1.0 + c * (1.0 / tau + spread)
    if c < 0.0 and (tau + c < _SLACK * title_ridge or left < 1.0 - _SLACK):
        return False
    own = m - dot(cross, mean) + (1.0 / tau - dot(cross, pq)) * g
    for j in range(k):
        mean[j] += pq[j] * g
        cross[j] += c / (tau + c) * q[j]
    titles.own[r, 0] = tau + c
    titles.own[r, 1] = own + dot(cross, mean)
    amount = c * tau / (tau + c)
    add_square(shared.precision, q, amount)
    add_square(shared.inverse, pq, -amount / (1.0 + amount * spread))
    return True


@njit(cache=True, nogil=True)
def learn(
    shared: Shared, titles: Titles, row_of: Array, totals: Array, most: int, first: int, items: Array, trials: Array,
    rewards: Array, occurred_ms: Array, readers: Array, title_vectors: Array, base: float, ridge: float,
    title_ridge: float, half_life_ms: float,
) -> int:  # fmt: skip
    """Learn from outcomes one after another from `first` on; returns how many are done (fewer: arrays must grow first).

    readers: float32[n, d] or float32[1, d]; title_vectors: float32[titles, d], (1, 0, ...) for those beyond.
    """
    k, d = len(shared.mean), readers.shape[1]
    z, q, pq = np.empty(k), np.empty(k), np.empty(k)
    nothing = np.zeros(d, np.float32)
    nothing[0] = 1.0
    for i in range(first, len(items)):
        if items[i] >= len(row_of):
            return i
        n, reward, r = float(trials[i]), float(rewards[i]), row_of[items[i]]
        features(
            readers[i if len(readers) > 1 else 0],
            title_vectors[items[i]] if items[i] < len(title_vectors) else nothing,
            z,
        )
        length = dot(z, z)
        if not (length < 1e6 and math.isfinite(n) and math.isfinite(reward)) or (r < 0 and n < 0.0):
            totals[REFUSED] += 1
            continue
        if r < 0 and totals[TITLES] == len(titles.item) and len(titles.item) < most:
            return i
        weight = 1.0
        if half_life_ms > 0.0:
            if totals[FIRST_MS] == NO_TIME:
                totals[FIRST_MS] = occurred_ms[i]
            epoch = math.floor(EPOCHS * float(occurred_ms[i] - totals[FIRST_MS]) / half_life_ms)
            if epoch > totals[EPOCH]:
                _fade_all(shared, ridge, 0.5 ** (float(epoch - totals[EPOCH]) / EPOCHS))
                totals[EPOCH] = epoch
            weight = 0.5 ** (float(totals[EPOCH] - epoch) / EPOCHS)
        if r < 0:
            r = take_row(titles.item, titles.last_ms, row_of, totals, items[i])
            _begin(titles, r, totals[EPOCH], title_ridge)
        if titles.epoch[r] < totals[EPOCH]:
            share = 0.5 ** (float(totals[EPOCH] - titles.epoch[r]) / EPOCHS)
            tau, kept = faded(titles.own[r, 0], title_ridge, share)
            titles.own[r, 0] = tau
            titles.own[r, 1] *= kept
            titles.cross[r] *= kept
            titles.epoch[r] = totals[EPOCH]
        if not add(shared, titles, r, z, q, pq, n, reward, base, title_ridge, weight):
            totals[REFUSED] += 1
        titles.last_ms[r] = max(titles.last_ms[r], occurred_ms[i])
        totals[CHANGES] += 1
        if totals[CHANGES] >= _DUE:
            totals[CHANGES] = 0
            invert(shared.precision, 0.0, shared.inverse)
    return len(items)


@njit(cache=True, nogil=True)
def shared_draw(shared: Shared, spread: float, seed: np.uint64, weights: Array) -> None:
    """weights: float64[k], drawn from N(mean, spread**2 H^-1): mean + spread L^-T normals. O(k**3)."""
    k = len(weights)
    lower = np.zeros((k, k))
    weights[:] = shared.mean
    if spread <= 0.0 or not factor(shared.precision, 0.0, lower):
        return
    state = mix(seed + np.uint64(0x5851F42D4C957F2D))
    noise = np.empty(k)
    for j in range(k):
        state, u = draw(state)
        noise[j] = spread * normal_quantile(u)
    for j in range(k - 1, -1, -1):
        total = noise[j]
        for i in range(j + 1, k):
            total -= lower[i, j] * noise[i]
        noise[j] = total / lower[j, j]
        weights[j] += noise[j]


@njit(cache=True, nogil=True)
def drawn_log_odds(
    shared: Shared, titles: Titles, row_of: Array, used: int, items: Array, x: Array, title_vectors: Array, base: float,
    title_ridge: float, share_of_epoch: Array, spread: float, seed: np.uint64, scores: Array,
) -> None:  # fmt: skip
    """scores[i]: float64[n], a joint draw: weights once for the request, then each title's intercept given them.

    share_of_epoch: float64[1]: how many steps evidence has faded by, epochs as `Titles` counts them. O(k**3 + n k).
    """
    k, d = len(shared.mean), len(x)
    weights = np.empty(k)
    shared_draw(shared, spread, seed, weights)
    along = np.empty(d)
    along[0] = weights[0]
    for j in range(1, d):
        along[j] = weights[j] + float(x[j]) * weights[d + j - 1]
    for i in range(len(items)):
        score = base
        if items[i] < len(title_vectors):
            t = title_vectors[items[i]]
            for j in range(d):
                score += along[j] * t[j]
        else:
            score += along[0]
        r = row_of[items[i]] if items[i] < len(row_of) else -1
        tau = title_ridge
        if 0 <= r < used:
            tau, kept = faded(
                titles.own[r, 0], title_ridge, 0.5 ** (max(share_of_epoch[0] - titles.epoch[r], 0.0) / EPOCHS)
            )
            score += kept * (titles.own[r, 1] - dot(titles.cross[r], weights))
        scores[i] = score + spread * normal_quantile(unit(stream(seed, i))) / math.sqrt(tau)
