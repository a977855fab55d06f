"""A treatment beside its control: the difference of a metric, its variance, and how much has been learned of it.

A metric is a mean over readers, or a ratio of two such means (clicks per impression), which is linearised: the ratio of a
variant moves by (y_i - R x_i) / mean(x) with each reader (delta method; Deng, Knoblich and Lu 2018). Covariates from
before the experiment take out what they explain: CUPED (Deng, Xu, Kohavi and Walker 2013) with a slope for each
variant (Lin 2013), which never makes the variance larger as readers become many, whatever the shares of the variants.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import IntEnum

import numpy as np

from bandi.experiments.inference.totals import Totals
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array

_NO_SPREAD = 1e-12
"""A variance below this share of the squared mean (or of what covariates left) is rounding, not spread."""
_ROUNDING = 1e-15
"""Of sums of cubes, as a share of them."""


class State(IntEnum):
    """Whether a comparison can be judged; where it cannot, the interval is the whole line and the p-value 1."""

    JUDGED = 0
    TOO_FEW = 1
    NO_DENOMINATOR = 2
    NO_SPREAD = 3

    @property
    def words(self) -> str:
        """What to tell whoever reads the report."""
        return _WORDS[self]


_WORDS = {
    State.JUDGED: "",
    State.TOO_FEW: "too few readers in one of the variants: at least two, and one more for each covariate, are needed",
    State.NO_DENOMINATOR: "the denominator is zero in one of the variants: nothing has happened that the ratio counts",
    State.NO_SPREAD: "every reader has the same value in both variants, or values so far from 0 that rounding hides how they "
    "differ (then subtract one constant from all): nothing tells how far the difference could be off",
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """One metric of two variants; every field is an array of the shape of the totals' leading axes.

    treatment, control: the metric, adjusted where there are covariates. treatment_variance, control_variance, covariance:
    of these two estimates. freedom: degrees after Welch (1947). weight: such that weight * difference is a sum over
    readers. contributors: one over the squared skewness of the difference (see `_contributors`). states: int8,
    values of State. Where a state is not JUDGED the standard error is infinite, and a value of which nothing is known is 0;
    nothing is ever NaN.
    """

    treatment: Array
    control: Array
    treatment_variance: Array
    control_variance: Array
    covariance: Array
    freedom: Array
    treatment_readers: Array
    control_readers: Array
    weight: Array
    contributors: Array
    states: Array

    @property
    def readers(self) -> Array:
        """Readers of both variants."""
        both: Array = self.treatment_readers + self.control_readers
        return both

    @property
    def difference(self) -> Array:
        """Treatment less control; 0 where one of the two is not known."""
        known = (self.states == State.JUDGED) | (self.states == State.NO_SPREAD)
        return np.where(known, self.treatment - self.control, 0.0)

    @property
    def standard_error(self) -> Array:
        """Of the difference; infinite where it cannot be judged."""
        return self.error_of(1.0)

    def error_of(self, ratio: float) -> Array:
        """Standard error of treatment - ratio * control; infinite where it cannot be judged."""
        variance = self.treatment_variance - 2.0 * ratio * self.covariance + ratio**2 * self.control_variance
        return np.where(self.states == State.JUDGED, np.sqrt(np.maximum(variance, 0.0)), np.inf)


def compare_means(treatment: Totals, control: Totals) -> Comparison:
    """Mean over readers: column 0 is the value, all others are covariates."""
    _alike(treatment, control, 1)
    return _compare(_mean_of(treatment), _mean_of(control))


def compare_ratios(treatment: Totals, control: Totals) -> Comparison:
    """Ratio of means: column 0 over column 1, all others are covariates."""
    _alike(treatment, control, 2)
    return _compare(_ratio_of(treatment), _ratio_of(control))


def at_looks(comparisons: Sequence[Comparison]) -> Comparison:
    """Comparisons of one metric, one a look, in one whose last axis is the looks: for metrics that are no sums, as quantiles."""
    if not comparisons:
        raise InvalidInputError(Problem(where="comparisons", found="none", expected="at least one look"))
    names = [field.name for field in fields(Comparison)]
    return Comparison(**{name: np.stack([getattr(one, name) for one in comparisons], axis=-1) for name in names})


@dataclass(frozen=True, slots=True)
class Estimate:
    """A variant's metric before adjustment, all float64[...] but for the last three.

    spread: variance of what a reader adds to the value; explained: what covariates explain of that. third: third central
    moment of what a reader adds, less what covariates explain, and its rounding error; None where cubes were not kept.
    slopes: float64[..., c]; covariates: their means, float64[..., c];
    covariances: float64[..., c, c].
    """

    value: Array
    spread: Array
    explained: Array
    third: tuple[Array, Array] | None
    readers: Array
    weight: Array
    states: Array
    slopes: Array
    covariates: Array
    covariances: Array


def _alike(treatment: Totals, control: Totals, least: int) -> None:
    if treatment.columns != control.columns or treatment.columns < least:
        found = f"{treatment.columns} and {control.columns}"
        raise InvalidInputError(Problem(where="totals", found=found, expected=f"as many columns, at least {least}"))


def _mean_of(totals: Totals) -> Estimate:
    means, covariance = _moments(totals)
    direction = np.zeros(totals.sums.shape)
    direction[..., 0] = 1.0
    few = np.where(totals.readers >= 2.0 + totals.columns - 1.0, State.JUDGED, State.TOO_FEW)
    return _linear(totals, 1, means[..., 0], direction, means, covariance, totals.readers, few)


def _ratio_of(totals: Totals) -> Estimate:
    means, covariance = _moments(totals)
    some = means[..., 1] > 0.0
    below = np.where(some, means[..., 1], 1.0)
    value = np.where(some, means[..., 0] / below, 0.0)
    direction = np.zeros(totals.sums.shape)
    direction[..., 0] = 1.0 / below
    direction[..., 1] = -value / below
    states = np.where(some, State.JUDGED, State.NO_DENOMINATOR)
    states = np.where(totals.readers >= 2.0 + totals.columns - 2.0, states, State.TOO_FEW)
    return _linear(totals, 2, value, direction, means, covariance, np.maximum(totals.sums[..., 1], 0.0), states)


def mean_estimate(totals: Totals) -> Estimate:
    """A variant's, or a past period's, mean: what planning starts from."""
    return _mean_of(totals)


def ratio_estimate(totals: Totals) -> Estimate:
    """A variant's, or a past period's, ratio of column 0 to column 1."""
    _alike(totals, totals, 2)
    return _ratio_of(totals)


def _moments(totals: Totals) -> tuple[Array, Array]:
    """(means, unbiased covariances) of the columns; zeros where there are too few readers."""
    count = np.maximum(totals.readers, 1.0)
    means = totals.sums / count[..., None]
    centred = totals.products / count[..., None, None] - means[..., :, None] * means[..., None, :]
    bessel = np.where(totals.readers > 1.0, count / np.maximum(count - 1.0, 1e-9), 0.0)
    return means, centred * bessel[..., None, None]


def _linear(
    totals: Totals,
    first: int,
    value: Array,
    direction: Array,
    means: Array,
    covariance: Array,
    weight: Array,
    states: Array,
) -> Estimate:
    """An estimate whose reader adds direction . row; covariates begin at the column `first`."""
    spread = np.einsum("...i,...ij,...j->...", direction, covariance, direction)
    scale = np.einsum("...i,...i->...", direction**2, means**2)
    spread = np.where(spread > _NO_SPREAD * scale, spread, 0.0)
    among = covariance[..., first:, first:]
    if first < totals.columns:
        along = np.einsum("...ij,...j->...i", covariance[..., first:, :], direction)
        slopes = np.einsum("...ij,...j->...i", np.linalg.pinv(among, hermitian=True), along)
        explained = np.clip(np.einsum("...i,...i->...", slopes, along), 0.0, spread)
    else:
        slopes, explained = np.zeros(means[..., first:].shape), np.zeros(spread.shape)
    adjusted = np.concatenate([direction[..., :first], direction[..., first:] - slopes], axis=-1)
    return Estimate(
        value, spread, explained, _third(totals, adjusted, means), totals.readers, weight, states,
        slopes, means[..., first:], among,
    )  # fmt: skip


def _third(totals: Totals, direction: Array, means: Array) -> tuple[Array, Array] | None:
    """(third central moment of direction . row, the rounding error it may have): E z^3 - 3 E z^2 E z + 2 (E z)^3."""
    if totals.cubes is None:
        return None
    count = np.maximum(totals.readers, 1.0)
    first = np.einsum("...i,...i->...", direction, means)
    second = np.einsum("...i,...ij,...j->...", direction, totals.products, direction) / count
    third = np.einsum("...i,...j,...k,...ijk->...", direction, direction, direction, totals.cubes) / count
    reach = np.einsum("...i,...i->...", np.abs(direction), np.abs(means))
    return third - 3.0 * second * first + 2.0 * first**3, _ROUNDING * (reach**2 + np.maximum(second, 0.0)) * reach


def _compare(treatment: Estimate, control: Estimate) -> Comparison:
    both = treatment.readers + control.readers
    share = (treatment.readers / np.maximum(both, 1.0))[..., None]
    centre = share * treatment.covariates + (1.0 - share) * control.covariates
    among = share[..., None] * treatment.covariances + (1.0 - share[..., None]) * control.covariances
    states = np.maximum(treatment.states, control.states).astype(np.int8)
    one, other = _residual(treatment), _residual(control)
    flat = (one + other <= 0.0) & (states == State.JUDGED)
    states = np.where(flat, State.NO_SPREAD, states).astype(np.int8)
    # Both are moved to the readers of both variants, whose covariates' mean is itself an estimate.
    return Comparison(
        treatment=treatment.value - _shift(treatment, centre),
        control=control.value - _shift(control, centre),
        treatment_variance=one + _quadratic(treatment.slopes, among, treatment.slopes) / np.maximum(both, 1.0),
        control_variance=other + _quadratic(control.slopes, among, control.slopes) / np.maximum(both, 1.0),
        covariance=_quadratic(treatment.slopes, among, control.slopes) / np.maximum(both, 1.0),
        freedom=_welch_freedom(one, treatment.readers, other, control.readers),
        treatment_readers=treatment.readers,
        control_readers=control.readers,
        weight=_harmonic(treatment.weight, control.weight),
        contributors=_contributors(treatment, control),
        states=states,
    )


def _residual(estimate: Estimate) -> Array:
    """Variance of the variant's value given its covariates, with a degree of freedom less for each of them."""
    covariates = estimate.slopes.shape[-1]
    freedom = np.maximum(estimate.readers - 1.0 - covariates, 1.0)
    left = estimate.spread - estimate.explained
    left = np.where(left > _NO_SPREAD * estimate.spread, left, 0.0)
    residual: Array = left * (np.maximum(estimate.readers - 1.0, 1.0) / freedom) / np.maximum(estimate.readers, 1.0)
    return residual


