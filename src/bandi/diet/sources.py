"""A table in a file as batches that can be read again and again: CSV, JSON Lines, Parquet and Feather."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from bandi.diet.csv_blocks import CsvFile
from bandi.diet.json_lines import JsonLines
from bandi.model.errors import InvalidInputError, Problem

BATCH_ROWS = 262_144
"""Rows of a Parquet or Feather file that are read at a time."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of a table. first_row: how many stand before; done: how much of `Source.total` has been read with them."""

    frame: pl.DataFrame
    first_row: int
    done: int


@dataclass(frozen=True, slots=True)
class Source:
    """A table that can be read from its beginning any number of times.

    kind: `csv`, `json`, `parquet` or `feather`; schema: of every batch (of CSV: text throughout); total: the size of a
    whole reading, in bytes or rows.
    """

    path: Path
    kind: str
    schema: dict[str, pl.DataType]
    total: int
    batches: Callable[[], Iterator[Batch]]


def open_source(path: Path) -> Source:
    """The table in a file, told by its ending. Raises InvalidInputError where it is none."""
    name = path.name.lower().removesuffix(".gz")
    if name.endswith((".csv", ".tsv")):
        return _csv_source(path, "\t" if name.endswith(".tsv") else ",")
    if name.endswith((".jsonl", ".ndjson", ".json")):
        return _json_source(path)
    if path.name.lower().endswith((".parquet", ".pq")):
        return _columnar_source(path, "parquet")
    if path.name.lower().endswith((".feather", ".arrow")):
        return _columnar_source(path, "feather")
    expected = "a name that ends in .csv, .tsv, .jsonl (also with .gz), .parquet or .feather"
    raise InvalidInputError(Problem(str(path), repr(path.suffix), expected))


def _csv_source(path: Path, delimiter: str) -> Source:
    file = CsvFile(path, delimiter)

    def batches() -> Iterator[Batch]:
        def parsed() -> Iterator[tuple[pl.DataFrame, int]]:
            for block in file.blocks():
                yield file.frame(block), block.read_bytes

        yield from _numbered(_ahead(parsed()))

    return Source(path, "csv", dict.fromkeys(file.columns, pl.String()), _size(path), batches)


def _json_source(path: Path) -> Source:
    file = JsonLines(path)

    def batches() -> Iterator[Batch]:
        done = 0
        for frame in file.frames():
            yield Batch(frame, done, done + frame.height)
            done += frame.height

    return Source(path, "json", file.schema, file.rows, batches)


def _columnar_source(path: Path, kind: str) -> Source:
    word = "Parquet" if kind == "parquet" else "Feather"
    with _naming(path, f"a {word} file"):
        scan = scan_columnar(path)
        schema = dict(scan.collect_schema())
        rows = int(scan.select(pl.len()).collect().item())
    if not schema:
        raise InvalidInputError(Problem(path.name, "no columns", "a table"))

    def batches() -> Iterator[Batch]:
        for first in range(0, rows, BATCH_ROWS):
            with _naming(path, f"readable {word}"):
                frame = scan.slice(first, BATCH_ROWS).collect()
            yield Batch(frame, first, first + frame.height)

    return Source(path, kind, schema, rows, batches)


def scan_columnar(path: Path) -> pl.LazyFrame:
    """A lazy frame over a Parquet or Feather file, told by its ending."""
    if path.name.lower().endswith((".feather", ".arrow")):
        return pl.scan_ipc(path, glob=False)
    return pl.scan_parquet(path, glob=False)


class _naming:  # noqa: N801  a context manager that reads as a function
    """Turns what Polars says of a damaged file into InvalidInputError."""

    def __init__(self, path: Path, expected: str) -> None:
        self._path, self._expected = path, expected

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, pl.exceptions.PolarsError | OSError):
            found = str(error).partition("\n")[0]
            raise InvalidInputError(Problem(str(self._path), found, self._expected, "write it again")) from None


def _numbered(frames: Iterator[tuple[pl.DataFrame, int]]) -> Iterator[Batch]:
    first = 0
    for frame, done in frames:
        yield Batch(frame, first, done)
        first += frame.height


def _ahead(frames: Iterator[tuple[pl.DataFrame, int]]) -> Iterator[tuple[pl.DataFrame, int]]:
    """The same, with the next one made in a thread while the last one is used."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, frames, None)
        while (frame := coming.result()) is not None:
            coming = pool.submit(next, frames, None)
            yield frame


def _size(path: Path) -> int:
    return path.stat().st_size
