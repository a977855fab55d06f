"""Reading tables: CSV, JSON Lines, Parquet and Feather, the text kinds also as .gz, in bounded memory.

What is plain comes as `RowBlock`s, cells by column; the rest row by row. A row that cannot be read (too short, too long,
not UTF-8, not JSON) comes as a `BadRow` and the reading goes on; a file that ends in the middle (truncated .gz or
Parquet) gives its good rows, then raises InvalidInputError.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from bandi.model.errors import InvalidInputError, Problem

if TYPE_CHECKING:
    import polars as pl

    from bandi.diet.csv_blocks import CsvFile

MAX_CELL = 1 << 20
"""Longest cell in characters; a longer one refuses its row."""
MAX_COLUMNS = 2_000
BLOCK_ROWS = 8_192
"""Most rows of a `RowBlock`."""
_COLUMNAR_ROWS = 65_536


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that could not be read. shown: its beginning."""

    problem: Problem
    shown: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row. number: its line (CSV, JSON Lines) or row (Parquet, Feather) in the file, from 1; values: by column."""

    number: int
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class RowBlock:
    """Rows that could all be read. numbers: of each, as in `Row`; frame: their cells; of CSV, null stands for ''."""

    numbers: Sequence[int]
    frame: pl.DataFrame
    missing: str | None

    def cells(self, column: str) -> list[Any]:
        """A column's cells, as they are in `Row.values`."""
        cells = self.frame[column]
        return (cells.fill_null(self.missing) if self.missing is not None else cells).to_list()

    def row(self, index: int) -> Row:
        """One row by itself."""
        values = self.frame.row(index, named=True)
        if self.missing is not None:
            values = {name: self.missing if cell is None else cell for name, cell in values.items()}
        return Row(self.numbers[index], values)

    def taken(self, rows: list[int]) -> RowBlock:
        """Some of the rows."""
        return RowBlock([self.numbers[row] for row in rows], self.frame[rows], self.missing)

    def is_text(self, column: str) -> bool:
        """Whether a column's cells are text."""
        return self.missing is not None or str(self.frame.schema[column]) == "String"

    def joined(self) -> list[bytes]:
        """Of each row its number and its cells as `str` gives them, with the unit separator (U+001F) between."""
        import polars as pl  # noqa: PLC0415  some tenths of a second

        if self.missing is not None:
            cells = self.frame.with_columns(pl.all().fill_null(self.missing))
            rows = cells.select(pl.concat_str(pl.Series(self.numbers).cast(pl.String), pl.all(), separator="\x1f"))
            return rows.to_series().cast(pl.Binary).to_list()
        return [
            "\x1f".join(map(str, (number, *cells))).encode()
            for number, cells in zip(self.numbers, self.frame.iter_rows(), strict=True)
        ]

    def rows(self) -> Iterator[Row]:
        """All of them, one by one."""
        frame = self.frame.fill_null(self.missing) if self.missing is not None else self.frame
        for number, cells in zip(self.numbers, frame.iter_rows(), strict=True):
            yield Row(number, dict(zip(frame.columns, cells, strict=True)))


Piece = Row | BadRow | RowBlock


@dataclass(frozen=True, slots=True)
class Table:
    """A file's columns (of JSON Lines: those of the first records) and its pieces, to be read once."""

    columns: list[str]
    pieces: Iterator[Piece]

    @property
    def rows(self) -> Iterator[Row | BadRow]:
        """The pieces, row by row."""
        return one_by_one(self.pieces)


def one_by_one(pieces: Iterator[Piece]) -> Iterator[Row | BadRow]:
    """Blocks taken apart."""
    for piece in pieces:
        if isinstance(piece, RowBlock):
            yield from piece.rows()
        else:
            yield piece


def open_table(path: Path) -> Table:
    """The table in a file, told by its ending. Raises InvalidInputError where it is none, or empty."""
    name = path.name.lower().removesuffix(".gz")
    try:
        if name.endswith((".csv", ".tsv")):
            return _csv_table(path, "\t" if name.endswith(".tsv") else ",")
        if name.endswith((".jsonl", ".ndjson", ".json")):
            return _json_table(path)
        if name.endswith((".parquet", ".pq", ".feather", ".arrow")):
            return _columnar_table(path)
    except OSError as error:
        raise InvalidInputError(Problem(str(path), error.strerror or str(error), "a file that can be read")) from None
    expected = "a name that ends in .csv, .tsv, .jsonl (also with .gz), .parquet or .feather"
    raise InvalidInputError(Problem(str(path), repr(path.suffix), expected))


