"""Chunks as rows of the hot tail and back: raw little-endian array bytes, each row with its checksum.

A row holds consecutive records of one kind. Its payload is EVENT[count]; or DECISION[count], then int32 items, then
float32 scores of all its decisions in order, then int32 rules where one acted; or a document: its kind as 16 bits, then
its bytes. See also docs/reference/log-format.md.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from xxhash import xxh3_64

from bandi.log.assembly import NO_DECISIONS, NO_EVENTS, consecutive, join_decisions
from bandi.log.protocol import Chunk, DecisionChunk, DocumentChunk, EventChunk
from bandi.model.errors import InvalidInputError, LogDamagedError, NewerVersionError, Problem
from bandi.model.records import (
    DECISION,
    EVENT,
    NOT_SAID,
    Array,
    Decisions,
    Document,
    DocumentKind,
    Events,
    Stretch,
)

EVENTS, DECISIONS_BEFORE_ABOUT, DOCUMENT, DECISIONS_BEFORE_SEGMENT = 1, 2, 3, 4
DECISIONS_BEFORE_EXPLORATION, RULED_BEFORE_EXPLORATION, DECISIONS, RULED_DECISIONS = 5, 6, 7, 8
"""Kinds of rows; those of decisions before are read but no longer written."""


def _without(*names: str) -> np.dtype[Any]:
    return np.dtype([(name, DECISION[name]) for name in DECISION.names or () if name not in names])


_EXPLORATION = ("greedy_microclicks", "explored_microclicks")
_STORED = {
    DECISIONS_BEFORE_ABOUT: _without("about", "region", "age", "segment", "asked", *_EXPLORATION),
    DECISIONS_BEFORE_SEGMENT: _without("region", "age", "segment", "asked", *_EXPLORATION),
    DECISIONS_BEFORE_EXPLORATION: _without(*_EXPLORATION),
    RULED_BEFORE_EXPLORATION: _without(*_EXPLORATION),
    DECISIONS: DECISION,
    RULED_DECISIONS: DECISION,
}
"""The headers in each kind of row of decisions."""

ROW_BYTES = 2 * 1024 * 1024
"""A row's payload grows to about this size; larger chunks are spread over several rows."""
MAX_DOCUMENT_BYTES = 256 * 1024 * 1024

_KEY = struct.Struct("<qqq")
_KIND = struct.Struct("<H")
_EVENTS_IN_ROW = ROW_BYTES // EVENT.itemsize


class Row(NamedTuple):
    """One row of the tail. first: position of its first record; checksum: see `checksum`."""

    first: int
    records: int
    kind: int
    checksum: int
    payload: bytes


def checksum(first: int, records: int, kind: int, payload: bytes) -> int:
    """xxh3_64 of the three numbers (64-bit little-endian each) and the payload, as a signed 64-bit number."""
    state = xxh3_64(_KEY.pack(first, records, kind))
    state.update(payload)
    value = state.intdigest()
    return value - (1 << 64) if value >> 63 else value


def encode(chunks: Sequence[Chunk], first: int) -> tuple[list[Row], Stretch]:
    """Rows for the chunks, and the same records with their positions; neighbours of the same kind share rows.

    Raises ValueError where arrays have the wrong type or lengths, InvalidInputError for a document that is too large.
    """
    if len(chunks) == 1 and isinstance(chunks[0], EventChunk) and 0 < len(chunks[0].rows) <= _EVENTS_IN_ROW:
        return _encode_events(chunks[0].rows, first)
    rows: list[Row] = []
    gathered = _Gathered()
    position = first
    for run in _runs(chunks):
        match run:
            case Document():
                gathered.documents.append(Document(position, run.kind, run.payload))
                new = [_row(position, 1, DOCUMENT, _KIND.pack(run.kind) + run.payload)]
            case Decisions():
                placed = _placed(run, position)
                gathered.decisions.append(placed)
                new = list(_decision_rows(placed, position))
            case _:
                new = list(_event_rows(run, position))
                for row in new:
                    gathered.add_events(row)
        rows += new
        position = new[-1].first + new[-1].records
    return rows, gathered.stretch(first, position)


def _encode_events(events: Array, first: int) -> tuple[list[Row], Stretch]:
    """The commonest case, in a third of the time: it counts where every event has a commit of its own."""
    _check_events(events)
    stop = first + len(events)
    row = _row(first, len(events), EVENTS, events.tobytes())
    placed = Events(np.arange(first, stop, dtype=np.int64), np.frombuffer(row.payload, EVENT))
    return [row], Stretch(first, stop, placed, NO_DECISIONS)


