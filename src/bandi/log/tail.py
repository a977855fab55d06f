"""The hot tail: the newest records in SQLite, one row for each chunk; docs/durability.md explains the pragmas."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from bandi.log.assembly import cut
from bandi.log.codec import Row, decode, encode
from bandi.log.folder import FORMAT, LogFolder, sync_folder
from bandi.log.protocol import Chunk, DecisionChunk, DocumentChunk, EventChunk
from bandi.model.errors import BandiError, FolderBusyError, LogDamagedError, NewerVersionError, StorageFullError
from bandi.model.records import Stretch

APPLICATION_ID = 0x62616E64
"""`band`: the mark of our file in its SQLite header."""

PAGE_BYTES = 4096
CHECKPOINT_PAGES = 1024
"""After so many pages (4 MiB) the WAL is copied into the database, so that it stays small and its blocks are reused."""
WAL_BYTES_KEPT = 64 * 1024 * 1024
FETCH_BYTES = 64 * 1024 * 1024
DELETED_AT_A_TIME = 16_384
"""Records deleted in one transaction after sealing; appends go on in between."""
BUSY_WAIT_S = 10

_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "fullfsync = ON",
    "checkpoint_fullfsync = ON",
    f"wal_autocheckpoint = {CHECKPOINT_PAGES}",
    f"journal_size_limit = {WAL_BYTES_KEPT}",
    "secure_delete = OFF",
)
_SCHEMA = """
BEGIN;
CREATE TABLE log (id_seed TEXT NOT NULL, boot INTEGER NOT NULL);
CREATE TABLE chunks (
    first INTEGER PRIMARY KEY,
    records INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    payload BLOB NOT NULL
);
PRAGMA application_id = {application_id};
PRAGMA user_version = {format};
INSERT INTO log VALUES ('{id_seed}', 0);
COMMIT;
"""
_INSERT = "INSERT INTO chunks (first, records, kind, checksum, payload) VALUES (?, ?, ?, ?, ?)"
_ROWS = "SELECT first, records, kind, checksum, payload FROM chunks WHERE first >= ? ORDER BY first"
_LAST = "SELECT first + records FROM chunks ORDER BY first DESC LIMIT 1"


def create_tail(folder: LogFolder, id_seed: str) -> None:
    """Make the file, durably; id_seed: 16 hexadecimal digits. Raises StorageFullError."""
    connection = _connect(folder.tail, "mode=rwc")
    try:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}").fetchall()
        schema = _SCHEMA.format(id_seed=id_seed, application_id=APPLICATION_ID, format=FORMAT)
        connection.executescript(schema)
    except sqlite3.Error as error:
        raise _translated(error, folder.shown(folder.tail)) from error
    finally:
        connection.close()
    sync_folder(folder.root)


class Tail:
    """One connection to the tail, for one thread at a time; several connections may be open."""

    def __init__(self, folder: LogFolder, use: Literal["write", "read"]) -> None:
        """Raises LogDamagedError, NewerVersionError or FolderBusyError."""
        self.name = folder.shown(folder.tail)
        if not folder.tail.is_file():
            raise LogDamagedError(f"{self.name}: the file is missing; restore it from a backup")
        self._connection = _connect(folder.tail, "mode=rw") if use == "write" else _connect_to_read(folder)
        try:
            with self._guard():
                self._check_version()
                for pragma in _PRAGMAS if use == "write" else ():
                    self._connection.execute(f"PRAGMA {pragma}").fetchall()
        except BaseException:
            self._connection.close()
            raise

    def _check_version(self) -> None:
        (application,) = self._connection.execute("PRAGMA application_id").fetchone()
        if application != APPLICATION_ID:
            raise LogDamagedError(f"{self.name}: not a file of Bandi's; restore it from a backup")
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version > FORMAT:
            raise NewerVersionError(f"{self.name}: format {version}, this Bandi reads up to {FORMAT}; upgrade Bandi")

    def close(self) -> None:
        """Close the connection; the last one to close copies the WAL into the database and removes it."""
        self._connection.close()

    def identity(self) -> tuple[str, int]:
        """The log's id_seed, and the last boot number that was spent."""
        with self._guard():
            rows = self._connection.execute("SELECT id_seed, boot FROM log").fetchall()
        match rows:
            case [(str() as id_seed, int() as boot)]:
                return id_seed, boot
        raise LogDamagedError(f"{self.name}: table log: expected one row with text and a number; restore a backup")

    def first(self) -> int | None:
        """Position of the first record; None when there are none."""
        with self._guard():
            found: int | None = self._connection.execute("SELECT min(first) FROM chunks").fetchone()[0]
        return found

    def stop(self) -> int | None:
        """Position behind the last record; None when there are none."""
        with self._guard():
            found = self._connection.execute(_LAST).fetchone()
        return None if found is None else int(found[0])

    def insert(self, rows: Sequence[Row], boot: int | None = None) -> None:
        """Add rows in one transaction, durable on return; `boot` is spent in the same transaction.

        Raises StorageFullError or LogDamagedError; nothing was kept then.
        """
        with self._guard():
            if len(rows) == 1 and boot is None:
                self._connection.execute(_INSERT, rows[0])
                return
            self._connection.execute("BEGIN IMMEDIATE")
            if boot is not None:
                self._connection.execute("UPDATE log SET boot = ?", (boot,))
            self._connection.executemany(_INSERT, rows)
            self._connection.execute("COMMIT")

    def fetch(self, position: int, records: int) -> Stretch | None:
        """Records from `position` on: about `records` of them, fewer where they are large.

        None where the tail does not hold that position. Raises LogDamagedError.
        """
        with self._guard():
            rows = list(self._rows_from(position, records))
        if not rows or rows[0].first > position:
            return None
        stretch = decode(rows, self.name)
        return cut(stretch, position, stretch.stop) if stretch.stop > position else None

    def _rows_from(self, position: int, records: int) -> Iterator[Row]:
        """The row that holds `position` and those behind it, up to the bounds."""
        start = self._connection.execute("SELECT max(first) FROM chunks WHERE first <= ?", (position,)).fetchone()[0]
        cursor = self._connection.execute(_ROWS, (position if start is None else start,))
        taken = 0
        try:
            for values in cursor:
                row = _sound(values, self.name)
                yield row
                taken += len(row.payload)
                if row.first + row.records >= position + records or taken >= FETCH_BYTES:
                    return
        finally:
            cursor.close()  # ends the read transaction, so that the WAL can be reused

    def delete_some(self, stop: int) -> bool:
        """Remove some of the records before `stop`; True while there may be more."""
        with self._guard():
            found = self._connection.execute(f"{_ROWS} LIMIT 1", (0,)).fetchone()
            if found is None or found[0] >= stop:
                return False
            row = _sound(found, self.name)
            if row.first + row.records > stop:
                self._keep_from(row, stop)
                return False
            upto = min(row.first + DELETED_AT_A_TIME, stop)
            self._connection.execute("DELETE FROM chunks WHERE first < ? AND first + records <= ?", (upto, stop))
            return True

    def _keep_from(self, row: Row, position: int) -> None:
        """Replace a row by its later part."""
        later = cut(decode([row], self.name), position, row.first + row.records)
        rows, _ = encode(_chunks(later), position)
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.execute("DELETE FROM chunks WHERE first = ?", (row.first,))
        self._connection.executemany(_INSERT, rows)
        self._connection.execute("COMMIT")

    def hold(self) -> None:
        """Keep the present state in view until the connection is closed, whatever is written meanwhile."""
        with self._guard():
            self._connection.execute("BEGIN")
            self._connection.execute("SELECT count(*) FROM log").fetchone()

    def examine(self, sealed: int, progress: Callable[[int], None]) -> tuple[int, list[str]]:
        """Read every row. The position behind the last, and what is wrong, in words.

        sealed: the records before it may be missing here.
        """
        wrong: list[str] = []
        position = sealed
        try:
            with self._guard():
                wrong += [f"{self.name}: {text}" for (text,) in self._connection.execute("PRAGMA integrity_check(20)")]
                wrong = [text for text in wrong if not text.endswith(": ok")]
                for values in self._connection.execute(_ROWS, (0,)):
                    row = _sound(values, self.name)
                    if row.first != position and not (row.first < sealed == position):
                        wrong.append(f"{self.name}: a gap: expected record {position} next, found {row.first}")
                    wrong += _faults(row, self.name)
                    position = row.first + row.records
                    progress(position)
        except BandiError as error:
            wrong.append(str(error))
        return max(position, sealed), wrong

    @contextmanager
    def _guard(self) -> Iterator[None]:
        """On an error of SQLite's take the transaction back and raise ours."""
        try:
            yield
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                with suppress(sqlite3.Error):  # SQLite may have rolled it back itself
                    self._connection.execute("ROLLBACK")
            raise _translated(error, self.name) from error


