"""What each metric says of each variant in plain words, and what it does not say yet."""

from __future__ import annotations

from typing import Literal, NamedTuple

from bandi.experiments.report.wording import bounds, chance, many, percent
from bandi.experiments.result import ExperimentResult, LiftSeries, MetricResult

Outcome = Literal["better", "worse", "undecided", "nothing yet", "not to be read"]


class Verdict(NamedTuple):
    """One metric of one treatment. says: a sentence; not_yet: what must not be concluded, and why."""

    metric: str
    variant: str
    outcome: Outcome
    says: str
    not_yet: tuple[str, ...]


class Warning(NamedTuple):
    """What comes before any figure. title: said loudly; words: why."""

    title: str
    words: str


def warnings_of(result: ExperimentResult) -> list[Warning]:
    """What is wrong with the experiment itself: shares first, then harm, then that nobody took part."""
    found = []
    if result.mismatch is not None:
        found.append(Warning("Sample-ratio mismatch: do not read these results", result.mismatch))
    found += [
        Warning(f"Guardrail {guard.name}: {guard.variant} does harm", guard.words)
        for guard in result.guardrails
        if guard.decision == "stop"
    ]
    if not any(readers_now(result).values()):
        found.append(Warning("Nobody has taken part yet", f"the experiment is {result.state}; there is nothing to judge"))
    return found


def readers_now(result: ExperimentResult) -> dict[str, int]:
    """Exposed readers of each variant at the last look, by the metric that counts most; 0 where there was no look."""
    counts = dict.fromkeys(result.variants, 0)
    for metric in result.metrics:
        for series in metric.variants:
            if series.readers:
                counts[series.variant] = max(counts.get(series.variant, 0), series.readers[-1])
    return counts


def verdicts_of(result: ExperimentResult) -> list[Verdict]:
    """One for each metric and treatment, the deciding metric first."""
    return [
        _verdict(result, metric, variant, lift) for metric in result.metrics for variant, lift in metric.lifts.items()
    ]


def headline(result: ExperimentResult) -> str:
    """The whole in one sentence."""
    warnings = warnings_of(result)
    if warnings:
        return f"{warnings[0].title}."
    verdicts = [verdict for verdict in verdicts_of(result) if verdict.metric == result.metrics[0].metric]
    if not verdicts:
        return "There is no variant to compare with the control."
    shown = [verdict for verdict in verdicts if verdict.outcome in ("better", "worse")]
    return " ".join(verdict.says for verdict in shown or verdicts)


def novelty_of(result: ExperimentResult) -> list[str]:
    """For each treatment with two days or more since first exposure: whether the effect is known to change."""
    said = []
    for variant, days in result.by_exposure_day.items():
        known = [day for day in days if day.low is not None and day.high is not None]
        if len(known) < 2:
            said.append(f"{variant}: too few days since first exposure to say whether the effect lasts.")
            continue
        first, last = known[0], known[-1]
        then = f"{percent(first.estimate)} on day {first.day}, {percent(last.estimate)} on day {last.day}"
        assert first.low is not None and first.high is not None and last.low is not None and last.high is not None
        if last.high < first.low or last.low > first.high:
            change = "falls" if last.high < first.low else "rises"
            said.append(f"{variant}: the effect {change} with the days since first exposure ({then}): look at the last days.")
        else:
            said.append(f"{variant}: no change with the days since first exposure is shown ({then}).")
    return said


def _verdict(result: ExperimentResult, metric: MetricResult, variant: str, lift: LiftSeries) -> Verdict:
    if result.mismatch is not None:
        says = f"{metric.metric}: not to be read before the sample-ratio mismatch is explained."
        return Verdict(metric.metric, variant, "not to be read", says, ())
    name = f"{metric.metric}, {variant} against {result.control}"
    low, high = _last(lift.low), _last(lift.high)
    if _last(lift.estimates) is None or (low is None and high is None):
        return Verdict(metric.metric, variant, "nothing yet", f"{name}: says nothing yet: {_reason(lift)}.", ())
    outcome = _outcome(metric, low, high)
    now = f"{name}: {percent(_last(lift.estimates))}, the truth is within {bounds(low, high)}"
    if outcome in ("better", "worse") and lift.p_adjusted > result.alpha:
        says = f"{now}; found alone, but not once all metrics and variants are counted (p {chance(lift.p_adjusted)})."
        return Verdict(metric.metric, variant, "undecided", says, _not_yet(metric, lift, "undecided", low, high))
    says = f"{now}: {outcome if outcome != 'undecided' else 'no difference is shown'}."
    return Verdict(metric.metric, variant, outcome, says, _not_yet(metric, lift, outcome, low, high))


def _outcome(metric: MetricResult, low: float | None, high: float | None) -> Outcome:
    if low is not None and low > 0.0:
        return "better" if metric.better == "higher" else "worse"
    if high is not None and high < 0.0:
        return "better" if metric.better == "lower" else "worse"
    return "undecided"


def _not_yet(
    metric: MetricResult, lift: LiftSeries, outcome: Outcome, low: float | None, high: float | None
) -> tuple[str, ...]:
    """What a hasty reader would conclude and must not."""
    said = []
    if outcome == "undecided" and (low is None or low <= 0.0) and (high is None or high >= 0.0):
        said.append(f"This is not “no effect”: a change of {bounds(low, high)} is still possible.")
        fixed = lift.fixed
        if fixed is not None and _excludes_zero(fixed.low, fixed.high):
            said.append(
                f"The fixed-horizon interval ({bounds(fixed.low, fixed.high)}) leaves out 0, which counts only if this look was"
                " fixed before the start and is the only one."
            )
    adjusted = lift.adjusted
    if adjusted is not None and _excludes_zero(adjusted.low, adjusted.high) != _excludes_zero(low, high):
        said.append(f"With what readers did before, the interval is {bounds(adjusted.low, adjusted.high)}.")
    if metric.immature:
        how = f": {metric.words}" if metric.words else ""
        said.append(f"The window of {many(metric.immature, 'reader')} has not closed{how}.")
    if len(lift.estimates) == 1:
        said.append("There was one look only: how the effect moves cannot be seen.")
    return tuple(said)


def _excludes_zero(low: float | None, high: float | None) -> bool:
    return (low is not None and low > 0.0) or (high is not None and high < 0.0)


def _reason(lift: LiftSeries) -> str:
    return lift.words.rstrip(". ") or "there are too few readers"


def _last(values: list[float | None]) -> float | None:
    return values[-1] if values else None
