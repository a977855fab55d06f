"""The limit or shrinkage of an estimator's weights, chosen from the data by an estimate of its mean squared error."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bandi.evaluation.off_policy._tuning import KINDS, moments
from bandi.model.records import Array

Rule = Literal["direct", "bound"]
"""How the bias is estimated: by what the rows show, or by an upper bound of it."""
DELTA = 0.05
"""The bias bound holds with probability 1 - DELTA."""
CANDIDATES = 30


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen. parameter: infinity where weights stay as they are; errors: float64[candidates], the estimated mean
    squared error of each of `candidates`."""

    parameter: float
    candidates: Array
    errors: Array


def candidates(kind: str, weights: Array) -> Array:
    """Limits for "clip" and "switch": from the median weight to the largest, evenly in the logarithm; shrinkages for "shrink":
    from 0.01 times the 5 % quantile of w^2 to 100 times its 95 % quantile (Su et al. 2020, section 6); and infinity."""
    seen = weights[:: max(1, len(weights) // 1_000_000)]
    seen = seen[seen > 0]
    if not len(seen):
        return np.array([math.inf])
    largest = float(weights.max())
    if kind == "shrink":
        low, high = np.quantile(seen, [0.05, 0.95]) ** 2 * (0.01, 100.0)
    else:
        low, high = float(np.quantile(seen, 0.5)), largest
    return np.append(np.geomspace(low, high, CANDIDATES), math.inf)


def choose(kind: str, weights: Array, residuals: Array, expected: Array, rule: Rule = "direct") -> Choice:
    """The candidate with the least estimated mean squared error, variance plus squared bias; infinity is always one of them.

    kind: "clip", "switch" or "shrink". residuals: float64[n], r for IPS and r - q for the doubly robust; expected: float64[n], 0
    for IPS and v for the doubly robust. The variance is that of the rows over n. The bias is that of s in the place of w, the
    mean of x = (w - s) residual: Su, Dimakopoulou, Krishnamurthy and Dudík (2020), section 5 and its appendix. By the rule "direct"
    it is |mean(x)|; by "bound" at most |mean(x)| + sqrt(2 mean(x^2) L / n) + 2 max|x| L / (3 n), L = log(2 / 0.05), with
    probability 0.95 (Bernstein's inequality with sample moments), which hardly ever moves a weight. O(n candidates).
    """
    limits = candidates(kind, weights)
    n = len(weights)
    sums = moments(weights, residuals, expected, limits, KINDS.index(kind))
    means = sums[:, :4] / n
    variance = np.maximum(means[:, 1] - means[:, 0] ** 2, 0.0) / n
    bias = np.abs(means[:, 2])
    if rule == "bound":
        log_term = math.log(2.0 / DELTA)
        bias += np.sqrt(2.0 * means[:, 3] * log_term / n) + 2.0 * sums[:, 4] * log_term / (3.0 * n)
    errors = variance + bias * bias
    best = len(limits) - 1 - int(np.argmin(errors[::-1]))  # of equals the one that changes weights least
    return Choice(float(limits[best]), limits, errors)
