"""The log in one folder: a hot tail in SQLite, sealed segments in Parquet."""

from __future__ import annotations

import re
import secrets
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

import msgspec

from bandi.log.assembly import join
from bandi.log.codec import encode
from bandi.log.folder import FolderLock, LogFolder
from bandi.log.manifest import Manifest, read_manifest, write_manifest
from bandi.log.protocol import Chunk, DocumentChunk, Finding, Progress, SealReport
from bandi.log.reading import check_log, read_records
from bandi.log.tail import Tail, create_tail
from bandi.model.errors import BandiError, ClosedError, LogDamagedError
from bandi.model.records import DocumentKind, Stretch
from bandi.model.request_ids import MAX_BOOTS

SEGMENT_RECORDS = 1_000_000
"""Most records in one segment."""
SEGMENT_BYTES = 128 * 1024 * 1024
"""A segment ends when its records take about so much memory."""
FETCH_RECORDS = 65_536
_SEGMENT_NAME = re.compile(r"([0-9]{1,19})-([0-9]{1,19})(\.new)?")
PAUSE_S = 0.001
"""Between two deletions after sealing, so that appends get their turn."""


def open_log(folder: Path, *, at_ms: int) -> SqliteLog:
    """Open the log under `folder` for writing; make it where there is none. at_ms: the time, for the record of opening.

    Raises FolderBusyError, NewerVersionError, LogDamagedError, StorageFullError, or InvalidInputError where the
    folder cannot be written.

    >>> import tempfile
    >>> with open_log(Path(tempfile.mkdtemp()), at_ms=1_700_000_000_000) as log:
    ...     log.boot, log.next_position  # the record of opening is the first
    (1, 1)
    """
    log_folder = LogFolder(folder)
    log_folder.make()
    lock = FolderLock(log_folder)
    try:
        manifest = _create(log_folder) if _is_new(log_folder) else read_manifest(log_folder)
        return SqliteLog(log_folder, lock, manifest, at_ms)
    except BaseException:
        lock.release()
        raise


def open_log_read_only(folder: Path) -> ReadOnlyLog:
    """Look at a log as it is now; a process may have it open for writing. Nothing is changed.

    Raises LogDamagedError or NewerVersionError where not even the list of its parts can be read.
    """
    return ReadOnlyLog(LogFolder(folder))


