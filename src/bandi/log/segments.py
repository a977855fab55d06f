"""Sealed segments: the records of a stretch as Parquet files that polars, DuckDB and others read as they are.

The columns are described in docs/reference/log-format.md. Nothing is lost: what is read back is the same bytes.
"""

from __future__ import annotations

import io
import shutil
from typing import Any

import numpy as np
import polars as pl
from xxhash import xxh3_64_hexdigest

from bandi.log.codec import document_kind
from bandi.log.folder import LogFolder, storage_error, sync_folder, write_durably
from bandi.log.manifest import Segment, SegmentFile
from bandi.model.errors import BandiError, LogDamagedError
from bandi.model.records import DECISION, EVENT, NOT_SAID, Array, Decisions, Document, Events, Stretch

ROW_GROUP = 262_144
COMPRESSION_LEVEL = 3
BLOCK = 8_192
"""Rows filled at a time, column by column: 72 bytes each, so that they stay in the second-level cache."""

EVENTS_FILE, DECISIONS_FILE, DOCUMENTS_FILE = "events.parquet", "decisions.parquet", "documents.parquet"

_TIME = pl.Datetime("ms", "UTC")
_EVENT_COLUMNS: dict[str, tuple[str, Any]] = {
    "recorded_at": ("recorded_ms", _TIME),
    "occurred_at": ("occurred_ms", _TIME),
    "kind": ("kind", pl.Int16),
    "user": ("user", pl.Int32),
    "item": ("item", pl.Int32),
    "request": ("request", pl.UInt64),
    "placement": ("placement", pl.Int16),
    "slot": ("position", pl.Int16),
    "episode": ("episode", pl.Int32),
    "value": ("value", pl.Float64),
    "event_id_high": ("event_hi", pl.UInt64),
    "event_id_low": ("event_lo", pl.UInt64),
    "segment": ("segment", pl.Int16),
}
_DECISION_COLUMNS: dict[str, tuple[str, Any]] = {
    "occurred_at": ("occurred_ms", _TIME),
    "request": ("request", pl.UInt64),
    "user": ("user", pl.Int32),
    "placement": ("placement", pl.Int16),
    "policy": ("policy", pl.Int32),
    "candidates": ("candidates", pl.Int32),
    "state_position": ("state_position", pl.Int64),
    "catalog_position": ("catalog_position", pl.Int64),
    "seed": ("seed", pl.UInt64),
    "about": ("about", pl.Int32),
    "region": ("region", pl.Int32),
    "age": ("age", pl.Int16),
    "segment": ("segment", pl.Int16),
    "asked": ("asked", pl.Int16),
    "greedy_microclicks": ("greedy_microclicks", pl.Int32),
    "explored_microclicks": ("explored_microclicks", pl.Int32),
}
_SPARE = ("spare_0", "spare_1")


def write_segment(folder: LogFolder, stretch: Stretch) -> Segment:
    """Write the files of a stretch, durably, under their final name. Raises StorageFullError; nothing is left then."""
    final = folder.segments / f"{stretch.first}-{stretch.stop}"
    temporary = folder.segments / f"{stretch.first}-{stretch.stop}.new"
    try:
        for stray in (final, temporary):  # of an earlier attempt that never reached the manifest
            if stray.exists():
                shutil.rmtree(stray)
        temporary.mkdir()
        files = []
        for name, frame in _frames(stretch):
            data = _parquet(frame)
            write_durably(temporary / name, data)
            files.append(SegmentFile(name, frame.height, len(data), xxh3_64_hexdigest(data)))  # type: ignore[arg-type]
        sync_folder(temporary)
        temporary.rename(final)
        sync_folder(folder.segments)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(final, ignore_errors=True)
        raise storage_error(error, folder.shown(final)) from error
    return Segment(stretch.first, stretch.stop, tuple(files))


