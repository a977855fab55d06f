"""What an expression is made of, answered for all titles at once over the columns of the catalogue.

Logic has three values, as in SQL (the tables are Kleene's, 1952): what a title does not say is unknown, a comparison with
it is unknown, `not` unknown is unknown, unknown `and` false is false, unknown `or` true is true. So two columns of truths
are carried, and `not` swaps them.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from bandi.catalog.columns import Codes, ColumnKind, ColumnName, Columns, ValueType
from bandi.model.records import Array

Value = str | float | bool
ORDERS: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Answer(NamedTuple):
    """true, false: bool[size]; a title in neither is unknown. Not to be written to."""

    true: Array
    false: Array


@dataclass(frozen=True, slots=True)
class Constant:
    """The same for every title."""

    value: bool

    def needs(self) -> Iterable[ColumnName]:
        """No column."""
        return ()

    def answer(self, columns: Columns) -> Answer:
        """O(size)."""
        true = np.full(columns.size, self.value)
        return Answer(true, ~true)


@dataclass(frozen=True, slots=True)
class Missing:
    """The title says nothing by that name; never unknown."""

    column: ColumnName

    def needs(self) -> Iterable[ColumnName]:
        """The column."""
        return (self.column,)

    def answer(self, columns: Columns) -> Answer:
        """O(size)."""
        if self.column.kind is ColumnKind.NUMBERS:
            true = np.isnan(columns.numbers(self.column.name))
        else:
            true = columns.codes(self.column.name).codes == 0
        return Answer(true, ~true)


@dataclass(frozen=True, slots=True)
class IsNumber:
    """The number equals one of these."""

    name: str
    values: tuple[float, ...]

    def needs(self) -> Iterable[ColumnName]:
        """The column of numbers."""
        return (ColumnName(ColumnKind.NUMBERS, self.name),)

    def answer(self, columns: Columns) -> Answer:
        """O(size * values), O(size log values) for many."""
        numbers = columns.numbers(self.name)
        true = numbers == self.values[0] if len(self.values) == 1 else np.isin(numbers, self.values)
        return Answer(true, ~true & ~np.isnan(numbers))


@dataclass(frozen=True, slots=True)
class IsValue:
    """The text equals one of these texts, or the truth that truth: values are of one type."""

    name: str
    values: tuple[str, ...] | tuple[bool, ...]

    def needs(self) -> Iterable[ColumnName]:
        """The column of codes."""
        return (ColumnName(ColumnKind.CODES, self.name),)

    def answer(self, columns: Columns) -> Answer:
        """O(size + distinct values)."""
        column = columns.codes(self.name)
        wanted = ValueType.TRUTH if isinstance(self.values[0], bool) else ValueType.TEXT
        known = column.types() == wanted
        true = np.zeros(len(known), np.bool_)
        found = np.array([column.code(value) for value in self.values])
        true[found[(found >= 0) & (found < len(true))]] = True
        return _by_code(column, true, known)


@dataclass(frozen=True, slots=True)
class NumberOrder:
    """The number stands on one side of this one."""

    name: str
    sign: str
    value: float

    def needs(self) -> Iterable[ColumnName]:
        """The column of numbers."""
        return (ColumnName(ColumnKind.NUMBERS, self.name),)

    def answer(self, columns: Columns) -> Answer:
        """O(size)."""
        numbers = columns.numbers(self.name)
        true = ORDERS[self.sign](numbers, self.value)
        return Answer(true, ~true & ~np.isnan(numbers))


@dataclass(frozen=True, slots=True)
class TextOrder:
    """The text stands before or behind this one, by code point."""

    name: str
    sign: str
    value: str

    def needs(self) -> Iterable[ColumnName]:
        """The column of codes."""
        return (ColumnName(ColumnKind.CODES, self.name),)

    def answer(self, columns: Columns) -> Answer:
        """O(size + distinct values), the latter in Python."""
        column = columns.codes(self.name)
        known = column.types() == ValueType.TEXT
        holds = ORDERS[self.sign]
        values = column.values[: len(known)]
        true = np.fromiter((isinstance(value, str) and holds(value, self.value) for value in values), np.bool_)
        return _by_code(column, true, known)


@dataclass(frozen=True, slots=True)
class Holds:
    """The list has this text in it; never unknown."""

    name: str
    text: str

    def needs(self) -> Iterable[ColumnName]:
        """The column of lists."""
        return (ColumnName(ColumnKind.LISTS, self.name),)

    def answer(self, columns: Columns) -> Answer:
        """O(elements of all lists)."""
        true = columns.lists(self.name).having(self.text)
        return Answer(true, ~true)


@dataclass(frozen=True, slots=True)
class Not:
    """True where the part is false."""

    part: Condition

    def needs(self) -> Iterable[ColumnName]:
        """Those of the part."""
        return self.part.needs()

    def answer(self, columns: Columns) -> Answer:
        """O(the part)."""
        true, false = self.part.answer(columns)
        return Answer(false, true)


@dataclass(frozen=True, slots=True)
class All:
    """True where all parts are, false where one is."""

    parts: tuple[Condition, ...]

    def needs(self) -> Iterable[ColumnName]:
        """Those of the parts."""
        return (column for part in self.parts for column in part.needs())

    def answer(self, columns: Columns) -> Answer:
        """O(the parts)."""
        true, false = self.parts[0].answer(columns)
        for part in self.parts[1:]:
            other = part.answer(columns)
            true, false = true & other.true, false | other.false
        return Answer(true, false)


@dataclass(frozen=True, slots=True)
class Either:
    """True where one part is, false where all are."""

    parts: tuple[Condition, ...]

    def needs(self) -> Iterable[ColumnName]:
        """Those of the parts."""
        return (column for part in self.parts for column in part.needs())

    def answer(self, columns: Columns) -> Answer:
        """O(the parts)."""
        true, false = self.parts[0].answer(columns)
        for part in self.parts[1:]:
            other = part.answer(columns)
            true, false = true | other.true, false & other.false
        return Answer(true, false)


Condition = Constant | Missing | IsNumber | IsValue | NumberOrder | TextOrder | Holds | Not | All | Either


def _by_code(column: Codes, true: Array, known: Array) -> Answer:
    """From answers for each distinct value to answers for each title."""
    return Answer((true & known)[column.codes], (~true & known)[column.codes])