class SqliteLog:
    """A `Log` that is open for writing. `append` in one thread, `seal` in another, readers in any.

    boot: spent durably by this opening, 1 for the first. id_seed: the key of `identity.hash_ids`, 64 bits.
    """

    def __init__(self, folder: LogFolder, lock: FolderLock, manifest: Manifest, at_ms: int) -> None:
        """Not called directly: see `open_log`."""
        self._folder = folder
        self._lock = lock
        self._manifest = manifest
        self._writing = threading.Lock()
        self._sealing = threading.Lock()
        self._closed = False
        self._tail = Tail(folder, "write")
        try:
            self.id_seed = int(manifest.id_seed, 16)
            self._next_position = self._mend()
            self.boot = self._spend_boot(at_ms)
        except BaseException:
            self._tail.close()
            raise

    def __enter__(self) -> SqliteLog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def next_position(self) -> int:
        """The position that the next record will get."""
        return self._next_position

    @property
    def sealed_position(self) -> int:
        """Every record before it is in a sealed segment."""
        return self._manifest.stop

    def append(self, chunks: Sequence[Chunk]) -> Stretch:
        """See `Log.append`. One transaction, one wait for the disk, whatever the number of chunks."""
        with self._writing:
            return self._append(chunks, None)

    def _append(self, chunks: Sequence[Chunk], boot: int | None) -> Stretch:
        self._refuse_closed()
        rows, stretch = encode(chunks, self._next_position)
        if rows:
            self._tail.insert(rows, boot)
            self._next_position = stretch.stop
        return stretch

    def read(self, start: int = 0, stop: int | None = None, rows: int = 262_144) -> Iterator[Stretch]:
        """See `Log.read`. What is appended after the call is not read; appends and seals are not held up."""
        self._refuse_closed()
        start, stop = _bounds(start, stop, self._next_position, rows)
        return read_records(self._folder, lambda: self._manifest, start, stop, rows)

    def seal(self, keep: int = 0, progress: Progress | None = None) -> SealReport:
        """See `Log.seal`. Writes segments of at most a million records, about 250 MB of memory.

        Raises StorageFullError (what was sealed so far stays sealed) or LogDamagedError.
        """
        with self._sealing:
            self._refuse_closed()
            start, stop = self._manifest.stop, self._next_position - max(keep, 0)
            records = events = size = 0
            for stretch in self._sealable(start, stop):
                size += self._seal(stretch)
                records += stretch.stop - stretch.first
                events += len(stretch.events.rows)
                if progress is not None:
                    progress(records, stop - start)
            return SealReport(records, events, size)

    def _sealable(self, start: int, stop: int) -> Iterator[Stretch]:
        """The records in stretches of the size of a segment."""
        while start < stop:
            parts: list[Stretch] = []
            size = 0
            upto = min(stop, start + SEGMENT_RECORDS)
            with closing(read_records(self._folder, lambda: self._manifest, start, upto, FETCH_RECORDS)) as reading:
                for part in reading:
                    parts.append(part)
                    size += _bytes(part)
                    if size >= SEGMENT_BYTES:
                        break
            start = parts[-1].stop
            yield join(parts)

    def _seal(self, stretch: Stretch) -> int:
        """Segment, then manifest, then deletion: whatever is cut off in between, `_mend` puts right. Bytes written."""
        from bandi.log.segments import write_segment  # noqa: PLC0415  polars: some tenths of a second

        segment = write_segment(self._folder, stretch)
        manifest = self._manifest.with_segment(segment)
        try:
            write_manifest(self._folder, manifest)
        except BandiError:
            self._manifest = read_manifest(self._folder)  # the new one may have come so far as to be seen
            raise
        self._manifest = manifest
        while self._delete_some(segment.stop):
            time.sleep(PAUSE_S)
        return sum(file.bytes for file in segment.files)

    def _delete_some(self, stop: int) -> bool:
        with self._writing:
            return self._tail.delete_some(stop)

    def check(self, progress: Progress | None = None) -> list[Finding]:
        """See `Log.check`."""
        self._refuse_closed()
        return check_log(self._folder, progress)

    def close(self) -> None:
        """Wait for work under way, then release the folder. A second call does nothing."""
        with self._sealing, self._writing:
            if not self._closed:
                self._closed = True
                self._tail.close()
                self._lock.release()

    def _mend(self) -> int:
        """Finish or undo what a crash has cut off; the next position."""
        id_seed, _ = self._tail.identity()
        if id_seed != self._manifest.id_seed:
            expected = f"expected id_seed {self._manifest.id_seed}, found {id_seed}"
            raise LogDamagedError(
                f"{self._tail.name}: belongs to another log: {expected}; restore a backup of the whole folder"
            )
        self._finish_deletion()
        first, stop = self._tail.first(), self._tail.stop()
        if first is not None and first != self._manifest.stop:
            expected = f"expected record {self._manifest.stop} first, found {first}"
            raise LogDamagedError(f"{self._tail.name}: a gap: {expected}; restore a backup of the whole folder")
        end = self._manifest.stop if stop is None else stop
        self._remove_strays(end)
        return end

    def _finish_deletion(self) -> None:
        """Records that are sealed leave the tail, but not before their segment has been read once more."""
        first = self._tail.first()
        if first is None or first >= self._manifest.stop:
            return
        for _ in read_records(self._folder, lambda: self._manifest, first, self._manifest.stop, FETCH_RECORDS):
            pass
        while self._tail.delete_some(self._manifest.stop):
            pass

    def _remove_strays(self, end: int) -> None:
        """Segments that never reached the manifest; their records, all before `end`, are still in the tail."""
        known = {segment.folder_name for segment in self._manifest.segments}
        for stray in self._folder.segments.iterdir():
            name = _SEGMENT_NAME.fullmatch(stray.name)
            if name is None or stray.name in known:
                continue
            if not stray.name.endswith(".new") and int(name[2]) > end:
                raise LogDamagedError(
                    f"{self._folder.shown(stray)}: holds records that the manifest and the tail, which end at {end}, "
                    "do not know: is one of the two an old copy? Restore a backup of the whole folder"
                )
            shutil.rmtree(stray)

    def _spend_boot(self, at_ms: int) -> int:
        boot = self._tail.identity()[1] + 1
        if boot >= MAX_BOOTS:
            raise BandiError(f"{self._folder.home}: opened {boot} times, and request ids have room for no more")
        opened = {"boot": boot, "version": version("bandi"), "at_ms": at_ms}
        self._append([DocumentChunk(DocumentKind.OPENED, msgspec.msgpack.encode(opened))], boot)
        return boot

    def _refuse_closed(self) -> None:
        if self._closed:
            raise ClosedError(f"the log of {self._folder.home} is closed; open it again")