def decode(rows: Sequence[Row], where: str) -> Stretch:
    """The records of consecutive rows; at least one row. where: the file, for messages.

    Raises LogDamagedError where a row is not what its checksum says or does not follow the row before.
    """
    gathered = _Gathered()
    position = rows[0].first
    for row in rows:
        check_row(row, position, where)
        position += row.records
        if row.kind == EVENTS:
            gathered.add_events(row)
        elif row.kind in _STORED:
            gathered.decisions.append(_decisions(row, where))
        else:
            gathered.documents.append(_document(row, where))
    return gathered.stretch(rows[0].first, position)


@dataclass(slots=True)
class _Gathered:
    """The records of rows, on their way into one stretch."""

    payloads: list[bytes] = field(default_factory=list)
    firsts: list[int] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    decisions: list[Decisions] = field(default_factory=list)
    documents: list[Document] = field(default_factory=list)

    def add_events(self, row: Row) -> None:
        self.payloads.append(row.payload)
        self.firsts.append(row.first)
        self.counts.append(row.records)

    def stretch(self, first: int, stop: int) -> Stretch:
        events = NO_EVENTS
        if self.payloads:
            data = self.payloads[0] if len(self.payloads) == 1 else b"".join(self.payloads)
            events = Events(consecutive(self.firsts, self.counts), np.frombuffer(data, EVENT))
        return Stretch(first, stop, events, join_decisions(self.decisions), tuple(self.documents))


def check_row(row: Row, expected_first: int, where: str) -> None:
    """Raises LogDamagedError, with the file and the position."""
    if row.first != expected_first:
        raise LogDamagedError(f"{where}: a gap: expected record {expected_first} next, found {row.first}")
    if row.checksum != checksum(row.first, row.records, row.kind, row.payload):
        last = row.first + row.records - 1
        raise LogDamagedError(f"{where}: records {row.first} to {last}: the bytes are not what their checksum says")
    if row.kind not in (EVENTS, DOCUMENT, *_STORED):
        raise NewerVersionError(f"{where}: record {row.first} is of kind {row.kind}; upgrade Bandi")
    if row.records < 1 or (row.kind == EVENTS and len(row.payload) != row.records * EVENT.itemsize):
        raise LogDamagedError(f"{where}: record {row.first}: {row.records} records in {len(row.payload)} bytes")


def _runs(chunks: Sequence[Chunk]) -> Iterator[Array | Decisions | Document]:
    """Chunks with neighbours of the same kind joined; documents stay alone."""
    events: list[Array] = []
    decisions: list[Decisions] = []
    for chunk in chunks:
        if events and not isinstance(chunk, EventChunk):
            yield _joined(events)
            events = []
        if decisions and not isinstance(chunk, DecisionChunk):
            yield join_decisions(decisions)
            decisions = []
        match chunk:
            case EventChunk(rows):
                _check_events(rows)
                if len(rows):
                    events.append(rows)
            case DecisionChunk(given):
                check_decisions(given)
                if len(given.headers):
                    decisions.append(given)
            case DocumentChunk(kind, payload):
                if len(payload) > MAX_DOCUMENT_BYTES:
                    expected = f"at most {MAX_DOCUMENT_BYTES} bytes"
                    raise InvalidInputError(
                        Problem("document", f"{len(payload)} bytes", expected, "send fewer at a time")
                    )
                yield Document(-1, DocumentKind(kind), bytes(payload))
    if events:
        yield _joined(events)
    if decisions:
        yield join_decisions(decisions)


def _joined(parts: list[Array]) -> Array:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _check_events(rows: Array) -> None:
    if rows.dtype != EVENT or rows.ndim != 1:
        raise ValueError(f"EventChunk.rows: expected EVENT[n], found {rows.dtype} of shape {rows.shape}")


