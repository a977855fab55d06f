"""How columns become fields: renamed, constant, split, and for events which kinds a row gives."""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from bandi.model.errors import InvalidInputError, Problem

EVENT_KINDS = ("impression", "click", "read", "purchase", "refund", "dismiss", "custom")
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "!=": operator.ne,
    "==": operator.eq,
    "=": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
}


@dataclass(frozen=True, slots=True)
class Condition:
    """A comparison of one column with a number or a text."""

    column: str
    comparison: str
    value: float | str

    def holds(self, values: dict[str, Any]) -> bool:
        """Whether a row meets it; a cell that is no number never meets a comparison with one."""
        cell = values.get(self.column)
        if isinstance(self.value, float):
            try:
                cell = float(cell)  # type: ignore[arg-type]
            except (TypeError, ValueError):
                return False
        return _COMPARISONS[self.comparison](cell if isinstance(self.value, float) else str(cell), self.value)


@dataclass(frozen=True, slots=True)
class EventRule:
    """A row gives an event of this kind, always or where the condition holds."""

    kind: str
    condition: Condition | None = None


@dataclass(frozen=True, slots=True)
class Mapping:
    """columns: field -> column; constants: field -> value; separators: field -> text between the parts of a list."""

    columns: dict[str, str] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    separators: dict[str, str] = field(default_factory=dict)
    events: tuple[EventRule, ...] = ()
    time_unit: str | None = None
    """`s` or `ms` since 1970; None: told from the values."""

    def checked(self, columns: Sequence[str], fields: Sequence[str], file: str) -> dict[str, str]:
        """field -> column for this file: what was asked for, and columns that are named as a field.

        Raises InvalidInputError for a column that is not there or a field that does not exist.
        """
        problems = []
        for name, column in self.columns.items():
            if name not in fields and not name.startswith("fields."):
                problems.append(
                    Problem(f"--map {name}={column}", repr(name), f"one of: {', '.join(fields)}", _near(name, fields))
                )
            if column not in columns:
                problems.append(
                    Problem(
                        f"{file}: column {column!r}",
                        "no such column",
                        f"one of: {', '.join(columns)}",
                        _near(column, columns),
                    )
                )
        for name in (*self.constants, *self.separators):
            if name not in fields and not name.startswith("fields."):
                problems.append(
                    Problem(f"field {name!r}", "no such field", f"one of: {', '.join(fields)}", _near(name, fields))
                )
        for rule in self.events:
            if rule.condition is not None and rule.condition.column not in columns:
                column = rule.condition.column
                problems.append(
                    Problem(
                        f"--as {rule.kind} if {column}",
                        "no such column",
                        f"one of: {', '.join(columns)}",
                        _near(column, columns),
                    )
                )
        if problems:
            raise InvalidInputError(problems)
        taken = set(self.columns.values())
        by_name = {c: c for c in columns if c in fields and c not in self.constants and c not in taken}
        return {**by_name, **self.columns}


def parse_pairs(texts: Sequence[str], flag: str) -> dict[str, str]:
    """`field=value` texts of a flag. Raises InvalidInputError."""
    pairs = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name or not value:
            raise InvalidInputError(Problem(flag, repr(text), "FIELD=VALUE"))
        pairs[name] = value
    return pairs


def parse_event_rule(text: str) -> EventRule:
    """`click` or `click if rating >= 4`. Raises InvalidInputError."""
    kind, _, condition = text.strip().partition(" if ")
    kind = kind.strip()
    if kind not in EVENT_KINDS:
        raise InvalidInputError(
            Problem("--as", repr(kind), f"one of: {', '.join(EVENT_KINDS)}", _near(kind, EVENT_KINDS))
        )
    if not condition:
        return EventRule(kind)
    parts = re.fullmatch(r"\s*(.+?)\s*(>=|<=|!=|==|=|>|<)\s*(.+?)\s*", condition)
    if parts is None:
        raise InvalidInputError(Problem("--as", repr(text), "KIND if COLUMN >= VALUE (or <=, >, <, =, !=)"))
    column, comparison, value = parts.groups()
    try:
        return EventRule(kind, Condition(column, comparison, float(value)))
    except ValueError:
        return EventRule(kind, Condition(column, comparison, value.strip("'\"")))


def _near(name: str, names: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, names, 1, 0.5)
    return f"did you mean {close[0]}?" if close else ""
