"""Sealed segments: what users find in them, what a seal reports, and what an interrupted one leaves."""

import shutil
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from bandi.log import sqlite
from bandi.log.protocol import Chunk, DecisionChunk, EventChunk
from bandi.log.sqlite import SqliteLog, open_log
from bandi.model.errors import LogDamagedError
from bandi.model.records import DECISION, EVENT, Decisions, Stretch

Make = Callable[[str, int, int], Chunk]
MakeEvents = Callable[[int], EventChunk]
Flatten = Callable[[Iterable[Stretch]], list[tuple[int, str, bytes]]]


def test_keep_leaves_exactly_the_newest(log: SqliteLog, make_events: MakeEvents) -> None:
    log.append([make_events(1_000)])
    report = log.seal(keep=300)
    assert (report.records, report.events) == (701, 700)
    assert log.sealed_position == 701
    assert report.bytes == sum(file.stat().st_size for file in log._folder.segments.rglob("*.parquet"))
    assert log.seal(keep=300).records == 0
    assert log.seal(keep=5_000).records == 0
    assert log.seal().records == 300


def test_a_seal_empties_the_tail(log: SqliteLog, make_events: MakeEvents) -> None:
    for _ in range(5):
        log.append([make_events(10_000)])
    log.seal()
    assert log._tail.stop() is None
    assert log.append([make_events(1)]).first == 50_001


def test_progress_is_told(log: SqliteLog, make_events: MakeEvents, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "SEGMENT_RECORDS", 400)
    log.append([make_events(999)])
    told: list[tuple[int, int]] = []
    log.seal(progress=lambda done, total: told.append((done, total)))
    assert told == [(400, 1_000), (800, 1_000), (1_000, 1_000)]
    checked: list[tuple[int, int]] = []
    log.check(progress=lambda done, total: checked.append((done, total)))
    assert checked[-1] == (1_000, 1_000)


def test_large_records_make_shorter_segments(log: SqliteLog, make_chunk: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "SEGMENT_BYTES", 5_000_000)
    for seed in range(6):
        log.append([make_chunk("document", 2_000_000, seed)])
    monkeypatch.setattr(sqlite, "FETCH_RECORDS", 1)
    log.seal()
    assert [segment.stop - segment.first for segment in log._manifest.segments] == [4, 3]


def test_users_read_the_segments_with_polars(log: SqliteLog) -> None:
    rows = np.zeros(3, EVENT)
    rows["occurred_ms"] = [1_700_000_000_000, 1_700_000_000_001, 1_700_000_000_002]
    rows["event_hi"] = 2**64 - 1
    rows["position"] = [0, 1, -1]
    rows["kind"] = 2
    headers = np.zeros(2, DECISION)
    headers["k"] = [2, 0]
    decisions = Decisions(
        np.zeros(2, np.int64),
        headers,
        np.array([0, 2, 2]),
        np.array([7, 8], np.int32),
        np.array([0.5, 0.25], np.float32),
    )
    log.append([DecisionChunk(decisions), EventChunk(rows)])
    log.seal()
    segments = log._folder.segments
    events = pl.read_parquet(segments / "*" / "events.parquet")
    assert events["position"].to_list() == [3, 4, 5]
    assert events.schema["occurred_at"] == pl.Datetime("ms", "UTC")
    assert events["occurred_at"][1] == datetime(2023, 11, 14, 22, 13, 20, 1_000, tzinfo=UTC)
    assert events["event_id_high"][0] == 2**64 - 1
    assert events["slot"].to_list() == [0, 1, -1]
    assert "spare_0" not in events.columns
    shown = pl.read_parquet(segments / "*" / "decisions.parquet")
    assert shown["items"].to_list() == [[7, 8], []]
    assert shown["scores"].to_list() == [[0.5, 0.25], []]
    documents = pl.read_parquet(segments / "*" / "documents.parquet")
    assert documents["kind"].to_list() == [7]


def test_every_column_is_in_the_reference(log: SqliteLog, make_chunk: Make) -> None:
    text = (Path(__file__).parents[2] / "docs" / "reference" / "log-format.md").read_text(encoding="utf-8")
    log.append([make_chunk("events", 5, 1), make_chunk("decisions", 5, 1)])
    log.seal()
    for file in log._folder.segments.rglob("*.parquet"):
        for column, kind in pl.read_parquet_schema(file).items():
            assert f"| `{column}` | {_written(kind)} |" in text, f"{file.name}: {column} {kind}"


def _written(kind: pl.DataType) -> str:
    return "Datetime(ms, UTC)" if kind == pl.Datetime("ms", "UTC") else str(kind)


def test_cut_off_between_manifest_and_deletion(folder: Path, make_events: MakeEvents, flat: Flatten) -> None:
    with open_log(folder, at_ms=1) as log:
        log.append([make_events(5_000)])
        before = flat(log.read())
        log._delete_some = lambda stop: False  # type: ignore[method-assign]  # as if killed here
        log.seal(keep=1_234)
        assert flat(log.read()) == before
        assert all(finding.ok for finding in log.check())
    with open_log(folder, at_ms=2) as log:
        assert log._tail.first() == log.sealed_position == 5_001 - 1_234
        assert flat(log.read(stop=5_001)) == before
        assert all(finding.ok for finding in log.check())


def test_cut_off_before_the_manifest(
    folder: Path, make_events: MakeEvents, flat: Flatten, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_log(folder, at_ms=1) as log:
        log.append([make_events(5_000)])
        before = flat(log.read())
        with monkeypatch.context() as patch:
            patch.setattr(sqlite, "write_manifest", _killed)
            with pytest.raises(KeyboardInterrupt):
                log.seal()
        (folder / "log" / "segments" / "5001-9999.new").mkdir()
        assert flat(log.read()) == before
    with open_log(folder, at_ms=2) as log:
        assert not any(log._folder.segments.iterdir())
        assert flat(log.read(stop=5_001)) == before
        assert log.seal().records == 5_002


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_second_try_replaces_what_the_first_left(
    log: SqliteLog, make_events: MakeEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.append([make_events(10)])
    with monkeypatch.context() as patch:
        patch.setattr(sqlite, "write_manifest", _killed)
        with pytest.raises(KeyboardInterrupt):
            log.seal()
    assert log.seal().records == 11
    assert all(finding.ok for finding in log.check())


def test_a_segment_that_only_a_lost_manifest_knew_is_never_deleted(folder: Path, make_events: MakeEvents) -> None:
    """An old manifest put back by hand must not cost the segments sealed since."""
    with open_log(folder, at_ms=1) as log:
        log.append([make_events(10)])
        old = (folder / "log" / "manifest.json").read_bytes()
        log.seal()
    shutil.copytree(folder, folder.with_name("copy"))
    (folder / "log" / "manifest.json").write_bytes(old)
    with pytest.raises(LogDamagedError, match=r"segments/0-11: holds records that the manifest and the tail"):
        open_log(folder, at_ms=2)
    assert (folder / "log" / "segments" / "0-11" / "events.parquet").is_file()
