"""From rows to events: block by block where every cell fits its field, row by row where one needs a message.

Both ways call the same functions on the same cells, so they give the same events, with the same ids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import xxhash

from bandi.loading.mapping import Condition, EventRule, Mapping
from bandi.loading.tables import Row, RowBlock
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.events import Click, Custom, Dismiss, Event, Impression, Purchase, Read, Refund

EVENT_FIELDS = (
    "type",
    "user",
    "item",
    "request",
    "placement",
    "position",
    "event_id",
    "occurred_at",
    "episode",
    "coins",
    "name",
    "value",
)
_EVENT_KINDS: dict[str, type[Event]] = {
    "impression": Impression,
    "click": Click,
    "read": Read,
    "purchase": Purchase,
    "refund": Refund,
    "dismiss": Dismiss,
    "custom": Custom,
}
_OWN_FIELDS = {
    "read": ("episode",),
    "purchase": ("episode", "coins"),
    "refund": ("episode", "coins"),
    "custom": ("name", "value"),
}
_NEEDED = {"purchase": "coins", "refund": "coins", "custom": "name"}
_COMMON = ("user", "item", "request", "placement", "position", "occurred_at")
_NUMBERS: dict[str, Callable[[Any], Any]] = {"position": int, "episode": int, "coins": float, "value": float}
_EXPECTED = {
    **dict.fromkeys(_COMMON, "text"),
    "position": "a whole number",
    "episode": "a whole number",
    "coins": "a number",
    "value": "a number",
    "name": "text",
    "occurred_at": "a time in the unit of its column",
}
_BAD_CELL = (TypeError, ValueError, OverflowError)

Made = list[Event]
"""The events of one row, in the order of the rules."""


class CellError(Exception):
    """A cell that does not fit its field."""

    def __init__(self, name: str, cell: Any, expected: str) -> None:
        super().__init__(name)
        self._name, self._cell, self._expected = name, cell, expected

    def at(self, file: str, number: int) -> Problem:
        """The problem with its place."""
        return Problem(f"{file}:{number}: {self._name}", f"{self._cell!r:.66}", self._expected)


@dataclass(frozen=True, slots=True)
class EventMaker:
    """Makes events of one kind. cells: field, column and how it is read; fixed: the fields that are constant."""

    kind: str
    struct: type[Event]
    cells: Sequence[tuple[str, str, Callable[[Any], Any]]]
    fixed: dict[str, Any]
    id_column: str | None

    def of_row(self, row: Row) -> Event:
        """The event of one row. Raises CellError."""
        values = dict(self.fixed)
        for name, column, read in self.cells:
            cell = row.values.get(column)
            if cell is None or cell == "":
                if name in ("user", "item"):
                    raise CellError(name, cell, "an id")
                continue
            try:
                values[name] = read(cell)
            except _BAD_CELL:
                raise CellError(name, cell, _EXPECTED[name]) from None
        given = None if self.id_column is None else row.values.get(self.id_column)
        values["event_id"] = str(given) if given not in (None, "") else row_id(self.kind, row)
        try:
            return self.struct(**values)
        except TypeError:
            missing = _NEEDED[self.kind]
            raise CellError(missing, None, "a value: this kind of event needs it") from None

    def of_block(self, block: RowBlock) -> list[Event | None]:
        """The event of each row; None where a row must be looked at by itself. O(rows), a few Python calls each."""
        needed = _NEEDED.get(self.kind)
        columns: dict[str, list[Any]] = {}
        unfit: set[int] = set()
        for name, column, read in self.cells:
            values, gaps, bad = _read_all(block.cells(column), read)
            unfit.update(bad)
            if gaps and (name in ("user", "item") or (name == needed and name not in self.fixed)):
                unfit.update(gaps)
            elif gaps and name in (*self.fixed, "value"):  # an empty cell leaves what was there
                absent = self.fixed.get(name, 1.0)
                values = [absent if value is None else value for value in values]
            columns[name] = values
        if needed is not None and needed not in columns and needed not in self.fixed:
            return [None] * len(block.numbers)
        columns["event_id"] = self._ids(block)
        count = len(block.numbers)
        absent = {"value": 1.0} | self.fixed
        cells = [columns.get(name) or repeat(absent.get(name), count) for name in _ARGUMENTS[self.kind]]
        if not unfit:
            return list(map(_BUILD[self.kind], *cells))
        build = _BUILD[self.kind]
        return [None if i in unfit else build(*values) for i, values in enumerate(zip(*cells, strict=True))]

    def _ids(self, block: RowBlock) -> list[str]:
        ids = row_ids(self.kind, block)
        if self.id_column is None:
            return ids
        given = block.cells(self.id_column)
        return [made if cell in (None, "") else str(cell) for cell, made in zip(given, ids, strict=True)]


# With the names written out a struct is made in a third of the time that a dict of them takes.
_BUILD: dict[str, Callable[..., Event]] = {
    "impression": lambda user, item, request, placement, position, occurred_at, event_id: Impression(
        user=user, item=item, request=request, placement=placement, position=position, occurred_at=occurred_at,
        event_id=event_id,
    ),
    "click": lambda user, item, request, placement, position, occurred_at, event_id: Click(
        user=user, item=item, request=request, placement=placement, position=position, occurred_at=occurred_at,
        event_id=event_id,
    ),
    "dismiss": lambda user, item, request, placement, position, occurred_at, event_id: Dismiss(
        user=user, item=item, request=request, placement=placement, position=position, occurred_at=occurred_at,
        event_id=event_id,
    ),
    "read": lambda user, item, request, placement, position, occurred_at, event_id, episode: Read(
        user=user, item=item, request=request, placement=placement, position=position, occurred_at=occurred_at,
        event_id=event_id, episode=episode,
    ),
    "purchase": lambda user, item, request, placement, position, occurred_at, event_id, episode, coins: Purchase(
        user=user, item=item, request=request, placement=placement, position=position, occurred_at=occurred_at,
        event_id=event_id, episode=episode, coins=coins,
    ),
    "refund": lambda user, item, request, placement, position, occurred_at, event_id, episode, coins: Refund(
        user=user, item=item, request=request, placement=placement, position=position, occurred_at=occurred_at,
        event_id=event_id, episode=episode, coins=coins,
    ),
    "custom": lambda user, item, request, placement, position, occurred_at, event_id, name, value: Custom(
        user=user, item=item, request=request, placement=placement, position=position, occurred_at=occurred_at,
        event_id=event_id, name=name, value=value,
    ),
}  # fmt: skip
_ARGUMENTS = {kind: (*_COMMON, "event_id", *_OWN_FIELDS.get(kind, ())) for kind in _EVENT_KINDS}


def _read_all(cells: list[Any], read: Callable[[Any], Any]) -> tuple[list[Any], list[int], list[int]]:
    """Cells read, None for the others; the indices of the empty ones, and of those that cannot be read."""
    if None not in cells and "" not in cells:
        if read is str and set(map(type, cells)) == {str}:
            return cells, [], []
        try:
            return list(map(read, cells)), [], []
        except _BAD_CELL:
            pass
    values: list[Any] = []
    gaps: list[int] = []
    bad: list[int] = []
    for i, cell in enumerate(cells):
        value = None
        if cell is None or cell == "":
            gaps.append(i)
        else:
            try:
                value = read(cell)
            except _BAD_CELL:
                bad.append(i)
        values.append(value)
    return values, gaps, bad


def row_id(kind: str, row: Row) -> str:
    """An event id made of the kind, the row's number and its cells: the same file gives the same ids."""
    cells = "\x1f".join(map(str, row.values.values()))
    return "row-" + xxhash.xxh3_128_hexdigest(f"{kind}\x1f{row.number}\x1f{cells}".encode())


