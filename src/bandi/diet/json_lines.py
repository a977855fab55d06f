"""JSON Lines, plain or .gz, in frames of typed columns: one pass finds each column's type, the later ones use it.

A column holds one kind: whole numbers and decimals go together where no whole number loses digits; a nested value
stands as its JSON text. Numbers beside text are refused with the line, for either choice would change a value.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from bandi.diet.csv_blocks import MAX_COLUMNS, naming_damage, open_bytes
from bandi.model.errors import InvalidInputError, Problem

BATCH_ROWS = 50_000
MAX_LINE_BYTES = 16 << 20
_EXACT = 1 << 53
_KINDS: dict[type, str] = {int: "whole numbers", float: "numbers", str: "text", bool: "true or false",
                           dict: "nested values", list: "nested values", type(None): ""}  # fmt: skip


class JsonLines:
    """A JSON Lines file that can be read any number of times. Raises InvalidInputError for a line that is no object."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._decoder = msgspec.json.Decoder(dict[str, Any])
        kinds: dict[str, _Kind] = {}
        self.rows = 0
        for line, record in self._records():
            self.rows += 1
            for name, value in record.items():
                kind = kinds.get(name)
                if kind is None:
                    kind = kinds[name] = _Kind(name)
                    if len(kinds) > MAX_COLUMNS:
                        problem = Problem(f"{path.name}:{line}", f"over {MAX_COLUMNS} names", f"at most {MAX_COLUMNS}")
                        raise InvalidInputError(problem)
                if value is not None:
                    kind.see(value, f"{path.name}:{line}: {name}")
        if not kinds:
            raise InvalidInputError(Problem(path.name, "an empty file", "one JSON object on each line"))
        self.schema = {name: kind.dtype for name, kind in kinds.items()}
        self._nested = {name for name, kind in kinds.items() if kind.word == "nested values"}

    def frames(self) -> Iterator[pl.DataFrame]:
        """All rows, in frames of at most `BATCH_ROWS`."""
        batch: list[dict[str, Any]] = []
        for _, record in self._records():
            batch.append(record)
            if len(batch) == BATCH_ROWS:
                yield self._frame(batch)
                batch = []
        if batch:
            yield self._frame(batch)

    def _frame(self, batch: list[dict[str, Any]]) -> pl.DataFrame:
        columns = {}
        for name, dtype in self.schema.items():
            cells = [record.get(name) for record in batch]
            if name in self._nested:
                cells = [None if cell is None else msgspec.json.encode(cell).decode() for cell in cells]
            elif dtype == pl.Float64:
                cells = [None if cell is None else float(cell) for cell in cells]
            columns[name] = pl.Series(name, cells, dtype)
        return pl.DataFrame(columns)

    def _records(self) -> Iterator[tuple[int, dict[str, Any]]]:
        with open_bytes(self.path) as (file, _):
            number = 0
            while True:
                with naming_damage(self.path):
                    line = file.readline(MAX_LINE_BYTES + 1)
                if not line:
                    return
                number += 1
                if not line.isspace():
                    yield number, self._record(line, f"{self.path.name}:{number}")

    def _record(self, line: bytes, where: str) -> dict[str, Any]:
        if len(line) > MAX_LINE_BYTES:
            raise InvalidInputError(Problem(where, "a longer line", f"at most {MAX_LINE_BYTES >> 20} MiB"))
        try:
            return self._decoder.decode(line)
        except RecursionError:
            raise InvalidInputError(Problem(where, "JSON nested too deeply", "one flat JSON object")) from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            shown = line[:60].decode("utf-8", "backslashreplace")
            raise InvalidInputError(Problem(where, shown, "one JSON object", str(error))) from None


class _Kind:
    """The kind of one column so far."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.word = ""
        self._low = self._high = 0

    def see(self, value: Any, where: str) -> None:
        """Take the next value, or raise InvalidInputError."""
        word = _KINDS[type(value)]
        if word == "whole numbers":
            self._low, self._high = min(self._low, value), max(self._high, value)
            if self._low < -(1 << 63) or self._high >= 1 << (64 if self._low == 0 else 63):
                raise InvalidInputError(Problem(where, str(value)[:40], "a whole number of 64 bits"))
        if word == self.word:
            return
        numbers = {self.word, word} == {"whole numbers", "numbers"}
        if self.word and not numbers:
            raise InvalidInputError(Problem(where, word, f"{self.word}, as before", "one column holds one kind"))
        self.word = "numbers" if numbers else word
        if self.word == "numbers" and max(-self._low, self._high) > _EXACT:
            hint = "among decimals a larger one would lose digits"
            raise InvalidInputError(Problem(where, "whole numbers beyond 2**53", "at most 2**53 among decimals", hint))

    @property
    def dtype(self) -> pl.DataType:
        """The type that holds all values."""
        if self.word == "whole numbers":
            return pl.UInt64() if self._high >= 1 << 63 else pl.Int64()
        by_word = {"numbers": pl.Float64(), "true or false": pl.Boolean(), "": pl.Null()}
        return by_word.get(self.word, pl.String())
