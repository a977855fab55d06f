"""The second and the third pass: write the narrower copy, compare it with its source cell by cell, then publish it."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import polars as pl
from polars.io.plugins import register_io_source

from bandi.diet.casting import comparable, narrowed
from bandi.diet.proposal import ColumnPlan
from bandi.diet.report import Written
from bandi.diet.sources import Source, scan_columnar
from bandi.diet.surveying import OnStep
from bandi.model.errors import InvalidInputError, Problem, StorageFullError

ROW_GROUP = 131_072
FORMATS = (".parquet", ".feather")


def narrow(source: Source, plans: list[ColumnPlan], target: Path, on_step: OnStep | None = None) -> Written:
    """Write a table in its narrower types to a .parquet or .feather file, in the place of one that is there.

    Every cell of the copy is read back and compared first; nothing is published where one differs (InvalidInputError
    names row, column and both values) or where the source changes meanwhile. Raises StorageFullError. Bounded memory.
    """
    checked_target(source.path, target)
    before = _state(source.path)
    scratch = target.with_name(f".{target.stem}.{os.getpid()}.partial{target.suffix.lower()}")
    try:
        with _naming_storage(target):
            _write(source, plans, scratch, on_step)
        cells = _compare(source, plans, scratch, on_step)
        if _state(source.path) != before:
            raise InvalidInputError(
                Problem(str(source.path), "a file that changed meanwhile", "one that stays as it is")
            )
        with _naming_storage(target):
            size = _publish(scratch, target)
    finally:
        scratch.unlink(missing_ok=True)
    return Written(str(target), size, cells)


def checked_target(source: Path, target: Path) -> None:
    """Raise InvalidInputError where `target` cannot be written: another ending, no such folder, the source itself."""
    if target.suffix.lower() not in FORMATS:
        raise InvalidInputError(Problem(str(target), repr(target.suffix), "a name that ends in .parquet or .feather"))
    if target.exists() and target.samefile(source):
        raise InvalidInputError(Problem(str(target), "the source itself", "another file"))
    if target.is_dir() or not target.parent.is_dir():
        raise InvalidInputError(Problem(str(target), "no place for a file", "a file in a folder that exists"))


def _write(source: Source, plans: list[ColumnPlan], scratch: Path, on_step: OnStep | None) -> None:
    columns = [narrowed(plan, source.schema[plan.name]) for plan in plans]

    def batches(
        wanted: list[str] | None, predicate: pl.Expr | None, rows: int | None, size: int | None
    ) -> Iterator[pl.DataFrame]:
        for batch in source.batches():
            narrow_frame = batch.frame.select(columns)
            yield narrow_frame if wanted is None else narrow_frame.select(wanted)
            if on_step is not None:
                on_step("writing", batch.done, source.total)

    frame = register_io_source(batches, schema={plan.name: plan.dtype for plan in plans})
    if scratch.suffix == ".feather":
        frame.sink_ipc(scratch, compression="zstd", compat_level=pl.CompatLevel.oldest(), record_batch_size=ROW_GROUP)
    else:
        frame.sink_parquet(scratch, row_group_size=ROW_GROUP)


def _compare(source: Source, plans: list[ColumnPlan], scratch: Path, on_step: OnStep | None) -> int:
    """How many cells were compared; raises InvalidInputError at the first that differs."""
    written = scan_columnar(scratch)
    pairs = [comparable(plan, source.schema[plan.name]) for plan in plans]
    ours = [ours.alias(plan.name) for plan, (ours, _) in zip(plans, pairs, strict=True)]
    theirs = [theirs.alias(plan.name) for plan, (_, theirs) in zip(plans, pairs, strict=True)]
    rows = 0
    for batch in source.batches():
        copy = written.slice(batch.first_row, batch.frame.height).collect()
        if copy.height != batch.frame.height:
            problem = Problem(str(source.path), f"row {rows + copy.height + 1:,}", "as many rows as were written")
            raise InvalidInputError(problem)
        _same(source.path, batch.frame.select(ours), copy.select(theirs), rows)
        rows += batch.frame.height
        if on_step is not None:
            on_step("checking", batch.done, source.total)
    if (height := int(written.select(pl.len()).collect().item())) != rows:
        raise InvalidInputError(Problem(str(source.path), f"{rows:,} rows", f"{height:,}, as were written"))
    return rows * len(plans)


def _same(path: Path, source: pl.DataFrame, copy: pl.DataFrame, first_row: int) -> None:
    """Raise InvalidInputError at the first cell (by row, then column) that differs."""
    found = []
    for column, (before, after) in enumerate(zip(source, copy, strict=True)):
        differs = before.ne_missing(after)
        if differs.any():
            found.append((int(differs.arg_max() or 0), column))
    if found:
        row, column = min(found)
        where = f"{path.name}: row {first_row + row + 1:,}: {source.columns[column]}"
        before, after = source[row, column], copy[row, column]
        hint = "nothing was written: the file changed meanwhile, or this is a fault of ours"
        raise InvalidInputError(Problem(where, f"{after!r:.80} in the copy", f"{before!r:.80}, as in the source", hint))


def _publish(scratch: Path, target: Path) -> int:
    """Put the file in its place, durably and all at once; its size."""
    with scratch.open("rb") as file:
        os.fsync(file.fileno())
        size = file.seek(0, os.SEEK_END)
    scratch.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return size


def _state(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


class _naming_storage:  # noqa: N801  a context manager that reads as a function
    """Turns a full disk into StorageFullError, and another refusal to write into InvalidInputError."""

    def __init__(self, target: Path) -> None:
        self._target = target

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, OSError | pl.exceptions.PolarsError):
            return
        codes = (errno.ENOSPC, errno.EDQUOT)
        if getattr(error, "errno", None) in codes or any(f"os error {code}" in str(error) for code in codes):
            text = f"{self._target}: no space left; nothing was written: free space and try again"
            raise StorageFullError(text) from None
        found = str(error).partition("\n")[0]
        if isinstance(error, OSError):
            raise InvalidInputError(Problem(str(self._target), found, "a file that can be written")) from None
        hint = "a file that changes while it is read cannot be copied"
        raise InvalidInputError(Problem(str(self._target), found, "the cells that were seen before", hint)) from None