def row_ids(kind: str, block: RowBlock) -> list[str]:
    """The `row_id` of each row."""
    prefix, digest = f"{kind}\x1f".encode(), xxhash.xxh3_128_hexdigest
    return ["row-" + digest(prefix + row) for row in block.joined()]


@dataclass(frozen=True, slots=True)
class EventRules:
    """All the events that rows give: by rules, or by a column that names the kind."""

    rules: Sequence[tuple[Condition | None, EventMaker]]
    by_kind: dict[str, EventMaker]
    kind_column: str

    def of_row(self, row: Row) -> Iterator[Event]:
        """The events of one row. Raises CellError, after those before it."""
        if self.by_kind:
            kind = row.values.get(self.kind_column)
            maker = self.by_kind.get(str(kind))
            if maker is None:
                raise CellError("type", kind, f"one of: {', '.join(_EVENT_KINDS)}")
            yield maker.of_row(row)
            return
        for condition, maker in self.rules:
            if condition is None or condition.holds(row.values):
                yield maker.of_row(row)

    def of_block(self, block: RowBlock) -> list[Made | None]:
        """The events of each row; None where `of_row` has to say what is wrong with it."""
        made: list[Made | None] = [[] for _ in block.numbers]
        for chosen, maker in self._chosen(block):
            part = block if chosen is None else block.taken(chosen)
            for i, event in zip(range(len(made)) if chosen is None else chosen, maker.of_block(part), strict=True):
                events = made[i]
                if event is None:
                    made[i] = None
                elif events is not None:
                    events.append(event)
        if self.by_kind:  # a row of no kind has no event, and must say so
            return [events or None for events in made]
        return made

    def _chosen(self, block: RowBlock) -> Iterator[tuple[list[int] | None, EventMaker]]:
        """For each maker in turn the rows it takes, None for all."""
        if not self.by_kind:
            for condition, maker in self.rules:
                yield (None if condition is None else _meeting(condition, block)), maker
            return
        rows: dict[str, list[int]] = {}
        for i, kind in enumerate(map(str, block.cells(self.kind_column))):
            rows.setdefault(kind, []).append(i)
        for kind, chosen in rows.items():
            if (known := self.by_kind.get(kind)) is not None:
                yield chosen, known


