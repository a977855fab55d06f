"""The normal, Student's t and chi-square distributions, over arrays and without SciPy, which the default install lacks."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from bandi.model.records import Array

_TERMS = 500
_TINY = 1e-300
_EXACT_BELOW = 200.0
"""Degrees of freedom from which the expansion of Student's quantile is right to 1e-9 of it."""
_NEAR_FROM = 5.0
"""And those from which it is near enough for Newton's steps to start there."""


def normal_quantile(p: float) -> float:
    """The x with P(X <= x) = p, 0 < p < 1."""
    return NormalDist().inv_cdf(p)


def normal_two_sided(z: Array) -> Array:
    """P(|X| >= |z|), elementwise."""
    p: Array = _erfc(np.abs(z) / math.sqrt(2.0))
    return p


def student_two_sided(t: Array, freedom: Array) -> Array:
    """P(|T| >= |t|) with `freedom` > 0 degrees, elementwise: I_{v / (v + t^2)}(v / 2, 1 / 2)."""
    p: Array = _student_tail(np.abs(t), freedom)
    return p


def student_quantile(p: float, freedom: Array) -> Array:
    """The t with P(T <= t) = p, 0.5 <= p < 1, for each of `freedom` > 0 degrees.

    The expansion in 1 / freedom (Abramowitz and Stegun 1964, 26.7.5), mended on the exact tail below 200 degrees.
    """
    v = np.asarray(freedom, np.float64)
    z = normal_quantile(p)
    expansion: Array = (
        z
        + (z**3 + z) / (4 * v)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3)
        + (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / (92160 * v**4)
    )
    few = v < _EXACT_BELOW
    if few.any():
        expansion = np.where(few, _mended(p, np.where(few, v, _EXACT_BELOW), expansion), expansion)
    return expansion


def chi_square_tail(x: Array, freedom: int) -> Array:
    """P(X >= x) with `freedom` degrees, elementwise: Q(freedom / 2, x / 2)."""
    p: Array = _gamma_tail(freedom / 2.0, np.asarray(x, np.float64) / 2.0)
    return p


def log_gamma(x: Array) -> Array:
    """Natural logarithm of the gamma function, x > 0, elementwise."""
    values: Array = _lgamma(x)
    return values


_erfc = np.vectorize(math.erfc, otypes=[np.float64])
_lgamma = np.vectorize(math.lgamma, otypes=[np.float64])


def _mended_one(p: float, freedom: float, start: float) -> float:
    """The quantile by Newton's steps from the expansion, by bisection where that is too far off."""
    if freedom >= _NEAR_FROM:
        log_scale = math.lgamma(0.5 * (freedom + 1.0)) - math.lgamma(0.5 * freedom) - 0.5 * math.log(freedom * math.pi)
        for _ in range(4):
            density = math.exp(log_scale - 0.5 * (freedom + 1.0) * math.log1p(start * start / freedom))
            start += (0.5 * _student_tail_one(abs(start), freedom) - (1.0 - p)) / density
        return start
    low, high = 0.0, 1.0
    while 0.5 * _student_tail_one(high, freedom) > 1.0 - p:
        high *= 2.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if 0.5 * _student_tail_one(middle, freedom) > 1.0 - p else (low, middle)
    return 0.5 * (low + high)


def _student_tail_one(t: float, freedom: float) -> float:
    if math.isinf(t):
        return 0.0
    if freedom > 1e7:
        return math.erfc(t / math.sqrt(2.0))
    return _incomplete_beta(0.5 * freedom, 0.5, freedom / (freedom + t * t))


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """I_x(a, b) by its continued fraction (Abramowitz and Stegun 1964, 26.5.8), evaluated as Lentz (1976) does."""
    if x <= 0.0 or x >= 1.0:
        return min(max(x, 0.0), 1.0)
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    if x > (a + 1.0) / (a + b + 2.0):
        return 1.0 - math.exp(log_front) * _beta_fraction(b, a, 1.0 - x) / b
    return math.exp(log_front) * _beta_fraction(a, b, x) / a


def _beta_fraction(a: float, b: float, x: float) -> float:
    c, d = 1.0, 1.0 / _away_from_zero(1.0 - (a + b) * x / (a + 1.0))
    value = d
    for m in range(1, _TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        for term in (even, odd):
            d = 1.0 / _away_from_zero(1.0 + term * d)
            c = _away_from_zero(1.0 + term / c)
            value *= c * d
        if abs(c * d - 1.0) < 1e-15:
            break
    return value


def _gamma_tail_one(a: float, x: float) -> float:
    """Q(a, x): the series of P below a + 1, the continued fraction from there (Abramowitz and Stegun 1964, 6.5.29, .31)."""
    if x <= 0.0:
        return 1.0
    front = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1.0:
        term = total = 1.0 / a
        for n in range(1, _TERMS):
            term *= x / (a + n)
            total += term
            if term < total * 1e-16:
                break
        return 1.0 - front * total
    b = x + 1.0 - a
    c, d = 1.0 / _TINY, 1.0 / b
    value = d
    for n in range(1, _TERMS):
        step = -n * (n - a)
        b += 2.0
        d = 1.0 / _away_from_zero(step * d + b)
        c = _away_from_zero(b + step / c)
        value *= c * d
        if abs(c * d - 1.0) < 1e-15:
            break
    return front * value


def _away_from_zero(x: float) -> float:
    return x if abs(x) > _TINY else _TINY


_student_tail = np.vectorize(_student_tail_one, otypes=[np.float64])
_gamma_tail = np.vectorize(_gamma_tail_one, otypes=[np.float64])
_mended = np.vectorize(_mended_one, otypes=[np.float64])