def _lines(path: Path, offset: int = 0) -> Iterator[str]:
    """Lines as text; bytes that are not UTF-8 stand as lone surrogates, so that their row can be named."""
    opened = gzip.open if path.name.lower().endswith(".gz") else Path.open
    with opened(path, "rb") as raw:
        raw.seek(offset)
        with io.TextIOWrapper(raw, "utf-8", "surrogateescape", newline="") as text:
            try:
                yield from iter(lambda: text.readline(64 * MAX_CELL), "")
            except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                raise InvalidInputError(
                    Problem(str(path), str(error), "a whole .gz file", "the rows before were read")
                ) from None


def _csv_table(path: Path, delimiter: str) -> Table:
    from bandi.diet.csv_blocks import CsvFile  # noqa: PLC0415  polars: some tenths of a second

    file = CsvFile(path, delimiter)
    return Table(file.columns, _csv_pieces(file))


def _csv_pieces(file: CsvFile) -> Iterator[Piece]:
    from bandi.diet.csv_blocks import LongRecordError, slow_records  # noqa: PLC0415

    try:
        for block in file.blocks():
            frame = file.plain_frame(block)
            if frame is None or _longest_cell(frame) > MAX_CELL:
                yield from _csv_rows(file, slow_records(block, file.delimiter))
                continue
            numbers = block.line_ends.tolist()
            for first in range(0, frame.height, BLOCK_ROWS):
                yield RowBlock(numbers[first : first + BLOCK_ROWS], frame.slice(first, BLOCK_ROWS), "")
    except LongRecordError as error:  # line by line, as long as its cells may be
        from bandi.diet.csv_blocks import records  # noqa: PLC0415

        yield from _csv_rows(file, records(_lines(file.path, error.offset), file.delimiter, error.line))


def _longest_cell(frame: pl.DataFrame) -> int:
    lengths = (column.str.len_bytes().max() for column in frame)
    return max((length for length in lengths if isinstance(length, int)), default=0)


def _csv_rows(file: CsvFile, records: Iterator[tuple[int, list[str] | str]]) -> Iterator[Row | BadRow]:
    name, header, width = file.path.name, file.columns, len(file.columns)
    for line, cells in records:
        if isinstance(cells, str):
            yield BadRow(Problem(f"{name}:{line}", cells, "a CSV row"), "")
        elif len(cells) != width:
            problem = Problem(f"{name}:{line}", f"{len(cells)} cells", f"{width} cells, as in the header")
            yield BadRow(problem, _clean(",".join(cells)))
        elif (wrong := _bad_cell(cells)) is not None:
            yield BadRow(Problem(f"{name}:{line}: {header[wrong[0]]}", wrong[1], wrong[2]), _clean(",".join(cells)))
        else:
            yield Row(line, dict(zip(header, cells, strict=True)))


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

    def all_rows() -> Iterator[Piece]:
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


def _columnar_table(path: Path) -> Table:
    import polars as pl  # noqa: PLC0415  some tenths of a second

    from bandi.diet.sources import scan_columnar  # noqa: PLC0415

    kind = "Parquet" if path.name.lower().endswith((".parquet", ".pq")) else "Feather"
    hint = "write it again, or restore it: its footer, at the end, is missing or damaged"
    try:
        scan = scan_columnar(path)
        columns = scan.collect_schema().names()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InvalidInputError(Problem(str(path), str(error).partition("\n")[0], f"a {kind} file", hint)) from None

    def blocks() -> Iterator[Piece]:
        first = 0
        while True:
            try:
                part = scan.slice(first, _COLUMNAR_ROWS).collect()
            except (pl.exceptions.PolarsError, OSError) as error:
                problem = Problem(
                    f"{path.name}: row {first + 1}", str(error).partition("\n")[0], f"readable {kind}", hint
                )
                raise InvalidInputError(problem) from None
            for start in range(0, part.height, BLOCK_ROWS):
                frame = part.slice(start, BLOCK_ROWS)
                number = first + start + 1
                yield RowBlock(range(number, number + frame.height), frame, None)
            first += part.height
            if part.height < _COLUMNAR_ROWS:
                return

    return Table(columns, blocks())