def _sound(values: tuple[object, ...], name: str) -> Row:
    """A flipped bit may turn a number into a text, so the types are looked at before anything is computed."""
    first, records, kind, checksum, payload = values
    if not (
        isinstance(first, int)
        and isinstance(records, int)
        and isinstance(kind, int)
        and isinstance(checksum, int)
        and isinstance(payload, bytes)
        and records > 0
    ):
        raise LogDamagedError(f"{name}: record {first}: the row is not well formed; restore the file from a backup")
    return Row(first, records, kind, checksum, payload)


def _faults(row: Row, name: str) -> list[str]:
    try:
        decode([row], name)
    except BandiError as error:
        return [str(error)]
    return []


def _chunks(stretch: Stretch) -> list[Chunk]:
    """The records of one kind, as they were appended."""
    if len(stretch.events.rows):
        return [EventChunk(stretch.events.rows)]
    if len(stretch.decisions.headers):
        return [DecisionChunk(stretch.decisions)]
    return [DocumentChunk(document.kind, document.payload) for document in stretch.documents]


def _connect(path: Path, parameters: str) -> sqlite3.Connection:
    """isolation_level None: transactions begin and end where we say so."""
    uri = f"{path.absolute().as_uri()}?{parameters}"
    return sqlite3.connect(uri, uri=True, timeout=BUSY_WAIT_S, isolation_level=None, check_same_thread=False)


def _connect_to_read(folder: LogFolder) -> sqlite3.Connection:
    """Read only; also where the folder cannot be written, provided that no WAL waits there to be taken in."""
    connection = _connect(folder.tail, "mode=ro")
    try:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.OperationalError as error:
        connection.close()
        wal = folder.tail.with_name(folder.tail.name + "-wal")
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_CANTOPEN or (wal.exists() and wal.stat().st_size):
            raise _translated(error, folder.shown(folder.tail)) from error
        return _connect(folder.tail, "immutable=1")
    except sqlite3.DatabaseError as error:
        connection.close()
        raise _translated(error, folder.shown(folder.tail)) from error
    return connection


def _translated(error: sqlite3.Error, name: str) -> BandiError:
    """Our error for SQLite's, by what the caller can do about it."""
    code = getattr(error, "sqlite_errorcode", -1) & 0xFF
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        return StorageFullError(f"{name}: {error}; nothing of the batch was kept: free space and send it again")
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_ERROR):
        return LogDamagedError(f"{name}: {error}; restore the file from a backup")
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return FolderBusyError(f"{name}: {error}; another program writes to it, close that first")
    return BandiError(f"{name}: {error}; check the file's owner and permissions")
