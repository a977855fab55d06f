"""An estimate with its interval and p-value, for a difference and for a lift."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bandi.experiments.inference.comparing import Comparison, State
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array


@dataclass(frozen=True, slots=True)
class Bounds:
    """estimates, low, high, p_values: arrays of one shape; never NaN. Unknown: the whole line, p-value 1."""

    estimates: Array
    low: Array
    high: Array
    p_values: Array


def difference_bounds(comparison: Comparison, multipliers: Array, p_values: Array) -> Bounds:
    """Treatment less control, plus and minus `multipliers` standard errors."""
    error = comparison.standard_error
    judged = np.isfinite(error) & np.isfinite(multipliers)
    half = np.where(judged, np.where(judged, multipliers, 1.0) * np.where(judged, error, 1.0), np.inf)
    difference = comparison.difference
    return Bounds(difference, difference - half, difference + half, np.where(judged, p_values, 1.0))


def lift_bounds(comparison: Comparison, multipliers: Array, p_values: Array) -> Bounds:
    """Treatment / control - 1: all lifts l for which treatment - (1 + l) control is within `multipliers` standard errors of 0.

    Fieller (1954). Where the control itself cannot be told from 0, every lift can be true and the interval is the whole
    line; the estimate is 0 where the control is 0. The p-value is that of no difference.
    """
    error, one, other = comparison.standard_error, comparison.treatment, comparison.control
    judged = np.isfinite(error) & np.isfinite(multipliers)
    squared = np.where(judged, multipliers, 0.0) ** 2
    a = other**2 - squared * comparison.control_variance
    b = one * other - squared * comparison.covariance
    c = one**2 - squared * comparison.treatment_variance
    bounded = judged & (a > 0.0)
    below = np.where(bounded, a, 1.0)
    root = np.sqrt(np.maximum(b**2 - a * c, 0.0))
    known = (other != 0.0) & ((comparison.states == State.JUDGED) | (comparison.states == State.NO_SPREAD))
    return Bounds(
        np.where(known, one / np.where(known, other, 1.0) - 1.0, 0.0),
        np.where(bounded, (b - root) / below - 1.0, -np.inf),
        np.where(bounded, (b + root) / below - 1.0, np.inf),
        np.where(judged, p_values, 1.0),
    )


def standard_scores(comparison: Comparison) -> Array:
    """Difference over its standard error; 0 where it cannot be judged."""
    scores: Array = comparison.difference / np.where(comparison.standard_error > 0.0, comparison.standard_error, np.inf)
    return scores


def checked_alpha(alpha: float) -> float:
    """Alpha itself. Raises InvalidInputError unless 0 < alpha < 1."""
    if not 0.0 < alpha < 1.0:
        raise InvalidInputError(Problem(where="alpha", found=str(alpha), expected="more than 0 and less than 1"))
    return alpha
