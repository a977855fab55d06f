"""The tables of a report: plain text in cells, for a terminal, Markdown or HTML to set."""

from __future__ import annotations

from typing import NamedTuple

from bandi.experiments.report.verdicts import readers_now
from bandi.experiments.report.wording import NONE, bounds, chance, day, percent, share, value
from bandi.experiments.result import ExperimentResult, LiftSeries, MetricResult


class Table(NamedTuple):
    """title, header, rows as wide as it, and a caption. Nothing in it is escaped."""

    title: str
    header: list[str]
    rows: list[list[str]]
    caption: str = ""


def tables_of(result: ExperimentResult) -> list[Table]:
    """Those that have rows: variants, metrics, guardrails, funnel, days since first exposure."""
    made = [variants_table(result), metrics_table(result), guardrails_table(result), funnel_table(result), novelty_table(result)]
    return [table for table in made if table.rows]


def variants_table(result: ExperimentResult) -> Table:
    """Who takes part."""
    counts = readers_now(result)
    whole = sum(counts.values())
    rows = [
        [variant + (" (control)" if variant == result.control else ""), f"{100 * meant:.4g} %", f"{counts[variant]:,}", share(counts[variant], whole)]
        for variant, meant in zip(result.variants, result.shares, strict=True)
    ]  # fmt: skip
    return Table("Readers", ["variant", "meant", "readers", "share"], rows)


def metrics_table(result: ExperimentResult) -> Table:
    """Every metric of every variant at the last look."""
    rows = [row for metric in result.metrics for row in _metric_rows(metric)]
    header = ["metric", "variant", "value", "lift", "always valid", "with covariates", "fixed horizon", "p", "p, corrected"]
    level = f"{100 * (1 - result.alpha):g} %"
    caption = (
        f"Intervals of {level}. “Always valid” holds however often one looks; “fixed horizon” holds at one look that was fixed"
        f" beforehand. {result.corrections}"
    )
    return Table("Metrics", header, rows, caption.strip())


def _metric_rows(metric: MetricResult) -> list[list[str]]:
    rows = []
    for series in metric.variants:
        now = value(series.estimates[-1] if series.estimates else None, metric.unit)
        lift = metric.lifts.get(series.variant)
        rows.append([metric.metric, series.variant, now, *(_lift_cells(lift) if lift is not None else [""] * 6)])
    return rows


def _lift_cells(lift: LiftSeries) -> list[str]:
    if not lift.estimates:
        return [NONE] * 6
    with_covariates, fixed = lift.adjusted, lift.fixed
    return [
        percent(lift.estimates[-1]), bounds(lift.low[-1], lift.high[-1]),
        NONE if with_covariates is None else bounds(with_covariates.low, with_covariates.high),
        NONE if fixed is None else bounds(fixed.low, fixed.high), chance(lift.p_values[-1]), chance(lift.p_adjusted),
    ]  # fmt: skip


def guardrails_table(result: ExperimentResult) -> Table:
    """What each guardrail decided."""
    rows = [[guard.name, guard.variant, guard.decision, guard.words] for guard in result.guardrails]
    return Table("Guardrails", ["metric", "variant", "decision", "why"], rows)


def funnel_table(result: ExperimentResult) -> Table:
    """Readers who reached each step, by variant; shares are of the variant's first step."""
    steps = list(dict.fromkeys(step.step for step in result.funnel))
    counts = {(step.variant, step.step): step.readers for step in result.funnel}
    rows = []
    for step in steps:
        cells = [step]
        for variant in result.variants:
            readers, first = counts.get((variant, step), 0), counts.get((variant, steps[0]), 0)
            cells.append(f"{readers:,} ({share(readers, first)})")
        rows.append(cells)
    return Table("Funnel", ["step", *result.variants], rows, "Readers who reached each step; shares are of the first.")


def novelty_table(result: ExperimentResult) -> Table:
    """Lift of the deciding metric by days since a reader's first exposure."""
    days = sorted({each.day for series in result.by_exposure_day.values() for each in series})
    found = {(variant, each.day): each for variant, series in result.by_exposure_day.items() for each in series}
    rows = []
    for number in days:
        cells = [str(number)]
        for variant in result.by_exposure_day:
            each = found.get((variant, number))
            cells.append(NONE if each is None else f"{percent(each.estimate)} ({bounds(each.low, each.high)})")
        rows.append(cells)
    named = result.metrics[0].metric if result.metrics else "the metric"
    title = "Days since first exposure"
    return Table(title, ["day", *result.by_exposure_day], rows, f"Lift of {named} on each day after a reader's first exposure.")


def looks_table(result: ExperimentResult, metric: MetricResult, variant: str) -> Table:
    """One metric of one treatment at every look: the figures behind its plot."""
    lift = metric.lifts[variant]
    readers = {series.variant: series.readers for series in metric.variants}.get(variant, [])
    rows = [
        [
            day(moment), f"{readers[look]:,}" if look < len(readers) else NONE, percent(lift.estimates[look]),
            bounds(lift.low[look], lift.high[look]), chance(lift.p_values[look]),
        ]
        for look, moment in enumerate(result.looks_ms[: len(lift.estimates)])
    ]  # fmt: skip
    return Table(f"{metric.metric}, {variant}", ["day", "readers", "lift", "always valid", "p"], rows)
