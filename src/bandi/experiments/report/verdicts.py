"""What each metric says of each variant in plain words, and what it does not say yet."""

from __future__ import annotations

from typing import Literal, NamedTuple

from bandi.experiments.report.wording import bounds, chance, day, many, percent, sentence
from bandi.experiments.result import AgeLift, ExperimentResult, Interval, LiftSeries, MetricResult, Sequence

ALPHA = 0.05
"""Results hold intervals of 95 %."""

Outcome = Literal["better", "worse", "undecided", "nothing yet", "not to be read"]


class Verdict(NamedTuple):
    """One metric of one treatment. says: a sentence; not_yet: what must not be concluded, and why."""

    metric: str
    variant: str
    outcome: Outcome
    says: str
    not_yet: tuple[str, ...]


class Caution(NamedTuple):
    """What comes before any figure. title: said loudly; words: why."""

    title: str
    words: str


def cautions_of(result: ExperimentResult) -> list[Caution]:
    """What is wrong with the experiment itself: shares first, then harm, then that nobody took part."""
    found = []
    if result.mismatch is not None:
        found.append(Caution("Sample-ratio mismatch: do not read these results", result.mismatch))
    found += [
        Caution(f"Guardrail {guard.metric}: {guard.treatment} does harm", guard.words)
        for guard in result.guardrails
        if guard.decision == "stop"
    ]
    if not any(result.readers):
        found.append(
            Caution("Nobody has taken part yet", f"the experiment is {result.state}; there is nothing to judge")
        )
    return found


def verdicts_of(result: ExperimentResult) -> list[Verdict]:
    """One for each metric and treatment, the deciding metric first."""
    return [
        _verdict(result, metric, variant, lift) for metric in result.metrics for variant, lift in metric.lifts.items()
    ]


def headline(result: ExperimentResult) -> str:
    """The whole in one sentence."""
    cautions = cautions_of(result)
    if cautions:
        return f"{cautions[0].title}."
    verdicts = [verdict for verdict in verdicts_of(result) if verdict.metric == result.metrics[0].metric]
    if not verdicts:
        return "There is no variant to compare with the control."
    shown = [verdict for verdict in verdicts if verdict.outcome in ("better", "worse")]
    return " ".join(verdict.says for verdict in shown or verdicts)


def standing(result: ExperimentResult) -> str:
    """State, control and the days looked at."""
    looks = result.looks_ms
    when = f"{len(looks)} looks, {day(looks[0])} to {day(looks[-1])}" if len(looks) > 1 else "no look yet"
    if len(looks) == 1:
        when = f"one look, {day(looks[0])}"
    return f"State: {result.state}. Control: {result.control}. {when[0].upper()}{when[1:]} (days are UTC)."


def novelty_of(result: ExperimentResult) -> list[str]:
    """For each treatment: whether the effect is known to change with the days since first exposure."""
    return [_novelty(variant, ages) for variant, ages in result.by_exposure_day.items()]


def _novelty(variant: str, ages: list[AgeLift]) -> str:
    """Compares the first and the last day that have both bounds. Intervals that do not touch show a change."""
    known = [
        (age.days, lift.estimate, lift.low, lift.high)
        for age in ages
        if (lift := age.lift).low is not None and lift.high is not None
    ]
    if len(known) < 2:
        return f"{variant}: too few days since first exposure to say whether the effect lasts."
    (begin, early, early_low, early_high), (end, late, late_low, late_high) = known[0], known[-1]
    then = f"{percent(early)} on day {begin}, {percent(late)} on day {end}"
    if late_high < early_low or late_low > early_high:
        change = "falls" if late_high < early_low else "rises"
        return f"{variant}: the effect {change} with the days since first exposure ({then}): look at the last days."
    return f"{variant}: no change with the days since first exposure is shown ({then})."


def _verdict(result: ExperimentResult, metric: MetricResult, variant: str, lift: LiftSeries) -> Verdict:
    if result.mismatch is not None:
        says = f"{metric.metric}, {variant}: not to be read before the sample-ratio mismatch is explained."
        return Verdict(metric.metric, variant, "not to be read", says, ())
    name = f"{metric.metric}, {variant} against {result.control}"
    now = latest(lift.decisive)
    if now.estimate is None or (now.low is None and now.high is None):
        return Verdict(
            metric.metric, variant, "nothing yet", f"{name}: says nothing yet: {_reason(lift)}.", _waiting(metric)
        )
    outcome = _outcome(metric, now)
    found = f"{name}: {percent(now.estimate)}, the truth is within {bounds(now.low, now.high)}"
    if outcome != "undecided" and lift.corrected > ALPHA:
        says = f"{found}; found alone, but not once all metrics and variants are counted (p {chance(lift.corrected)})."
        return Verdict(metric.metric, variant, "undecided", says, _waiting(metric))
    said = "no difference is shown" if outcome == "undecided" else outcome
    return Verdict(metric.metric, variant, outcome, f"{found}: {said}.", _not_yet(metric, lift, now))


def latest(sequence: Sequence) -> Interval:
    """A sequence at its last look; all None where there was none."""
    if not sequence.estimates:
        return Interval(None, None, None, 1.0)
    return Interval(sequence.estimates[-1], sequence.low[-1], sequence.high[-1], sequence.p_values[-1])


def _outcome(metric: MetricResult, now: Interval) -> Outcome:
    if not _excludes_zero(now):
        return "undecided"
    higher = now.low is not None and now.low > 0.0
    return "better" if higher == (metric.better == "higher") else "worse"


def _not_yet(metric: MetricResult, lift: LiftSeries, now: Interval) -> tuple[str, ...]:
    """What a hasty reader would conclude and must not."""
    said = []
    fixed = lift.fixed if lift.fixed_adjusted is None else lift.fixed_adjusted
    if not _excludes_zero(now):
        said.append(f"This is not “no effect”: a change of {bounds(now.low, now.high)} is still possible.")
        if _excludes_zero(fixed):
            said.append(
                f"The fixed-horizon interval ({bounds(fixed.low, fixed.high)}) leaves out 0; that counts only if this look was"
                " fixed before the start and is the only one."
            )
    said += _waiting(metric)
    every = lift.all_readers
    if every is not None and metric.immature and every.estimate is not None:
        said.append(
            f"With them, weighed by how much has been seen: {percent(every.estimate)} ({bounds(every.low, every.high)})."
        )
    if len(lift.plain.estimates) == 1:
        said.append("There was one look only: how the effect moves cannot be seen.")
    return tuple(said)


def _waiting(metric: MetricResult) -> tuple[str, ...]:
    """Readers whose window is open, and what is odd about the metric; its own words say both, where it has any."""
    if metric.words:
        return (sentence(metric.words),)
    return (f"The window of {many(metric.immature, 'reader')} has not closed.",) if metric.immature else ()


def _excludes_zero(interval: Interval) -> bool:
    return (interval.low is not None and interval.low > 0.0) or (interval.high is not None and interval.high < 0.0)


def _reason(lift: LiftSeries) -> str:
    return lift.words.rstrip(". ") or "there are too few readers"
