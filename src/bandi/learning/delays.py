"""How long after a start its reward comes, and how much a young start counts.

Most starts never lead to the reward. So the model is a mixture with a cured fraction (Berkson and Gage 1952; Farewell 1982):
a start converts with probability `rate`, and then after a delay with distribution F. By its age a a start has converted with
probability rate * F(a); an open one of age a has the likelihood 1 - rate * F(a). Two estimates:

- `kaplan_meier`: no shape assumed (Kaplan and Meier 1958). One minus the product-limit curve levels off at the rate
  (Maller and Zhou 1992), and F is the curve divided by that.
- `fit_delays`: F(t) = 1 - sum_j w_j exp(-t / tau_j) on a fixed basis of time constants, by EM (as Chapelle 2014 does for one
  exponential): the E-step shares each start out over "never" and the basis, the M-step takes the shares' means.

With F known, sum over starts of F(age) is how many *mature* starts the young ones are worth, and rewards divided by it do not
depend on how young a title is (Chapelle 2014; Vernade, Cappé and Perchet 2017; Vernade et al. 2020). On the basis it is
N - sum_j w_j E_j(now), where E_j = sum of exp(-age / tau_j) decays by itself: `MaturingTrials` keeps it in O(1) a start.

The weights are not negative, so F has a falling density: where hardly anybody converts at once, but most after days, F is too
high for young starts (docs/reference/attribution.md says by how much).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bandi.learning._delay_kernels import NO_LANDMARK, add_starts
from bandi.model.config_values import duration_ms
from bandi.model.records import Array

BASIS = ("1h", "6h", "1d", "3d", "8d", "24d")
"""Time constants."""
TAUS_MS = np.array([duration_ms(tau) for tau in BASIS], np.float64)
PRIOR = (0.05, 0.05, 0.20, 0.35, 0.32, 0.03)
"""Weights of the basis before any reward: mean delay 4.54 days, a tenth within about 9 hours, nine tenths within 12 days."""
PRIOR_REWARDS = 20.0
"""Rewards that the prior curve is worth."""

_BINS = 512
_ITERATIONS = 500
_TOLERANCE = 1e-9


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


@dataclass(frozen=True, slots=True)
class DelayCurve:
    """weights: float64[basis], at least 0, summing to 1; rate: share of starts that convert in the end; rewards: seen."""

    weights: Array
    rate: float
    rewards: int

    def share(self, ages_ms: Array) -> Array:
        """F at ages: float64[n], 0 to 1; of those that convert the share that has."""
        ages = np.maximum(np.asarray(ages_ms, np.float64), 0.0)
        curve: Array = 1.0 - np.exp(-ages[:, None] / TAUS_MS) @ self.weights
        return curve

    @property
    def mean_ms(self) -> float:
        """Mean delay of those that convert."""
        return float(self.weights @ TAUS_MS)


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


def fit_delays(
    starts_ms: Array,
    delays_ms: Array,
    now_ms: int,
    window_ms: int,
    prior: Sequence[float] = PRIOR,
    prior_rewards: float = PRIOR_REWARDS,
) -> DelayCurve:
    """Weights and rate by EM of starts: int64[n], with delays: int64[n], -1 where none came.

    A start that is open after the window will not be rewarded any more. Of r rewards the weights are r / (r + prior_rewards)
    the data's and the prior's for the rest, in each M-step; so few rewards of young starts are not explained by everybody
    converting some day. Ages and delays are first counted in 512 bins of equal ratio, about 3 % wide. O(n). Raises ValueError
    where lengths differ, or the prior is none.
    """
    weights = np.asarray(prior, np.float64)
    if (
        weights.shape != TAUS_MS.shape
        or (weights < 0).any()
        or not np.isclose(weights.sum(), 1.0)
        or prior_rewards <= 0
    ):
        raise ValueError(f"prior: expected {len(TAUS_MS)} weights from 0 that sum to 1, and prior_rewards above 0")
    delays, ages = _observed(starts_ms, delays_ms, now_ms, window_ms)
    if not len(delays):
        return DelayCurve(weights, 0.0, 0)
    delay_bins, delay_counts = _binned(delays, window_ms)
    age_bins, age_counts = _binned(ages[ages < window_ms], window_ms)
    density = np.exp(-delay_bins[:, None] / TAUS_MS) / TAUS_MS
    survival = np.exp(-age_bins[:, None] / TAUS_MS)
    trust = len(delays) / (len(delays) + prior_rewards)
    total = len(delays) + len(ages)
    rate, anchor = min(0.5, 2.0 * len(delays) / total), weights
    for _ in range(_ITERATIONS):
        of_rewards = density * weights
        of_rewards *= (delay_counts / of_rewards.sum(axis=1))[:, None]
        of_open = rate * survival * weights
        of_open *= (age_counts / (1.0 - rate + of_open.sum(axis=1)))[:, None]
        shares = of_rewards.sum(axis=0) + of_open.sum(axis=0)
        before, weights = weights, trust * shares / shares.sum() + (1.0 - trust) * anchor
        previous, rate = rate, float(shares.sum() / total)
        if abs(rate - previous) < _TOLERANCE * rate and np.abs(weights - before).max() < _TOLERANCE:
            break
    return DelayCurve(weights, rate, len(delays))


class MaturingTrials:
    """Starts by arm, from which their mature number follows at any time: 56 bytes an arm.

    arms are dense ids; the same starts in the same order give the same bytes, however they were cut.
    """

    def __init__(self) -> None:
        self._counts = np.zeros(0)
        self._sums = np.zeros((0, len(BASIS)))
        self._landmarks = np.full(len(BASIS), NO_LANDMARK, np.int64)
        self._arms = 0

    def add(self, arms: Array, trials: Array, starts_ms: Array) -> None:
        """Add starts (negative: take them back). arms: int[n], from 0; trials: float[n]; starts_ms: int64[n]. O(n)."""
        if not len(arms):
            return
        needed = int(arms.max()) + 1
        if needed > len(self._counts):
            size = max(needed, len(self._counts) * 3 // 2, 64)
            counts, sums = np.zeros(size), np.zeros((size, len(BASIS)))
            counts[: self._arms], sums[: self._arms] = self._counts[: self._arms], self._sums[: self._arms]
            self._counts, self._sums = counts, sums
        self._arms = max(self._arms, needed)
        add_starts(
            self._sums, self._counts, self._landmarks, _HALF_LIVES_MS,
            np.ascontiguousarray(arms, np.int64), np.ascontiguousarray(trials, np.float64),
            np.ascontiguousarray(starts_ms, np.int64),
        )  # fmt: skip

    def mature(self, arms: Array, now_ms: int, curve: DelayCurve) -> Array:
        """How many mature starts those of each arm are worth: float64[n], N - sum_j w_j E_j(now). O(n)."""
        found = np.zeros(len(arms))
        known = (arms >= 0) & (arms < self._arms)
        if known.any():
            own = arms[known]
            decayed = np.exp2((self._landmarks - now_ms) / _HALF_LIVES_MS)
            found[known] = self._counts[own] - self._sums[own] @ (decayed * curve.weights)
        return found

    def dump(self) -> dict[str, Array]:
        """Plain arrays."""
        return {
            "counts": self._counts[: self._arms].copy(),
            "sums": self._sums[: self._arms].copy(),
            "landmarks_ms": self._landmarks.copy(),
        }

    def load(self, arrays: dict[str, Array]) -> None:
        """Replace everything by what `dump` gave. Raises ValueError where it does not fit."""
        counts, sums = np.array(arrays["counts"], np.float64), np.array(arrays["sums"], np.float64)
        if sums.shape != (len(counts), len(BASIS)) or arrays["landmarks_ms"].shape != (len(BASIS),):
            raise ValueError(f"sums: expected float64[{len(counts)}, {len(BASIS)}], found {list(sums.shape)}")
        self._counts, self._sums, self._arms = counts, sums, len(counts)
        self._landmarks = np.array(arrays["landmarks_ms"], np.int64)


_HALF_LIVES_MS = np.round(TAUS_MS * np.log(2.0))
"""Whole milliseconds, so that a landmark moves by exactly whole half-lives; off by less than 2e-7 of each."""


def _observed(starts_ms: Array, delays_ms: Array, now_ms: int, window_ms: int) -> tuple[Array, Array]:
    """(delays of the rewards in their window, at least 1 ms; ages of the others, at least 0)."""
    starts, delays = np.asarray(starts_ms, np.int64), np.asarray(delays_ms, np.int64)
    if starts.shape != delays.shape or starts.ndim != 1:
        raise ValueError(f"starts and delays: expected one length, found {starts.shape} and {delays.shape}")
    rewarded = (delays >= 0) & (delays <= window_ms)
    return np.maximum(delays[rewarded], 1).astype(np.float64), np.maximum(now_ms - starts[~rewarded], 0).astype(float)


def _binned(times_ms: Array, window_ms: int) -> tuple[Array, Array]:
    """Mean and count of the times in each bin that holds any: float64[bins] each."""
    edges = np.geomspace(1.0, max(float(window_ms), 2.0), _BINS)
    places = np.searchsorted(edges, times_ms)
    counts = np.bincount(places, minlength=_BINS + 1).astype(np.float64)
    sums = np.bincount(places, weights=times_ms, minlength=_BINS + 1)
    held = counts > 0
    return sums[held] / counts[held], counts[held]
