"""Items, users and events from files (or from structs and dicts) into an engine, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any, Protocol

import msgspec
import xxhash

from bandi.loading.mapping import EventRule, Mapping
from bandi.loading.report import ColumnUse, LoadReport, Refusals
from bandi.loading.tables import BadRow, Row, open_table
from bandi.loading.times import READ_AS, reader, tell_unit
from bandi.model.answers import Receipt
from bandi.model.catalog import Item, User
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.events import Click, Custom, Dismiss, Event, Impression, Purchase, Read

BATCH = 10_000
SAMPLES = 1_000
ITEM_FIELDS = Item.__struct_fields__
USER_FIELDS = User.__struct_fields__
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
    "dismiss": Dismiss,
    "custom": Custom,
}
_OWN_FIELDS = {"read": ("episode",), "purchase": ("episode", "coins"), "custom": ("name", "value")}
_TIMES = ("occurred_at", "launched_at", "available_until")
_COMMON = ("user", "item", "request", "placement", "position", "occurred_at")
_NUMBERS: dict[str, Callable[[Any], Any]] = {"position": int, "episode": int, "coins": float, "value": float}

OnRows = Callable[[int], None]
"""Called with the number of rows read so far, after each batch."""


class PutsItems(Protocol):
    """Where items go."""

    def put_items(self, items: Sequence[Item]) -> Receipt:
        """Durable on return."""


class PutsUsers(Protocol):
    """Where users go."""

    def put_users(self, users: Sequence[User]) -> Receipt:
        """Durable on return."""


class Records(Protocol):
    """Where events go."""

    def record_many(self, events: Sequence[Event]) -> Receipt:
        """Durable on return."""


def load_items(
    destination: PutsItems,
    source: str | Path | Iterable[Any],
    mapping: Mapping | None = None,
    refused: Path | None = None,
    on_rows: OnRows | None = None,
) -> LoadReport:
    """Load titles from a file, or from `Item`s or dicts. Of two with one id the first is taken, the other refused."""
    return _load_nouns(destination.put_items, Item, ITEM_FIELDS, source, mapping, refused, on_rows)


def load_users(
    destination: PutsUsers,
    source: str | Path | Iterable[Any],
    mapping: Mapping | None = None,
    refused: Path | None = None,
    on_rows: OnRows | None = None,
) -> LoadReport:
    """Load readers from a file, or from `User`s or dicts."""
    return _load_nouns(destination.put_users, User, USER_FIELDS, source, mapping, refused, on_rows)


def load_events(
    destination: Records,
    source: str | Path,
    mapping: Mapping | None = None,
    refused: Path | None = None,
    on_rows: OnRows | None = None,
) -> LoadReport:
    """Load events from a file. An event without an id gets one made of its row, so loading a file twice counts once."""
    mapping = mapping or Mapping()
    opened = _Opened(Path(source), mapping, EVENT_FIELDS)
    makers = _event_makers(opened, mapping)
    counts = _Counts(Refusals(refused), on_rows)

    def make(row: Row) -> Iterator[Event]:
        for condition, maker in makers:
            if condition is None or condition.holds(row.values):
                yield maker(row)

    counts.run(opened, make, destination.record_many)
    return counts.report(str(source), opened.uses)


class _Opened:
    """A file with its mapping checked against it, and its columns of times understood."""

    def __init__(self, path: Path, mapping: Mapping, fields: Sequence[str]) -> None:
        self.path = path
        table = open_table(path)
        self.columns = mapping.checked(table.columns, fields, path.name)
        self._rows = table.rows
        self._first: list[Row | BadRow] = []
        self._broken: InvalidInputError | None = None
        try:
            self._first.extend(islice(self._rows, SAMPLES))
        except InvalidInputError as error:  # the rows before the break are kept
            self._broken = error
        self.uses = [ColumnUse(name, f"column {column}", self._kind(column)) for name, column in self.columns.items()]
        self.uses += [ColumnUse(name, f"constant {value!r}", "text") for name, value in mapping.constants.items()]
        times = [name for name in _TIMES if name in self.columns]
        self.moments = {name: self._understand_time(name, mapping) for name in times}

    def samples(self, column: str) -> list[Any]:
        """The first cells of a column that hold something."""
        cells = (row.values.get(column) for row in self._first if isinstance(row, Row))
        return [cell for cell in cells if cell not in (None, "")]

    def rows(self) -> Iterator[Row | BadRow]:
        """All rows; raises where the file breaks off."""
        yield from self._first
        if self._broken is not None:
            raise self._broken
        yield from self._rows

    def _kind(self, column: str) -> str:
        samples = self.samples(column)
        for word, reads in (("whole numbers", int), ("numbers", float)):
            try:
                for sample in samples:
                    reads(sample if not isinstance(sample, float) or word == "numbers" else repr(sample))
            except (TypeError, ValueError):
                continue
            return word if samples else "empty"
        return "text"

    def _understand_time(self, name: str, mapping: Mapping) -> Callable[[Any], Any]:
        column = self.columns[name]
        samples = self.samples(column)
        unit = tell_unit(samples, mapping.time_unit, column)
        moment_of = reader(unit)
        shown = READ_AS[unit]
        for sample in samples[:1]:
            try:
                moment = moment_of(sample)
                clock = msgspec.convert(moment, type=Any) if not isinstance(moment, float) else _clock(moment)
                shown += f", the first {clock}"
            except (ValueError, OverflowError):
                pass
        self.uses = [ColumnUse(use.field, use.source, shown) if use.field == name else use for use in self.uses]
        return moment_of


def _clock(seconds: float) -> str:
    from datetime import UTC, datetime  # noqa: PLC0415

    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


class _Counts:
    """Runs rows through a maker into a destination in batches, and counts what became of them."""

    def __init__(self, refusals: Refusals, on_rows: OnRows | None) -> None:
        self._refusals = refusals
        self._on_rows = on_rows or (lambda rows: None)
        self._rows = self._taken = self._duplicates = 0
        self._stopped = ""

    def run(
        self, opened: _Opened, make: Callable[[Row], Iterator[Any]], send: Callable[[Sequence[Any]], Receipt]
    ) -> None:
        """Read to the end, or to where the file breaks off."""
        batch: list[tuple[Row, Any]] = []
        try:
            for row in opened.rows():
                self._rows += 1
                if isinstance(row, BadRow):
                    self._refusals.add(row.problem, row.shown)
                    continue
                try:
                    batch.extend((row, value) for value in make(row))
                except _CellError as error:
                    self._refusals.add(error.at(opened.path.name, row.number), row.values)
                if len(batch) >= BATCH:
                    self._send(opened, batch, send)
                    batch = []
        except InvalidInputError as error:
            self._stopped = str(error)
        if batch:
            self._send(opened, batch, send)
        self._on_rows(self._rows)

    def _send(self, opened: _Opened, batch: list[tuple[Row, Any]], send: Callable[[Sequence[Any]], Receipt]) -> None:
        receipt = send([value for _, value in batch])
        self._taken += receipt.accepted
        self._duplicates += receipt.duplicates
        for refusal in receipt.refused:
            row, problem = batch[refusal.index][0], refusal.problem
            where = f"{opened.path.name}:{row.number}: {problem.where.removeprefix('$.')}"
            self._refusals.add(Problem(where, problem.found, problem.expected, problem.hint), row.values)
        self._on_rows(self._rows)

    def report(self, source: str, uses: Sequence[ColumnUse]) -> LoadReport:
        """The counts."""
        refusals = self._refusals
        refusals.close()
        return LoadReport(
            source, self._rows, self._taken, self._duplicates, refusals.count, tuple(uses),
            dict(refusals.reasons.most_common(20)), tuple(refusals.examples), refusals.written, self._stopped,
        )  # fmt: skip


class _CellError(Exception):
    """A cell that does not fit its field."""

    def __init__(self, name: str, cell: Any, expected: str) -> None:
        super().__init__(name)
        self._name, self._cell, self._expected = name, cell, expected

    def at(self, file: str, number: int) -> Problem:
        """The problem with its place."""
        return Problem(f"{file}:{number}: {self._name}", f"{self._cell!r:.66}", self._expected)


def _event_makers(opened: _Opened, mapping: Mapping) -> list[tuple[Any, Callable[[Row], Event]]]:
    rules: Sequence[EventRule] = mapping.events
    if not rules:
        kind = mapping.constants.get("type", "")
        if kind:
            rules = [EventRule(kind)]
        elif "type" not in opened.columns:
            problem = Problem(
                opened.path.name, "no kind of event", "a column `type`", "or say --as read, --as 'click if rating >= 4'"
            )
            raise InvalidInputError(problem)
    missing = [name for name in ("user", "item") if name not in opened.columns and name not in mapping.constants]
    if missing:
        problems = [Problem(f"{opened.path.name}: {name}", "no column", f"--map {name}=COLUMN") for name in missing]
        raise InvalidInputError(problems)
    if not rules:
        by_kind = {kind: _event_maker(kind, opened, mapping) for kind in _EVENT_KINDS}
        column = opened.columns["type"]

        def any_kind(row: Row) -> Event:
            maker = by_kind.get(str(row.values.get(column)))
            if maker is None:
                raise _CellError("type", row.values.get(column), f"one of: {', '.join(_EVENT_KINDS)}")
            return maker(row)

        return [(None, any_kind)]
    return [(rule.condition, _event_maker(rule.kind, opened, mapping)) for rule in rules]


def _event_maker(kind: str, opened: _Opened, mapping: Mapping) -> Callable[[Row], Event]:
    struct = _EVENT_KINDS.get(kind)
    if struct is None:
        raise InvalidInputError(Problem("type", repr(kind), f"one of: {', '.join(_EVENT_KINDS)}"))
    fields = (*_COMMON, *_OWN_FIELDS.get(kind, ()))
    cells = [(name, opened.columns[name], _reader(name, opened)) for name in fields if name in opened.columns]
    fixed = {name: _reader(name, opened)(mapping.constants[name]) for name in fields if name in mapping.constants}
    id_column = opened.columns.get("event_id")

    def make(row: Row) -> Event:
        values = dict(fixed)
        for name, column, read in cells:
            cell = row.values.get(column)
            if cell is None or cell == "":
                if name in ("user", "item"):
                    raise _CellError(name, cell, "an id")
                continue
            try:
                values[name] = read(cell)
            except (TypeError, ValueError, OverflowError):
                raise _CellError(name, cell, _EXPECTED[name]) from None
        given = None if id_column is None else row.values.get(id_column)
        values["event_id"] = str(given) if given not in (None, "") else row_id(kind, row)
        try:
            return struct(**values)
        except TypeError:
            raise _CellError(
                "coins" if kind == "purchase" else "name", None, "a value: this kind of event needs it"
            ) from None

    return make


_EXPECTED = {
    **dict.fromkeys(_COMMON, "text"),
    "position": "a whole number",
    "episode": "a whole number",
    "coins": "a number",
    "value": "a number",
    "name": "text",
    "occurred_at": "a time in the unit of its column",
}


def _reader(name: str, opened: _Opened) -> Callable[[Any], Any]:
    return opened.moments.get(name, _as_given) if name == "occurred_at" else _NUMBERS.get(name, str)


def _as_given(cell: Any) -> Any:
    return cell


def row_id(kind: str, row: Row) -> str:
    """An event id made of the kind, the row's number and its cells: the same file gives the same ids."""
    cells = "\x1f".join(map(str, row.values.values()))
    return "row-" + xxhash.xxh3_128_hexdigest(f"{kind}\x1f{row.number}\x1f{cells}".encode())


