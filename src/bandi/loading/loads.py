"""Items, users and events from files (or from structs and dicts) into an engine, batch by batch."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain, islice
from pathlib import Path
from typing import Any, Protocol

import msgspec

from bandi.loading.making import EVENT_FIELDS, CellError, event_rules
from bandi.loading.mapping import Mapping
from bandi.loading.report import ColumnUse, LoadReport, Refusals
from bandi.loading.tables import BadRow, Piece, Row, RowBlock, one_by_one, open_table
from bandi.loading.times import READ_AS, reader, tell_unit
from bandi.model.answers import Receipt
from bandi.model.catalog import Item, User
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.events import Event

BATCH = 10_000
SAMPLES = 1_000
ITEM_FIELDS = Item.__struct_fields__
USER_FIELDS = User.__struct_fields__
_TIMES = ("occurred_at", "launched_at", "available_until")

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
    rules = event_rules(opened.path.name, opened.columns, mapping, opened.moments.get("occurred_at", lambda cell: cell))
    counts = _Counts(Refusals(refused), on_rows)
    counts.run(opened, rules.of_row, destination.record_many, rules.of_block)
    return counts.report(str(source), opened.uses)


class _Opened:
    """A file with its mapping checked against it, and its columns of times understood."""

    def __init__(self, path: Path, mapping: Mapping, fields: Sequence[str]) -> None:
        self.path = path
        table = open_table(path)
        self.columns = mapping.checked(table.columns, fields, path.name)
        self._pieces = table.pieces
        self._first: list[Piece] = []
        self._broken: InvalidInputError | None = None
        try:
            self._first.extend(_until(self._pieces, SAMPLES))
        except InvalidInputError as error:  # the rows before the break are kept
            self._broken = error
        self._samples = list(islice(one_by_one(iter(self._first)), SAMPLES))
        self.uses = [ColumnUse(name, f"column {column}", self._kind(column)) for name, column in self.columns.items()]
        self.uses += [ColumnUse(name, f"constant {value!r}", "text") for name, value in mapping.constants.items()]
        times = [name for name in _TIMES if name in self.columns]
        self.moments = {name: self._understand_time(name, mapping) for name in times}

    def samples(self, column: str) -> list[Any]:
        """The first cells of a column that hold something."""
        cells = (row.values.get(column) for row in self._samples if isinstance(row, Row))
        return [cell for cell in cells if cell not in (None, "")]

    def pieces(self) -> Iterator[Piece]:
        """All rows; raises where the file breaks off."""
        yield from self._first
        if self._broken is not None:
            raise self._broken
        yield from self._pieces

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
            if isinstance(sample, datetime):
                shown = "times, typed so in the file"
            with contextlib.suppress(ValueError, OverflowError):
                shown += f", the first {_clock(moment_of(sample))}"
        self.uses = [ColumnUse(use.field, use.source, shown) if use.field == name else use for use in self.uses]
        return moment_of


def _until(pieces: Iterator[Piece], rows: int) -> Iterator[Piece]:
    """The first pieces that hold so many rows together."""
    while rows > 0 and (piece := next(pieces, None)) is not None:
        rows -= len(piece.numbers) if isinstance(piece, RowBlock) else 1
        yield piece


def _clock(moment: float | datetime) -> str:
    """In UTC. moment: seconds since 1970, or a time of any zone."""
    at = moment.astimezone(UTC) if isinstance(moment, datetime) else datetime.fromtimestamp(moment, UTC)
    return at.strftime("%Y-%m-%d %H:%M:%SZ")


class _Batch:
    """Records to send, and the row of each: the row itself, or its index in the block that was begun last before it.

    An index, not a pair: a tuple for each record would keep Python's garbage collector busy.
    """

    def __init__(self) -> None:
        self.values: list[Any] = []
        self.places: list[Row | int] = []
        self._blocks: list[tuple[int, RowBlock]] = []

    def begin(self, block: RowBlock) -> None:
        """From here on an index means a row of this block."""
        if self._blocks and self._blocks[-1][0] == len(self.values):  # the one before gave nothing
            self._blocks.pop()
        self._blocks.append((len(self.values), block))

    def row(self, index: int) -> Row:
        """The row that a record came from."""
        place = self.places[index]
        if isinstance(place, Row):
            return place
        return next(block for first, block in reversed(self._blocks) if first <= index).row(place)

    def clear(self) -> None:
        """Ready for the next records, of the same block."""
        self.values, self.places = [], []
        self._blocks = [(0, block) for _, block in self._blocks[-1:]]


class _Counts:
    """Runs rows through a maker into a destination in batches, and counts what became of them."""

    def __init__(self, refusals: Refusals, on_rows: OnRows | None) -> None:
        self._refusals = refusals
        self._on_rows = on_rows or (lambda rows: None)
        self._rows = self._taken = self._duplicates = 0
        self._stopped = ""

    def run(
        self,
        opened: _Opened,
        make: Callable[[Row], Iterator[Any]],
        send: Callable[[Sequence[Any]], Receipt],
        make_block: Callable[[RowBlock], list[list[Any] | None]] | None = None,
    ) -> None:
        """Read to the end, or to where the file breaks off. make_block: of each row what `make` gives, None: ask it."""
        batch = _Batch()
        try:
            for piece in opened.pieces():
                if make_block is None or not isinstance(piece, RowBlock):
                    for row in piece.rows() if isinstance(piece, RowBlock) else (piece,):
                        self._take(opened, row, make, batch)
                        if len(batch.values) >= BATCH:
                            self._send(opened, batch, send)
                    continue
                batch.begin(piece)
                for i, values in enumerate(make_block(piece)):
                    if values is None:
                        self._take(opened, piece.row(i), make, batch)
                    else:
                        self._rows += 1
                        for value in values:
                            batch.places.append(i)
                            batch.values.append(value)
                    if len(batch.values) >= BATCH:
                        self._send(opened, batch, send)
        except InvalidInputError as error:
            self._stopped = str(error)
        if batch.values:
            self._send(opened, batch, send)
        self._on_rows(self._rows)

    def _take(self, opened: _Opened, row: Row | BadRow, make: Callable[[Row], Iterator[Any]], batch: _Batch) -> None:
        self._rows += 1
        if isinstance(row, BadRow):
            self._refusals.add(row.problem, row.shown)
            return
        try:
            for value in make(row):
                batch.places.append(row)
                batch.values.append(value)
        except CellError as error:
            self._refusals.add(error.at(opened.path.name, row.number), row.values)

    def _send(self, opened: _Opened, batch: _Batch, send: Callable[[Sequence[Any]], Receipt]) -> None:
        receipt = send(batch.values)
        self._taken += receipt.accepted
        self._duplicates += receipt.duplicates
        for refusal in receipt.refused:
            row, problem = batch.row(refusal.index), refusal.problem
            where = f"{opened.path.name}:{row.number}: {problem.where.removeprefix('$.')}"
            self._refusals.add(Problem(where, problem.found, problem.expected, problem.hint), row.values)
        batch.clear()
        self._on_rows(self._rows)

    def report(self, source: str, uses: Sequence[ColumnUse]) -> LoadReport:
        """The counts."""
        refusals = self._refusals
        refusals.close()
        return LoadReport(
            source, self._rows, self._taken, self._duplicates, refusals.count, tuple(uses),
            dict(refusals.reasons.most_common(20)), tuple(refusals.examples), refusals.written, self._stopped,
        )  # fmt: skip


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
                raise CellError(name, cell, "a time in the unit of its column") from None
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
        raise CellError(
            path.rstrip("`") or "id", values.get(path.rstrip("`")), text.removeprefix("Expected ")
        ) from None
    if made.id in seen:
        raise CellError("id", made.id, "an id that no earlier row has")
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
