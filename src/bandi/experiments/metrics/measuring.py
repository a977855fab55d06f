"""One metric of all variants at all looks: its value, and each treatment beside the control."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bandi.experiments.inference import (
    Bounds,
    Comparison,
    Totals,
    across_stages,
    at_looks,
    by_maturity,
    compare_means,
    compare_quantiles,
    compare_ratios,
    lift_test,
    quantile_of,
    totals_of,
)
from bandi.experiments.metrics._event_kernels import NEVER
from bandi.experiments.metrics.columns import OPEN, Column, Counting, columns_of
from bandi.experiments.metrics.gathering import Done
from bandi.experiments.metrics.looks import Readers, closed, first_times, growing, steps_reached
from bandi.model.metric_config import FunnelMetric, Metric, QuantileMetric, RatioMetric
from bandi.model.records import Array

_EARLY = 0.01
"""A larger share of readers with a value before the delay curve begins: it is not the curve of these readers."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A metric. counted: int64[variants, looks], readers; values: float64[variants, looks], known: bool likewise.

    plain, adjusted: by treatment, looks last; adjusted is empty where nobody did anything before exposure. all_readers: by
    treatment, lifts at the last look, immature readers weighed; empty where there is none. immature: readers who wait.
    """

    counted: Array
    values: Array
    known: Array
    plain: dict[str, Comparison]
    adjusted: dict[str, Comparison]
    all_readers: dict[str, Bounds]
    immature: int


def measure(metric: Metric, done: Done, readers: Readers, control: str, now_ms: int) -> Measured:
    """The metric from what readers did. O(rows + cells + looks); of a quantile O(looks n log n) for n values."""
    columns = columns_of(metric)
    end = columns[0].end_ms
    closes = readers.exposed.exposed_ms + max(end, 0)
    matured = readers.entries if end == OPEN else done.calendar.closed_by(closes)
    immature = int((matured >= readers.looks).sum())
    if isinstance(metric, QuantileMetric):
        return _quantiles(metric, done, readers, control, matured if end != OPEN else None, immature)
    covariates = _covariates(metric, columns, done)
    if end == OPEN:
        totals = growing(readers, _parts(metric, columns, done), covariates)
    else:
        values = _final(metric, columns, done)
        totals = closed(readers, np.concatenate([values, covariates], axis=1), matured)
    m = len(columns) if isinstance(metric, RatioMetric) else 1
    compare = compare_ratios if isinstance(metric, RatioMetric) else compare_means
    counted, values_, known = _values(totals, readers, m)
    own = list(range(m))
    return Measured(
        counted, values_, known,
        _beside(totals.take(own), readers, control, compare),
        _beside(totals, readers, control, compare) if covariates.shape[1] else {},
        _of_all(metric, columns[0], done, readers, control, now_ms) if immature else {},
        immature,
    )  # fmt: skip


def comparisons(readers: Readers, control: str, of: Callable[[int, int], Comparison]) -> dict[str, Comparison]:
    """Each treatment beside the control, within stages and across them; of: makes one of two groups."""
    names = readers.exposed.names
    there = names.index(control)
    found = {}
    for variant, name in enumerate(names):
        if name != control:
            stages = [
                of(readers.group(stage, variant), readers.group(stage, there))
                for stage in range(len(readers.exposed.weights))
            ]
            found[name] = stages[0] if len(stages) == 1 else across_stages(stages)
    return found


def _beside(
    totals: Totals, readers: Readers, control: str, compare: Callable[[Totals, Totals], Comparison]
) -> dict[str, Comparison]:
    return comparisons(readers, control, lambda one, other: compare(group_of(totals, one), group_of(totals, other)))


def group_of(totals: Totals, group: int) -> Totals:
    """Of one group, at all looks."""
    cubes = None if totals.cubes is None else totals.cubes[group]
    return Totals(totals.readers[group], totals.sums[group], totals.products[group], cubes)


def _parts(metric: Metric, columns: tuple[Column, ...], done: Done) -> list[tuple[Array, Array, Array]]:
    if isinstance(metric, FunnelMetric):
        return [first_times(steps_reached(done, columns))]
    return [done.growing(column) for column in columns]


def _final(metric: Metric, columns: tuple[Column, ...], done: Done) -> Array:
    """float64[rows, m]"""
    if isinstance(metric, FunnelMetric):
        all_steps: Array = (steps_reached(done, columns) != NEVER).astype(np.float64)[:, None]
        return all_steps
    return np.stack([done.final(column) for column in columns], axis=1)


def _covariates(metric: Metric, columns: tuple[Column, ...], done: Done) -> Array:
    """float64[rows, c]: the same tallies before exposure (of a funnel its last step), those that are not all the same."""
    asked = columns[-1:] if isinstance(metric, FunnelMetric) else columns
    before = done.before[:, [done.index(column) for column in asked]]
    varied = np.flatnonzero(np.ptp(before, axis=0) > 0.0) if len(before) else np.zeros(0, np.int64)
    found: Array = before[:, varied]
    return found


def _values(totals: Totals, readers: Readers, m: int) -> tuple[Array, Array, Array]:
    """Of each variant over all stages: readers, the metric, and whether it is known."""
    variants = len(readers.exposed.names)
    counts = totals.readers.reshape(-1, variants, readers.looks).sum(axis=0)
    sums = totals.sums.reshape(-1, variants, readers.looks, totals.columns).sum(axis=0)
    below = counts if m == 1 else sums[..., 1]
    known = below > 0.0
    return counts.astype(np.int64), np.where(known, sums[..., 0] / np.where(known, below, 1.0), 0.0), known


def _of_all(
    metric: Metric, column: Column, done: Done, readers: Readers, control: str, now_ms: int
) -> dict[str, Bounds]:
    """Lifts with immature readers, of means whose delay curve the mature readers show (inference/maturity.py)."""
    curve = np.cumsum(done.delays[done.index(column)])
    one_window = metric.__struct_config__.tag == "mean"
    if not one_window or curve[-1] <= 0.0 or (np.diff(curve) < 0.0).any():
        return {}
    edges = np.linspace(0.0, 1.0, len(curve) + 1)
    ages = (now_ms - readers.exposed.exposed_ms) / column.end_ms
    shares = np.clip(np.interp(ages, edges, np.concatenate([[0.0], curve / curve[-1]])), 0.0, 1.0)
    values = done.final(column)
    if ((shares == 0.0) & (values != 0.0)).mean() > _EARLY:
        return {}
    rows = by_maturity(values, shares)
    groups = [totals_of(rows[readers.groups == group]) for group in range(readers.count)]
    made = comparisons(readers, control, lambda one, other: compare_ratios(groups[one], groups[other]))
    return {name: lift_test(comparison) for name, comparison in made.items()}


def _quantiles(
    metric: QuantileMetric, done: Done, readers: Readers, control: str, matured: Array | None, immature: int
) -> Measured:
    (column,) = columns_of(metric)
    assert column.counting is Counting.EACH
    rows, looks, values = done.growing(column)
    looks = looks if matured is None else matured[rows]
    order = np.argsort(looks, kind="stable")
    rows, looks, values = rows[order], looks[order], values[order]
    every = np.arange(readers.looks)
    found = []
    for group in range(readers.count):
        own = readers.groups[rows] == group
        ends = np.searchsorted(looks[own], every, side="right")
        points, owners = values[own], rows[own]
        found.append([quantile_of(points[:end], owners[:end], metric.q) for end in ends.tolist()])
    variants = len(readers.exposed.names)
    shown = found[-variants:]  # readers of the stage that is on
    counted = np.array([[one.readers for one in series] for series in shown], np.int64)
    return Measured(
        counted,
        np.array([[one.value for one in series] for series in shown]),
        counted > 0,
        comparisons(
            readers, control,
            lambda one, other: at_looks([compare_quantiles(*pair) for pair in zip(found[one], found[other], strict=True)]),
        ),
        {}, {}, immature,
    )  # fmt: skip
