"""What was appended is what is read: across chunks, commits, seals, reopening, and while others write."""

import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bandi.log import codec
from bandi.log.protocol import Chunk, DecisionChunk, DocumentChunk, EventChunk, Log
from bandi.log.sqlite import SqliteLog, open_log, open_log_read_only
from bandi.model.errors import ClosedError, InvalidInputError
from bandi.model.records import DECISION, Decisions, DocumentKind, Stretch

Make = Callable[[str, int, int], Chunk]
Flatten = Callable[[Iterable[Stretch]], list[tuple[int, str, bytes]]]

kinds = st.sampled_from(["events", "decisions", "document"])
commits = st.lists(st.lists(st.tuples(kinds, st.integers(0, 40)), max_size=6), max_size=8)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(commits=commits, keeps=st.lists(st.integers(0, 60), max_size=4), rows=st.integers(1, 50), data=st.data())
def test_sealed_or_not_every_byte_comes_back(
    tmp_path_factory: pytest.TempPathFactory,
    make_chunk: Make,
    flat: Flatten,
    commits: list[list[tuple[str, int]]],
    keeps: list[int],
    rows: int,
    data: st.DataObject,
) -> None:
    """Random chunks, random seal points, random reads: read(sealed) == read(unsealed) == what `append` returned."""
    folder = tmp_path_factory.mktemp("log")
    with open_log(folder, at_ms=1) as log:
        appended = flat(log.read())
        for i, commit in enumerate(commits):
            appended += flat([log.append([make_chunk(kind, count, i + count) for kind, count in commit])])
            if i < len(keeps):
                log.seal(keep=keeps[i])
        assert log.next_position == len(appended)
        assert flat(log.read(rows=rows)) == appended
        start, stop = sorted(data.draw(st.integers(-5, len(appended) + 5)) for _ in range(2))
        assert flat(log.read(start, stop, rows)) == appended[max(start, 0) : max(stop, 0)]
        assert all(stretch.stop - stretch.first <= rows for stretch in log.read(rows=rows))
        assert flat(open_log_read_only(folder).read()) == appended
        log.seal()
        assert flat(log.read(rows=rows)) == appended
        assert flat(log.read(start, stop, rows)) == appended[max(start, 0) : max(stop, 0)]
        assert all(finding.ok for finding in log.check())
    with open_log(folder, at_ms=2) as log:
        assert flat(log.read(stop=len(appended))) == appended
        assert log.boot == 2


def test_the_first_record_says_who_opened_the_log(folder: Path) -> None:
    for boot in (1, 2, 3):
        with open_log(folder, at_ms=100 + boot) as log:
            assert log.boot == boot
            *_, last = log.read()
            assert last.documents[-1].kind == DocumentKind.OPENED
            opened = msgspec.msgpack.decode(last.documents[-1].payload)
            assert (opened["boot"], opened["at_ms"]) == (boot, 100 + boot)
            log.seal()


def test_the_key_of_event_ids_belongs_to_the_log(tmp_path: Path) -> None:
    seeds = []
    for name in ("one", "one", "other"):
        with open_log(tmp_path / name, at_ms=1) as log:
            seeds.append(log.id_seed)
    assert seeds[0] == seeds[1] != seeds[2]


def test_an_append_gives_positions_in_order(log: SqliteLog, make_chunk: Make) -> None:
    stretch = log.append([make_chunk("events", 3, 1), make_chunk("document", 9, 1), make_chunk("events", 2, 2)])
    assert (stretch.first, stretch.stop) == (1, 7)
    assert stretch.events.positions.tolist() == [1, 2, 3, 5, 6]
    assert [document.position for document in stretch.documents] == [4]
    assert log.next_position == 7


def test_an_empty_append_is_no_record(log: SqliteLog, make_chunk: Make) -> None:
    stretch = log.append([make_chunk("events", 0, 1), make_chunk("decisions", 0, 1)])
    assert (stretch.first, stretch.stop, log.next_position) == (1, 1, 1)


def test_chunks_larger_than_a_row_are_spread_over_rows(log: SqliteLog, make_chunk: Make, flat: Flatten) -> None:
    appended = flat([log.append([make_chunk("decisions", 60_000, 1), make_chunk("events", 70_000, 1)])])
    assert flat(log.read(1)) == appended
    assert max(stretch.stop - stretch.first for stretch in log.read(1, rows=5_000)) == 5_000


