"""Intervals that hold at all looks together: confidence sequences, and p-values that may be looked at every day.

Asymptotic confidence sequences (Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2024, "Time-uniform central limit theory
and asymptotic confidence sequences"; Robbins' normal mixture): with probability 1 - alpha, as readers become many, at no
look is the truth outside

    difference +- standard error * sqrt((x + 1) / x * log((x + 1) / alpha^2)),      x = time * rho^2

For readers whose values are final when they are counted, time is the number of readers. Readers who come again bring values
that grow, and then the number of readers says too little: on a day without new readers all the difference may still be
drawn anew. Time is therefore the variance that has come in (ibid., Proposition 2.5, where variances vary),

    time proportional to (weight * standard error)^2,      weight * difference being a sum over readers

which for final values is the number of readers again. What a reader does later must not be negatively correlated with what
they did before: then looks are at least as alike as those of a Brownian motion at these times, and cross the upper bound no
more often, and the lower no more often (Slepian 1962, whose inequality is of one side). So for values that grow the chance
of either is at most the sum of a Brownian motion's two: more than alpha by no more than its chance to cross both bounds.
A purchase that can come only once breaks this where most readers make it: judge closed windows.
"""

from __future__ import annotations

import math

import numpy as np

from bandi.experiments.inference.bounds import Bounds, checked_alpha, difference_bounds, lift_bounds, standard_scores
from bandi.experiments.inference.comparing import Comparison, State
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array

FEWEST = 100.0
"""Readers of each variant before the first look that is judged: with fewer, no sum is yet normal."""
CONTRIBUTORS = 12.0
"""Contributors (see comparing.py) before it, a skewness of 0.29 of the difference: of few who pay a tenth is a handful."""


def difference_sequence(comparison: Comparison, planned: float, alpha: float = 0.05, fewest: float = FEWEST) -> Bounds:
    """Confidence sequence of the difference; looks are the last axis. The p-values are always valid, and never rise.

    planned: readers of both variants at which the interval is narrowest; any choice is valid, if made beforehand.
    """
    x = times(comparison, fewest) * tuned_rho2(planned, alpha)
    return difference_bounds(comparison, multipliers(x, alpha), running_p_values(standard_scores(comparison), x))


def lift_sequence(comparison: Comparison, planned: float, alpha: float = 0.05, fewest: float = FEWEST) -> Bounds:
    """Confidence sequence of treatment / control - 1; looks are the last axis."""
    x = times(comparison, fewest) * tuned_rho2(planned, alpha)
    return lift_bounds(comparison, multipliers(x, alpha), running_p_values(standard_scores(comparison), x))


def intersected(bounds: Bounds) -> tuple[Bounds, Array]:
    """(what no look has excluded so far, bool[..., looks] where nothing is left); looks are the last axis.

    Right where the truth stays the same; it is not for values that grow, nor for an effect that wears off. Where nothing is
    left the truth has moved (or the 1 in 20 has come), and the look's own interval is given.
    """
    low = np.maximum.accumulate(bounds.low, axis=-1)
    high = np.minimum.accumulate(bounds.high, axis=-1)
    empty = np.logical_or.accumulate(low > high, axis=-1)
    kept = Bounds(
        bounds.estimates, np.where(empty, bounds.low, low), np.where(empty, bounds.high, high), bounds.p_values
    )
    return kept, empty


def judged_looks(comparison: Comparison, fewest: float = FEWEST) -> Array:
    """Whether a look is judged: bool[..., looks]; at the others the sums are not yet normal, or not known."""
    one = np.minimum(comparison.treatment_readers, comparison.control_readers)
    usable: Array = (comparison.states == State.JUDGED) & (one >= fewest)
    return usable & (comparison.contributors >= CONTRIBUTORS)


