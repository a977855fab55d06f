"""All estimators of one sample, with their intervals, in blocks: two passes over the rows, whatever their number."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from bandi.evaluation.intervals import Interval
from bandi.evaluation.off_policy import uncertainty
from bandi.evaluation.off_policy.bootstrap import BLOCK, percentile_bounds, resampled_means, studentised_bounds
from bandi.evaluation.off_policy.estimators import ESTIMATORS, Estimator, Terms
from bandi.evaluation.off_policy.sample import Sample
from bandi.evaluation.off_policy.tuning import Rule, choose
from bandi.model.errors import InvalidInputError, Problem, UnknownNameError
from bandi.model.records import Array

NOTHING_LOGGED = "the evaluated policy does nothing of what was logged: there is no weight to divide by"
NOTHING_VARIES = "every row adds the same, so rows do not show how uncertain this is; only Bernstein's bound, where there is one, holds"
MODEL_ALONE = "no interval: rows do not show how wrong the model is, which is what this estimate is uncertain by"
FEW_CARRY = "a few rows carry all of it: the studentised bootstrap finds resamples without any"


@dataclass(frozen=True, slots=True)
class Settings:
    """What to estimate. estimators: names of `ESTIMATORS`; parameters: limit or shrinkage by estimator's name, chosen from the
    data by the rule `tuning` where absent; reward_range: what a reward can be, for Bernstein's bound; threads: 0 for one on each core."""

    estimators: tuple[str, ...] = tuple(ESTIMATORS)
    parameters: Mapping[str, float] = field(default_factory=dict)
    tuning: Rule = "direct"
    reward_range: tuple[float, float] = (0.0, 1.0)
    resamples: int = 1_000
    seed: int = 1
    threads: int = 0

    def check(self) -> None:
        """Raises UnknownNameError for a name of no estimator, InvalidInputError for a parameter that is not above 0."""
        for name in (*self.estimators, *self.parameters):
            if name not in ESTIMATORS:
                raise UnknownNameError(Problem("estimator", name, f"one of: {', '.join(ESTIMATORS)}"))
        for name, value in self.parameters.items():
            if not value > 0 or not ESTIMATORS[name].tuned:
                raise InvalidInputError(
                    Problem(f"parameter of {name}", str(value), "a number above 0, of an estimator that has one")
                )
        if not self.reward_range[0] < self.reward_range[1]:
            raise InvalidInputError(Problem("reward range", str(self.reward_range), "two numbers, the least first"))


@dataclass(frozen=True, slots=True)
class Estimate:
    """What an estimator says. value: None where it is not defined; error: its standard error.

    Four 95 % intervals, None where one does not apply: Student's t, empirical Bernstein, percentile bootstrap and studentised
    bootstrap. parameter: the limit or shrinkage of the weights; bias: what that may have moved the value by, which the intervals
    hold on both sides. note: why something is None.
    """

    name: str
    value: float | None
    parameter: float | None = None
    bias: float | None = None
    error: float | None = None
    student: Interval | None = None
    bernstein: Interval | None = None
    percentile: Interval | None = None
    studentised: Interval | None = None
    note: str = ""


@dataclass(slots=True)
class _Tally:
    """One estimator's sums: first of its terms, then of the squares of its influence."""

    estimator: Estimator
    parameter: float
    added: float = 0.0
    scaled: float = 0.0
    scale: float = 0.0
    ratio: bool = False
    lost: float = 0.0
    lost_squares: float = 0.0
    squares: float = 0.0
    largest: float = 0.0

    def take(self, part: Sample) -> None:
        terms = self.estimator.terms(part, self.parameter)
        self.added += float(terms.added.sum())
        if self.estimator.tuned and not math.isinf(self.parameter):
            lost = self.estimator.terms(part, math.inf).added - terms.added
            self.lost += float(lost.sum())
            self.lost_squares += float(lost @ lost)
        if terms.scaled is not None and terms.scale is not None:
            self.ratio = True
            self.scaled += float(terms.scaled.sum())
            self.scale += float(terms.scale.sum())

    def value(self, rows: int) -> float | None:
        if not self.ratio:
            return self.added / rows
        return self.added / rows + self.scaled / self.scale if self.scale > 0 else None

    def bias(self, rows: int) -> float:
        """What the changed weights may have moved the value by: the mean of what was lost and 1.96 of its standard errors."""
        mean = self.lost / rows
        return abs(mean) + 1.96 * math.sqrt(max(self.lost_squares / rows - mean * mean, 0.0) / rows)

    def influence(self, terms: Terms, rows: int) -> Array:
        """How much each row moves the estimate, times n; of a ratio to first order (the delta method)."""
        moved = terms.added - self.added / rows
        if terms.scaled is not None and terms.scale is not None:
            moved = moved + (terms.scaled - self.scaled / self.scale * terms.scale) * (rows / self.scale)
        return moved