def test_a_reader_sees_what_there_was_when_it_was_asked(log: SqliteLog, make_chunk: Make, flat: Flatten) -> None:
    log.append([make_chunk("events", 10, 1)])
    reading = log.read()
    log.append([make_chunk("events", 10, 2)])
    assert len(flat(reading)) == 11


def test_readers_go_on_while_others_append_and_seal(folder: Path, log: SqliteLog, flat: Flatten) -> None:
    """Appends, seals and readers at once; each reader must see every number once, in order."""
    stop = threading.Event()
    failures: list[BaseException] = []

    def work(action: Callable[[], object]) -> None:
        try:
            while not stop.is_set():
                action()
        except BaseException as error:
            failures.append(error)

    def read(opened: Log) -> None:
        numbers = [int(text[1:]) for _, kind, text in flat(opened.read(rows=777)) if kind == "IDS"]
        assert numbers == list(range(len(numbers)))

    actions = [lambda: read(log), lambda: read(open_log_read_only(folder)), lambda: log.seal(keep=50)]
    threads = [threading.Thread(target=work, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for number in range(1_500):
        log.append([DocumentChunk(DocumentKind.IDS, b"n%d" % number)])
    stop.set()
    for thread in threads:
        thread.join()
    assert not failures
    read(log)
    assert log.next_position == 1_501
    assert log.sealed_position > 50


def test_arrays_that_do_not_fit_are_refused(log: SqliteLog) -> None:
    with pytest.raises(ValueError, match=r"expected EVENT\[n\]"):
        log.append([EventChunk(np.zeros(3, DECISION))])
    headers = np.zeros(2, DECISION)
    headers["k"] = 1
    bad = Decisions(np.zeros(2, np.int64), headers, np.array([0, 1, 3]), np.zeros(3, np.int32), np.zeros(3, np.float32))
    with pytest.raises(ValueError, match="as the headers say"):
        log.append([DecisionChunk(bad)])
    with pytest.raises(ValueError, match="rows: expected at least 1"):
        log.read(rows=0)
    assert log.next_position == 1


def test_a_document_of_300_megabytes_is_refused(log: SqliteLog) -> None:
    with pytest.raises(InvalidInputError, match="at most 268435456 bytes"):
        log.append([DocumentChunk(DocumentKind.ITEMS, bytes(300 * 1024 * 1024))])
    assert log.next_position == 1


def test_a_closed_log_says_so(folder: Path, make_chunk: Make) -> None:
    log = open_log(folder, at_ms=1)
    log.close()
    log.close()
    for action in (lambda: log.append([make_chunk("events", 1, 1)]), log.read, log.seal, log.check):
        with pytest.raises(ClosedError, match="is closed; open it again"):
            action()


def test_a_log_open_for_reading_takes_nothing(folder: Path, log: SqliteLog, make_chunk: Make) -> None:
    reader = open_log_read_only(folder)
    for action in (lambda: reader.append([make_chunk("events", 1, 1)]), reader.seal):
        with pytest.raises(ClosedError, match="reading only"):
            action()
    log.append([make_chunk("events", 5, 1)])
    assert reader.next_position == 1
    assert [stretch.stop for stretch in reader.read()] == [1]


@pytest.mark.parametrize(
    ("kind", "size"),
    [
        (codec.DECISIONS_BEFORE_ABOUT, 56),
        (codec.DECISIONS_BEFORE_SEGMENT, 60),
        (codec.DECISIONS_BEFORE_EXPLORATION, 70),
        (codec.DECISIONS, 78),
    ],
)
def test_decisions_of_early_versions_are_read_as_not_saying_what_came_later(kind: int, size: int) -> None:
    headers = np.zeros(3, DECISION)
    headers["request"], headers["k"] = [7, 8, 9], [2, 0, 1]
    headers["about"], headers["region"], headers["age"] = -1, -1, -1
    early = np.zeros(3, codec._STORED[kind])
    for name in early.dtype.names:
        early[name] = headers[name]
    items, scores = np.arange(3, dtype=np.int32), np.ones(3, np.float32)
    payload = early.tobytes() + items.tobytes() + scores.tobytes()
    row = codec.Row(5, 3, kind, codec.checksum(5, 3, kind, payload), payload)
    found = codec.decode([row], "here").decisions
    assert found.headers.tobytes() == headers.tobytes()
    assert found.items.tolist() == [0, 1, 2]
    assert found.rules is None
    assert early.dtype.itemsize == size
