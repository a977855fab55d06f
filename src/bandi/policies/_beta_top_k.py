"""Exact Thompson sampling of the top k among independent Beta arms, most of them never drawn.

The law is that of drawing every arm and sorting. Let t be the k-th best value so far. An arm matters only if its draw X
exceeds t, and for a, b >= 1 the Beta density f is log-concave, so right of its mode it lies below its tangent in
logarithms:

    f(x) <= f(t) exp(-s (x - t)) for x > t,   s = ((n - 2) t - (a - 1)) / (t (1 - t)),   n = a + b,

hence P(X > t) <= f(t) / s =: B. With one uniform U: where U > B the arm is out; else x = t + Exp(1) / s is proposed
and accepted with probability f(x) / (f(t) exp(-s (x - t))): accepted, X = x; refused, X <= t. Both together give
exactly P(X > t) and X's law beyond t (thinning; Devroye 1986, ch. II.3, VII.2).

Before B itself two looser bounds, for the same U. Stirling's series gives B <= exp(-n kl(m, t)) / sqrt(r) with

    m = a / n,   r = 2 pi n D^2 / (a b),   D = (n - 2) t - (a - 1),

at most 9 % above B, and it needs logarithms but no Gamma functions. And kl(m, t) >= (t - m)^2 / (2 v) with v >= x (1 - x)
on [m, t], so where n (t - m)^2 / (2 v) + ln(r) / 2 exceeds -ln U the arm is out; with both logarithms bounded by binary
exponents this loop over all arms is straight arithmetic, and is vectorised.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from bandi.model.records import Array
from bandi.policies._heap import heapify, keep_largest, sift_down, sort_descending
from bandi.policies._random import beta_draw, draw, stream, unit

_LN2 = math.log(2.0)
_HALF_LN_2PI = 0.5 * math.log(2.0 * math.pi)
_2PI = 2.0 * math.pi
BLOCK = 128
"""Arms between two looks at t."""
SEEDS = 2
"""Arms drawn first for each slot, those with the highest means: t is high from the start."""


@njit(cache=True, nogil=True)
def _log_gamma(x: float) -> float:
    """ln Gamma(x), x > 0, to about 1e-11: Stirling's series, after a shift for x < 8."""
    shift = 0.0
    if x < 8.0:
        product = 1.0
        while x < 8.0:
            product *= x
            x += 1.0
        shift = math.log(product)
    y = 1.0 / (x * x)
    series = (1.0 / 12.0 - y * (1.0 / 360.0 - y * (1.0 / 1260.0 - y / 1680.0))) / x
    return (x - 0.5) * math.log(x) - x + _HALF_LN_2PI + series - shift


@njit(cache=True, nogil=True)
def log_density(x: float, a: float, b: float) -> float:
    """ln of the Beta(a, b) density at x."""
    log_beta = _log_gamma(a) + _log_gamma(b) - _log_gamma(a + b)
    return (a - 1.0) * math.log(x) + (b - 1.0) * math.log(1.0 - x) - log_beta


@njit(cache=True, nogil=True)
def _beyond(a: float, b: float, t: float, u: float, state: np.uint64) -> float:
    """A draw of X where it exceeds t, else any value <= t; u decides, as the module says."""
    if a == 1.0:  # P(X > x) = (1 - x)**b, so u itself gives X; an arm at the default prior is one of these
        return -math.expm1(math.log(u) / b)
    n = a + b
    distance = (n - 2.0) * t - (a - 1.0)
    if a < 1.0 or b < 1.0 or distance <= 0.0:
        return beta_draw(a, b, state)[1]
    log_u = math.log(u)
    if n * t > a:  # kl grows with t only above the mean
        divergence = a * math.log(a / (n * t)) + b * math.log(b / (n * (1.0 - t)))
        if log_u > -divergence - 0.5 * math.log(_2PI * n * distance * distance / (a * b)):
            return -1.0
    slope = distance / (t * (1.0 - t))
    log_bound = log_density(t, a, b) - math.log(slope)
    if log_bound >= 0.0:
        return beta_draw(a, b, state)[1]
    if log_u > log_bound:
        return -1.0
    state, w = draw(state)
    step = -math.log(w) / slope
    x = t + step
    if x >= 1.0:
        return -1.0
    log_ratio = (a - 1.0) * math.log(x / t) + (b - 1.0) * math.log((1.0 - x) / (1.0 - t)) + slope * step
    state, w = draw(state)
    return x if math.log(w) <= log_ratio else -1.0