def _frames(stretch: Stretch) -> list[tuple[str, pl.DataFrame]]:
    frames = []
    if len(stretch.events.rows):
        frames.append((EVENTS_FILE, _event_frame(stretch.events)))
    if len(stretch.decisions.headers):
        frames.append((DECISIONS_FILE, _decision_frame(stretch.decisions)))
    if stretch.documents:
        columns = {
            "position": pl.Series([document.position for document in stretch.documents], dtype=pl.Int64),
            "kind": pl.Series([int(document.kind) for document in stretch.documents], dtype=pl.Int16),
            "payload": pl.Series([document.payload for document in stretch.documents], dtype=pl.Binary),
        }
        frames.append((DOCUMENTS_FILE, pl.DataFrame(columns)))
    return frames


def _parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd", compression_level=COMPRESSION_LEVEL, row_group_size=ROW_GROUP)
    return buffer.getvalue()


def _event_frame(events: Events) -> pl.DataFrame:
    columns = {"position": pl.Series(events.positions)}
    for name, (field, kind) in _EVENT_COLUMNS.items():
        columns[name] = _series(events.rows[field], kind)
    if events.rows["spare"].any():  # no version of ours fills them yet
        for i, name in enumerate(_SPARE):
            columns[name] = _series(events.rows["spare"][:, i], pl.Int16)
    return pl.DataFrame(columns)


def _decision_frame(decisions: Decisions) -> pl.DataFrame:
    columns = {"position": pl.Series(decisions.positions)}
    for name, (field, kind) in _DECISION_COLUMNS.items():
        columns[name] = _series(decisions.headers[field], kind)
    lengths = np.diff(decisions.offsets)
    columns["items"] = _lists(decisions.items, lengths)
    columns["scores"] = _lists(decisions.scores, lengths)
    if decisions.rules is None:
        columns["rules"] = pl.Series([[]] * len(lengths), dtype=pl.List(pl.Int32))
    else:
        columns["rules"] = _lists(decisions.rules, lengths)
    return pl.DataFrame(columns)


def _series(values: Array, kind: Any) -> pl.Series:
    return pl.Series(np.ascontiguousarray(values)).cast(kind)


def _lists(values: Array, lengths: Array) -> pl.Series:
    """values, cut into lists of these lengths."""
    k = int(lengths[0])
    if k and (lengths == k).all():
        return pl.Series(values.reshape(-1, k)).arr.to_list()
    owner = pl.Series("owner", np.repeat(np.arange(len(lengths)), lengths))
    lists = pl.DataFrame([owner, pl.Series("list", values)]).group_by("owner", maintain_order=True).agg("list")
    every = pl.DataFrame({"owner": np.arange(len(lengths))}).join(lists, "owner", how="left", maintain_order="left")
    empty = pl.lit([], dtype=every["list"].dtype)
    return every.select(pl.col("list").fill_null(empty)).to_series()


def read_segment(folder: LogFolder, segment: Segment) -> Stretch:
    """All records of a segment. Raises LogDamagedError, naming the file and the records, where anything is wrong."""
    parts: dict[str, Any] = {}
    for file in segment.files:
        frame = _read_frame(folder, segment, file)
        name = _shown(folder, segment, file)
        try:
            match file.name:
                case "events.parquet":
                    parts["events"] = _events(frame)
                case "decisions.parquet":
                    parts["decisions"] = _decisions(frame)
                case "documents.parquet":
                    parts["documents"] = _documents(frame, name)
        except (pl.exceptions.PolarsError, ValueError) as error:
            raise LogDamagedError(f"{name}: its columns are not those of a segment: {error}") from error
    return Stretch(segment.first, segment.stop, **parts)


