"""How long after a start its reward comes, as the log shows it: the curve that reports draw and that policies are held against.

Most starts never lead to the reward. So the model is a mixture with a cured fraction (Berkson and Gage 1952; Farewell 1982):
a start converts with probability `rate`, and then after a delay with distribution F. No shape is assumed (Kaplan and Meier
1958): one minus the product-limit curve levels off at the rate (Maller and Zhou 1992), and F is the curve divided by that.

What a policy goes by while it learns, from rewards alone and in a few numbers a title, is in policies/chain.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bandi.model.records import Array


@dataclass(frozen=True, slots=True)
class KaplanMeier:
    """times_ms: float64[m], ascending; converted: float64[m], share of all starts that converted by then; rate: where it ends.

    error: standard error of the rate (Greenwood 1926); errors: float64[m], those of `converted`.
    """

    times_ms: Array
    converted: Array
    rate: float
    error: float
    errors: Array

    def share(self, ages_ms: Array) -> Array:
        """F at ages: float64[n], of those that convert the share that has; 0 everywhere without a reward."""
        if not len(self.times_ms):
            return np.zeros(len(ages_ms))
        at = np.searchsorted(self.times_ms, ages_ms, side="right")
        curve: Array = np.concatenate([[0.0], self.converted])[at] / self.rate
        return curve

    def converted_at(self, ages_ms: Array) -> tuple[Array, Array]:
        """Share of all starts that converted by these ages, and its standard error: float64[n] each."""
        at = np.searchsorted(self.times_ms, ages_ms, side="right")
        return np.concatenate([[0.0], self.converted])[at], np.concatenate([[0.0], self.errors])[at]

    @property
    def mean_ms(self) -> float:
        """Mean delay of those that convert within the window; 0 without a reward."""
        steps = np.diff(self.converted, prepend=0.0)
        return float(steps @ self.times_ms / self.rate) if self.rate > 0.0 else 0.0

    @property
    def median_ms(self) -> float:
        """The delay by which half of those that convert have; 0 without a reward."""
        if not len(self.times_ms):
            return 0.0
        return float(self.times_ms[np.searchsorted(self.converted, 0.5 * self.rate)])


def kaplan_meier(starts_ms: Array, delays_ms: Array, now_ms: int, window_ms: int) -> KaplanMeier:
    """The curve of starts: int64[n], with delays: int64[n], -1 where none came. O(n log n).

    An open start is known up to its age, at most up to the window. Raises ValueError where lengths differ.
    """
    delays, ages = _observed(starts_ms, delays_ms, now_ms, window_ms)
    times, events = np.unique(delays, return_counts=True)
    if not len(times):
        return KaplanMeier(np.zeros(0), np.zeros(0), 0.0, 0.0, np.zeros(0))
    known_until = np.sort(np.concatenate([delays, np.minimum(ages, window_ms)]))
    at_risk = len(known_until) - np.searchsorted(known_until, times, side="left")
    open_share = np.cumprod(1.0 - events / at_risk)
    left = at_risk - events
    variances = np.divide(events, at_risk * left, out=np.zeros(len(events)), where=left > 0)
    errors = open_share * np.sqrt(np.cumsum(variances))
    return KaplanMeier(times, 1.0 - open_share, float(1.0 - open_share[-1]), float(errors[-1]), errors)


def _observed(starts_ms: Array, delays_ms: Array, now_ms: int, window_ms: int) -> tuple[Array, Array]:
    """(delays of the rewards in their window, at least 1 ms; ages of the others, at least 0)."""
    starts, delays = np.asarray(starts_ms, np.int64), np.asarray(delays_ms, np.int64)
    if starts.shape != delays.shape or starts.ndim != 1:
        raise ValueError(f"starts and delays: expected one length, found {starts.shape} and {delays.shape}")
    rewarded = (delays >= 0) & (delays <= window_ms)
    return np.maximum(delays[rewarded], 1).astype(np.float64), np.maximum(now_ms - starts[~rewarded], 0).astype(float)