@njit(cache=True, nogil=True, fastmath={"contract"})
def _prefilter(
    a: Array, b: Array, mean: Array, first: int, t: float, seed: np.uint64, work: Array, bits: Array, keep: Array
) -> None:
    """keep[i] = 0 where arm first + i is surely below t. a, b, mean: float64[m], those arms alone, m <= BLOCK.

    work: float64[2, BLOCK], bits: the same memory as int64. Loops over whole small arrays, so that LLVM vectorises them.
    """
    m = len(a)
    v_inverse = 0.5 / (t * (1.0 - t)) if t <= 0.5 else 2.0
    u, r = work[0, :m], work[1, :m]
    u_bits, r_bits = bits[0, :m], bits[1, :m]
    for i in range(m):
        u[i] = unit(stream(seed, first + i))
    for i in range(m):
        distance = (a[i] + b[i] - 2.0) * t - (a[i] - 1.0)
        r[i] = _2PI * (a[i] + b[i]) * distance * distance / (a[i] * b[i])
    for i in range(m):
        n = a[i] + b[i]
        d = t - mean[i]
        log2_u = float((u_bits[i] >> 52) - 1023)
        log2_r = float((r_bits[i] >> 52) - 1023)
        above = n * d * d * v_inverse + _LN2 * (0.5 * log2_r + log2_u)
        regular = (d > 0.0) & (n * t - 2.0 * t > a[i] - 1.0) & (a[i] >= 1.0) & (b[i] >= 1.0)
        keep[i] = np.uint8(1) - np.uint8(regular & (above > 0.0))


@njit(cache=True, nogil=True)
def top_k(
    a: Array, b: Array, mean: Array, n: int, k: int, seed: np.uint64,
    values: Array, places: Array, drawn: Array, work: Array, bits: Array, keep: Array,
) -> None:  # fmt: skip
    """The k largest of n independent draws X_i ~ Beta(a[i], b[i]), largest first, in values[:k] and places[:k].

    a, b, mean: float64[n], mean = a / (a + b); 1 <= k <= n. Scratch: values: float64[n], places: int32[n], drawn:
    uint8[n], work: float64[2, BLOCK] and bits, its int64 view, keep: uint8[BLOCK].
    """
    seeds = min(n, SEEDS * k)
    keep_largest(mean, n, seeds, values, places)
    drawn[:n] = 0
    for j in range(seeds):
        arm = places[j]
        drawn[arm] = 1
        values[j] = beta_draw(a[arm], b[arm], stream(seed, arm))[1]
    heapify(values, places, k)
    for j in range(k, seeds):
        if values[j] > values[0]:
            values[0], places[0] = values[j], places[j]
            sift_down(values, places, k, 0)
    for first in range(0, n, BLOCK):
        stop = min(first + BLOCK, n)
        t = values[0]
        if not 0.0 < t < 1.0:  # rounded to an end by an extreme shape: nothing can be skipped
            keep[: stop - first] = 1
        else:
            _prefilter(a[first:stop], b[first:stop], mean[first:stop], first, t, seed, work, bits, keep)
        for i in range(first, stop):
            if not keep[i - first] or drawn[i]:
                continue
            state = stream(seed, i)
            t = values[0]
            x = _beyond(a[i], b[i], t, unit(state), state) if 0.0 < t < 1.0 else beta_draw(a[i], b[i], state)[1]
            if x > t:
                values[0], places[0] = x, i
                sift_down(values, places, k, 0)
    sort_descending(values, places, k)
