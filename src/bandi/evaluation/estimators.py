"""What another policy would have got, from logged decisions: pure functions over arrays.

w_i = pi_e(a_i | slot_i) / p_i, the evaluated policy's probability of the logged action over the logging policy's;
r_i the reward. weights: float64[n], at least 0; rewards: float64[n].
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bandi.evaluation.intervals import Interval, bootstrap_interval
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array

_Z = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with two intervals: by the normal approximation and by the bootstrap."""

    name: str
    value: Interval
    bootstrap: Interval


def importance_weights(action_probabilities: Array, items: Array, positions: Array, propensities: Array) -> Array:
    """w: float64[n]. action_probabilities: float64[items, positions], each column summing to 1.

    Raises InvalidInputError for shapes that do not fit, negative or non-finite probabilities, or columns that do not
    sum to 1 within 1 %.
    """
    shape = action_probabilities.shape
    needed = (int(items.max(initial=0)) + 1, int(positions.max(initial=0)) + 1)
    if len(shape) != 2 or shape[0] < needed[0] or shape[1] < needed[1]:
        raise InvalidInputError(
            Problem("action distribution", f"shape {list(shape)}", f"at least {list(needed)}, items by slots")
        )
    sums = action_probabilities.sum(axis=0)
    if not np.isfinite(action_probabilities).all() or (action_probabilities < 0).any() or (abs(sums - 1) > 0.01).any():
        found = f"slots that sum to {np.round(sums, 4).tolist()}"
        raise InvalidInputError(
            Problem("action distribution", found, "finite probabilities, at least 0, that sum to 1 in each slot")
        )
    return np.asarray(action_probabilities[items, positions] / propensities)


def ips(weights: Array, rewards: Array) -> Interval:
    """mean(w r): Horvitz and Thompson (1952); unbiased where the logging policy could show all that the other does."""
    values = weights * rewards
    return _normal(float(values.mean()), values)


def snips(weights: Array, rewards: Array) -> Interval:
    """sum(w r) / sum(w): Swaminathan and Joachims (2015); biased a little, steadier. Interval by linearisation."""
    total = float(weights.sum())
    if total <= 0:
        return Interval(math.nan, -math.inf, math.inf)
    value = float(weights @ rewards) / total
    return _normal(value, weights * (rewards - value) / (total / len(weights)))


def on_policy(rewards: Array) -> Interval:
    """The click rate of the log itself, with its Wilson interval (Wilson 1927)."""
    n, rate = len(rewards), float(rewards.mean())
    centre = (rate + _Z * _Z / (2 * n)) / (1 + _Z * _Z / n)
    half = _Z * math.sqrt(rate * (1 - rate) / n + _Z * _Z / (4 * n * n)) / (1 + _Z * _Z / n)
    return Interval(rate, max(0.0, centre - half), min(1.0, centre + half))


def effective_sample_size(weights: Array) -> float:
    """sum(w)^2 / sum(w^2): as many rows of the policy's own log would say as much (Kish 1965)."""
    squares = float(weights @ weights)
    return float(weights.sum()) ** 2 / squares if squares > 0 else 0.0


def estimates(weights: Array, rewards: Array, seed: int, resamples: int = 1_000) -> list[Estimate]:
    """IPS and SNIPS with both intervals."""
    return [
        Estimate("IPS", ips(weights, rewards), bootstrap_interval(weights, rewards, seed, resamples, "rows")),
        Estimate("SNIPS", snips(weights, rewards), bootstrap_interval(weights, rewards, seed, resamples, "weights")),
    ]


def _normal(value: float, influence: Array) -> Interval:
    if len(influence) < 2:
        return Interval(value, -math.inf, math.inf)
    half = _Z * float(influence.std(ddof=1)) / math.sqrt(len(influence))
    return Interval(value, value - half, value + half)
