"""Shares of readers where few have done it: intervals that stay within 0 to 1 and hold for small counts."""

from __future__ import annotations

import numpy as np

from bandi.experiments.inference.bounds import Bounds, checked_alpha
from bandi.experiments.inference.distributions import normal_quantile, normal_two_sided
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array


def share_interval(successes: Array, readers: Array, alpha: float = 0.05) -> Bounds:
    """Wilson's score interval (1927) of successes / readers, elementwise; from 0 to 1 without readers. p-values are 1."""
    k, n = _checked(successes, readers)
    z = normal_quantile(1.0 - checked_alpha(alpha) / 2.0)
    low, high = _wilson(k, n, z)
    return Bounds(_share(k, n), low, high, np.ones(k.shape))


def share_difference(
    treated: Array, treatment_readers: Array, held: Array, control_readers: Array, alpha: float = 0.05
) -> Bounds:
    """Share of the treatment less share of the control, elementwise: Newcombe (1998), method 10, and the pooled score test.

    For one look. Readers must count once: clicks per impression are no proportion of readers, see compare_ratios.
    """
    k, n = _checked(treated, treatment_readers)
    j, m = _checked(held, control_readers)
    z = normal_quantile(1.0 - checked_alpha(alpha) / 2.0)
    (low, high), (other_low, other_high) = _wilson(k, n, z), _wilson(j, m, z)
    p, q = _share(k, n), _share(j, m)
    known = (n > 0.0) & (m > 0.0)
    difference = np.where(known, p - q, 0.0)
    together = _share(k + j, n + m)
    variance = together * (1.0 - together) * (1.0 / np.maximum(n, 1.0) + 1.0 / np.maximum(m, 1.0))
    judged = known & (variance > 0.0)
    scores = np.where(judged, difference / np.sqrt(np.where(judged, variance, 1.0)), 0.0)
    return Bounds(
        difference,
        np.where(known, difference - np.hypot(p - low, other_high - q), -1.0),
        np.where(known, difference + np.hypot(high - p, q - other_low), 1.0),
        np.where(judged, normal_two_sided(scores), 1.0),
    )


def _wilson(k: Array, n: Array, z: float) -> tuple[Array, Array]:
    some = np.maximum(n, 1.0)
    p = k / some
    centre = (p + z * z / (2.0 * some)) / (1.0 + z * z / some)
    half = z / (1.0 + z * z / some) * np.sqrt(p * (1.0 - p) / some + z * z / (4.0 * some * some))
    low = np.where((n > 0.0) & (k > 0.0), centre - half, 0.0)
    high = np.where((n > 0.0) & (k < n), centre + half, 1.0)
    return low, high


def _share(k: Array, n: Array) -> Array:
    share: Array = k / np.maximum(n, 1.0)
    return share


def _checked(successes: Array, readers: Array) -> tuple[Array, Array]:
    k, n = np.asarray(successes, np.float64), np.asarray(readers, np.float64)
    if not (np.isfinite(k).all() and np.isfinite(n).all() and (k >= 0.0).all() and (k <= n).all()):
        found = f"{k} of {n}" if k.size < 8 else "others"
        raise InvalidInputError(
            Problem(where="successes", found=found, expected="counts of 0 to the number of readers")
        )
    return k, n