def _load_nouns(
    send: Callable[[Sequence[Any]], Receipt],
    noun: type[Item] | type[User],
    fields: Sequence[str],
    source: str | Path | Iterable[Any],
    mapping: Mapping | None,
    refused: Path | None,
    on_rows: OnRows | None,
) -> LoadReport:
    if not isinstance(source, str | Path):
        return _load_values(send, noun, source, Refusals(refused))
    mapping = mapping or Mapping()
    opened = _Opened(Path(source), mapping, fields)
    if "id" not in opened.columns:
        raise InvalidInputError(Problem(f"{opened.path.name}: id", "no column", "--map id=COLUMN"))
    seen: set[str] = set()
    counts = _Counts(Refusals(refused), on_rows)
    counts.run(opened, lambda row: iter((_noun(row, noun, opened, mapping, seen),)), send)
    return counts.report(str(source), opened.uses)


def _noun(row: Row, noun: type[Item] | type[User], opened: _Opened, mapping: Mapping, seen: set[str]) -> Item | User:
    values: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    cells = ((name, row.values.get(column)) for name, column in opened.columns.items())
    for name, cell in chain(mapping.constants.items(), cells):
        if cell is None or cell == "":
            continue
        if name in mapping.separators and isinstance(cell, str):
            cell = [part for part in cell.split(mapping.separators[name]) if part]
        if name in opened.moments:
            try:
                cell = opened.moments[name](cell)
            except (TypeError, ValueError, OverflowError):
                raise _CellError(name, cell, "a time in the unit of its column") from None
        if name.startswith("fields."):
            extra[name.removeprefix("fields.")] = cell
        else:
            values[name] = str(cell) if name == "id" else cell
    if extra:
        values["fields"] = extra
    try:
        made = msgspec.convert(values, noun, strict=False)
    except msgspec.ValidationError as error:
        text, _, path = str(error).partition(" - at `$.")
        raise _CellError(
            path.rstrip("`") or "id", values.get(path.rstrip("`")), text.removeprefix("Expected ")
        ) from None
    if made.id in seen:
        raise _CellError("id", made.id, "an id that no earlier row has")
    seen.add(made.id)
    return made


def _load_values(
    send: Callable[[Sequence[Any]], Receipt], noun: type[Item] | type[User], source: Iterable[Any], refusals: Refusals
) -> LoadReport:
    rows = taken = 0
    values = iter(source)
    while batch := list(islice(values, BATCH)):
        good = []
        for i, value in enumerate(batch, rows):
            try:
                good.append(value if isinstance(value, noun) else msgspec.convert(value, noun))
            except msgspec.ValidationError as error:
                refusals.add(Problem(f"[{i}]", f"{value!r:.66}", f"a {noun.__name__}", str(error)), repr(value)[:500])
        receipt = send(good)
        taken += receipt.accepted
        for refusal in receipt.refused:
            refusals.add(refusal.problem, repr(good[refusal.index])[:500])
        rows += len(batch)
    refusals.close()
    return LoadReport(
        "memory", rows, taken, 0, refusals.count, (), dict(refusals.reasons), tuple(refusals.examples), refusals.written
    )
