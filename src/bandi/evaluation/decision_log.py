"""Logged decisions of one slot each, with the probability that the logging policy gave to what it showed.

The default columns are those of the Open Bandit Dataset (Saito, Aihara, Matsutani and Narita 2021); others are mapped.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from bandi.evaluation.decision_blocks import plain_cells
from bandi.loading.report import Refusals
from bandi.loading.tables import BadRow, Row, RowBlock, open_table
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array

MAX_POSITIONS = 1_000
NO_PROPENSITIES = (
    "without the probability that the logging policy gave to what it showed, a log tells nothing of other policies; where it chose "
    "among n items alike, add a column that holds 1 / n"
)
MAX_TIME_MS = 1 << 53


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of the columns of a decision log."""

    item: str = "item_id"
    position: str = "position"
    click: str = "click"
    propensity: str = "propensity_score"
    time: str = "timestamp"


@dataclass(frozen=True, slots=True)
class DecisionLog:
    """Rows in order of time.

    items: int32[n], places in `item_names`; positions: int32[n], 0 is first; clicks: float64[n], 0 or 1; propensities:
    float64[n], in (0, 1]; times_ms: int64[n].
    """

    items: Array
    positions: Array
    clicks: Array
    propensities: Array
    times_ms: Array
    item_names: tuple[str, ...]
    refused: int = 0
    problems: tuple[Problem, ...] = ()

    def __len__(self) -> int:
        return len(self.items)

    @property
    def slots(self) -> int:
        """Positions in a list."""
        return int(self.positions.max()) + 1


def read_decision_log(path: Path, columns: Columns | None = None, refused: Path | None = None) -> DecisionLog:
    """Read a log; bad rows are refused one by one and named. Raises InvalidInputError where nothing good is left."""
    columns = columns or Columns()
    table = open_table(path)
    missing = [name for name in _names(columns) if name not in table.columns]
    if missing:
        found = ", ".join(table.columns[:20])
        raise InvalidInputError(
            [
                Problem(
                    f"{path.name}: column {name!r}",
                    "no such column",
                    f"one of: {found}",
                    NO_PROPENSITIES if name == columns.propensity else "",
                )
                for name in missing
            ]
        )
    refusals, rows = Refusals(refused), _Rows()
    stopped: list[Problem] = []
    try:
        for piece in table.pieces:
            if isinstance(piece, BadRow):
                refusals.add(piece.problem, piece.shown)
            elif isinstance(piece, Row):
                _take_row(rows, piece, columns, path.name, refusals)
            else:
                _take_block(rows, piece, columns, path.name, refusals)
    except InvalidInputError as error:
        stopped = list(error.problems)
    refusals.close()
    problems = (*stopped, *refusals.examples)
    if not rows.parts:
        raise InvalidInputError(problems or Problem(path.name, "no rows", "logged decisions"))
    return rows.log(refusals.count, problems)


@dataclass(slots=True)
class _Rows:
    """Rows in the order of the file. names: of items, by their number; parts: numbers, positions, clicks, propensities, times."""

    names: dict[str, int] = field(default_factory=dict)
    parts: list[tuple[Array, ...]] = field(default_factory=list)

    def number(self, name: str) -> int:
        return self.names.setdefault(name, len(self.names))

    def log(self, refused: int, problems: tuple[Problem, ...]) -> DecisionLog:
        """By time; items are numbered in the order of their names, short ones first."""
        items, positions, clicks, propensities, times = (np.concatenate(part) for part in zip(*self.parts, strict=True))
        self.parts = []
        used = np.unique(items)
        known = list(self.names)
        names = sorted((known[number] for number in used), key=lambda name: (len(name), name))
        places = np.zeros(len(known), np.int32)
        places[[self.names[name] for name in names]] = np.arange(len(names), dtype=np.int32)
        order = np.argsort(times, kind="stable")
        return DecisionLog(
            places[items[order]], positions[order], clicks[order], propensities[order], times[order], tuple(names),
            refused, problems,
        )  # fmt: skip


def _take_row(rows: _Rows, row: Row, columns: Columns, file: str, refusals: Refusals) -> None:
    problem, values = _read_row(row, columns, file)
    if problem is not None:
        refusals.add(problem, row.values)
        return
    name, position, click, propensity, time = values
    rows.parts.append(
        (
            np.array([rows.number(name)], np.int32),
            np.array([position], np.int32),
            np.array([click]),
            np.array([propensity]),
            np.array([time], np.int64),
        )
    )


def _take_block(rows: _Rows, block: RowBlock, columns: Columns, file: str, refusals: Refusals) -> None:
    """Rows that are plainly good by column, in the order of the file with those that had to be looked at by themselves."""
    frame = block.frame if block.missing is None else block.frame.with_columns(block.frame[columns.item].fill_null(""))
    names, cells = plain_cells(frame, *_names(columns))
    positions, clicks = cells[columns.position], cells[columns.click]
    propensities, times = cells[columns.propensity], cells[columns.time]
    good = names.is_not_null().to_numpy() & (positions >= 1) & (positions <= MAX_POSITIONS) & (positions % 1 == 0)
    good &= ((clicks == 0) | (clicks == 1)) & (propensities > 0) & (propensities <= 1) & (abs(times) < MAX_TIME_MS)
    kinds = names.unique()
    numbers = names.replace_strict(kinds, [-1 if kind is None else rows.number(kind) for kind in kinds], default=-1)
    whole: tuple[Array, ...] = (
        numbers.to_numpy().astype(np.int32),
        np.where(good, positions - 1.0, 0.0).astype(np.int32),
        clicks,
        propensities,
        np.where(good, times, 0.0).astype(np.int64),
    )
    first = 0
    for row in (*np.flatnonzero(~good).tolist(), len(good)):
        if row > first:
            rows.parts.append(tuple(column[first:row] for column in whole))
        if row < len(good):
            _take_row(rows, block.row(row), columns, file, refusals)
        first = row + 1


def _names(columns: Columns) -> tuple[str, ...]:
    return (columns.item, columns.position, columns.click, columns.propensity, columns.time)


def _read_row(row: Row, columns: Columns, file: str) -> tuple[Problem | None, tuple[str, int, float, float, int]]:
    cell: Callable[[str], Any] = row.values.get
    checks: tuple[tuple[str, Callable[[Any], Any], Callable[[Any], bool], str], ...] = (
        (columns.position, int, lambda x: 1 <= x <= MAX_POSITIONS, f"a slot from 1 to {MAX_POSITIONS}"),
        (columns.click, float, lambda x: x in (0.0, 1.0), "0 or 1"),
        (columns.propensity, float, lambda x: math.isfinite(x) and 0.0 < x <= 1.0, "a probability above 0, at most 1"),
        (columns.time, _milliseconds, lambda x: True, "RFC 3339 text or seconds since 1970"),
    )
    values: list[Any] = [str(cell(columns.item))]
    for name, read, good, expected in checks:
        try:
            value = read(cell(name))
            if good(value):
                values.append(value)
                continue
        except (TypeError, ValueError, OverflowError):
            pass
        return Problem(f"{file}:{row.number}: {name}", f"{cell(name)!r:.66}", expected), ("", 0, 0.0, 0.0, 0)
    return None, (values[0], values[1] - 1, values[2], values[3], values[4])


def _milliseconds(cell: Any) -> int:
    if isinstance(cell, datetime):
        return round(cell.timestamp() * 1000)
    try:
        return round(float(cell) * 1000)
    except ValueError:
        return round(datetime.fromisoformat(cell).timestamp() * 1000)
