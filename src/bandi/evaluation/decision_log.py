"""Logged decisions of one slot each, with the probability that the logging policy gave to what it showed.

The default columns are those of the Open Bandit Dataset (Saito, Aihara, Matsutani and Narita 2021); others are mapped.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from bandi.loading.report import Refusals
from bandi.loading.tables import BadRow, Row, open_table
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array

MAX_POSITIONS = 1_000


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
            [Problem(f"{path.name}: column {name!r}", "no such column", f"one of: {found}") for name in missing]
        )
    refusals = Refusals(refused)
    kept: list[tuple[str, int, float, float, int]] = []
    stopped: list[Problem] = []
    try:
        for row in table.rows:
            if isinstance(row, BadRow):
                refusals.add(row.problem, row.shown)
                continue
            problem, values = _read_row(row, columns, path.name)
            if problem is None:
                kept.append(values)
            else:
                refusals.add(problem, row.values)
    except InvalidInputError as error:
        stopped = list(error.problems)
    refusals.close()
    problems = (*stopped, *refusals.examples)
    if not kept:
        raise InvalidInputError(problems or Problem(path.name, "no rows", "logged decisions"))
    return _from_rows(kept, refusals.count, problems)


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


def _from_rows(
    rows: list[tuple[str, int, float, float, int]], refused: int, problems: tuple[Problem, ...]
) -> DecisionLog:
    items, positions, clicks, propensities, times = zip(*rows, strict=True)
    names = sorted(set(items), key=lambda name: (len(name), name))
    place = {name: i for i, name in enumerate(names)}
    order = np.argsort(np.array(times, np.int64), kind="stable")
    return DecisionLog(
        np.array([place[name] for name in items], np.int32)[order],
        np.array(positions, np.int32)[order],
        np.array(clicks, np.float64)[order],
        np.array(propensities, np.float64)[order],
        np.array(times, np.int64)[order],
        tuple(names),
        refused,
        problems,
    )
