"""The tables of a report: plain text in cells, for a terminal, Markdown or HTML to set."""

from __future__ import annotations

from typing import NamedTuple

from bandi.experiments.report.verdicts import ALPHA, latest
from bandi.experiments.report.wording import NONE, bounds, chance, day, percent, share, value
from bandi.experiments.result import ExperimentResult, FunnelStep, LiftSeries, MetricResult


class Table(NamedTuple):
    """title, header, rows as wide as it, and a caption. Nothing in it is escaped."""

    title: str
    header: list[str]
    rows: list[list[str]]
    caption: str = ""


def tables_of(result: ExperimentResult) -> list[Table]:
    """Those that have rows: variants, metrics, guardrails, funnel, days since first exposure."""
    made = [
        variants_table(result),
        metrics_table(result),
        guardrails_table(result),
        funnel_table(result),
        novelty_table(result),
    ]
    return [table for table in made if table.rows]


def variants_table(result: ExperimentResult) -> Table:
    """Who takes part."""
    whole = sum(result.readers)
    rows = [
        [_marked(variant, result.control), f"{100 * meant:.4g} %", f"{readers:,}", share(readers, whole)]
        for variant, meant, readers in zip(result.variants, result.shares, result.readers, strict=True)
    ]  # fmt: skip
    return Table("Readers", ["variant", "meant", "readers", "share"], rows)


def _marked(variant: str, control: str) -> str:
    return f"{variant} (the control)" if variant == control != "control" else variant


def metrics_table(result: ExperimentResult) -> Table:
    """Every metric of every variant at the last look."""
    rows = [row for metric in result.metrics for row in _metric_rows(metric)]
    header = ["metric", "variant", "value", "lift", "always valid", "one look", "p", "p, corrected"]
    covariates = any(lift.adjusted is not None for metric in result.metrics for lift in metric.lifts.values())
    caption = (
        f"Intervals of {100 * (1 - ALPHA):g} %. “Always valid” holds however often one looks, “one look” at a single look that was"
        f" fixed beforehand.{' Lifts are adjusted by what readers did before, where they did anything.' if covariates else ''}"
    )
    return Table("Metrics", header, rows, f"{caption} {result.corrections}".strip())


def _metric_rows(metric: MetricResult) -> list[list[str]]:
    rows = []
    for series in metric.variants:
        now = value(series.estimates[-1] if series.estimates else None, metric.unit)
        lift = metric.lifts.get(series.variant)
        rows.append([metric.metric, series.variant, now, *(_lift_cells(lift) if lift is not None else [""] * 5)])
    return rows


def _lift_cells(lift: LiftSeries) -> list[str]:
    now, fixed = latest(lift.decisive), lift.fixed if lift.fixed_adjusted is None else lift.fixed_adjusted
    return [
        percent(now.estimate), bounds(now.low, now.high), bounds(fixed.low, fixed.high), chance(lift.p_value),
        chance(lift.corrected),
    ]  # fmt: skip


def guardrails_table(result: ExperimentResult) -> Table:
    """What each guardrail decided."""
    rows = [[guard.metric, guard.treatment, guard.decision, guard.words] for guard in result.guardrails]
    return Table("Guardrails", ["metric", "variant", "decision", "why"], rows)


def funnel_table(result: ExperimentResult) -> Table:
    """Readers who reached each step, by variant; shares are of those at the first."""
    if not result.funnel:
        return Table("Funnel", [], [])
    first = result.funnel[0].readers
    rows = [
        [
            step.step,
            *(f"{_of(step, name):,} ({share(_of(step, name), first.get(name, 0))})" for name in result.variants),
        ]
        for step in result.funnel
    ]
    return Table("Funnel", ["step", *result.variants], rows, "Readers who reached each step; shares are of the first.")


def novelty_table(result: ExperimentResult) -> Table:
    """Lift of the deciding metric by days since a reader's first exposure."""
    found = {(variant, age.days): age for variant, ages in result.by_exposure_day.items() for age in ages}
    rows = []
    for number in sorted({days for _, days in found}):
        ages = [found.get((variant, number)) for variant in result.by_exposure_day]
        cells = [
            NONE if age is None else f"{percent(age.lift.estimate)} ({bounds(age.lift.low, age.lift.high)})"
            for age in ages
        ]
        rows.append([str(number), *cells])
    named = result.metrics[0].metric if result.metrics else "the metric"
    title = "Days since first exposure"
    return Table(
        title, ["day", *result.by_exposure_day], rows, f"Lift of {named} on each day after a reader's first exposure."
    )


def looks_table(result: ExperimentResult, metric: MetricResult, variant: str) -> Table:
    """One metric of one treatment at every look: the figures behind its plot."""
    sequence = metric.lifts[variant].decisive
    readers = next(series.readers for series in metric.variants if series.variant == variant)
    figures = zip(
        result.looks_ms, readers, sequence.estimates, sequence.low, sequence.high, sequence.p_values, strict=True
    )
    rows = [
        [day(moment), f"{count:,}", percent(estimate), bounds(low, high), chance(p)]
        for moment, count, estimate, low, high, p in figures
    ]
    return Table(f"{metric.metric}, {variant}", ["day", "readers", "lift", "always valid", "p"], rows)


def _of(step: FunnelStep, variant: str) -> int:
    return step.readers.get(variant, 0)
