"""Quantiles, such as the 95th percentile of latency: of values many of which belong to one reader.

Deng, Knoblich and Lu (2018): the share of values below a point is a ratio metric over readers, with a variance by
the delta method; the order statistics at that share plus and minus its error bound the quantile. No density is estimated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bandi.experiments.inference.bounds import Bounds, checked_alpha
from bandi.experiments.inference.comparing import Comparison, State
from bandi.experiments.inference.distributions import normal_quantile
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array


@dataclass(frozen=True, slots=True)
class Quantile:
    """value; low and high: its interval; standard_error: half of what lies between, in normal quantiles.

    readers: that had values. Where there are too few values to bound it, the interval is the whole line.
    """

    value: float
    low: float
    high: float
    standard_error: float
    readers: int


def quantile_of(values: Array, readers: Array, q: float, alpha: float = 0.05) -> Quantile:
    """The q-quantile of float64[values], each of the reader int64[values]. O(values log values)."""
    points, owners = _checked(values, readers, q)
    z = normal_quantile(1.0 - checked_alpha(alpha) / 2.0)
    if not len(points):
        return Quantile(0.0, -math.inf, math.inf, math.inf, 0)
    ordered = np.sort(points)
    at = min(int(q * len(ordered)), len(ordered) - 1)
    value = float(ordered[at])
    _, index = np.unique(owners, return_inverse=True)
    each = np.bincount(index).astype(np.float64)
    below = np.bincount(index, weights=points <= value)
    count = len(each)
    if count < 2:
        return Quantile(value, -math.inf, math.inf, math.inf, count)
    share = below.sum() / each.sum()
    deviations = (below - share * each) / each.mean()
    error = math.sqrt(float(deviations @ deviations) / (count - 1) / count)
    # A lone value may lie below by a hair: ranks are at least one apart from the quantile's own.
    low, high = math.floor((q - z * error) * len(ordered)) - 1, math.ceil((q + z * error) * len(ordered))
    if low < 0 or high >= len(ordered):
        return Quantile(value, -math.inf, math.inf, math.inf, count)
    bottom, top = float(ordered[low]), float(ordered[high])
    return Quantile(value, bottom, top, (top - bottom) / (2.0 * z), count)


def compare_quantiles(treatment: Quantile, control: Quantile) -> Comparison:
    """Two variants' quantiles as any other comparison, for a test, a lift, or a guardrail."""
    one, other = treatment.standard_error, control.standard_error
    state = State.JUDGED if math.isfinite(one) and math.isfinite(other) else State.TOO_FEW
    if state is State.JUDGED and one + other == 0.0:
        state = State.NO_SPREAD
    known = state is not State.TOO_FEW
    n, m = float(treatment.readers), float(control.readers)
    return Comparison(
        treatment=np.asarray(treatment.value),
        control=np.asarray(control.value),
        treatment_variance=np.asarray(one**2 if known else 0.0),
        control_variance=np.asarray(other**2 if known else 0.0),
        covariance=np.asarray(0.0),
        freedom=np.asarray(max(min(n, m) - 1.0, 1.0)),
        treatment_readers=np.asarray(n),
        control_readers=np.asarray(m),
        weight=np.asarray(n * m / (n + m) if n + m > 0.0 else 0.0),
        contributors=np.asarray(math.inf),
        states=np.asarray(state, np.int8),
    )


def bootstrapped_quantile_difference(
    treatment: tuple[Array, Array],
    control: tuple[Array, Array],
    q: float,
    random: np.random.Generator,
    alpha: float = 0.05,
    resamples: int = 1_000,
) -> Bounds:
    """Percentile bootstrap (Efron 1979) over readers of the difference; each variant is (values, readers).

    Readers are drawn with Poisson(1) counts (Hanley and MacGibbon 2006). O(resamples values), where `compare_quantiles` takes
    one sort: for few values, and as a check. The p-value is the least alpha whose interval leaves 0 out, and 1 / resamples
    at least. Raises InvalidInputError for fewer than 2 / alpha resamples: the interval's ends would be the least and greatest.
    """
    if not resamples * checked_alpha(alpha) >= 2.0:
        expected = f"at least {math.ceil(2.0 / alpha):,} for alpha {alpha:g}"
        raise InvalidInputError(Problem(where="resamples", found=str(resamples), expected=expected))
    one, other = _resampled(*treatment, q, random, resamples), _resampled(*control, q, random, resamples)
    if one is None or other is None:
        unknown = np.asarray(math.inf)
        return Bounds(np.asarray(0.0), -unknown, unknown, np.asarray(1.0))
    draws = one - other
    low, high = np.quantile(draws, [alpha / 2.0, 1.0 - alpha / 2.0])
    estimate = quantile_of(*treatment, q).value - quantile_of(*control, q).value
    tail = min(float((draws <= 0.0).mean()), float((draws >= 0.0).mean()))
    p = min(1.0, max(2.0 * tail, 1.0 / resamples))
    return Bounds(np.asarray(estimate), np.asarray(low), np.asarray(high), np.asarray(p))


def _resampled(values: Array, readers: Array, q: float, random: np.random.Generator, resamples: int) -> Array | None:
    """The quantile in each resample; None for fewer than two readers."""
    points, owners = _checked(values, readers, q)
    names, index = np.unique(owners, return_inverse=True)
    if len(names) < 2:
        return None
    order = np.argsort(points, kind="stable")
    ordered, index = points[order], index[order]
    draws = np.empty(resamples)
    for i in range(resamples):
        counts = random.poisson(1.0, len(names))
        weights = np.cumsum(counts[index])
        at = int(np.searchsorted(weights, q * weights[-1], side="right"))
        draws[i] = ordered[min(at, len(ordered) - 1)]
    return draws


def _checked(values: Array, readers: Array, q: float) -> tuple[Array, Array]:
    points, owners = np.asarray(values, np.float64), np.asarray(readers)
    if points.ndim != 1 or points.shape != owners.shape:
        found = f"{points.shape} values and {owners.shape} readers"
        raise InvalidInputError(Problem(where="values", found=found, expected="one reader for each value"))
    if not np.isfinite(points).all():
        raise InvalidInputError(Problem(where="values", found="NaN or infinity", expected="finite numbers"))
    if not 0.0 < q < 1.0:
        raise InvalidInputError(Problem(where="q", found=str(q), expected="more than 0 and less than 1"))
    return points, owners
