"""What a rule of stopping leads to: the chance to stop at each look, by integration, not by simulation.

The difference so far, at a share u of the planned readers, is a Brownian motion with drift seen at the looks. Its density among
experiments that go on is carried from look to look (Armitage, McPherson and Rowe 1969), on Gauss-Legendre points.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from bandi.experiments.inference.distributions import normal_quantile
from bandi.experiments.inference.sequences import multipliers, narrowest
from bandi.model.records import Array

_NODES_PER_STEP = 6.0


def stopping_chances(drift: float, shares: Array, bounds: Array) -> Array:
    """Chance to stop first at each look: float64[looks].

    drift: expected score (difference over its standard error) when all planned readers are in. shares: float64[looks], of
    the planned readers, ascending, above 0. bounds: float64[looks], scores beyond which one stops, on either side.
    """
    chances = np.zeros(len(shares))
    points, weights = np.zeros(1), np.ones(1)
    before, going = 0.0, 1.0
    for look, (share, bound) in enumerate(zip(shares, bounds * np.sqrt(shares), strict=True)):
        step = share - before
        density_at, width = _nodes(bound, step)
        moves = (density_at[:, None] - points[None, :] - drift * step) / math.sqrt(step)
        density = np.exp(-0.5 * moves**2) @ weights / math.sqrt(2.0 * math.pi * step)
        points, weights = density_at, density * width
        left = float(weights.sum())
        chances[look] = max(going - left, 0.0)
        before, going = float(share), min(left, going)
    return chances


def needed_drift(shares: Array, bounds: Array, power: float) -> float:
    """The expected final score with which the rule stops by the last look with probability `power`."""
    low, high = 0.0, 1.0
    while stopping_chances(high, shares, bounds).sum() < power:
        high *= 2.0
    for _ in range(30):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if stopping_chances(middle, shares, bounds).sum() < power else (low, middle)
    return 0.5 * (low + high)


def sequence_rule(looks: int, alpha: float) -> tuple[Array, Array]:
    """(shares, bounds) of a confidence sequence, narrowest at the end, at `looks` looks evenly far apart."""
    shares = np.arange(1, looks + 1) / looks
    return shares, multipliers(narrowest(alpha) * shares, alpha)


@lru_cache(maxsize=64)
def sequence_design(looks: int, alpha: float, power: float) -> tuple[float, float]:
    """(expected final score with which a sequence stops by its last look with probability `power`; share of the planned
    readers that are in when it then stops, on average).
    """
    shares, bounds = sequence_rule(looks, alpha)
    drift = needed_drift(shares, bounds, power)
    chances = stopping_chances(drift, shares, bounds)
    return drift, float(chances @ shares + (1.0 - chances.sum()))


def fixed_drift(alpha: float, power: float) -> float:
    """The expected final score with which one two-sided test at the end rejects with probability `power`."""
    return normal_quantile(1.0 - alpha / 2.0) + normal_quantile(power)


def _nodes(bound: float, step: float) -> tuple[Array, Array]:
    """Gauss-Legendre points and weights between -bound and bound, dense enough for a step's normal density."""
    count = int(min(64 + _NODES_PER_STEP * bound / math.sqrt(step), 1_000))
    points, weights = _legendre(32 * math.ceil(count / 32))
    return points * bound, weights * bound


@lru_cache(maxsize=64)
def _legendre(count: int) -> tuple[Array, Array]:
    points, weights = np.polynomial.legendre.leggauss(count)
    return points, weights
