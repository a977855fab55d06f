"""What a column of text may be read as without any cell losing something: each reading says which text it refuses."""

from __future__ import annotations

import re
from typing import Any, Protocol

import polars as pl

_DECIMAL = r"^-?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$"
_ZERO = r"^-?[0.]+(?:[eE].*)?$"
_SPELLINGS = (("false", "true"), ("False", "True"), ("FALSE", "TRUE"))
_SAFE_DIGITS = 15
"""So many significant digits always survive as a float64 (IEEE 754 binary64; Goldberg 1991, theorem 15)."""


class Reading(Protocol):
    """One way to read a column. It is fed every text of the column, and is dropped with the first that it refuses."""

    def refuses(self, texts: pl.Series) -> int:
        """The index of the first text (no nulls; String[n], n > 0) that would change, or -1."""


class WholeNumbers:
    """Texts that are the usual spelling of a whole number of 64 bits: no plus, no leading zero. low, high: their range."""

    def __init__(self) -> None:
        self.low = 0
        self.high = 0
        self._empty = True

    def refuses(self, texts: pl.Series) -> int:
        """See `Reading`."""
        numbers = texts.cast(pl.Int64, strict=False)
        same = (numbers.cast(pl.String) == texts).fill_null(value=False)
        if not same.all():
            large = texts.cast(pl.UInt64, strict=False)
            same = same | (large.cast(pl.String) == texts).fill_null(value=False)
            if not same.all():
                return _first_false(same)
            self.include(large.drop_nulls())
        self.include(numbers.drop_nulls())
        return -1

    def include(self, numbers: pl.Series) -> None:
        """Widen the range to numbers of any whole type."""
        if len(numbers):
            low, high = whole(numbers.min()), whole(numbers.max())
            self.low = low if self._empty else min(self.low, low)
            self.high = high if self._empty else max(self.high, high)
            self._empty = False


class Decimals:
    """Texts that are finite numbers whose value a float64 keeps. single: a float32 keeps all of them exactly, too."""

    def __init__(self) -> None:
        self.single = True

    def refuses(self, texts: pl.Series) -> int:
        """See `Reading`."""
        plain = texts.str.contains(_DECIMAL)
        if not plain.all():
            return _first_false(plain)
        numbers = texts.cast(pl.Float64, strict=False)
        kept = numbers.is_finite().fill_null(value=False)
        size = numbers.abs()
        kept &= ((size > 1e-300) & (size < 1e300)).fill_null(value=False) | texts.str.contains(_ZERO)
        if whole(texts.str.len_bytes().max()) > _SAFE_DIGITS:
            kept &= (_digits(texts) <= _SAFE_DIGITS) | (numbers.cast(pl.String) == texts).fill_null(value=False)
        if not kept.all():
            return _first_false(kept)
        self.include(numbers)
        return -1

    def include(self, numbers: pl.Series) -> None:
        """Look at numbers of float64."""
        self.single = self.single and bool((numbers.cast(pl.Float32).cast(pl.Float64) == numbers).all())


class Booleans:
    """Texts in one spelling of true and false. spelling: its two words, false first."""

    def __init__(self) -> None:
        self.spelling: tuple[str, str] | None = None

    def refuses(self, texts: pl.Series) -> int:
        """See `Reading`."""
        self.spelling = self.spelling or next((words for words in _SPELLINGS if texts[0] in words), None)
        if self.spelling is None:
            return 0
        same = (texts == self.spelling[0]) | (texts == self.spelling[1])
        return -1 if same.all() else _first_false(same)


class Dates:
    """Texts that are ISO 8601 dates, `2024-05-31`."""

    format = "%Y-%m-%d"

    def refuses(self, texts: pl.Series) -> int:
        """See `Reading`."""
        if len(texts[0]) != 10:
            return 0
        same = texts.str.contains(r"^\d{4}-\d\d-\d\d$")
        same &= texts.str.to_date(self.format, strict=False).is_not_null()
        return -1 if same.all() else _first_false(same)


class Moments:
    """Texts that are ISO 8601 moments in one spelling: T or a space, 0, 3 or 6 digits of a second, nothing or Z.

    format: that spelling; unit: `ms` or `us`.
    """

    _first = re.compile(r"\d{4}-\d\d-\d\d([T ])\d\d:\d\d:\d\d(|\.\d{3}|\.\d{6})(Z?)")

    def __init__(self) -> None:
        self.format = ""
        self.unit = "ms"
        self._pattern = ""

    def refuses(self, texts: pl.Series) -> int:
        """See `Reading`."""
        if not self.format:
            match = self._first.fullmatch(texts[0])
            if match is None:
                return 0
            between, fraction, zone = match.groups()
            digits = max(0, len(fraction) - 1)
            self.unit = "us" if digits == 6 else "ms"
            self.format = f"%Y-%m-%d{between}%H:%M:%S{f'%.{digits}f' if digits else ''}{zone}"
            tail = rf"\.\d{{{digits}}}" if digits else ""
            self._pattern = rf"^\d{{4}}-\d\d-\d\d{between}\d\d:\d\d:[0-5]\d{tail}{zone}$"
        same = texts.str.contains(self._pattern)
        same &= moments(texts, self.format, self.unit).is_not_null()
        return -1 if same.all() else _first_false(same)


def whole(number: Any) -> int:
    """What Polars says of a column of whole numbers, 0 where it has none."""
    return int(number or 0)


def moments(texts: pl.Series, spelling: str, unit: str) -> pl.Series:
    """Texts as Datetime without a zone, null where one is none."""
    return texts.str.to_datetime(spelling, time_unit="us" if unit == "us" else "ms", strict=False)


def _digits(texts: pl.Series) -> pl.Series:
    """Significant digits of plain decimals."""
    mantissa = texts.str.replace("[eE].*$", "").str.replace_all(r"[-.]", "")
    return mantissa.str.strip_chars_start("0").str.len_bytes()


def _first_false(same: pl.Series) -> int:
    return int((~same).arg_max() or 0)
