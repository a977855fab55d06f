"""Snapshot files: named plain arrays and a log position, checksummed, written whole or not at all.

A file is: 8 bytes magic, uint32 format, uint32 header length, header (JSON, sorted), then each array's little-endian
bytes at a multiple of 64. The header holds the position and for each array its dtype, shape, offset and XXH3 checksum;
the header itself is followed by its own checksum. The same state gives the same bytes.
"""

from __future__ import annotations

import contextlib
import errno
import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import msgspec
import numpy as np
import xxhash

from bandi.model.errors import LogDamagedError, NewerVersionError, StorageFullError
from bandi.model.records import Array

MAGIC = b"BANDISNP"
FORMAT = 1
SUFFIX = ".snapshot"
MAX_HEADER_BYTES = 16 << 20
_ALIGN = 64


class _Entry(msgspec.Struct, frozen=True):
    name: str
    dtype: str
    shape: tuple[int, ...]
    offset: int
    checksum: int


class _Header(msgspec.Struct, frozen=True):
    position: int
    meta: dict[str, str | int | float | bool | None]
    arrays: tuple[_Entry, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A state read back. arrays: writable copies, by name."""

    position: int
    arrays: dict[str, Array]
    meta: dict[str, str | int | float | bool | None]


def write_snapshot(folder: Path, position: int, arrays: dict[str, Array], meta: dict[str, Any]) -> Path:
    """Write `folder/<position>.snapshot`, safe from a kill and a power cut on return.

    Raises StorageFullError (nothing is left behind).
    """
    return write_arrays(folder / f"{position:016d}{SUFFIX}", position, arrays, meta)


def write_arrays(path: Path, position: int, arrays: dict[str, Array], meta: dict[str, Any]) -> Path:
    """Write named arrays to `path`, whole or not at all. Raises StorageFullError (nothing is left behind)."""
    temporary = path.with_suffix(".partial")
    try:
        with temporary.open("wb") as file:
            _write(file, position, arrays, meta)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise StorageFullError(f"{path}: no room for it: {error.strerror}; free space") from error
        raise
    return path


def _write(file: IO[bytes], position: int, arrays: dict[str, Array], meta: dict[str, Any]) -> None:
    plain = {name: np.ascontiguousarray(arrays[name]) for name in sorted(arrays)}
    entries = []
    offset = 0
    for name, array in plain.items():
        if array.dtype.hasobject or array.dtype.byteorder == ">":
            raise TypeError(f"{name}: expected plain little-endian numbers, found {array.dtype}")
        entries.append(_Entry(name, array.dtype.str, array.shape, offset, xxhash.xxh3_64_intdigest(_bytes(array))))
        offset += -(-array.nbytes // _ALIGN) * _ALIGN
    header = msgspec.json.encode(_Header(position, dict(sorted(meta.items())), tuple(entries)))
    file.write(MAGIC + FORMAT.to_bytes(4, "little") + len(header).to_bytes(4, "little"))
    file.write(header + xxhash.xxh3_64_digest(header))
    _pad(file)
    for array in plain.values():
        file.write(_bytes(array))
        _pad(file)


def _bytes(array: Array) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def _pad(file: IO[bytes]) -> None:
    file.write(b"\0" * (-file.tell() % _ALIGN))


def read_snapshot(path: Path) -> Snapshot:
    """Read a snapshot. Raises LogDamagedError where a checksum does not hold, NewerVersionError for a later format."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(16)
        if len(start) < 16 or start[:8] != MAGIC:
            raise LogDamagedError(f"{path}: not a snapshot, or cut off at its start")
        found = int.from_bytes(start[8:12], "little")
        if found > FORMAT:
            raise NewerVersionError(f"{path}: snapshot format {found}, this version reads {FORMAT}; upgrade Bandi")
        length = int.from_bytes(start[12:16], "little")
        if length > min(MAX_HEADER_BYTES, size):
            raise LogDamagedError(f"{path}: its header is cut off")
        header, checksum = file.read(length), file.read(8)
        if xxhash.xxh3_64_digest(header) != checksum:
            raise LogDamagedError(f"{path}: its header does not hold what its checksum says")
        described = msgspec.json.decode(header, type=_Header)
        data_start = -(-file.tell() // _ALIGN) * _ALIGN
        arrays = {entry.name: _read_array(file, path, entry, data_start, size) for entry in described.arrays}
    return Snapshot(described.position, arrays, described.meta)


def _read_array(file: IO[bytes], path: Path, entry: _Entry, data_start: int, size: int) -> Array:
    dtype = np.dtype(entry.dtype)
    count = int(np.prod(entry.shape, dtype=np.int64))
    if dtype.hasobject or count < 0 or data_start + entry.offset + count * dtype.itemsize > size:
        raise LogDamagedError(f"{path}: {entry.name} is cut off")
    file.seek(data_start + entry.offset)
    array = np.fromfile(file, dtype, count)
    if len(array) != count or xxhash.xxh3_64_intdigest(_bytes(array)) != entry.checksum:
        raise LogDamagedError(f"{path}: {entry.name} does not hold what its checksum says")
    return array.reshape(entry.shape)


def newest_snapshots(folder: Path) -> list[Path]:
    """Snapshot files, newest first; none where there is no such folder."""
    return sorted(folder.glob(f"*{SUFFIX}"), reverse=True)


def prune(folder: Path, keep: int) -> None:
    """Delete all but the newest `keep` snapshots, and what an interrupted write has left."""
    for path in [*newest_snapshots(folder)[keep:], *folder.glob("*.partial")]:
        path.unlink(missing_ok=True)
    sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Make renames and deletions in the folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