def check_decisions(decisions: Decisions) -> None:
    """Raises ValueError where the arrays do not fit each other."""
    headers, offsets = decisions.headers, decisions.offsets
    if headers.dtype != DECISION or decisions.items.dtype != np.int32 or decisions.scores.dtype != np.float32:
        found = f"{headers.dtype}, {decisions.items.dtype}, {decisions.scores.dtype}"
        raise ValueError(f"Decisions: expected headers DECISION, items int32, scores float32; found {found}")
    sound = len(offsets) == len(headers) + 1 and offsets[0] == 0 and np.array_equal(np.diff(offsets), headers["k"])
    if not sound or not int(offsets[-1]) == len(decisions.items) == len(decisions.scores) or (headers["k"] < 0).any():
        raise ValueError(
            "Decisions: expected offsets [0, k0, k0 + k1, ...] as the headers say, and as many items and scores"
        )
    rules = decisions.rules
    if rules is not None and (rules.dtype != np.int32 or len(rules) != len(decisions.items)):
        raise ValueError(f"Decisions.rules: expected int32[{len(decisions.items)}], found {rules.dtype}[{len(rules)}]")


def _placed(decisions: Decisions, first: int) -> Decisions:
    positions = np.arange(first, first + len(decisions.headers), dtype=np.int64)
    return replace(decisions, positions=positions)


def _event_rows(events: Array, first: int) -> Iterator[Row]:
    for start in range(0, len(events), _EVENTS_IN_ROW):
        part = events[start : start + _EVENTS_IN_ROW]
        yield _row(first + start, len(part), EVENTS, part.tobytes())


def _decision_rows(decisions: Decisions, first: int) -> Iterator[Row]:
    rules = decisions.rules
    kind, slot_bytes = (DECISIONS, 8) if rules is None else (RULED_DECISIONS, 12)
    sizes = DECISION.itemsize * np.arange(len(decisions.headers) + 1) + slot_bytes * decisions.offsets
    start = 0
    while start < len(decisions.headers):
        stop = max(start + 1, int(np.searchsorted(sizes, sizes[start] + ROW_BYTES, "right")) - 1)
        low, high = int(decisions.offsets[start]), int(decisions.offsets[stop])
        parts = [decisions.headers[start:stop], decisions.items[low:high], decisions.scores[low:high]]
        if rules is not None:
            parts.append(rules[low:high])
        yield _row(first + start, stop - start, kind, b"".join([part.tobytes() for part in parts]))
        start = stop


def _row(first: int, records: int, kind: int, payload: bytes) -> Row:
    return Row(first, records, kind, checksum(first, records, kind, payload), payload)


def _decisions(row: Row, where: str) -> Decisions:
    stored = _STORED[row.kind]
    size = row.records * stored.itemsize
    if len(row.payload) >= size:
        headers = np.frombuffer(row.payload, stored, row.records)
        if stored is not DECISION:
            headers = widened(headers)
        offsets = np.zeros(row.records + 1, np.int64)
        np.cumsum(headers["k"], out=offsets[1:])
        shown = int(offsets[-1])
        slot_bytes = 12 if row.kind in (RULED_DECISIONS, RULED_BEFORE_EXPLORATION) else 8
        if len(row.payload) == size + slot_bytes * shown:
            items = np.frombuffer(row.payload, "<i4", shown, size)
            scores = np.frombuffer(row.payload, "<f4", shown, size + 4 * shown)
            rules = np.frombuffer(row.payload, "<i4", shown, size + 8 * shown) if slot_bytes == 12 else None
            return Decisions(consecutive([row.first], [row.records]), headers, offsets, items, scores, rules)
    raise LogDamagedError(f"{where}: record {row.first}: {row.records} decisions in {len(row.payload)} bytes")


def widened(headers: Array) -> Array:
    """Headers of an early version, with what they did not say yet."""
    wide = np.zeros(len(headers), DECISION)
    for name in DECISION.names or ():
        wide[name] = headers[name] if name in (headers.dtype.names or ()) else NOT_SAID[name]
    return wide


def _document(row: Row, where: str) -> Document:
    if len(row.payload) < _KIND.size or row.records != 1:
        raise LogDamagedError(f"{where}: record {row.first}: {row.records} documents in {len(row.payload)} bytes")
    (kind,) = _KIND.unpack_from(row.payload)
    return Document(row.first, document_kind(kind, row.first, where), row.payload[_KIND.size :])


def document_kind(kind: int, position: int, where: str) -> DocumentKind:
    """Raises NewerVersionError where this Bandi does not know the kind."""
    try:
        return DocumentKind(kind)
    except ValueError:
        raise NewerVersionError(f"{where}: record {position} is a document of kind {kind}; upgrade Bandi") from None