def examine_segment(folder: LogFolder, segment: Segment) -> list[str]:
    """What is wrong with a segment, file by file, in words; empty when it is sound."""
    wrong = []
    for file in segment.files:
        try:
            _read_frame(folder, segment, file)
        except LogDamagedError as error:
            wrong.append(str(error))
    if wrong:
        return wrong
    try:
        stretch = read_segment(folder, segment)
    except BandiError as error:
        return [str(error)]
    documents: Array = np.array([document.position for document in stretch.documents], np.int64)
    found: list[Array] = [stretch.events.positions, stretch.decisions.positions, documents]
    if not np.array_equal(np.sort(np.concatenate(found)), np.arange(segment.first, segment.stop)):
        name = folder.shown(folder.segments / segment.folder_name)
        return [f"{name}: expected each position from {segment.first} to {segment.stop - 1} once"]
    return []


def _read_frame(folder: LogFolder, segment: Segment, file: SegmentFile) -> pl.DataFrame:
    """The file's table; its checksum is compared each time, which costs some 3 % of reading it."""
    name = _shown(folder, segment, file)
    path = folder.segments / segment.folder_name / file.name
    where = f"{name} (records {segment.first} to {segment.stop - 1})"
    try:
        size = path.stat().st_size
        if size != file.bytes:
            raise LogDamagedError(f"{where}: expected {file.bytes} bytes, found {size}; restore it from a backup")
        data = path.read_bytes()
    except FileNotFoundError:
        raise LogDamagedError(f"{where}: the file is missing; restore it from a backup") from None
    except OSError as error:
        raise LogDamagedError(f"{where}: cannot be read: {error.strerror}") from error
    found = xxh3_64_hexdigest(data)
    if found != file.xxh3_64:
        raise LogDamagedError(f"{where}: expected checksum {file.xxh3_64}, found {found}; restore it from a backup")
    try:
        frame = pl.read_parquet(io.BytesIO(data))
    except pl.exceptions.PolarsError as error:
        raise LogDamagedError(f"{where}: {error}") from error
    if frame.height != file.rows:
        raise LogDamagedError(f"{where}: expected {file.rows} rows, found {frame.height}")
    return frame


def _shown(folder: LogFolder, segment: Segment, file: SegmentFile) -> str:
    return folder.shown(folder.segments / segment.folder_name / file.name)


def _numbers(frame: pl.DataFrame, name: str) -> Array:
    return frame[name].to_physical().to_numpy()


def _events(frame: pl.DataFrame) -> Events:
    rows = np.zeros(frame.height, EVENT)
    known = [name for name in _EVENT_COLUMNS if name in frame.columns or name != "segment"]
    columns = [(rows[_EVENT_COLUMNS[name][0]], _numbers(frame, name)) for name in known]
    if _SPARE[0] in frame.columns:
        columns += [(rows["spare"][:, i], _numbers(frame, name)) for i, name in enumerate(_SPARE)]
    for start in range(0, len(rows), BLOCK):
        block = slice(start, start + BLOCK)
        for target, values in columns:
            target[block] = values[block]
    return Events(_numbers(frame, "position"), rows)


def _decisions(frame: pl.DataFrame) -> Decisions:
    headers = np.zeros(frame.height, DECISION)
    for name, (field, _) in _DECISION_COLUMNS.items():
        headers[field] = _numbers(frame, name) if name in frame.columns or name not in NOT_SAID else NOT_SAID[name]
    lengths = frame["items"].list.len().to_numpy()
    if not np.array_equal(lengths, frame["scores"].list.len().to_numpy()):
        raise ValueError("as many items as scores were expected")
    headers["k"] = lengths
    offsets = np.zeros(frame.height + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    items, scores = (frame[name].explode(empty_as_null=False).to_numpy() for name in ("items", "scores"))
    rules = frame["rules"].explode(empty_as_null=False).to_numpy() if "rules" in frame.columns else None
    if rules is not None and len(rules) != len(items):
        if len(rules):
            raise ValueError("as many rules as items were expected")
        rules = None
    return Decisions(_numbers(frame, "position"), headers, offsets, items, scores, rules)


def _documents(frame: pl.DataFrame, name: str) -> tuple[Document, ...]:
    return tuple(
        Document(position, document_kind(kind, position, name), payload)
        for position, kind, payload in frame.select("position", "kind", "payload").iter_rows()
    )
