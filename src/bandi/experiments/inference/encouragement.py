"""Does starting cause what follows? Encouragement designs: what was drawn is whether a title was recommended, not who starts it.

Readers who start are not those who do not, so the two cannot be compared. A recommendation that was drawn by lot can: it
changes the outcome by `intention` (intention to treat) and the share of starters by `first_stage`. Where a
recommendation acts through starting only (exclusion) and keeps nobody from it (monotonicity), their ratio is the effect of a
start on those whom the recommendation made start, the local average treatment effect (Imbens and Angrist 1994; Angrist,
Imbens and Rubin 1996); it is two-stage least squares with one instrument (Wald 1940).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from bandi.experiments.inference.bounds import Bounds, checked_alpha
from bandi.experiments.inference.clustered import clustered_slopes
from bandi.experiments.inference.comparing import Comparison, State, compare_means
from bandi.experiments.inference.distributions import student_quantile, student_two_sided
from bandi.experiments.inference.totals import Totals
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array

WEAK_BELOW = 10.0
"""First-stage F below which the Wald interval is not to be trusted (Staiger and Stock 1997)."""


class Doubt(IntEnum):
    """Whether an effect of starting can be said; where not, its interval is the whole line."""

    JUDGED = 0
    TOO_FEW = 1
    NO_SPREAD = 2
    NO_FIRST_STAGE = 3

    @property
    def words(self) -> str:
        """What to tell whoever reads the report."""
        return _WORDS[self]


_WORDS = {
    Doubt.JUDGED: "",
    Doubt.TOO_FEW: "too few readers, or all were encouraged, or none: there is nothing to compare",
    Doubt.NO_SPREAD: "every reader has the same outcome: nothing tells how far an effect could be off",
    Doubt.NO_FIRST_STAGE: "the encouragement changed nobody's starting: it says nothing of what a start does",
}


@dataclass(frozen=True, slots=True)
class Encouragement:
    """All that effects are computed from; every field is an array of one shape, nothing is ever NaN.

    intention, first_stage: encouraged less withheld, of the outcome and of the share who started; the variances and covariance
    are of these two. started_encouraged, started_withheld: shares, not adjusted. freedom: degrees of Student's t. readers:
    clusters. doubts: int8, values of Doubt.
    """

    intention: Array
    first_stage: Array
    intention_variance: Array
    first_stage_variance: Array
    covariance: Array
    started_encouraged: Array
    started_withheld: Array
    freedom: Array
    readers: Array
    doubts: Array


@dataclass(frozen=True, slots=True)
class Compliance:
    """Shares by what they would do (Angrist, Imbens and Rubin 1996), under monotonicity; they sum to 1.

    compliers: start if and only if encouraged; always: start either way; never: start in no case.
    """

    compliers: Array
    always: Array
    never: Array


def encouragement_of(encouraged: Totals, withheld: Totals) -> Encouragement:
    """Where each reader was encouraged or not, once: totals of readers with the columns [outcome, started, *covariates].

    started is 0 or 1; covariates are from before the draw and adjust both effects (compare_means).
    """
    _check_started(encouraged)
    _check_started(withheld)
    columns = range(2, encouraged.columns)
    outcome = compare_means(encouraged.take([0, *columns]), withheld.take([0, *columns]))
    started = compare_means(encouraged.take([1, *columns]), withheld.take([1, *columns]))
    both = compare_means(_summed(encouraged), _summed(withheld))
    variances = [_variance(comparison) for comparison in (outcome, started, both)]
    few = (outcome.states == State.TOO_FEW) | (started.states == State.TOO_FEW)
    return _judged(
        np.where(few, 0.0, outcome.treatment - outcome.control),
        np.where(few, 0.0, started.treatment - started.control),
        variances[0],
        variances[1],
        0.5 * (variances[2] - variances[0] - variances[1]),
        _share(encouraged),
        _share(withheld),
        np.where(outcome.freedom > 0.0, outcome.freedom, 1.0),
        outcome.readers,
        few,
    )


def encouragement_of_rows(
    readers: Array, encouraged: Array, started: Array, outcomes: Array, controls: Array | None = None
) -> Encouragement:
    """Where each reader was drawn for several titles: one row a reader and title, clustered by reader. O(n c^2).

    readers: int64[n]; encouraged, started: 0 or 1, [n]; outcomes: float64[n]; controls: float64[n, c], from before the draw.
    Where titles are encouraged with different probabilities, controls must tell them apart (a column of 0 and 1 for each).
    """
    z, d = np.asarray(encouraged, np.float64), np.asarray(started, np.float64)
    for name, column in (("encouraged", z), ("started", d)):
        if not np.isin(column, (0.0, 1.0)).all():
            raise InvalidInputError(Problem(name, "other numbers", "0 or 1 in every row"))
    if len(np.asarray(outcomes)) != len(d):
        raise InvalidInputError(
            Problem("outcomes", f"{len(np.asarray(outcomes))} rows", f"{len(d)} rows, as `started`")
        )
    found = clustered_slopes(readers, z, np.column_stack([np.asarray(outcomes, np.float64), d]), controls)
    encouraged_rows, withheld_rows = max(z.sum(), 1.0), max((1.0 - z).sum(), 1.0)
    return _judged(
        found.slopes[0],
        found.slopes[1],
        found.covariance[0, 0],
        found.covariance[1, 1],
        found.covariance[0, 1],
        (z * d).sum() / encouraged_rows,
        ((1.0 - z) * d).sum() / withheld_rows,
        np.asarray(found.freedom),
        np.asarray(found.readers),
        np.asarray(not found.known),
    )


def intention_to_treat(encouragement: Encouragement, alpha: float = 0.05) -> Bounds:
    """What recommending does to the outcome, whoever then starts: it needs neither exclusion nor monotonicity."""
    return _plain(encouragement, encouragement.intention, encouragement.intention_variance, alpha)


def first_stage(encouragement: Encouragement, alpha: float = 0.05) -> Bounds:
    """What recommending does to the share who start; under monotonicity the share of compliers."""
    return _plain(encouragement, encouragement.first_stage, encouragement.first_stage_variance, alpha)


def strength(encouragement: Encouragement) -> Array:
    """First-stage F, clustered: infinite where everybody does as encouraged, 0 where nothing is known."""
    squared, variance = encouragement.first_stage**2, encouragement.first_stage_variance
    flat = np.where((squared > 0.0) & (encouragement.doubts != Doubt.TOO_FEW), np.inf, 0.0)
    f: Array = np.divide(squared, variance, out=np.asarray(flat), where=variance > 0.0)
    return f


def local_effect(encouragement: Encouragement, alpha: float = 0.05) -> Bounds:
    """The effect of a start on compliers: Wald's ratio with the interval of two-stage least squares (delta method).

    Trust the interval where `strength` is 10 or more; `anderson_rubin` holds always.
    """
    judged = encouragement.doubts == Doubt.JUDGED
    below = np.where(judged, encouragement.first_stage, 1.0)
    effect = np.where(judged, encouragement.intention / below, 0.0)
    variance = (
        encouragement.intention_variance
        - 2.0 * effect * encouragement.covariance
        + effect**2 * encouragement.first_stage_variance
    ) / below**2
    return _plain(encouragement, effect, np.maximum(variance, 0.0), alpha, judged)


def anderson_rubin(encouragement: Encouragement, alpha: float = 0.05) -> Bounds:
    """All effects b for which intention - b * first_stage is near 0 (Anderson and Rubin 1949): valid however weak the first stage.

    With one instrument this is Fieller's set (1954). Where the first stage cannot be told from 0 the set is unbounded,
    or all but a gap: the whole line is given, which contains it. The p-value is that of no effect, i.e. of `intention`.
    """
    t = student_quantile(1.0 - checked_alpha(alpha) / 2.0, encouragement.freedom)
    judged = encouragement.doubts == Doubt.JUDGED
    a = encouragement.first_stage**2 - t**2 * encouragement.first_stage_variance
    b = encouragement.intention * encouragement.first_stage - t**2 * encouragement.covariance
    c = encouragement.intention**2 - t**2 * encouragement.intention_variance
    bounded = judged & (a > 0.0)
    below, root = np.where(bounded, a, 1.0), np.sqrt(np.maximum(b**2 - a * c, 0.0))
    return Bounds(
        local_effect(encouragement, alpha).estimates,
        np.where(bounded, (b - root) / below, -np.inf),
        np.where(bounded, (b + root) / below, np.inf),
        intention_to_treat(encouragement, alpha).p_values,
    )


def compliance(encouragement: Encouragement) -> Compliance:
    """Who would do what. A first stage below 0 leaves no room for compliers: their share is given as 0."""
    always = encouragement.started_withheld
    compliers = np.maximum(encouragement.started_encouraged - always, 0.0)
    return Compliance(compliers, always, 1.0 - always - compliers)


def in_words(encouragement: Encouragement, alpha: float = 0.05) -> list[str]:
    """What must be said beside one experiment's figures; fields without axes. Assumptions stand first, then what the data show."""
    words = [
        "exclusion is assumed: the recommendation changes the outcome through this start only (nothing else was shown in its place)",
        "monotonicity is assumed: nobody is kept from starting by being shown the title",
    ]
    doubt = Doubt(int(encouragement.doubts))
    if doubt is not Doubt.JUDGED:
        return [doubt.words]
    f, stage = float(strength(encouragement)), first_stage(encouragement, alpha)
    if float(stage.high) < 0.0:
        words.append("the encouraged start less often: monotonicity fails, or the two groups were confused")
    if f < WEAK_BELOW:
        words.append(
            f"weak instrument: F is {f:.1f}, below {WEAK_BELOW:g}; only the Anderson-Rubin interval may be read"
        )
    if float(encouragement.started_withheld) == 0.0:
        words.append("nobody started without being encouraged: the effect is that on all who started (Bloom 1984)")
    elif float(encouragement.started_encouraged) == 1.0:
        words.append("everybody encouraged started: the effect is that on all who would not have started otherwise")
    return words


