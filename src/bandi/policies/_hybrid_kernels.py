"""Kernels of hybrid linear models: weights beta that all titles share, theta_a of each title's own (Li et al. 2010, algorithm 2).

All in float64. Of title a with A_a = ridge I + sum w x x', B_a = sum w x z': its inverse A_a^-1, C_a = A_a^-1 B_a and
m_a = A_a^-1 b_a are kept, so theta_a given beta has the mean m_a - C_a beta. A new outcome (x, z) with u = A_a^-1 x, v = x'u
and q = z - C_a'x changes the shared precision A_0 by q q' w / (1 + w v): the paper's two corrections of A_0 in one.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from bandi.model.records import Array
from bandi.policies._logistic_kernels import Shared, features, shared_draw
from bandi.policies._normal import normal_quantile
from bandi.policies._packed import add_square, dot, invert, pack_square, times
from bandi.policies._random import stream, unit
from bandi.policies._title_rows import take_row

_DUE = 4_096
"""Outcomes between two inversions of the shared precision."""
_SLACK = 1.05
"""How much wider than before the first outcome a correction may leave the belief: rounding, no more."""
_LEAST = 1e-6
"""What a correction may leave of a variance's denominator."""
TITLES, REFUSED, CHANGES = 0, 1, 2
"""Places of the totals: titles in use, outcomes refused, outcomes since the shared inverse was found."""


class Titles(NamedTuple):
    """Row r is of the title item[r]. precision: float64[rows, p], A_a without the ridge, packed; inverse: float64[rows, p];
    cross: float64[rows, k, d], C_a'; mean: float64[rows, d], m_a; last_ms: int64[rows].
    """

    item: Array
    precision: Array
    inverse: Array
    cross: Array
    mean: Array
    last_ms: Array


@njit(cache=True, nogil=True)
def add(
    shared: Shared, titles: Titles, r: int, x: Array, z: Array, trials: float, reward: float, ridge: float, work: Array
) -> bool:
    """One outcome of title r, exactly. O(k**2 + k d). False: refused, nothing is changed. work: float64[3, k], scratch."""
    k, d = len(z), len(x)
    q, pq, u = work[0], work[1], work[2, :d]
    times(titles.inverse[r], x, u)
    v = dot(x, u)
    left = 1.0 + trials * v
    for j in range(k):
        q[j] = z[j] - dot(titles.cross[r, j], x)
    times(shared.inverse, q, pq)
    spread = dot(q, pq)
    if trials < 0.0 and (
        left < _LEAST or v > _SLACK * dot(x, x) / ridge * left or 1.0 + trials * (v + spread) < _LEAST
    ):
        return False
    residual = reward - trials * dot(x, titles.mean[r])
    amount = trials / left
    # the shared weights see what the title's own cannot explain
    surprise = residual / left - amount * dot(q, shared.mean)
    shrink = surprise / (1.0 + amount * spread)
    for j in range(k):
        shared.mean[j] += pq[j] * shrink
        for i in range(d):
            titles.cross[r, j, i] += amount * q[j] * u[i]
    for i in range(d):
        titles.mean[r, i] += residual / left * u[i]
    add_square(shared.precision, q, amount)
    add_square(shared.inverse, pq, -amount / (1.0 + amount * spread))
    add_square(titles.precision[r], x, trials)
    add_square(titles.inverse[r], u, -amount)
    return True


@njit(cache=True, nogil=True)
def _begin(titles: Titles, r: int, ridge: float) -> None:
    titles.precision[r], titles.inverse[r], titles.cross[r], titles.mean[r] = 0.0, 0.0, 0.0, 0.0
    for i in range(titles.mean.shape[1]):
        titles.inverse[r, i * (i + 3) // 2] = 1.0 / ridge


@njit(cache=True, nogil=True)
def learn(
    shared: Shared, titles: Titles, row_of: Array, totals: Array, most: int, first: int, items: Array, trials: Array,
    rewards: Array, occurred_ms: Array, readers: Array, title_vectors: Array, prior_mean: float, ridge: float,
) -> int:  # fmt: skip
    """Learn from outcomes one after another from `first` on; returns how many are done (fewer: arrays must grow first).

    readers: float32[n, d] or float32[1, d]; title_vectors: float32[titles, d], (1, 0, ...) for those beyond.
    """
    k, d = len(shared.mean), readers.shape[1]
    x, z, work = np.empty(d), np.empty(k), np.empty((3, k))
    nothing = np.zeros(d, np.float32)
    nothing[0] = 1.0
    for i in range(first, len(items)):
        if items[i] >= len(row_of):
            return i
        n, r = float(trials[i]), row_of[items[i]]
        reward = float(rewards[i]) - prior_mean * n
        reader = readers[i if len(readers) > 1 else 0]
        x[:] = reader
        features(reader, title_vectors[items[i]] if items[i] < len(title_vectors) else nothing, z)
        known = dot(x, x) + dot(z, z) < 1e6 and math.isfinite(n) and math.isfinite(reward)
        if not known or (r < 0 and n < 0.0):
            totals[REFUSED] += 1
            continue
        if r < 0:
            if totals[TITLES] == len(titles.item) and len(titles.item) < most:
                return i
            r = take_row(titles.item, titles.last_ms, row_of, totals, items[i])
            _begin(titles, r, ridge)
        if not add(shared, titles, r, x, z, n, reward, ridge, work):
            totals[REFUSED] += 1
        titles.last_ms[r] = max(titles.last_ms[r], occurred_ms[i])
        totals[CHANGES] += 1
        if totals[CHANGES] >= _DUE:
            totals[CHANGES] = 0
            invert(shared.precision, 0.0, shared.inverse)
    return len(items)


@njit(cache=True, nogil=True)
def scores_of(
    shared: Shared, titles: Titles, row_of: Array, used: int, items: Array, reader: Array, title_vectors: Array,
    prior_mean: float, ridge: float, draws: float, bonus: float, seed: np.uint64, scores: Array,
) -> None:  # fmt: skip
    """scores[i]: float64[n]. draws: s of a joint draw (beta once, each theta_a given it), 0: the means; bonus: alpha, the
    weight of the whole standard deviation (the paper's p_t,a), 0: none. O(k**3 + n k (k + d)), without a bonus O(n k d).
    """
    k, d = len(shared.mean), len(reader)
    x, z, q, pq, beta = np.empty(d), np.empty(k), np.empty(k), np.empty(k), np.empty(k)
    x[:] = reader
    nothing = np.zeros(d, np.float32)
    nothing[0] = 1.0
    square = np.empty(d * (d + 1) // 2)
    pack_square(x, square)
    shared_draw(shared, draws, seed, beta)
    for i in range(len(items)):
        features(reader, title_vectors[items[i]] if items[i] < len(title_vectors) else nothing, z)
        r = row_of[items[i]] if items[i] < len(row_of) else -1
        mean, variance = prior_mean, dot(x, x) / ridge
        q[:] = z
        if 0 <= r < used:
            for j in range(k):
                q[j] -= dot(titles.cross[r, j], x)
            mean += dot(titles.mean[r], x)
            variance = max(dot(titles.inverse[r], square), 0.0)
        score = mean + dot(q, beta)
        if draws > 0.0:
            score += draws * normal_quantile(unit(stream(seed, i))) * math.sqrt(variance)
        if bonus > 0.0:
            times(shared.inverse, q, pq)
            score += bonus * math.sqrt(variance + max(dot(q, pq), 0.0))
        scores[i] = score
