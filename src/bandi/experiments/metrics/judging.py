"""What a measured metric says: lifts with their sequences, corrected p-values, guardrails, novelty, all in plain values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from bandi.experiments.inference import (
    Bounds,
    Comparison,
    Guardrail,
    State,
    benjamini_hochberg,
    compare_means,
    compare_ratios,
    judge_all,
    lift_sequence,
    lift_test,
    not_yet,
)
from bandi.experiments.metrics.columns import OPEN, Counting, columns_of
from bandi.experiments.metrics.gathering import Done
from bandi.experiments.metrics.looks import Readers, by_age
from bandi.experiments.metrics.measuring import Measured, comparisons, group_of
from bandi.experiments.result import AgeLift, GuardrailResult, Interval, LiftSeries, VariantSeries
from bandi.experiments.result import Sequence as LiftSequence
from bandi.model.metric_config import MeanMetric, Metric, RatioMetric

MAX_AGES = 28
_KNOWN = (State.JUDGED, State.NO_SPREAD)


def series_of(measured: Measured, names: Sequence[str]) -> list[VariantSeries]:
    """Each variant's metric at each look."""
    return [
        VariantSeries(
            name,
            measured.counted[i].tolist(),
            [
                value if known else None
                for value, known in zip(measured.values[i].tolist(), measured.known[i].tolist(), strict=True)
            ],
        )
        for i, name in enumerate(names)
    ]


def lifts_of(measured: Measured, planned: float) -> dict[str, LiftSeries]:
    """Each treatment beside the control, its p-value not yet corrected."""
    found = {}
    for name, plain in measured.plain.items():
        adjusted = measured.adjusted.get(name)
        decisive = plain if adjusted is None else adjusted
        sequence = _sequence(decisive, planned)
        all_readers = measured.all_readers.get(name)
        found[name] = LiftSeries(
            plain=sequence if adjusted is None else _sequence(plain, planned),
            adjusted=None if adjusted is None else sequence,
            fixed=_last(lift_test(plain), plain),
            fixed_adjusted=None if adjusted is None else _last(lift_test(adjusted), adjusted),
            all_readers=None if all_readers is None else _interval(all_readers, -1, known=True),
            variance_left=_left(plain, adjusted),
            p_value=sequence.p_values[-1],
            corrected=sequence.p_values[-1],
            words=_words(decisive, sequence),
        )
    return found


def corrected(lifts: Sequence[dict[str, LiftSeries]]) -> list[dict[str, float]]:
    """Adjusted p-values of all metrics and treatments together, as they came in."""
    flat = [lift.p_value for by_treatment in lifts for lift in by_treatment.values()]
    adjusted = iter(benjamini_hochberg(np.array(flat)).tolist() if flat else [])
    return [{name: next(adjusted) for name in by_treatment} for by_treatment in lifts]


def guarded(
    metrics: Mapping[str, Metric], measured: Mapping[str, Measured], planned: float, ends_ms: Sequence[int]
) -> list[GuardrailResult]:
    """Every guardrail of every treatment, judged together."""
    pairs = [(name, treatment) for name in metrics for treatment in measured[name].plain]
    if not pairs:
        return []
    rails = [
        Guardrail(name, metrics[name].tolerated_loss, "lower" if metrics[name].better == "higher" else "higher")
        for name, _ in pairs
    ]
    watched = [measured[name].adjusted.get(treatment, measured[name].plain[treatment]) for name, treatment in pairs]
    return [
        GuardrailResult(
            metric=name,
            treatment=treatment,
            decision=verdict.decision,
            since_ms=ends_ms[verdict.look] if verdict.look >= 0 else None,
            p_value=verdict.harm_p,
            words=f"{treatment}: {verdict.words}",
        )
        for (name, treatment), verdict in zip(pairs, judge_all(rails, watched, planned), strict=True)
    ]


def by_exposure_day(metric: Metric, done: Done, readers: Readers, control: str) -> dict[str, list[AgeLift]]:
    """The lift on each day since a reader's first exposure, of a mean or ratio without a window; else nothing."""
    if not isinstance(metric, MeanMetric | RatioMetric):
        return {}
    columns = columns_of(metric)
    sums = all(column.counting in (Counting.EVENTS, Counting.VALUE) for column in columns)
    if columns[0].end_ms != OPEN or not sums:
        return {}
    days = min(MAX_AGES, readers.looks)
    totals = by_age(readers, [done.growing(column) for column in columns], days)
    compare = compare_ratios if isinstance(metric, RatioMetric) else compare_means
    made = comparisons(readers, control, lambda one, other: compare(group_of(totals, one), group_of(totals, other)))
    found = {}
    for name, comparison in made.items():
        bounds, known = lift_test(comparison), _known(comparison)
        number = comparison.readers.astype(np.int64).tolist()
        found[name] = [AgeLift(day, number[day], _interval(bounds, day, known=known[day])) for day in range(days)]
    return found


def _sequence(comparison: Comparison, planned: float) -> LiftSequence:
    bounds, known = lift_sequence(comparison, planned), _known(comparison)
    return LiftSequence(
        estimates=[value if there else None for value, there in zip(bounds.estimates.tolist(), known, strict=True)],
        low=[_finite(value) for value in bounds.low.tolist()],
        high=[_finite(value) for value in bounds.high.tolist()],
        p_values=bounds.p_values.tolist(),
    )


def _known(comparison: Comparison) -> list[bool]:
    """Whether there is a lift at each look."""
    known: list[bool] = (np.isin(comparison.states, _KNOWN) & (comparison.control != 0.0)).tolist()
    return known


def _last(bounds: Bounds, comparison: Comparison) -> Interval:
    return _interval(bounds, -1, known=_known(comparison)[-1])


def _interval(bounds: Bounds, at: int, *, known: bool) -> Interval:
    def number(values: object) -> float:
        return float(np.atleast_1d(values)[at])  # type: ignore[call-overload]

    return Interval(
        estimate=number(bounds.estimates) if known else None,
        low=_finite(number(bounds.low)),
        high=_finite(number(bounds.high)),
        p_value=number(bounds.p_values),
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _left(plain: Comparison, adjusted: Comparison | None) -> float | None:
    if adjusted is None:
        return None
    before, after = float(plain.standard_error[-1]), float(adjusted.standard_error[-1])
    return (after / before) ** 2 if math.isfinite(before) and math.isfinite(after) and before > 0.0 else None


def _words(comparison: Comparison, sequence: LiftSequence) -> str:
    reason = not_yet(comparison)
    if reason:
        return f"nothing can be said yet: {reason}"
    estimate, low, high = sequence.estimates[-1], sequence.low[-1], sequence.high[-1]
    if estimate is None or low is None or high is None:
        return "nothing can be said of a lift: the control cannot be told from 0"
    shown = f"{estimate:+.1%} ({low:+.1%} to {high:+.1%})"
    if low > 0.0:
        return f"{shown}: higher than the control"
    return f"{shown}: lower than the control" if high < 0.0 else f"{shown}: no difference shown so far"
