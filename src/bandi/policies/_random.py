"""Random numbers for kernels: SplitMix64 streams, one per arm, so that no draw depends on the order of visits.

Steele, Lea and Flood (2014), "Fast splittable pseudorandom number generators". A stream is a uint64 state in a local
variable; each function returns the new state with its draw.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_TO_UNIT = 2.0**-53


@njit(cache=True, nogil=True, inline="always")
def mix(x: np.uint64) -> np.uint64:
    """SplitMix64's finaliser."""
    x = (x ^ (x >> np.uint64(30))) * _MIX_1
    x = (x ^ (x >> np.uint64(27))) * _MIX_2
    return x ^ (x >> np.uint64(31))


@njit(cache=True, nogil=True, inline="always")
def unit(x: np.uint64) -> float:
    """A float64 in (0, 1) from 53 of 64 random bits."""
    return (float(np.int64(x >> np.uint64(11))) + 0.5) * _TO_UNIT


@njit(cache=True, nogil=True, inline="always")
def stream(seed: np.uint64, arm: int) -> np.uint64:
    """The stream of one arm (its place among the candidates)."""
    return mix(seed + np.uint64(arm + 1) * _GOLDEN)


@njit(cache=True, nogil=True)
def draw(state: np.uint64) -> tuple[np.uint64, float]:
    """(state, uniform in (0, 1))."""
    state += _GOLDEN
    return state, unit(mix(state))


@njit(cache=True, nogil=True)
def log_gamma_draw(shape: float, state: np.uint64) -> tuple[np.uint64, float]:
    """(state, logarithm of a Gamma(shape, 1) draw): Marsaglia and Tsang (2000); shapes below 1 by their U**(1/shape)."""
    boost = 0.0
    if shape < 1.0:
        state, u = draw(state)
        boost = math.log(u) / shape
        shape += 1.0
    d = shape - 1.0 / 3.0
    c = 1.0 / math.sqrt(9.0 * d)
    while True:
        state, u = draw(state)
        state, w = draw(state)
        x = math.sqrt(-2.0 * math.log(u)) * math.cos(2.0 * math.pi * w)  # Box and Muller (1958)
        v = 1.0 + c * x
        if v <= 0.0:
            continue
        v = v * v * v
        state, u = draw(state)
        if math.log(u) < 0.5 * x * x + d - d * v + d * math.log(v):
            return state, math.log(d * v) + boost


@njit(cache=True, nogil=True)
def _cheng_draw(a: float, b: float, state: np.uint64) -> tuple[np.uint64, float]:
    """(state, Beta draw) for a, b > 1: algorithm BB of Cheng (1978), "Generating beta variates with nonintegral shape parameters"."""
    low, high = min(a, b), max(a, b)
    total = low + high
    beta = math.sqrt((total - 2.0) / (2.0 * low * high - total))
    gamma = low + 1.0 / beta
    while True:
        state, u1 = draw(state)
        state, u2 = draw(state)
        v = beta * math.log(u1 / (1.0 - u1))
        w = low * math.exp(v)
        z = u1 * u1 * u2
        r = gamma * v - 1.3862943611198906
        s = low + r - w
        if s + 2.6094379124341003 >= 5.0 * z:
            break
        t = math.log(z)
        if s >= t or r + total * math.log(total / (high + w)) >= t:
            break
    return state, w / (high + w) if a == low else high / (high + w)


@njit(cache=True, nogil=True, inline="always")
def one_less_exp(y: float) -> float:
    """1 - exp(y) for y <= 0, to about 1e-13 of its size: expm1 takes twice as long as exp."""
    return 1.0 - math.exp(y) if y < -1e-3 else -math.expm1(y)


@njit(cache=True, nogil=True)
def beta_draw(a: float, b: float, state: np.uint64) -> tuple[np.uint64, float]:
    """(state, exact Beta(a, b) draw) for any a, b > 0."""
    if a > 1.0 and b > 1.0:
        return _cheng_draw(a, b, state)
    if a == 1.0 or b == 1.0:  # closed forms
        state, u = draw(state)
        if a == 1.0:
            return state, one_less_exp(math.log(u) / b)
        return state, math.exp(math.log(u) / a)
    state, x = log_gamma_draw(a, state)
    state, y = log_gamma_draw(b, state)
    return state, 1.0 / (1.0 + math.exp(min(y - x, 700.0)))