def _shift(estimate: Estimate, centre: Array) -> Array:
    shift: Array = np.einsum("...i,...i->...", estimate.slopes, estimate.covariates - centre)
    return shift


def _quadratic(left: Array, matrix: Array, right: Array) -> Array:
    form: Array = np.einsum("...i,...ij,...j->...", left, matrix, right)
    return form


def _welch_freedom(one: Array, readers: Array, other: Array, others: Array) -> Array:
    below = one**2 / np.maximum(readers - 1.0, 1.0) + other**2 / np.maximum(others - 1.0, 1.0)
    both = (one + other) ** 2
    freedom: Array = np.divide(both, below, out=np.ones(np.shape(both)), where=below > 0.0)
    return freedom


def _harmonic(one: Array, other: Array) -> Array:
    both = np.asarray(one + other)
    mean: Array = np.divide(one * other, both, out=np.zeros(both.shape), where=both > 0.0)
    return mean


def _contributors(treatment: Estimate, control: Estimate) -> Array:
    """One over the squared skewness of the difference, were the variants alike: infinite where that cancels.

    Third cumulants add as variances do: with gamma the skewness of what a reader adds to the (linearised, adjusted) metric,
    that of the difference is gamma (1/n - 1/m) / sqrt(1/n + 1/m), 0 for variants of one size. Gamma is that of the readers of
    both variants, each about their own mean: of a small variant alone it is least known where it matters most.
    """
    one, other = 1.0 / np.maximum(treatment.readers, 1.0), 1.0 / np.maximum(control.readers, 1.0)
    gap = np.asarray((one - other) ** 2)
    alike = _unskewed(treatment, control)
    number: Array = np.divide((one + other) * alike, gap, out=np.full(gap.shape, np.inf), where=gap > 0.0)
    return number


def _unskewed(treatment: Estimate, control: Estimate) -> Array:
    """One over gamma^2. Where cubes were not kept gamma^2 may be as large as the number of readers, and more it cannot be."""
    readers = np.maximum(treatment.readers + control.readers, 1.0)
    if treatment.third is None or control.third is None:
        least: Array = 1.0 / readers
        return least
    pairs = ((treatment, treatment.third), (control, control.third))
    third = sum(estimate.readers * moments[0] for estimate, moments in pairs) / readers
    error = sum(estimate.readers * moments[1] for estimate, moments in pairs) / readers
    left = sum(estimate.readers * np.maximum(estimate.spread - estimate.explained, 0.0) for estimate, _ in pairs)
    scale = np.asarray(np.sqrt(left / readers) ** 3)
    gamma = np.divide(np.abs(third) + error, scale, out=np.full(scale.shape, np.inf), where=scale > 0.0)
    unskewed: Array = 1.0 / np.clip(gamma, 1e-15, 1e15) ** 2
    return unskewed