def not_yet(comparison: Comparison, look: int = -1, fewest: float = FEWEST) -> str:
    """Why a look, the last by default, is not judged, in words; empty where it is. Of several experiments, of the first."""
    if judged_looks(comparison, fewest)[..., look].flat[0]:
        return ""
    state = State(int(comparison.states[..., look].flat[0]))
    readers = np.minimum(comparison.treatment_readers, comparison.control_readers)[..., look].flat[0]
    if state is not State.JUDGED:
        return state.words
    if readers < fewest:
        return f"a first look needs at least {fewest:.0f} readers of each variant, the smaller has {readers:.0f}"
    return (
        "few readers make up the metric and one variant is small, or the totals have no cubes to tell, so their difference "
        "is not yet known to be near normal: "
        f"{comparison.contributors[..., look].flat[0]:.1f} of {CONTRIBUTORS:.0f} contributors are in"
    )


def times(comparison: Comparison, fewest: float = FEWEST) -> Array:
    """How much has come in at each look: float64[..., looks], in readers as they were at the first judged look.

    0 before that look and where nothing can be judged: the interval is then the whole line.
    """
    usable = judged_looks(comparison, fewest)
    spread = np.where(usable, comparison.weight * np.where(usable, comparison.standard_error, 0.0), 0.0) ** 2
    if not usable.ndim:
        return np.where(usable, comparison.readers, 0.0)
    first = np.argmax(usable, axis=-1)[..., None]
    reference = np.take_along_axis(spread, first, axis=-1)
    readers = np.take_along_axis(comparison.readers, first, axis=-1)
    usable = usable & (reference > 0.0)
    return np.where(usable, spread * readers / np.where(reference > 0.0, reference, 1.0), 0.0)


def tuned_rho2(planned: float, alpha: float) -> float:
    """The rho^2 with the narrowest interval when `planned` readers are in: x solves x = log((x + 1) / alpha^2).

    Waudby-Smith et al. (2024), appendix: x = -W_{-1}(-alpha^2 / e) - 1 with Lambert's function; 8.2 for alpha 0.05.
    """
    if not planned > 0.0 or not math.isfinite(planned):
        raise InvalidInputError(Problem(where="planned", found=str(planned), expected="readers, more than 0"))
    return narrowest(alpha) / planned


def narrowest(alpha: float) -> float:
    """The x at which `multipliers` is least."""
    x = -2.0 * math.log(checked_alpha(alpha)) + 1.0
    for _ in range(100):  # a contraction: the slope is 1 / (x + 1)
        x = math.log1p(x) - 2.0 * math.log(alpha)
    return x


def multipliers(x: Array, alpha: float) -> Array:
    """Standard errors on either side, for x = time * rho^2; infinite for x = 0. At least 3.03 for alpha 0.05."""
    some = np.asarray(x) > 0.0
    known = np.where(some, x, 1.0)
    return np.where(some, np.sqrt((known + 1.0) / known * (np.log1p(known) - 2.0 * math.log(alpha))), np.inf)


def running_p_values(scores: Array, x: Array) -> Array:
    """The least alpha at which the sequence has excluded 0 by each look; looks are the last axis."""
    exponent = 0.5 * (scores**2 * x / (x + 1.0) - np.log1p(x))
    p = np.minimum(1.0, np.exp(-np.maximum(exponent, 0.0)))
    return np.minimum.accumulate(p, axis=-1) if p.ndim else p


def one_sided_multipliers(x: Array, alpha: float) -> Array:
    """Standard errors on one side only (Waudby-Smith et al. 2024, appendix: half of the mixture); infinite for x = 0."""
    some = np.asarray(x) > 0.0
    known = np.where(some, x, 1.0)
    exponent = np.log1p(np.sqrt(known + 1.0) / (2.0 * alpha))
    return np.where(some, np.sqrt(2.0 * (known + 1.0) / known * exponent), np.inf)


def running_one_sided_p_values(scores: Array, x: Array) -> Array:
    """The least alpha at which a score has been above its one-sided multiplier by each look; looks are the last axis."""
    exponent = np.minimum(0.5 * np.maximum(scores, 0.0) ** 2 * x / (x + 1.0), 700.0)
    growth = np.expm1(exponent)
    p = np.where(growth > 0.0, np.sqrt(x + 1.0) / (2.0 * np.where(growth > 0.0, growth, 1.0)), 1.0)
    p = np.minimum(1.0, p)
    return np.minimum.accumulate(p, axis=-1) if p.ndim else p
