"""A result cut to its last looks, for answers that must stay small."""

from __future__ import annotations

from msgspec.structs import replace

from bandi.experiments.result import ExperimentResult, LiftSeries, MetricResult, Sequence, VariantSeries


def with_last_looks(result: ExperimentResult, looks: int) -> ExperimentResult:
    """The same with at most so many looks in every series, the newest; looks: 1 or more. What is said of the last look stays."""
    metrics = [_metric(metric, looks) for metric in result.metrics]
    return replace(result, looks_ms=result.looks_ms[-looks:], metrics=metrics)


def _metric(metric: MetricResult, looks: int) -> MetricResult:
    variants = [VariantSeries(one.variant, one.readers[-looks:], one.estimates[-looks:]) for one in metric.variants]
    return replace(metric, variants=variants, lifts={name: _lift(lift, looks) for name, lift in metric.lifts.items()})


def _lift(lift: LiftSeries, looks: int) -> LiftSeries:
    adjusted = None if lift.adjusted is None else _sequence(lift.adjusted, looks)
    return replace(lift, plain=_sequence(lift.plain, looks), adjusted=adjusted)


def _sequence(sequence: Sequence, looks: int) -> Sequence:
    return Sequence(
        sequence.estimates[-looks:], sequence.low[-looks:], sequence.high[-looks:], sequence.p_values[-looks:]
    )