def _plain(
    encouragement: Encouragement, estimates: Array, variances: Array, alpha: float, judged: Array | None = None
) -> Bounds:
    """Estimates with their t-intervals; without a variance the whole line."""
    t = student_quantile(1.0 - checked_alpha(alpha) / 2.0, encouragement.freedom)
    some = encouragement.doubts != Doubt.TOO_FEW if judged is None else judged
    known = some & (variances > 0.0)
    error = np.sqrt(np.where(known, variances, 1.0))
    p_values = np.where(known, student_two_sided(estimates / error, encouragement.freedom), 1.0)
    half = np.where(known, t * error, np.inf)
    return Bounds(np.asarray(estimates), estimates - half, estimates + half, p_values)


def _judged(
    intention: Array, stage: Array, intention_variance: Array, stage_variance: Array, covariance: Array,
    started_encouraged: Array, started_withheld: Array, freedom: Array, readers: Array, few: Array,
) -> Encouragement:  # fmt: skip
    """The fields with what cannot be said of them. Perfect obedience has no first-stage variance and is no doubt."""
    floats = [np.asarray(x, np.float64) for x in (intention, stage, intention_variance, stage_variance, covariance)]
    intention, stage, intention_variance, stage_variance, covariance = floats
    doubts = np.where(stage == 0.0, Doubt.NO_FIRST_STAGE, Doubt.JUDGED)
    doubts = np.where(intention_variance <= 0.0, Doubt.NO_SPREAD, doubts)
    doubts = np.where(few, Doubt.TOO_FEW, doubts).astype(np.int8)
    return Encouragement(
        intention, stage, np.maximum(intention_variance, 0.0), np.maximum(stage_variance, 0.0), covariance,
        np.asarray(started_encouraged, np.float64), np.asarray(started_withheld, np.float64),
        np.asarray(freedom, np.float64), np.asarray(readers, np.float64), doubts,
    )  # fmt: skip


def _check_started(totals: Totals) -> None:
    if totals.columns < 2:
        raise InvalidInputError(
            Problem("totals", f"{totals.columns} columns", "[outcome, started], then any covariates")
        )
    if (np.abs(totals.products[..., 1, 1] - totals.sums[..., 1]) > 1e-6).any():
        raise InvalidInputError(Problem("totals", "other numbers in `started`", "0 or 1 for every reader"))


def _summed(totals: Totals) -> Totals:
    """Outcome and start added, for their covariance: var(y + d) = var(y) + var(d) + 2 cov(y, d)."""
    mixing = np.eye(totals.columns)[:, 1:]
    mixing[0, 0] = 1.0
    return Totals(totals.readers, totals.sums @ mixing, mixing.T @ totals.products @ mixing)


def _variance(comparison: Comparison) -> Array:
    variance: Array = comparison.treatment_variance + comparison.control_variance - 2.0 * comparison.covariance
    return np.maximum(variance, 0.0)


def _share(totals: Totals) -> Array:
    share: Array = totals.sums[..., 1] / np.maximum(totals.readers, 1.0)
    return share
