"""What a log is: an append-only, durable, totally ordered record of facts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from bandi.model.records import Array, Decisions, DocumentKind, Events, Stretch

Progress = Callable[[int, int], None]
"""Called with (done, total) now and then during long work."""


@dataclass(frozen=True, slots=True)
class EventChunk:
    """Events to append. rows: EVENT[n]."""

    rows: Array


@dataclass(frozen=True, slots=True)
class DecisionChunk:
    """Decisions to append; their `positions` are ignored, the log gives them."""

    decisions: Decisions


@dataclass(frozen=True, slots=True)
class DocumentChunk:
    """One document to append."""

    kind: DocumentKind
    payload: bytes


Chunk = EventChunk | DecisionChunk | DocumentChunk


@dataclass(frozen=True, slots=True)
class SealReport:
    """What a call of `seal` did: records moved, bytes of Parquet written, events among the records."""

    records: int
    events: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that `check` saw. ok: False when it is damage; subject: what was looked at; detail: in words."""

    ok: bool
    subject: str
    detail: str


class Log(Protocol):
    """The append-only log. One writer per folder; readers may be other threads of the same process."""

    @property
    def next_position(self) -> int:
        """The position that the next record will get; 0 for an empty log."""

    def append(self, chunks: Sequence[Chunk]) -> Stretch:
        """Append all chunks in one commit, in order; return them with their positions.

        Durable on return: safe from a killed process and from a power cut. Raises StorageFullError (nothing was
        kept, the log stays usable) or LogDamagedError.
        """

    def read(self, start: int = 0, stop: int | None = None, rows: int = 262_144) -> Iterator[Stretch]:
        """Records with start <= position < stop, in order, in stretches of about `rows` records at most."""

    def seal(self, keep: int = 0, progress: Progress | None = None) -> SealReport:
        """Move all but the newest `keep` records from the hot tail to immutable, checksummed Parquet segments."""

    def check(self, progress: Progress | None = None) -> list[Finding]:
        """Read everything and compare it with its checksums."""

    def close(self) -> None:
        """Release the folder. A second call does nothing."""


__all__ = [
    "Chunk",
    "DecisionChunk",
    "DocumentChunk",
    "EventChunk",
    "Events",
    "Finding",
    "Log",
    "Progress",
    "SealReport",
]
