"""The manifest: which sealed segments a log has. It is the one authority; a segment that it does not name is none."""

from __future__ import annotations

from bisect import bisect_right
from typing import Annotated, Literal

import msgspec

from bandi.log.folder import FORMAT, LogFolder, replace_durably, storage_error
from bandi.model.errors import LogDamagedError, NewerVersionError

MAX_BYTES = 256 * 1024 * 1024

Count = Annotated[int, msgspec.Meta(ge=0, le=2**62)]
Hex64 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{16}$")]


class SegmentFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One Parquet file. xxh3_64: checksum of all its bytes, 16 hexadecimal digits."""

    name: Literal["events.parquet", "decisions.parquet", "documents.parquet"]
    rows: Count
    bytes: Count
    xxh3_64: Hex64


class Segment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The records with first <= position < stop."""

    first: Count
    stop: Count
    files: tuple[SegmentFile, ...]

    @property
    def folder_name(self) -> str:
        """Name of its folder below `segments/`."""
        return f"{self.first}-{self.stop}"


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The segments in order, without gaps, from position 0; and the log's own key for event ids."""

    format: Literal[1]
    id_seed: Hex64
    segments: tuple[Segment, ...] = ()

    @property
    def stop(self) -> int:
        """Every record before this position is sealed."""
        return self.segments[-1].stop if self.segments else 0

    def holding(self, position: int) -> Segment | None:
        """The segment with that record; None where it is not sealed."""
        if not 0 <= position < self.stop:
            return None
        return self.segments[bisect_right(self.segments, position, key=lambda segment: segment.first) - 1]

    def with_segment(self, segment: Segment) -> Manifest:
        """The same and one segment more."""
        return Manifest(1, self.id_seed, (*self.segments, segment))


class _Version(msgspec.Struct):
    format: int


def write_manifest(folder: LogFolder, manifest: Manifest) -> None:
    """Put it in the place of the old one, durably and all at once. Raises StorageFullError."""
    data = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
    try:
        replace_durably(folder.manifest, data + b"\n")
    except OSError as error:
        raise storage_error(error, folder.shown(folder.manifest)) from error


def read_manifest(folder: LogFolder) -> Manifest:
    """The manifest on disk.

    Raises LogDamagedError where it is missing or not well formed, NewerVersionError where a newer Bandi wrote it.
    """
    name = folder.shown(folder.manifest)
    try:
        size = folder.manifest.stat().st_size
        if size > MAX_BYTES:
            raise LogDamagedError(f"{name}: expected at most {MAX_BYTES} bytes, found {size}")
        data = folder.manifest.read_bytes()
        version = msgspec.json.decode(data, type=_Version).format
        if version > FORMAT:
            raise NewerVersionError(
                f"{folder.home}: its log has format {version}, this Bandi reads up to {FORMAT}; upgrade Bandi"
            )
        manifest = msgspec.json.decode(data, type=Manifest)
    except FileNotFoundError:
        raise LogDamagedError(f"{name}: the file is missing; restore it from a backup") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise LogDamagedError(f"{name}: {error}; restore it from a backup") from None
    _check_order(name, manifest)
    return manifest


def _check_order(name: str, manifest: Manifest) -> None:
    expected = 0
    for i, segment in enumerate(manifest.segments):
        where = f"{name}: $.segments[{i}]"
        if segment.first != expected:
            raise LogDamagedError(f"{where}: a gap: expected position {expected} first, found {segment.first}")
        rows = sum(file.rows for file in segment.files)
        if segment.stop <= segment.first or rows != segment.stop - segment.first:
            raise LogDamagedError(f"{where}: expected {segment.stop - segment.first} rows in its files, found {rows}")
        expected = segment.stop
