"""Telling how a column writes its times: seconds or milliseconds since 1970, or RFC 3339 text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from bandi.model.errors import InvalidInputError, Problem

_SECONDS_BELOW = 1e11  # the year 5138 in seconds, 1973 in milliseconds
_MS_BELOW = 1e14
READ_AS = {"s": "seconds since 1970", "ms": "milliseconds since 1970", "text": "RFC 3339 text"}


def tell_unit(samples: Sequence[Any], asked: str | None, column: str) -> str:
    """`s`, `ms` or `text`. Raises InvalidInputError where the samples do not agree with each other."""
    if asked is not None:
        return asked
    units = set()
    for sample in samples:
        if isinstance(sample, datetime) or (number := _number(sample)) is None:
            units.add("text")
        elif abs(number) < _SECONDS_BELOW:
            units.add("s")
        elif abs(number) < _MS_BELOW:
            units.add("ms")
    if len(units) > 1:
        hint = "say which with --time-unit s or --time-unit ms"
        raise InvalidInputError(
            Problem(f"column {column!r}", f"times as {' and '.join(sorted(units))}", "one unit", hint)
        )
    return units.pop() if units else "s"


def reader(unit: str) -> Callable[[Any], float | datetime]:
    """From a cell to a moment. The function raises ValueError."""
    if unit == "text":
        return _from_text
    factor = 1.0 if unit == "s" else 0.001

    def from_number(cell: Any) -> float | datetime:
        return cell if isinstance(cell, datetime) else float(cell) * factor

    return from_number


def _from_text(cell: Any) -> datetime:
    moment = cell if isinstance(cell, datetime) else datetime.fromisoformat(str(cell))
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _number(cell: Any) -> float | None:
    try:
        return float(cell)
    except (TypeError, ValueError):
        return None
