"""Reading tables row by row: CSV, JSON Lines and Parquet, the first two also as .gz, in bounded memory.

A row that cannot be read (too short, too long, not UTF-8, not JSON) comes as a `BadRow` and the reading goes on; a file
that ends in the middle (truncated .gz or Parquet) gives its good rows, then raises InvalidInputError.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from bandi.model.errors import InvalidInputError, Problem

MAX_CELL = 1 << 20
"""Longest cell in characters; a longer one refuses its row."""
MAX_COLUMNS = 2_000
_PARQUET_ROWS = 65_536


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that could not be read. shown: its beginning."""

    problem: Problem
    shown: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row. number: its line (CSV, JSON Lines) or row (Parquet) in the file, from 1; values: by column."""

    number: int
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Table:
    """A file's columns (of JSON Lines: those of the first records) and its rows, to be read once."""

    columns: list[str]
    rows: Iterator[Row | BadRow]


def open_table(path: Path) -> Table:
    """The table in a file, told by its ending. Raises InvalidInputError where it is none, or empty."""
    name = path.name.lower().removesuffix(".gz")
    try:
        if name.endswith((".csv", ".tsv")):
            return _csv_table(path, "\t" if name.endswith(".tsv") else ",")
        if name.endswith((".jsonl", ".ndjson", ".json")):
            return _json_table(path)
        if name.endswith((".parquet", ".pq")):
            return _parquet_table(path)
    except OSError as error:
        raise InvalidInputError(Problem(str(path), error.strerror or str(error), "a file that can be read")) from None
    expected = "a name that ends in .csv, .tsv, .jsonl or .parquet (the text kinds also with .gz)"
    raise InvalidInputError(Problem(str(path), repr(path.suffix), expected))


def _lines(path: Path) -> Iterator[str]:
    """Lines as text; bytes that are not UTF-8 stand as lone surrogates, so that their row can be named."""
    opened = gzip.open if path.name.lower().endswith(".gz") else Path.open
    with opened(path, "rb") as raw, io.TextIOWrapper(raw, "utf-8", "surrogateescape", newline="") as text:
        try:
            yield from iter(lambda: text.readline(64 * MAX_CELL), "")
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise InvalidInputError(
                Problem(str(path), str(error), "a whole .gz file", "the rows before were read")
            ) from None


def _csv_table(path: Path, delimiter: str) -> Table:
    csv.field_size_limit(64 * MAX_CELL)
    reader = csv.reader(_lines(path), delimiter=delimiter)
    header = next(reader, [])
    if header:
        header[0] = header[0].removeprefix("\ufeff")
    _check_header(path, header)
    return Table(header, _csv_rows(path, reader, header))


def _check_header(path: Path, header: list[str]) -> None:
    where = f"{path.name}:1"
    if not header or header == [""]:
        raise InvalidInputError(Problem(where, "an empty file", "a header line with the names of the columns"))
    if len(header) > MAX_COLUMNS:
        raise InvalidInputError(Problem(where, f"{len(header)} columns", f"at most {MAX_COLUMNS}"))
    if twice := {name for name in header if header.count(name) > 1}:
        raise InvalidInputError(Problem(where, f"column {min(twice)!r} twice", "different names"))


def _csv_rows(path: Path, reader: Any, header: list[str]) -> Iterator[Row | BadRow]:
    name, width = path.name, len(header)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield BadRow(Problem(f"{name}:{reader.line_num}", str(error), "a CSV row"), "")
            continue
        if not cells:
            continue
        if len(cells) != width:
            where, found = f"{name}:{reader.line_num}", f"{len(cells)} cells"
            yield BadRow(Problem(where, found, f"{width} cells, as in the header"), _clean(",".join(cells)))
        elif (wrong := _bad_cell(cells)) is not None:
            where = f"{name}:{reader.line_num}: {header[wrong[0]]}"
            yield BadRow(Problem(where, wrong[1], wrong[2]), _clean(",".join(cells)))
        else:
            yield Row(reader.line_num, dict(zip(header, cells, strict=True)))


def _bad_cell(cells: list[str]) -> tuple[int, str, str] | None:
    together = "".join(cells)
    if len(together) <= MAX_CELL and together.isascii():
        return None
    for i, cell in enumerate(cells):
        if len(cell) > MAX_CELL:
            return i, f"{len(cell)} characters", f"at most {MAX_CELL}"
        if not cell.isascii() and not _is_utf8(cell):
            return i, "bytes that are not UTF-8", "UTF-8 text"
    return None


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _clean(text: str) -> str:
    return text[:500].encode("utf-8", "backslashreplace").decode()


def _json_table(path: Path) -> Table:
    first: list[Row | BadRow] = []
    rows = _json_rows(path)
    columns: dict[str, None] = {}
    for row in rows:
        first.append(row)
        if isinstance(row, Row):
            columns.update(dict.fromkeys(row.values))
        if len(first) >= 1_000:
            break
    if not first:
        raise InvalidInputError(Problem(path.name, "an empty file", "one JSON object on each line"))

    def all_rows() -> Iterator[Row | BadRow]:
        yield from first
        yield from rows

    return Table(list(columns)[:MAX_COLUMNS], all_rows())


def _json_rows(path: Path) -> Iterator[Row | BadRow]:
    decoder = msgspec.json.Decoder(dict[str, Any])
    for number, line in enumerate(_lines(path), 1):
        if not line.strip():
            continue
        where = f"{path.name}:{number}"
        if len(line) > MAX_CELL * 16:
            yield BadRow(Problem(where, f"{len(line)} characters", f"at most {MAX_CELL * 16}"), _clean(line))
            continue
        try:
            yield Row(number, decoder.decode(line.encode()))
        except UnicodeEncodeError:
            yield BadRow(Problem(where, "bytes that are not UTF-8", "UTF-8 text"), _clean(line))
        except RecursionError:
            yield BadRow(Problem(where, "JSON nested too deeply", "one flat JSON object"), _clean(line))
        except msgspec.DecodeError as error:
            yield BadRow(Problem(where, _clean(line)[:60], "one JSON object", str(error)), _clean(line))


def _parquet_table(path: Path) -> Table:
    import polars as pl  # noqa: PLC0415  some tenths of a second

    hint = "write it again, or restore it: its footer, at the end, is missing or damaged"
    try:
        scan = pl.scan_parquet(path)
        columns = scan.collect_schema().names()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InvalidInputError(Problem(str(path), str(error).partition("\n")[0], "a Parquet file", hint)) from None

    def rows() -> Iterator[Row | BadRow]:
        first = 0
        while True:
            try:
                part = scan.slice(first, _PARQUET_ROWS).collect()
            except (pl.exceptions.PolarsError, OSError) as error:
                problem = Problem(
                    f"{path.name}: row {first + 1}", str(error).partition("\n")[0], "readable Parquet", hint
                )
                raise InvalidInputError(problem) from None
            for number, values in enumerate(part.iter_rows(), first + 1):
                yield Row(number, dict(zip(columns, values, strict=True)))
            first += part.height
            if part.height < _PARQUET_ROWS:
                return

    return Table(columns, rows())
