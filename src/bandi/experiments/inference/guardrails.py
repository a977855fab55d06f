"""Guardrails: metrics that an experiment may not harm, watched at every look, and the decision to stop.

A guardrail tolerates a loss of bound * |control|: where lower is worse the treatment is out of bounds below
control - bound * |control|, the lesser of (1 - bound) and (1 + bound) times the control; where higher is worse, above the greater.
So both are tested, on treatment - ratio * control by a one-sided confidence sequence each, that may be looked at as often as one
likes: no ratio is formed whose denominator might be 0. Harm is shown once both have shown it (an intersection-union test; Berger
1982), whatever the sign of the control; a control below 0 (a net result) needs no other setting.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bandi.experiments.inference.bounds import checked_alpha
from bandi.experiments.inference.comparing import Comparison, State
from bandi.experiments.inference.multiplicity import holm
from bandi.experiments.inference.sequences import (
    FEWEST,
    one_sided_multipliers,
    running_one_sided_p_values,
    times,
    tuned_rho2,
)
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array


@dataclass(frozen=True, slots=True)
class Guardrail:
    """metric: its name; bound: the loss that is tolerated, as a share of the control's absolute value, 0 or more.

    worse: the direction that harms; a fall is tolerated below 1 only, a rise (latency) may be of any size. Raises
    InvalidInputError for anything else.
    """

    metric: str
    bound: float
    worse: Literal["lower", "higher"] = "lower"

    def __post_init__(self) -> None:
        if self.worse not in ("lower", "higher"):
            where = f"guardrail {self.metric}: worse"
            raise InvalidInputError(Problem(where=where, found=repr(self.worse), expected='"lower" or "higher"'))
        most = 1.0 if self.worse == "lower" else math.inf
        if not 0.0 <= self.bound < most:
            where = f"guardrail {self.metric}: bound"
            expected = "0 or more and below 1" if self.worse == "lower" else "0 or more"
            raise InvalidInputError(Problem(where=where, found=str(self.bound), expected=expected))


@dataclass(frozen=True, slots=True)
class Verdict:
    """decision: "stop" where harm beyond the bound is shown, "safe" where it is excluded, else "go on".

    look: the first at which that was so, -1 for "go on". harm_p, safe_p: always-valid p-values after the last look, of no
    harm and of harm.
    """

    metric: str
    decision: Literal["stop", "safe", "go on"]
    look: int
    harm_p: float
    safe_p: float
    words: str


def judge(
    guardrail: Guardrail, comparison: Comparison, planned: float, alpha: float = 0.05, fewest: float = FEWEST
) -> Verdict:
    """One guardrail over float64[looks]. A stop is false with probability at most alpha, over all looks together."""
    return judge_all([guardrail], [comparison], planned, alpha, fewest)[0]


def judge_all(
    guardrails: Sequence[Guardrail],
    comparisons: Sequence[Comparison],
    planned: float,
    alpha: float = 0.05,
    fewest: float = FEWEST,
) -> list[Verdict]:
    """Several guardrails at the same looks: any false stop among them has probability at most alpha (Holm 1979).

    "safe" is not adjusted: each is a statement of its own, and false with probability at most alpha, or a little more where
    the control's sign is mistaken.
    """
    if len(guardrails) != len(comparisons) or not guardrails:
        found = f"{len(guardrails)} and {len(comparisons)}"
        raise InvalidInputError(Problem(where="guardrails", found=found, expected="a comparison for each"))
    if any(comparison.states.shape != comparisons[0].states.shape for comparison in comparisons):
        raise InvalidInputError(
            Problem(where="comparisons", found="several numbers of looks", expected="the same looks")
        )
    rho2 = tuned_rho2(planned, min(2.0 * checked_alpha(alpha), 0.5))  # one side is about two at twice the alpha
    sides = [_p_values(*pair, rho2, alpha, fewest) for pair in zip(guardrails, comparisons, strict=True)]
    harms = np.stack([harm for harm, _ in sides])
    adjusted = np.stack([holm(harms[:, look]) for look in range(harms.shape[1])], axis=1)
    return [
        _verdict(guardrail, comparison, adjusted[i], sides[i][1], alpha)
        for i, (guardrail, comparison) in enumerate(zip(guardrails, comparisons, strict=True))
    ]


def _p_values(
    guardrail: Guardrail, comparison: Comparison, rho2: float, alpha: float, fewest: float
) -> tuple[Array, Array]:
    """(of no harm, of harm) at each look."""
    if comparison.states.ndim != 1:
        found = f"{comparison.states.ndim} axes"
        raise InvalidInputError(Problem(where=f"guardrail {guardrail.metric}", found=found, expected="looks"))
    x = times(comparison, fewest) * rho2
    harm = 1.0 if guardrail.worse == "higher" else -1.0
    above, below = (harm * _scores(comparison, 1.0 + sign * harm * guardrail.bound) for sign in (1.0, -1.0))
    harm_p = np.maximum(running_one_sided_p_values(above, x), running_one_sided_p_values(below, x))
    # The loss is excluded from the ratio that the control's sign makes the tolerated one; while it has none, from both.
    error = np.sqrt(np.maximum(comparison.control_variance, 0.0))
    told = np.abs(comparison.control) > one_sided_multipliers(x, alpha) * np.where(error > 0.0, error, 1e-300)
    signed = np.where(comparison.control > 0.0, above, below)
    return harm_p, running_one_sided_p_values(-np.where(told, signed, np.maximum(above, below)), x)


def _scores(comparison: Comparison, ratio: float) -> Array:
    """Treatment - ratio * control in its standard errors; 0 where it cannot be judged."""
    error = comparison.error_of(ratio)
    known = np.isfinite(error) & (error > 0.0)
    beyond = comparison.treatment - ratio * comparison.control
    return np.where(known, beyond, 0.0) / np.where(known, error, 1.0)


def _verdict(guardrail: Guardrail, comparison: Comparison, harm: Array, safe: Array, alpha: float) -> Verdict:
    allowed = f"{'fall' if guardrail.worse == 'lower' else 'rise'} of {guardrail.bound:.1%}"
    p, q = (float(harm[-1]), float(safe[-1])) if len(harm) else (1.0, 1.0)
    if p <= alpha:  # harm first: should both be shown, the experiment stops
        look = int(np.argmax(harm <= alpha))
        words = f"{guardrail.metric}: stop; {_values(comparison, look)} is beyond the tolerated {allowed} (p = {p:.2g})"
        return Verdict(guardrail.metric, "stop", look, p, q, words)
    if q <= alpha:
        words = f"{guardrail.metric}: safe; a {allowed} is excluded (p = {q:.2g})"
        return Verdict(guardrail.metric, "safe", int(np.argmax(safe <= alpha)), p, q, words)
    reason = State(int(comparison.states[-1])).words if len(harm) else "no look yet"
    words = f"{guardrail.metric}: go on; {reason or f'a {allowed} is neither shown nor excluded'}"
    return Verdict(guardrail.metric, "go on", -1, p, q, words)


def _values(comparison: Comparison, look: int) -> str:
    one, other = float(comparison.treatment[look]), float(comparison.control[look])
    change = f" ({(one - other) / abs(other):+.1%})" if other != 0.0 and math.isfinite(one / other) else ""
    return f"{one:.6g} against {other:.6g}{change}"
