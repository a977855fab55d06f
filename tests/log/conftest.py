"""Records of every kind, made from a seed, and a log's content as plain bytes that can be compared."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest

from bandi.log.protocol import Chunk, DecisionChunk, DocumentChunk, EventChunk
from bandi.log.sqlite import SqliteLog, open_log
from bandi.model.records import DECISION, EVENT, Decisions, DocumentKind, Stretch

Flat = list[tuple[int, str, bytes]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "shop.bandi"


@pytest.fixture
def log(folder: Path) -> Iterator[SqliteLog]:
    with open_log(folder, at_ms=1) as opened:
        yield opened


@pytest.fixture(scope="session")
def make_chunk() -> Callable[[str, int, int], Chunk]:
    """A chunk of `count` records of a kind, every bit of their fields random."""

    def make(kind: str, count: int, seed: int) -> Chunk:
        random = np.random.default_rng(seed)
        if kind == "events":
            return EventChunk(np.frombuffer(random.bytes(EVENT.itemsize * count), EVENT))
        if kind == "decisions":
            headers = np.frombuffer(random.bytes(DECISION.itemsize * count), DECISION).copy()
            headers["k"] = random.integers(0, 4, count) if seed % 2 else 3
            offsets = np.concatenate([[0], np.cumsum(headers["k"])]).astype(np.int64)
            shown = int(offsets[-1])
            items = np.frombuffer(random.bytes(4 * shown), np.int32)
            scores = np.frombuffer(random.bytes(4 * shown), np.float32)
            rules = np.frombuffer(random.bytes(4 * shown), np.int32) if seed % 3 == 0 else None
            return DecisionChunk(Decisions(np.zeros(count, np.int64), headers, offsets, items, scores, rules))
        return DocumentChunk(DocumentKind(1 + seed % 6), random.bytes(count))

    return make


@pytest.fixture(scope="session")
def make_events(make_chunk: Callable[[str, int, int], Chunk]) -> Callable[[int], EventChunk]:
    """`count` events whose `event_lo` are 0, 1, 2, ..."""

    def make(count: int) -> EventChunk:
        rows = np.zeros(count, EVENT)
        rows["event_lo"] = np.arange(count)
        return EventChunk(rows)

    return make


@pytest.fixture(scope="session")
def flat() -> Callable[[Iterable[Stretch]], Flat]:
    """(position, kind, all bytes) of every record, in the order of the positions; stretches must follow each other."""

    def flatten(stretches: Iterable[Stretch]) -> Flat:
        records: Flat = []
        before: int | None = None
        for stretch in stretches:
            assert before is None or stretch.first == before
            before = stretch.stop
            found = _records(stretch)
            assert [record[0] for record in found] == list(range(stretch.first, stretch.stop))
            records += found
        return records

    return flatten


def _records(stretch: Stretch) -> Flat:
    events, decisions = stretch.events, stretch.decisions
    found: Flat = [
        (position, "event", row.tobytes()) for position, row in zip(events.positions.tolist(), events.rows, strict=True)
    ]
    for i, position in enumerate(decisions.positions.tolist()):
        shown = slice(int(decisions.offsets[i]), int(decisions.offsets[i + 1]))
        none = np.full(len(decisions.items), -1, np.int32)
        rules = none if decisions.rules is None else decisions.rules
        parts = (decisions.headers[i], decisions.items[shown], decisions.scores[shown], rules[shown])
        found.append((position, "decision", b"|".join(part.tobytes() for part in parts)))
    found += [(document.position, document.kind.name, document.payload) for document in stretch.documents]
    return sorted(found)