class ReadOnlyLog:
    """A `Log` as it was when it was opened; later records are not seen."""

    def __init__(self, folder: LogFolder) -> None:
        """Not called directly: see `open_log_read_only`."""
        self._folder = folder
        read_manifest(folder)  # first of all, for its version
        with closing(Tail(folder, "read")) as tail:
            stop = tail.stop() or 0  # before the manifest is read: records only ever go from here to there
        self._next_position = max(stop, read_manifest(folder).stop)

    @property
    def next_position(self) -> int:
        """The position behind the last record."""
        return self._next_position

    def append(self, chunks: Sequence[Chunk]) -> Stretch:
        """Raises ClosedError."""
        raise ClosedError(f"{self._folder.home} is open for reading only; use open_log to append to it")

    def seal(self, keep: int = 0, progress: Progress | None = None) -> SealReport:
        """Raises ClosedError."""
        raise ClosedError(f"{self._folder.home} is open for reading only; use open_log to seal it")

    def read(self, start: int = 0, stop: int | None = None, rows: int = 262_144) -> Iterator[Stretch]:
        """See `Log.read`."""
        start, stop = _bounds(start, stop, self._next_position, rows)
        return read_records(self._folder, lambda: read_manifest(self._folder), start, stop, rows)

    def check(self, progress: Progress | None = None) -> list[Finding]:
        """See `Log.check`."""
        return check_log(self._folder, progress)

    def close(self) -> None:
        """Nothing is held between two calls."""


def _bounds(start: int, stop: int | None, end: int, rows: int) -> tuple[int, int]:
    if rows < 1:
        raise ValueError(f"rows: expected at least 1, found {rows}")
    return max(start, 0), end if stop is None else min(stop, end)


def _bytes(stretch: Stretch) -> int:
    """Memory of its records, about."""
    arrays = (stretch.events.rows, stretch.decisions.headers, stretch.decisions.items, stretch.decisions.scores)
    return sum(array.nbytes for array in arrays) + sum(len(document.payload) for document in stretch.documents)


def _is_new(folder: LogFolder) -> bool:
    """No log yet, or one whose making was cut off before its manifest was written (it has no records then)."""
    if folder.manifest.exists() or any(folder.segments.iterdir()):
        return False
    if not folder.tail.exists() or folder.tail.stat().st_size == 0:
        return True
    try:
        with closing(Tail(folder, "read")) as tail:
            return tail.stop() is None
    except LogDamagedError:
        return False


def _create(folder: LogFolder) -> Manifest:
    for stray in folder.root.glob("tail.sqlite*"):
        stray.unlink()
    manifest = Manifest(1, f"{secrets.randbits(64):016x}")
    create_tail(folder, manifest.id_seed)
    write_manifest(folder, manifest)
    return manifest
