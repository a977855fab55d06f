"""Markdown tables, and figures with their intervals as text."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from bandi.evaluation.intervals import Interval


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def share(interval: Interval | None, digits: int = 1) -> str:
    """As `12.3 % (11.0 to 13.6)`."""
    return _text(interval, lambda value: f"{100 * value:.{digits}f}", " %")


def change(interval: Interval | None, digits: int = 1) -> str:
    """A share with its sign, as `+1.2 % (+0.9 to +1.5)`."""
    return _text(interval, lambda value: f"{100 * value:+.{digits}f}", " %")


def number(interval: Interval | None) -> str:
    """To three digits."""
    return _text(interval, lambda value: f"{value:.3g}", "")


def percent(value: float, digits: int = 1) -> str:
    """A share without an interval; nothing for NaN."""
    return "" if math.isnan(value) else f"{100 * value:.{digits}f} %"


def _text(interval: Interval | None, write: Callable[[float], str], unit: str) -> str:
    if interval is None:
        return "not reached"
    if math.isnan(interval.estimate):
        return "not defined"
    if not (math.isfinite(interval.low) and math.isfinite(interval.high)):
        return f"{write(interval.estimate)}{unit} (no bounds)"
    return f"{write(interval.estimate)}{unit} ({write(interval.low)} to {write(interval.high)})"