def estimate(sample: Sample, settings: Settings | None = None) -> list[Estimate]:
    """The estimates in the order of the settings' names. O(n (candidates + resamples estimators)).

    Raises InvalidInputError for what `Sample.check` and `Settings.check` refuse, and for rewards out of their range.
    """
    settings = settings or Settings()
    settings.check()
    sample.check()
    low, high = settings.reward_range
    if sample.rewards.min() < low or sample.rewards.max() > high:
        found = f"{sample.rewards.min():g} to {sample.rewards.max():g}"
        raise InvalidInputError(Problem("rewards", found, f"{low:g} to {high:g}, the reward range"))
    rows = len(sample)
    chosen = [ESTIMATORS[name] for name in settings.estimators]
    with ThreadPoolExecutor(settings.threads or os.cpu_count() or 1) as pool:
        parameters = pool.map(lambda estimator: _parameter(estimator, sample, settings), chosen)
        tallies = [_Tally(*each) for each in zip(chosen, parameters, strict=True)]
    for part in _parts(sample):
        for tally in tallies:
            tally.take(part)
    defined = [tally for tally in tallies if tally.value(rows) is not None]
    means = resampled_means(
        _influences(defined, sample), 2 * len(defined), settings.resamples, settings.seed, settings.threads
    )
    finished = {
        tally.estimator.name: _finished(tally, sample, settings, means[:, [2 * i, 2 * i + 1, -1]])
        for i, tally in enumerate(defined)
    }
    return [finished.get(name, Estimate(name, None, note=NOTHING_LOGGED)) for name in settings.estimators]


def _parameter(estimator: Estimator, sample: Sample, settings: Settings) -> float:
    if not estimator.tuned:
        return math.inf
    if estimator.name in settings.parameters:
        return settings.parameters[estimator.name]
    if estimator.residuals == "rewards":
        return choose(estimator.tuned, sample.weights, sample.rewards, np.zeros(len(sample)), settings.tuning).parameter
    residuals = sample.rewards - sample.prediction.shown
    return choose(estimator.tuned, sample.weights, residuals, sample.prediction.expected, settings.tuning).parameter


def _parts(sample: Sample) -> Iterator[Sample]:
    for first in range(0, len(sample), BLOCK):
        yield sample.rows(first, min(first + BLOCK, len(sample)))


def _influences(tallies: list[_Tally], sample: Sample) -> Iterator[Array]:
    """float64[2 tallies, rows of a block]: of each its influence and the square of it; sums of squares are kept on the way."""
    for part in _parts(sample):
        block = np.empty((2 * len(tallies), len(part)))
        for i, tally in enumerate(tallies):
            block[2 * i] = tally.influence(tally.estimator.terms(part, tally.parameter), len(sample))
            np.square(block[2 * i], out=block[2 * i + 1])
            tally.squares += float(block[2 * i + 1].sum())
            tally.largest = max(tally.largest, float(np.abs(block[2 * i]).max()))
        yield block


def _finished(tally: _Tally, sample: Sample, settings: Settings, means: Array) -> Estimate:
    rows, value = len(sample), tally.value(len(sample))
    assert value is not None
    name = tally.estimator.name
    if tally.estimator.residuals == "none":
        return Estimate(name, value, note=MODEL_ALONE)
    parameter, bias = (tally.parameter, tally.bias(rows)) if tally.estimator.tuned else (None, None)
    variance = tally.squares / max(rows - 1, 1)
    error = math.sqrt(variance / rows)
    span = None if tally.ratio else _span(tally, sample, settings.reward_range)
    bernstein = None if span is None else uncertainty.empirical_bernstein(value, variance, span, rows)
    bernstein = _wider(bernstein, bias)
    if tally.largest <= 1e-12 * max(abs(value), 1e-300) or rows < 2:
        return Estimate(name, value, parameter, bias, bernstein=bernstein, note=NOTHING_VARIES)
    shifts, squares, counts = means.T
    studentised = studentised_bounds(value, error, shifts, squares, counts)
    return Estimate(
        name, value, parameter, bias, error,
        _wider(uncertainty.student(value, error, rows), bias),
        bernstein,
        _wider(percentile_bounds(value, shifts), bias),
        _wider(studentised, bias),
        "" if studentised else FEW_CARRY,
    )  # fmt: skip


def _wider(interval: Interval | None, bias: float | None) -> Interval | None:
    if interval is None or not bias:
        return interval
    return Interval(interval.estimate, interval.low - bias, interval.high + bias)


def _span(tally: _Tally, sample: Sample, reward_range: tuple[float, float]) -> float:
    """How far apart two terms can be, given the largest weight and the predictions that were seen."""
    low, high = reward_range
    kind = tally.estimator.residuals
    prediction = sample.robust if kind == "robust" else sample.prediction
    model = 0.0 if kind == "rewards" else float(np.ptp(prediction.expected))
    if kind != "rewards":
        low, high = low - float(prediction.shown.max()), high - float(prediction.shown.min())
    return model + _largest(tally, float(sample.weights.max())) * (max(high, 0.0) - min(low, 0.0))


def _largest(tally: _Tally, weight: float) -> float:
    """The largest weight that is left of weights up to `weight`."""
    limit = tally.parameter
    if tally.estimator.tuned != "shrink" or math.isinf(limit):
        return min(weight, limit)
    return math.sqrt(limit) / 2.0 if weight * weight >= limit else limit * weight / (weight * weight + limit)
