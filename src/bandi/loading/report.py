"""What a load did: rows taken and refused, and how columns were understood."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import IO, Any

import msgspec

from bandi.model.errors import Problem

EXAMPLES = 5
"""Refusals shown in full; all of them are in the file of refused rows."""


class ColumnUse(msgspec.Struct, frozen=True):
    """How one field was filled. source: a column or a constant; read_as: the type, in words."""

    field: str
    source: str
    read_as: str


class LoadReport(msgspec.Struct, frozen=True):
    """Counts of records (a row of a log may give several events). reasons: refusals by field and expectation."""

    source: str
    rows: int
    taken: int
    duplicates: int
    refused: int
    columns: tuple[ColumnUse, ...] = ()
    reasons: dict[str, int] = {}
    examples: tuple[Problem, ...] = ()
    refused_file: str = ""
    stopped: str = ""
    """Why the reading ended before the file did, where it did."""


class Refusals:
    """Collects refusals, and writes them to a JSON Lines file that is made with the first of them."""

    def __init__(self, file: Path | None) -> None:
        self._path = file
        self._open: IO[bytes] | None = None
        self.count = 0
        self.reasons: Counter[str] = Counter()
        self.examples: list[Problem] = []

    def add(self, problem: Problem, record: Any) -> None:
        """One refused record, as it was read."""
        self.count += 1
        self.reasons[f"{problem.where.rpartition(': ')[2].rpartition('$.')[2]}: expected {problem.expected[:80]}"] += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(problem)
        if self._path is not None:
            if self._open is None:
                self._open = self._path.open("wb")
            line = {"where": problem.where, "found": problem.found, "expected": problem.expected, "record": record}
            self._open.write(msgspec.json.encode(line, enc_hook=str) + b"\n")

    @property
    def written(self) -> str:
        """The file, where one was made."""
        return str(self._path) if self._open is not None else ""

    def close(self) -> None:
        """Finish the file."""
        if self._open is not None:
            self._open.close()
