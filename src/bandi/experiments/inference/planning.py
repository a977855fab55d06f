"""How many readers an experiment needs, and how many days that takes, before it begins."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bandi.experiments.inference.bounds import checked_alpha
from bandi.experiments.inference.comparing import Estimate, State, mean_estimate, ratio_estimate
from bandi.experiments.inference.sample_ratio import checked_weights
from bandi.experiments.inference.stopping import fixed_drift, sequence_design
from bandi.experiments.inference.totals import Totals
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array

LOOKS = 28
"""Looks that a sequence is planned with: daily for four weeks. With twice as many it needs 2 % fewer readers."""
_MOST_DAYS = 10_000
_MOST_READERS = 1e15
_LARGEST_EFFECT = 1e6


@dataclass(frozen=True, slots=True)
class Baseline:
    """What is known of a metric before: its value; variance: of what one reader adds to it; explained: share of that variance
    which covariates take out (the squared correlation), 0 without any. skewness: of a reader's value, 0 where unknown.
    """

    value: float
    variance: float
    explained: float = 0.0
    skewness: float = 0.0

    def __post_init__(self) -> None:
        problems = [
            Problem(where=f"baseline.{name}", found=str(found), expected=expected)
            for name, found, expected, good in (
                ("value", self.value, "a number other than 0", math.isfinite(self.value) and self.value != 0.0),
                ("variance", self.variance, "more than 0", math.isfinite(self.variance) and self.variance > 0.0),
                ("explained", self.explained, "0 or more and below 1", 0.0 <= self.explained < 1.0),
                ("skewness", self.skewness, "a number", math.isfinite(self.skewness)),
            )
            if not good
        ]
        if problems:
            raise InvalidInputError(problems)


@dataclass(frozen=True, slots=True)
class Requirement:
    """readers: of all variants together; by_variant: of each, the control first; days: until they are in and mature.

    expected_readers, expected_days: until a sequence stops where the effect is as planned; of a fixed horizon, the same as
    readers and days. days and expected_days are -1 where they cannot be reached within 10,000 days.
    """

    readers: int
    by_variant: tuple[int, ...]
    days: int
    expected_readers: int
    expected_days: int


@dataclass(frozen=True, slots=True)
class Plan:
    """difference: the effect in the metric's own unit. fixed: one look at the end; sequence: looks at any time.

    With `_adjusted`: with covariates from before the experiment; the same numbers where these explain nothing. notes: what to
    mind, in words.
    """

    difference: float
    fixed: Requirement
    fixed_adjusted: Requirement
    sequence: Requirement
    sequence_adjusted: Requirement
    notes: tuple[str, ...]


def plan(
    baseline: Baseline,
    effect: float,
    arrivals: Array,
    weights: Array,
    alpha: float = 0.05,
    power: float = 0.8,
    window_days: float = 0.0,
    looks: int = LOOKS,
) -> Plan:
    """Readers and days to find a relative `effect` (0.05: 5 % up; negative: down) between the control and a variant.

    arrivals: new readers of the experiment by day, float64[days]; the last day's number goes on. weights: shares of the
    variants, the control first, sum 1; with several treatments the smallest decides. window_days: of the metric, waited
    for after the last reader. With several treatments give alpha divided by their number (Bonferroni). Raises
    InvalidInputError for what is out of range, and for an effect that 1e15 readers do not find.
    """
    shares, arriving = checked_weights(weights), _checked_arrivals(arrivals)
    fine = -1.0 < effect <= _LARGEST_EFFECT and effect != 0.0
    expected_effect = f"a number other than 0, above -1 (nothing is left of the metric) and at most {_LARGEST_EFFECT:g}"
    _check_range("effect", effect, fine, expected_effect)
    _check_range("power", power, checked_alpha(alpha) < power < 1.0, "more than alpha and less than 1")
    _check_range("window_days", window_days, 0.0 <= window_days < math.inf, "0 or more")
    _check_range("looks", looks, 1 <= looks <= 1_000, "1 to 1,000")
    difference = effect * baseline.value
    fixed = fixed_drift(alpha, power)
    drift, expected = sequence_design(looks, alpha, power)

    def required(score: float, variance: float, until: float) -> Requirement:
        scores = abs(score / difference) if difference != 0.0 else math.inf
        readers = scores * scores * variance * _per_pair(shares, effect)
        if not readers <= _MOST_READERS:
            found = f"{effect:g} of {baseline.value:g}, where a reader's variance is {baseline.variance:g}"
            expected = f"an effect that fewer than {_MOST_READERS:.0e} readers find"
            raise InvalidInputError(Problem(where="effect", found=found, expected=expected))
        return _requirement(readers, until, shares, arriving, window_days)

    left = baseline.variance * (1.0 - baseline.explained)
    requirements = (
        required(fixed, baseline.variance, 1.0), required(fixed, left, 1.0),
        required(drift, baseline.variance, expected), required(drift, left, expected),
    )  # fmt: skip
    return Plan(difference, *requirements, _notes(baseline, requirements, shares))


def detectable_effect(
    baseline: Baseline, readers: float, weights: Array, alpha: float = 0.05, power: float = 0.8, looks: int = LOOKS
) -> tuple[float, float]:
    """The least relative effects that `readers` of all variants find: (at a fixed horizon, by a sequence), covariates used."""
    shares = checked_weights(weights)
    _check_range("readers", readers, 0.0 < readers < math.inf, "more than 0")
    _check_range("power", power, checked_alpha(alpha) < power < 1.0, "more than alpha and less than 1")
    least = baseline.variance * (1.0 - baseline.explained) / abs(baseline.value) / abs(baseline.value) / readers
    fixed, drift = fixed_drift(alpha, power), sequence_design(looks, alpha, power)[0]
    return _solved(fixed, least, shares), _solved(drift, least, shares)


def readers_for_normality(skewness: float) -> int:
    """Readers of each variant from which a mean is near enough to normal: 355 skewness^2 (Kohavi et al. 2014, rule 7)."""
    return math.ceil(355.0 * skewness**2)


def mean_baseline(totals: Totals) -> Baseline:
    """A mean metric's past: column 0 the value, others covariates. Raises InvalidInputError where it tells nothing."""
    return _baseline(mean_estimate(totals))


