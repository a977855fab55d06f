"""A CSV file, plain or .gz, in blocks of whole records, each with its place in the file: bounded memory.

A block that is plain becomes a frame of text columns at the speed of the fast parser; any other is read by Python's
`csv` module, so that both give the same cells. Empty cells are null; every other cell is its own text, "NA" too.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import polars as pl

from bandi.diet._csv_kernel import IRREGULAR, QUOTED_EMPTY, scan_records
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array

BLOCK_BYTES = 8 << 20
"""How much of a file is held at a time, before parsing."""
MAX_RECORD_BYTES = 64 << 20
"""Longest record; what is longer is most likely a quote that nobody closed."""
MAX_COLUMNS = 2_000
_PIECE_BYTES = 1 << 20
_MAX_CELL = 64 << 20


@dataclass(frozen=True, slots=True)
class CsvBlock:
    """Whole records as they stand in the file.

    data: their bytes; first_line: number of the line the first one starts in; flag: see `scan_records`; line_ends:
    int64[records], the line each one ends in (only where the flag is not IRREGULAR); read_bytes: how much of the file
    has been read so far, before unpacking.
    """

    data: bytes
    first_line: int
    flag: int
    line_ends: Array
    read_bytes: int


class LongRecordError(InvalidInputError):
    """A record that is longer than a block may grow. offset: where it begins, in unpacked bytes; line: in which line."""

    def __init__(self, path: Path, offset: int, line: int) -> None:
        expected, hint = f"a record of at most {MAX_RECORD_BYTES >> 20} MiB", "is a quote never closed?"
        super().__init__(Problem(f"{path.name}:{line}", "a longer one", expected, hint))
        self.offset, self.line = offset, line


class CsvFile:
    """A CSV file that can be read from its beginning any number of times. Raises InvalidInputError where it is none."""

    def __init__(self, path: Path, delimiter: str, block_bytes: int | None = None) -> None:
        self.path = path
        self.delimiter = delimiter
        self._block_bytes = block_bytes or BLOCK_BYTES
        self._header_bytes = 0
        csv.field_size_limit(_MAX_CELL)
        with open_bytes(path) as (file, _):
            reader = csv.reader(self._header_lines(file), delimiter=delimiter)
            try:
                columns = next(reader, [])
            except csv.Error as error:
                raise InvalidInputError(Problem(f"{path.name}:1", str(error), "a header line")) from None
        if columns:
            columns[0] = columns[0].removeprefix("\ufeff")
        self.columns = columns
        self._first_line = 1 + reader.line_num
        self._check_header()

    def _header_lines(self, file: IO[bytes]) -> Iterator[str]:
        """Lines as the `csv` module asks for them; counts their bytes."""
        with naming_damage(self.path):
            for line in iter(lambda: file.readline(MAX_RECORD_BYTES), b""):
                for part in io.StringIO(line.decode("utf-8", "surrogateescape"), newline=""):
                    self._header_bytes += len(part.encode("utf-8", "surrogateescape"))
                    yield part

    def _check_header(self) -> None:
        where, columns = f"{self.path.name}:1", self.columns
        if not columns or columns == [""]:
            raise InvalidInputError(Problem(where, "an empty file", "a header line with the names of the columns"))
        if len(columns) > MAX_COLUMNS:
            raise InvalidInputError(Problem(where, f"{len(columns)} columns", f"at most {MAX_COLUMNS}"))
        if twice := {name for name in columns if columns.count(name) > 1}:
            raise InvalidInputError(Problem(where, f"column {min(twice)!r} twice", "different names"))
        for name in columns:
            if not name.isascii() and not is_utf8(name):
                raise InvalidInputError(Problem(where, "bytes that are not UTF-8", "UTF-8 text"))

    def blocks(self) -> Iterator[CsvBlock]:
        """All records, block by block. Raises InvalidInputError where the file breaks off, after what came before."""
        line = self._first_line
        offset = self._header_bytes
        carried = b""
        broken: InvalidInputError | None = None
        with open_bytes(self.path) as (file, raw):
            file.read(self._header_bytes)
            while True:
                read, broken = self._read(file)
                if broken is None and not read and not carried:
                    return
                data = carried + read
                last = broken is None and not read
                if last and not data.endswith(b"\n"):
                    data += b"\n"
                records, stop, next_line, flag, ends = self._scan(data, line)
                if last and stop < len(data):  # a quote is open to the end of the file: the csv module decides
                    records, stop, flag = 1, len(data), IRREGULAR
                if records:
                    yield CsvBlock(data[:stop], line, flag, ends[:records], raw.tell())
                    line = next_line
                    offset += stop
                if len(data) - stop > MAX_RECORD_BYTES:
                    raise LongRecordError(self.path, offset, next_line)
                if broken is not None:
                    raise broken
                if last:
                    return
                carried = data[stop:]

    def _read(self, file: IO[bytes]) -> tuple[bytes, InvalidInputError | None]:
        """The next bytes, and where the file breaks off, what came before and the error."""
        parts: list[bytes] = []
        size = 0
        try:
            with naming_damage(self.path):
                while size < self._block_bytes:
                    part = file.read1(min(_PIECE_BYTES, self._block_bytes - size))  # type: ignore[attr-defined]
                    if not part:
                        break
                    parts.append(part)
                    size += len(part)
        except InvalidInputError as error:
            return b"".join(parts), error
        return b"".join(parts), None

    def _scan(self, data: bytes, line: int) -> tuple[int, int, int, int, Array]:
        ends = np.empty(data.count(b"\n"), np.int64)
        view = np.frombuffer(data, np.uint8)
        records, stop, next_line, flag = scan_records(view, ord(self.delimiter), len(self.columns), line, ends)
        return records, stop, next_line, flag, ends

    def frame(self, block: CsvBlock) -> pl.DataFrame:
        """The cells of a block as text, null where empty. Raises InvalidInputError with the line of a bad record."""
        plain = self.plain_frame(block)
        return self._slow_frame(block) if plain is None else plain

    def plain_frame(self, block: CsvBlock) -> pl.DataFrame | None:
        """The same, or None for a block that is not plain: `slow_records` tells what is in it."""
        if block.flag == IRREGULAR:
            return None
        schema = dict.fromkeys(self.columns, pl.String)
        try:
            frame = pl.read_csv(block.data, has_header=False, separator=self.delimiter, schema=schema)
        except pl.exceptions.PolarsError:  # not UTF-8: the slow way finds out where
            return None
        if frame.height != len(block.line_ends):
            return None
        return frame.with_columns(pl.all().replace("", None)) if block.flag == QUOTED_EMPTY else frame

    def _slow_frame(self, block: CsvBlock) -> pl.DataFrame:
        width = len(self.columns)
        columns: list[list[str | None]] = [[] for _ in self.columns]
        for line, cells in slow_records(block, self.delimiter):
            where = f"{self.path.name}:{line}"
            if isinstance(cells, str):
                raise InvalidInputError(Problem(where, cells, "a CSV row"))
            if len(cells) != width:
                raise InvalidInputError(Problem(where, f"{len(cells)} cells", f"{width} cells, as in the header"))
            for name, column, cell in zip(self.columns, columns, cells, strict=True):
                if not cell.isascii() and not is_utf8(cell):
                    raise InvalidInputError(Problem(f"{where}: {name}", "bytes that are not UTF-8", "UTF-8 text"))
                column.append(cell or None)
        return pl.DataFrame(dict(zip(self.columns, columns, strict=True)), dict.fromkeys(self.columns, pl.String))


def slow_records(block: CsvBlock, delimiter: str) -> Iterator[tuple[int, list[str] | str]]:
    """The records of a block by the `csv` module, see `records`."""
    text = block.data.decode("utf-8", "surrogateescape")
    return records(io.StringIO(text, newline=""), delimiter, block.first_line)


def records(lines: Iterable[str], delimiter: str, first_line: int) -> Iterator[tuple[int, list[str] | str]]:
    """The line each record ends in, and its cells or, where it cannot be read, why; empty lines are skipped."""
    reader = csv.reader(lines, delimiter=delimiter)
    before = first_line - 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield before + reader.line_num, str(error)
            continue
        if cells:
            yield before + reader.line_num, cells


class open_bytes:  # noqa: N801  a context manager that reads as a function
    """A file, unpacked where it is .gz, and the file below it, whose position tells how far the reading is."""

    def __init__(self, path: Path) -> None:
        try:
            self._raw: Any = path.open("rb")
        except OSError as error:
            raise InvalidInputError(
                Problem(str(path), error.strerror or str(error), "a file that can be read")
            ) from None
        packed = path.name.lower().endswith(".gz")
        self._file: Any = gzip.GzipFile(fileobj=self._raw, mode="rb") if packed else self._raw

    def __enter__(self) -> tuple[IO[bytes], IO[bytes]]:
        return self._file, self._raw

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._raw.close()


class naming_damage:  # noqa: N801  a context manager that reads as a function
    """Turns what a damaged .gz file raises into InvalidInputError."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, EOFError | zlib.error | gzip.BadGzipFile):
            problem = Problem(str(self._path), str(error), "a whole .gz file", "the rows before were read")
            raise InvalidInputError(problem) from None


def is_utf8(text: str) -> bool:
    """False where bytes that are not UTF-8 stand in the text, as lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
