"""Blocks of a decision log, column by column: what is plainly written is read at once, the rest is left to be read row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bandi.model.records import Array

if TYPE_CHECKING:
    import polars as pl

_DATE_TIME = "%Y-%m-%d %H:%M:%S%.f%z"
"""With its offset from UTC; a `T` between date and time is read as well."""


def plain_cells(
    frame: pl.DataFrame, item: str, position: str, click: str, propensity: str, time: str
) -> tuple[pl.Series, dict[str, Array]]:
    """Names of items, and by column what was read: float64 positions (1 is first), clicks, propensities and times in ms.

    NaN stands where a cell is not plainly a number (or a time: seconds since 1970, or date, time and offset): it may be good all
    the same and is to be looked at by itself. The names of rows whose item is neither text nor a whole number are null.
    """
    import polars as pl  # noqa: PLC0415  some tenths of a second

    names = frame[item]
    if names.dtype != pl.String:
        names = names.cast(pl.String) if names.dtype.is_integer() else pl.Series([None] * frame.height, dtype=pl.String)
    cells = {name: _numbers(frame[name]) for name in (position, click, propensity)}
    cells[time] = _times(frame[time])
    return names, cells


def _numbers(cells: pl.Series) -> Array:
    import polars as pl  # noqa: PLC0415

    if cells.dtype != pl.String and not cells.dtype.is_numeric() and cells.dtype != pl.Boolean:
        return np.full(len(cells), np.nan)
    return cells.cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy()


def _times(cells: pl.Series) -> Array:
    """Milliseconds since 1970, rounded as `round` does."""
    import polars as pl  # noqa: PLC0415

    if cells.dtype == pl.String:
        seconds = _numbers(cells)
        if np.isnan(seconds).any():
            moments = cells.str.replace("T", " ", literal=True).str.to_datetime(
                _DATE_TIME, time_unit="us", strict=False
            )
            micros = moments.dt.epoch("us").cast(pl.Float64).fill_null(float("nan")).to_numpy()
            seconds = np.where(np.isnan(seconds), micros / 1e6, seconds)
        return np.rint(seconds * 1000.0)
    if isinstance(cells.dtype, pl.Datetime) and cells.dtype.time_zone is not None:
        micros = cells.dt.epoch("us").cast(pl.Float64).fill_null(float("nan")).to_numpy()
        return np.rint(micros / 1e6 * 1000.0)
    return np.rint(_numbers(cells) * 1000.0)