def ratio_baseline(totals: Totals) -> Baseline:
    """A ratio metric's past: column 0 over column 1, others covariates. Raises InvalidInputError where it tells nothing."""
    return _baseline(ratio_estimate(totals))


def _baseline(past: Estimate) -> Baseline:
    state, spread = State(int(past.states)), float(past.spread)
    if state is not State.JUDGED or spread <= 0.0:
        found = state.words or State.NO_SPREAD.words
        raise InvalidInputError(Problem(where="totals", found=found, expected="readers whose values differ"))
    return Baseline(float(past.value), spread, min(float(past.explained) / spread, 1.0 - 1e-9))


def _per_pair(shares: Array, effect: float) -> float:
    """Variance of the difference per reader of the whole experiment, in variances of a reader; smallest treatment.

    A treatment's spread is taken to grow with its value, as that of counts and coins does.
    """
    return float(1.0 / shares[0] + (1.0 + effect) ** 2 / shares[1:].min())


def _solved(score: float, least: float, shares: Array) -> float:
    """The effect e > 0 with e^2 = score^2 least (1 / control + (1 + e)^2 / treatment), infinite where there is none."""
    scaled, treatment = score**2 * least, float(shares[1:].min())
    a, b, c = 1.0 - scaled / treatment, -2.0 * scaled / treatment, -scaled * (1.0 / float(shares[0]) + 1.0 / treatment)
    return (-b + math.sqrt(b * b - 4.0 * a * c)) / (2.0 * a) if a > 0.0 else math.inf


def _requirement(readers: float, until: float, shares: Array, arriving: Array, window_days: float) -> Requirement:
    each = [max(math.ceil(readers * share - 1e-9), 2) for share in shares]
    whole, expected = sum(each), math.ceil(sum(each) * until)
    return Requirement(
        whole, tuple(each), _days(whole, arriving, window_days), expected, _days(expected, arriving, window_days)
    )


def _days(readers: float, arriving: Array, window_days: float) -> int:
    """Days until so many readers have come, and the window of the last of them has closed; -1: not in 10,000 days."""
    total = np.cumsum(arriving)
    if total[-1] >= readers:
        days = int(np.searchsorted(total, readers)) + 1
    elif arriving[-1] * _MOST_DAYS >= readers - total[-1]:
        days = len(arriving) + math.ceil((readers - total[-1]) / arriving[-1])
    else:
        return -1
    days += math.ceil(window_days)
    return days if days <= _MOST_DAYS else -1


def _notes(baseline: Baseline, requirements: tuple[Requirement, ...], shares: Array) -> tuple[str, ...]:
    notes = []
    normal = readers_for_normality(baseline.skewness)
    least = min(min(requirement.by_variant) for requirement in requirements)
    if normal > least:
        notes.append(
            f"values are skewed: a mean is near normal only from {normal:,} readers of a variant on, planned are {least:,}"
        )
    if any(requirement.days < 0 for requirement in requirements):
        notes.append(
            "fewer readers arrive than are needed: look for a larger effect, a wider placement or better covariates"
        )
    if len(shares) > 2:
        notes.append(f"{len(shares) - 1} treatments: plan with alpha / {len(shares) - 1}, or accept more false alarms")
    if baseline.explained == 0.0:
        notes.append("no covariates: what readers did before the experiment would save readers")
    return tuple(notes)


def _checked_arrivals(arrivals: Array) -> Array:
    arriving = np.asarray(arrivals, np.float64)
    if arriving.ndim != 1 or not len(arriving) or not np.isfinite(arriving).all() or (arriving < 0.0).any():
        raise InvalidInputError(Problem(where="arrivals", found=f"{arriving}", expected="readers by day, 0 or more"))
    return arriving


def _check_range(where: str, found: float, good: bool, expected: str) -> None:
    if not good:
        raise InvalidInputError(Problem(where=where, found=str(found), expected=expected))
