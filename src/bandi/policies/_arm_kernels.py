"""Kernels over the counts of arms: gathering posteriors, adding outcomes, credible intervals."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from bandi.model.records import Array
from bandi.policies._beta_top_k import log_density

NO_LANDMARK = np.iinfo(np.int64).min
MAX_TRIALS = float(1 << 22)
"""Trials that an arm holds at most (undecayed); float32 counts whole numbers to 2**24."""
_MAX_HALF_LIVES = 60.0


@njit(cache=True, nogil=True)
def gather(
    counts: Array, used: int, items: Array, weights: Array, borrowed: float, decay: float, prior_a: float,
    prior_b: float, a: Array, b: Array,
) -> None:  # fmt: skip
    """Beta(a[i], b[i]): the posterior of items[i] for a reader with `weights` (float32[segments], 0 to 1 each).

    A segment's counts are the reader's own by their weight; what is not theirs is borrowed, scaled so that it is worth
    `borrowed` trials at most.
    """
    segments = counts.shape[1]
    first, run = items[0] if len(items) else 0, 0
    for i in range(len(items)):
        run += int(items[i] == first + i)
    if segments == 1 and run == len(items) and 0 <= first <= used - run:  # a stretch of known items: a straight loop
        stretch = counts[first : first + run].reshape(-1)
        for i in range(run):
            successes, trials = float(stretch[2 * i]), float(stretch[2 * i + 1])
            a[i] = prior_a + max(successes, 0.0) * decay
            b[i] = prior_b + max(trials - successes, 0.0) * decay
    else:
        for i in range(len(items)):
            successes, failures, other_successes, other_failures = 0.0, 0.0, 0.0, 0.0
            if items[i] < used:
                arms = counts[items[i]]
                for s in range(segments):
                    success, own = max(float(arms[s, 0]), 0.0), float(weights[s])
                    failure = max(float(arms[s, 1]) - float(arms[s, 0]), 0.0)
                    successes += own * success
                    failures += own * failure
                    other_successes += (1.0 - own) * success
                    other_failures += (1.0 - own) * failure
            others = (other_successes + other_failures) * decay
            share = decay if others <= borrowed else decay * borrowed / others
            a[i] = prior_a + successes * decay + other_successes * share
            b[i] = prior_b + failures * decay + other_failures * share


@njit(cache=True, nogil=True, error_model="numpy")
def gather_means(
    counts: Array, used: int, items: Array, weights: Array, borrowed: float, decay: float, prior_a: float,
    prior_b: float, a: Array, b: Array, mean: Array,
) -> None:  # fmt: skip
    """`gather`, and the posterior means."""
    gather(counts, used, items, weights, borrowed, decay, prior_a, prior_b, a, b)
    for i in range(len(items)):
        mean[i] = a[i] / (a[i] + b[i])


@njit(cache=True, nogil=True)
def add_outcomes(
    counts: Array, used: int, items: Array, segments: Array, trials: Array, rewards: Array, occurred_ms: Array,
    half_life_ms: float, landmark: Array,
) -> None:  # fmt: skip
    """Add rows one after another, so that the result does not depend on how they were cut into calls.

    A segment that there is no more counts as segment 0.
    """
    weight = 1.0
    for i in range(len(items)):
        if half_life_ms > 0.0:
            if landmark[0] == NO_LANDMARK:
                landmark[0] = occurred_ms[i]
            exponent = float(occurred_ms[i] - landmark[0]) / half_life_ms
            if exponent > _MAX_HALF_LIVES:
                steps = math.floor(exponent)
                scale = np.float32(2.0 ** -min(steps, 300.0))
                for item in range(used):
                    for s in range(counts.shape[1]):
                        counts[item, s, 0] *= scale
                        counts[item, s, 1] *= scale
                landmark[0] += np.int64(steps * half_life_ms)
                exponent = float(occurred_ms[i] - landmark[0]) / half_life_ms
            weight = 2.0**exponent
        cell = counts[items[i], segments[i] if segments[i] < counts.shape[1] else 0]
        cell[0] += np.float32(rewards[i] * weight)
        cell[1] += np.float32(trials[i] * weight)
        if cell[1] > MAX_TRIALS * weight:
            cell[0] *= np.float32(0.5)
            cell[1] *= np.float32(0.5)


@njit(cache=True, nogil=True)
def start_from(
    items: Array, weights: Array, prior_a: float, prior_b: float, successes: Array, failures: Array, a: Array, b: Array
) -> None:
    """Put each item's own prior for a reader with `weights` in the place of (prior_a, prior_b) in the posteriors a, b.

    successes, failures: float32[segments, known], as in protocol.ContentPriors; items beyond them stay as they are, and so do
    all where the priors are for another number of segments. A kernel of its own: arguments that `gather` had always would
    cost every request 0.3 µs.
    """
    if len(successes) != len(weights):
        return
    known = min(successes.shape[1], failures.shape[1])
    first, stop = (0, 1) if weights[0] > 0.0 else (1, len(weights))
    for s in range(first, stop):
        own = 1.0 if s == 0 else float(weights[s])
        if own > 0.0:
            for i in range(len(items)):
                if items[i] < known:
                    a[i] += own * (float(successes[s, items[i]]) - prior_a)
                    b[i] += own * (float(failures[s, items[i]]) - prior_b)


@njit(cache=True, nogil=True, error_model="numpy")
def start_means_from(
    items: Array, weights: Array, prior_a: float, prior_b: float, successes: Array, failures: Array, a: Array, b: Array,
    mean: Array,
) -> None:  # fmt: skip
    """`start_from`, and the posterior means."""
    start_from(items, weights, prior_a, prior_b, successes, failures, a, b)
    for i in range(len(items)):
        mean[i] = a[i] / (a[i] + b[i])


@njit(cache=True, nogil=True)
def beta_cdf(x: float, a: float, b: float) -> float:
    """P(X <= x) for X ~ Beta(a, b): continued fraction by Lentz's method (Press et al. 2007, section 6.4)."""
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    if x > (a + 1.0) / (a + b + 2.0):
        return 1.0 - beta_cdf(1.0 - x, b, a)
    tiny = 1e-300
    c, d = 1.0, 1.0 - (a + b) * x / (a + 1.0)
    d = 1.0 / (d if abs(d) > tiny else tiny)
    fraction = d
    for m in range(1, 20_000):
        step = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        d = 1.0 + step * d
        d = 1.0 / (d if abs(d) > tiny else tiny)
        c = 1.0 + step / c
        c = c if abs(c) > tiny else tiny
        fraction *= d * c
        step = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        d = 1.0 + step * d
        d = 1.0 / (d if abs(d) > tiny else tiny)
        c = 1.0 + step / c
        c = c if abs(c) > tiny else tiny
        fraction *= d * c
        if abs(d * c - 1.0) < 1e-13:
            break
    return min(1.0, math.exp(log_density(x, a, b) + math.log(x) + math.log(1.0 - x)) * fraction / a)


@njit(cache=True, nogil=True)
def beta_quantile(p: float, a: float, b: float) -> float:
    """The x with P(X <= x) = p, to about 1e-12: Newton's steps kept inside a shrinking bracket."""
    low, high = 0.0, 1.0
    x = a / (a + b)
    for _ in range(200):
        error = beta_cdf(x, a, b) - p
        if error > 0.0:
            high = x
        else:
            low = x
        step = x
        if 0.0 < x < 1.0:
            slope = math.exp(min(log_density(x, a, b), 700.0))
            if slope > 0.0:
                step = x - error / slope
        if not low < step < high:
            step = 0.5 * (low + high)
        if abs(step - x) <= 1e-13 * max(step, 1e-300) or high - low < 1e-15:
            return step
        x = step
    return x


@njit(cache=True, nogil=True)
def intervals(a: Array, b: Array, low: Array, high: Array) -> None:
    """The central 95 % interval of each Beta(a[i], b[i])."""
    for i in range(len(a)):
        low[i] = beta_quantile(0.025, a[i], b[i])
        high[i] = beta_quantile(0.975, a[i], b[i])
