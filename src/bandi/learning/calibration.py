"""Whether what was foretold came: expected counts against observed ones, by groups of what was foretold.

A start of age a with the forecast p (rewards in the end) is expected to have brought p * F(a) by now, so young cohorts can be
judged beside old ones. Counts have Byar's Poisson interval (Breslow and Day 1987, section 2.3).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bandi.model.records import Array

_Z = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Group:
    """starts: trials; mature: those weighed by F(age); expected, observed: rewards by now; low, high: 95 % bounds of observed."""

    starts: float
    mature: float
    expected: float
    observed: float
    low: float
    high: float

    @property
    def ratio(self) -> float:
        """observed / expected; not a number where nothing was expected."""
        return self.observed / self.expected if self.expected > 0.0 else math.nan


def even_groups(forecasts: Array, starts: Array, count: int) -> Array:
    """Which of `count` groups each title belongs to, by its forecast, each with about as many starts: int64[n], 0 the lowest.

    forecasts, starts: float64[n]. Equal forecasts stay together, so groups may be empty.
    """
    values, places = np.unique(forecasts, return_inverse=True)
    sums = np.bincount(places, np.maximum(starts, 0.0), len(values))
    total = max(float(sums.sum()), 1e-300)
    middles = (np.cumsum(sums) - sums / 2.0) / total
    groups: Array = np.minimum((middles * count).astype(np.int64), count - 1)[places]
    return groups


def grouped(groups: Array, count: int, starts: Array, mature: Array, expected: Array, observed: Array) -> list[Group]:
    """Sums by group; all arrays are [n], groups from 0 to count - 1."""
    sums = np.array([np.bincount(groups, column, count) for column in (starts, mature, expected, observed)])
    return [_group(*sums[:, group].tolist()) for group in range(count)]


def _group(starts: float, mature: float, expected: float, observed: float) -> Group:
    return Group(starts, mature, expected, observed, *poisson_bounds(observed))


def poisson_bounds(count: float) -> tuple[float, float]:
    """Byar's 95 % bounds of the mean of a Poisson count."""
    low = count * max(1.0 - 1.0 / (9.0 * count) - _Z / (3.0 * math.sqrt(count)), 0.0) ** 3 if count > 0.0 else 0.0
    more = max(count, 0.0) + 1.0
    return low, more * (1.0 - 1.0 / (9.0 * more) + _Z / (3.0 * math.sqrt(more))) ** 3
