"""What is kept of each reader for a set of metrics: columns, each a tally within a window, shared where metrics agree."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from bandi.model.config_values import duration_ms
from bandi.model.metric_config import (
    CONTINUED,
    FunnelMetric,
    MeanMetric,
    Metric,
    QuantileMetric,
    RatioMetric,
    RetentionMetric,
    Tally,
)

DAY_MS = 86_400_000
OPEN = -1
"""In the place of a window's end: all so far."""
FUNNEL_STEPS = ("impression", "click", "read", "continued", "paid")


class Counting(IntEnum):
    """How events of a column become a number; the codes that the kernels know."""

    EVENTS = 0
    VALUE = 1
    READERS = 2
    TITLES = 3
    EACH = 4
    """Every value by itself, for quantiles."""


@dataclass(frozen=True, slots=True)
class Column:
    """events: names of kinds; episode: least one of reads, 0: any; placement: only of the experiment's lists.

    The window is from start_ms (0: the first exposure) to before end_ms after it, OPEN: to now.
    """

    events: tuple[str, ...]
    counting: Counting
    episode: int = 0
    placement: bool = False
    start_ms: int = 0
    end_ms: int = OPEN


FUNNEL = (
    Column(("impression",), Counting.READERS),
    Column(("click",), Counting.READERS),
    Column(("read",), Counting.READERS),
    Column(("read",), Counting.READERS, CONTINUED),
    Column(("purchase",), Counting.READERS),
)
"""Of every report, whatever its metrics."""


def columns_of(metric: Metric) -> tuple[Column, ...]:
    """A mean's or quantile's column, numerator and denominator of a ratio, the steps of a funnel."""
    match metric:
        case RetentionMetric():
            start = metric.day * DAY_MS
            return (Column(metric.events, Counting.READERS, start_ms=start, end_ms=start + DAY_MS),)
        case QuantileMetric():
            return (Column((metric.event,), Counting.EACH, end_ms=_end(metric.window)),)
        case MeanMetric():
            return (_column(metric.tally, metric.window),)
        case RatioMetric():
            return _column(metric.numerator, metric.window), _column(metric.denominator, metric.window)
        case FunnelMetric():
            end = _end(metric.window)
            steps = metric.steps
            return tuple(Column((step.event,), Counting.READERS, step.episode or 0, end_ms=end) for step in steps)


def all_columns(metrics: Iterable[Metric]) -> list[Column]:
    """Each column that any of them needs once, those of the funnel first."""
    return list(dict.fromkeys([*FUNNEL, *(column for metric in metrics for column in columns_of(metric))]))


def _column(tally: Tally, window: str | None) -> Column:
    counting = Counting[tally.counted.upper()]
    return Column((tally.event,), counting, tally.episode or 0, tally.at == "placement", end_ms=_end(window))


def _end(window: str | None) -> int:
    return OPEN if window is None else duration_ms(window)
