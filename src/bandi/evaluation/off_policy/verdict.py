"""What the diagnostics and estimates come to, in words. The thresholds are documented in `docs/reference/off-policy.md`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bandi.evaluation.intervals import Interval
from bandi.evaluation.off_policy.diagnostics import Diagnostics
from bandi.evaluation.off_policy.estimation import Estimate

FEWEST_POSITIVES = 10.0
POSITIVES_CARE = 50.0
"""Effective rows with a reward below which nothing is said, and from which intervals hold what they say (measured)."""
FEWEST_ROWS = 100.0
"""Effective rows below which nothing is said."""
UNSUPPORTED, UNSUPPORTED_CARE = 0.1, 0.01
PARETO_K, PARETO_K_CARE = 1.0, 0.7
"""At 1 the weights have no mean; from 0.7 their averages settle too slowly for any practical number of rows (Vehtari et al.)."""
TOP_SHARE_CARE = 0.5
MEAN_WEIGHT_ERRORS = 5.0
"""Standard errors between the mean weight and 1 from which the propensities are not believed."""
PAUSE_CARE = 0.1
REFUSED_CARE = 0.05
"""Share of a log's rows that were refused from which the verdict tells of it."""
LEADING = ("DR", "SNDR", "MRDR", "SNIPS", "IPS")
"""The estimate that the verdict quotes: the first of these that has an interval, else the first of the others that has one."""

Level = Literal["says", "says with care", "cannot say"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """level: whether the log says what the policy would have got; sentences: why, the most important first."""

    level: Level
    sentences: tuple[str, ...]

    def __str__(self) -> str:
        head = {
            "says": "these logs say",
            "says with care": "these logs say, to be taken with care",
            "cannot say": "these logs cannot say",
        }
        return f"{head[self.level]}: {'; '.join(self.sentences)}"


def judge(diagnostics: Diagnostics, estimates: Sequence[Estimate], logged: Interval, refused: int = 0) -> Verdict:
    """The verdict. logged: the log's own reward per row; refused: rows of the log that could not be used."""
    against, care = _against(diagnostics), [*_refused(diagnostics.rows, refused), *_care(diagnostics)]
    quoted = _quoted(estimates, logged)
    if against:
        return Verdict("cannot say", (*against, *care))
    if quoted is None:
        names = ", ".join(estimate.name for estimate in estimates) or "no estimator"
        return Verdict("cannot say", (f"what was asked for has no interval ({names})", *care))
    return Verdict("says with care" if care else "says", (quoted, *care))


def _against(seen: Diagnostics) -> list[str]:
    """Reasons to say nothing."""
    found = []
    if seen.positives == 0:
        found.append(f"none of {seen.rows:,} rows has a reward")
    elif seen.positives == seen.rows and seen.rows > 1:
        found.append(f"all of {seen.rows:,} rows have a reward: nothing was passed over")
    elif seen.effective_positives < FEWEST_POSITIVES:
        found.append(
            f"of {seen.positives:,} rows with a reward, {seen.effective_positives:.1f} in effect count for this policy "
            f"(at least {FEWEST_POSITIVES:.0f} are needed)"
        )
    if seen.effective_rows < FEWEST_ROWS:
        found.append(
            f"{seen.rows:,} rows are in effect {seen.effective_rows:.0f} of this policy's own (at least {FEWEST_ROWS:.0f})"
        )
    if seen.unsupported > UNSUPPORTED:
        found.append(
            f"{seen.unsupported:.0%} of what this policy does was never logged (at most {UNSUPPORTED:.0%}): only a model could tell"
        )
    if seen.pareto_k is not None and seen.pareto_k > PARETO_K:
        found.append(
            f"the weights' tail is so heavy (Pareto k {seen.pareto_k:.2f}, at most {PARETO_K:g}) that they have no mean"
        )
    if abs(seen.mean_weight - 1.0) > MEAN_WEIGHT_ERRORS * seen.mean_weight_error + seen.unsupported + 1e-3:
        found.append(
            f"weights average {seen.mean_weight:.3g} where 1 is due ({_errors(seen):.0f} standard errors off): the propensities are "
            "not those of the policy that logged, or rows are missing by what was shown"
        )
    return found


def _refused(rows: int, refused: int) -> list[str]:
    share = refused / (rows + refused) if refused else 0.0
    if share <= REFUSED_CARE:
        return []
    return [
        f"{share:.0%} of the log's rows ({refused:,} of {rows + refused:,}) were refused: the figures are of the rest, which may "
        "be other rows than those"
    ]


def _errors(seen: Diagnostics) -> float:
    error = seen.mean_weight_error
    return abs(seen.mean_weight - 1.0) / error if error > 0 else math.inf


def _care(seen: Diagnostics) -> list[str]:
    """Reasons for care."""
    found = []
    if FEWEST_POSITIVES <= seen.effective_positives < POSITIVES_CARE:
        found.append(
            f"only {seen.effective_positives:.0f} rows with a reward count in effect: intervals are too narrow"
        )
    if UNSUPPORTED_CARE < seen.unsupported <= UNSUPPORTED:
        found.append(f"{seen.unsupported:.1%} of what this policy does was never logged")
    if seen.pareto_k is not None and PARETO_K_CARE < seen.pareto_k <= PARETO_K:
        found.append(f"the weights' tail is heavy (Pareto k {seen.pareto_k:.2f})")
    if seen.top_share > TOP_SHARE_CARE:
        found.append(f"1 % of the rows holds {seen.top_share:.0%} of all weight")
    if seen.longest_pause > max(PAUSE_CARE, 5.0 * math.log(max(seen.rows, 2)) / seen.rows):
        found.append(f"{seen.longest_pause:.0%} of the log's time has no row: of those hours nothing is known")
    return found


def _quoted(estimates: Sequence[Estimate], logged: Interval) -> str | None:
    by_name = {estimate.name: estimate for estimate in estimates}
    for name in dict.fromkeys((*LEADING, *by_name)):
        estimate = by_name.get(name)
        interval = estimate and (estimate.studentised or estimate.student)
        if interval:
            low, high = max(interval.low, 0.0), interval.high
            if interval.overlaps(logged):
                against = f"not told apart from the log's own {logged.estimate:.4g}"
            else:
                against = f"{'above' if low > logged.high else 'below'} the log's own {logged.estimate:.4g}"
            return f"{interval.estimate:.4g}, from {low:.4g} to {high:.4g} ({name}), {against}"
    return None
