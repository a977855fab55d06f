"""Intervals: Student's t for the mean of a few values such as one per seed, Wilson's for a rate."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bandi.model.records import Array

_Z = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with the bounds of its 95 % interval."""

    estimate: float
    low: float
    high: float

    def overlaps(self, other: Interval) -> bool:
        """Whether the two have a point in common."""
        return self.low <= other.high and other.low <= self.high


def t_quantile(freedom: int) -> float:
    """The 97.5 % quantile of Student's t, to about 1e-4 from 3 degrees of freedom on (Hill 1970; exact for 1 and 2)."""
    if freedom == 1:
        return 12.706204736432095
    if freedom == 2:
        return 4.302652729911275
    p = 0.05
    a = 1.0 / (freedom - 0.5)
    b = 48.0 / (a * a)
    c = ((20700.0 * a / b - 98.0) * a - 16.0) * a + 96.36
    d = ((94.5 / (b + c) - 3.0) / b + 1.0) * math.sqrt(a * math.pi / 2.0) * freedom
    y = (d * p) ** (2.0 / freedom)
    if y > 0.05 + a:
        x = -1.959963984540054
        y = x * x
        if freedom < 5:
            c += 0.3 * (freedom - 4.5) * (x + 0.6)
        c = (((0.05 * d * x - 5.0) * x - 7.0) * x - 2.0) * x + b + c
        y = (((((0.4 * y + 6.3) * y + 36.0) * y + 94.5) / c - y - 3.0) / b + 1.0) * x
        y = math.expm1(a * y * y)
    else:
        y = (
            (
                1.0 / (((freedom + 6.0) / (freedom * y) - 0.089 * d - 0.822) * (freedom + 2.0) * 3.0)
                + 0.5 / (freedom + 4.0)
            )
            * y
            - 1.0
        ) * (freedom + 1.0) / (freedom + 2.0) + 1.0 / y
    return math.sqrt(freedom * y)


def t_interval(values: Array) -> Interval:
    """Mean of independent values (float64[n], such as one per seed) with Student's t; infinite bounds for n = 1."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return Interval(mean, -math.inf, math.inf)
    half = t_quantile(len(values) - 1) * float(np.std(values, ddof=1)) / math.sqrt(len(values))
    return Interval(mean, mean - half, mean + half)


def wilson_interval(outcomes: Array) -> Interval:
    """The rate of outcomes, float64[n] of 0 or 1, with its 95 % interval (Wilson 1927)."""
    return wilson_of(float(outcomes.sum()), float(len(outcomes)))


def wilson_of(successes: float, trials: float) -> Interval:
    """The rate successes / trials, trials above 0, with its 95 % interval (Wilson 1927)."""
    n, rate = trials, successes / trials
    centre = (rate + _Z * _Z / (2 * n)) / (1 + _Z * _Z / n)
    half = _Z * math.sqrt(rate * (1 - rate) / n + _Z * _Z / (4 * n * n)) / (1 + _Z * _Z / n)
    return Interval(rate, centre - half if rate > 0 else 0.0, centre + half if rate < 1 else 1.0)
