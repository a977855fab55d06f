"""What is known of a column after all its batches were seen: the ground on which a narrower type is proposed."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from bandi.diet.distinct import Distinct
from bandi.diet.readings import Booleans, Dates, Decimals, Moments, Reading, WholeNumbers, whole

_SHORT = 12
"""Polars keeps texts of so many bytes inside their 16-byte view; longer ones lie elsewhere."""
_MAX_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Refused:
    """The text with which a column stopped being numbers. row: from 1; text: its beginning."""

    row: int
    text: str


class ColumnFacts:
    """Folds one column, batch by batch. from_text: its cells are text whose kind is to be found out (CSV)."""

    def __init__(self, name: str, dtype: pl.DataType, *, from_text: bool) -> None:
        self.name = name
        self.dtype = dtype
        self.from_text = from_text
        self.rows = 0
        self.nulls = 0
        self.text_bytes = 0
        self.long_text_bytes = 0
        self.refused: Refused | None = None
        self.distinct = Distinct() if dtype == pl.String else None
        self._started = False
        self._readings: dict[str, Reading] = {}
        if dtype == pl.String:
            self._readings = {"date": Dates(), "moment": Moments()}
            if from_text:
                self._readings |= {"boolean": Booleans(), "whole": WholeNumbers(), "decimal": Decimals()}
        elif dtype.is_integer():
            self._readings = {"whole": WholeNumbers()}
        elif dtype.is_float():
            self._readings = {"decimal": Decimals()}

    def reading(self, name: str) -> Reading | None:
        """A reading that every cell so far allows."""
        return self._readings.get(name) if self.rows > self.nulls else None

    def fold(self, values: pl.Series) -> None:
        """See the next cells. O(n)."""
        seen = self.rows
        self.rows += len(values)
        nulls = values.null_count()
        self.nulls += nulls
        if nulls == len(values):
            return
        if self.dtype == pl.String:
            self._fold_texts(values.drop_nulls() if nulls else values, seen)
            return
        numbers, decimals = self._readings.get("whole"), self._readings.get("decimal")
        if isinstance(numbers, WholeNumbers):
            numbers.include(values.drop_nulls())
        if isinstance(decimals, Decimals):
            decimals.include(values.drop_nulls().drop_nans().cast(pl.Float64))

    def _fold_texts(self, texts: pl.Series, seen: int) -> None:
        lengths = texts.str.len_bytes()
        self.text_bytes += int(lengths.sum())
        if whole(lengths.max()) > _SHORT:
            self.long_text_bytes += int(lengths.filter(lengths > _SHORT).sum())
        for name, reading in list(self._readings.items()):
            refused = reading.refuses(texts)
            if refused >= 0:
                del self._readings[name]
                if name == "decimal" and (self._started or refused > 0):
                    self.refused = Refused(seen + refused + 1, texts[refused][:_MAX_SHOWN])
        self._started = True
        if self.distinct is not None:
            self.distinct.add(texts)