def _meeting(condition: Condition, block: RowBlock) -> list[int]:
    """The rows that meet a condition; of text each different cell is compared once."""
    column = condition.column
    cells = block.cells(column)
    if not block.is_text(column):
        return [i for i, cell in enumerate(cells) if condition.holds({column: cell})]
    holds = {cell: condition.holds({column: cell}) for cell in set(cells)}
    return [i for i, cell in enumerate(cells) if holds[cell]]


def event_rules(file: str, columns: dict[str, str], mapping: Mapping, moment: Callable[[Any], Any]) -> EventRules:
    """What a file's rows give. columns: field to column; moment: reads the time column. Raises InvalidInputError."""
    rules: Sequence[EventRule] = mapping.events
    if not rules:
        kind = mapping.constants.get("type", "")
        if kind:
            rules = [EventRule(kind)]
        elif "type" not in columns:
            problem = Problem(
                file, "no kind of event", "a column `type`", "or say --as read, --as 'click if rating >= 4'"
            )
            raise InvalidInputError(problem)
    missing = [name for name in ("user", "item") if name not in columns and name not in mapping.constants]
    if missing:
        problems = [Problem(f"{file}: {name}", "no column", f"--map {name}=COLUMN") for name in missing]
        raise InvalidInputError(problems)
    if not rules:
        makers = {kind: _maker(kind, columns, mapping, moment) for kind in _EVENT_KINDS}
        return EventRules((), makers, columns["type"])
    return EventRules([(rule.condition, _maker(rule.kind, columns, mapping, moment)) for rule in rules], {}, "")


def _maker(kind: str, columns: dict[str, str], mapping: Mapping, moment: Callable[[Any], Any]) -> EventMaker:
    struct = _EVENT_KINDS.get(kind)
    if struct is None:
        raise InvalidInputError(Problem("type", repr(kind), f"one of: {', '.join(_EVENT_KINDS)}"))
    readers: dict[str, Callable[[Any], Any]] = {**_NUMBERS, "occurred_at": moment}
    fields = (*_COMMON, *_OWN_FIELDS.get(kind, ()))
    cells = [(name, columns[name], readers.get(name, str)) for name in fields if name in columns]
    fixed = {name: readers.get(name, str)(mapping.constants[name]) for name in fields if name in mapping.constants}
    return EventMaker(kind, struct, cells, fixed, columns.get("event_id"))
