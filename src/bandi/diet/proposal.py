"""From facts to a narrower type for each column, what it costs before and after, and why."""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl

from bandi.diet.facts import ColumnFacts
from bandi.diet.readings import Booleans, Decimals, Moments, WholeNumbers

CATEGORY_SHARE = 0.5
"""A category is proposed only where at most this share of the cells are different texts."""
_EPOCH_S = (631_152_000, 4_102_444_800)
"""1990 to 2100 in seconds."""
_TIME_WORDS = {"time", "times", "timestamp", "date", "datetime", "epoch", "ts", "at", "when"}
_WIDTHS = ("8", "16", "32", "64")
_WHOLE: dict[str, type[pl.DataType]] = {
    f"{kind}{bits}": getattr(pl, f"{kind}{bits}") for kind in ("UInt", "Int") for bits in _WIDTHS
}
_VIEW = 16


@dataclass(frozen=True, slots=True)
class ColumnPlan:
    """What becomes of one column.

    form: `whole`, `decimal`, `boolean`, `date`, `moment`, `epoch`, `category`, or `kept` (as it is); dtype: the new
    type; spelling: how its text is written (a time's format; true and false; the unit of an epoch).
    pandas, pandas_bytes: type and size now, read by pandas without options; polars_bytes: by Polars; bytes: then (of what is kept: as now).
    """

    name: str
    form: str
    dtype: pl.DataType
    spelling: tuple[str, ...]
    why: str
    pandas: str
    pandas_bytes: int
    polars_bytes: int
    bytes: int


def plan(facts: ColumnFacts) -> ColumnPlan:
    """The narrowest type that keeps every value of a column. O(1), but for a category O(different texts)."""
    form, dtype, spelling, why = _proposed(facts)
    pandas, pandas_bytes = _in_pandas(facts)
    polars_bytes = _in_polars(facts, _read_by_polars(facts))
    new_bytes = pandas_bytes if form == "kept" else _in_polars(facts, dtype)
    return ColumnPlan(facts.name, form, dtype, spelling, why, pandas, pandas_bytes, polars_bytes, new_bytes)


def _proposed(facts: ColumnFacts) -> tuple[str, pl.DataType, tuple[str, ...], str]:
    if facts.rows == facts.nulls:
        return "kept", facts.dtype, (), "empty" if facts.rows else "no rows"
    whole, decimal = facts.reading("whole"), facts.reading("decimal")
    if isinstance(whole, WholeNumbers) and (dtype := _narrowest(whole)) is not None:
        return _numbered(facts, whole, dtype)
    if isinstance(decimal, Decimals):
        if decimal.single:
            return "decimal", pl.Float32(), (), "32 bits hold every value exactly"
        return "decimal", pl.Float64(), (), "32 bits would change values"
    boolean, moment = facts.reading("boolean"), facts.reading("moment")
    if isinstance(boolean, Booleans) and boolean.spelling is not None:
        return "boolean", pl.Boolean(), boolean.spelling, "two words"
    if facts.reading("date") is not None:
        return "date", pl.Date(), ("%Y-%m-%d",), "every cell is a date"
    if isinstance(moment, Moments):
        zone = "UTC" if moment.format.endswith("Z") else None
        dtype = pl.Datetime("us" if moment.unit == "us" else "ms", zone)
        return "moment", dtype, (moment.format,), "every cell is a moment, in one spelling"
    if facts.distinct is not None:
        return _category(facts)
    return "kept", facts.dtype, (), "as it is"


def _numbered(
    facts: ColumnFacts, whole: WholeNumbers, dtype: pl.DataType
) -> tuple[str, pl.DataType, tuple[str, ...], str]:
    between = f"{whole.low:,} to {whole.high:,}"
    if _TIME_WORDS & {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", facts.name)}:
        for unit, factor in (("s", 1), ("ms", 1_000)):
            if _EPOCH_S[0] * factor <= whole.low and whole.high < _EPOCH_S[1] * factor:
                why = f"{between}: {'seconds' if unit == 's' else 'milliseconds'} since 1970, by the name and the range"
                return "epoch", pl.Datetime("ms"), (unit,), why
    return "whole", dtype, (), between


def _narrowest(whole: WholeNumbers) -> pl.DataType | None:
    """Unsigned where nothing is negative, of the fewest bits; None where 64 bits are not enough."""
    kind = "UInt" if whole.low >= 0 else "Int"
    for bits in _WIDTHS:
        low, high = (0, 2 ** int(bits) - 1) if kind == "UInt" else (-(2 ** (int(bits) - 1)), 2 ** (int(bits) - 1) - 1)
        if low <= whole.low and whole.high <= high:
            return _WHOLE[f"{kind}{bits}"]()
    return None


def _category(facts: ColumnFacts) -> tuple[str, pl.DataType, tuple[str, ...], str]:
    assert facts.distinct is not None
    count, cells = facts.distinct.count, facts.rows - facts.nulls
    if facts.distinct.known is None:
        return "kept", pl.String(), (), _because(facts, f"about {count:,} different texts, too many for a category")
    if count > CATEGORY_SHARE * cells:
        return "kept", pl.String(), (), _because(facts, f"{count:,} different texts in {cells:,} cells: nearly unique")
    why = f"{count:,} different texts" if count > 1 else "always the same text"
    return "category", pl.Enum(facts.distinct.known.sort()), (), _because(facts, why)


def _because(facts: ColumnFacts, why: str) -> str:
    refused = facts.refused
    if refused is None:
        return why
    loses = "a number would lose its first character" if re.match(r"[+-]?0\d|\+", refused.text) else "is no number"
    return f"{why}; {refused.text!r} (row {refused.row:,}): {loses}"


def _in_pandas(facts: ColumnFacts) -> tuple[str, int]:
    """Type and bytes of a column that pandas 3 reads without options (text: Arrow's, offset and bytes and a bit)."""
    rows, dtype = facts.rows, facts.dtype
    if dtype == pl.String:
        if facts.from_text and facts.rows == facts.nulls:
            return "float64", 8 * rows
        if facts.reading("whole") is not None:
            return ("float64" if facts.nulls else "int64"), 8 * rows
        if facts.reading("decimal") is not None:
            return "float64", 8 * rows
        if facts.reading("boolean") is not None and not facts.nulls:
            return "bool", rows
        return "str", 8 * rows + facts.text_bytes + rows // 8
    if dtype == pl.Boolean:
        return ("object", 8 * rows) if facts.nulls else ("bool", rows)
    if dtype.is_integer() and facts.nulls:
        return "float64", 8 * rows
    if dtype.is_numeric() and not dtype.is_decimal():
        return str(dtype).lower(), _width(dtype) * rows
    if dtype.is_temporal():
        return "datetime64", 8 * rows
    if isinstance(dtype, pl.Categorical | pl.Enum):
        return "category", _in_polars(facts, dtype)
    return "object", 8 * rows


def _read_by_polars(facts: ColumnFacts) -> pl.DataType:
    """The type that Polars reads a column with, without options."""
    if facts.from_text and facts.rows > facts.nulls:
        for name, dtype in (("whole", pl.Int64()), ("decimal", pl.Float64()), ("boolean", pl.Boolean())):
            if facts.reading(name) is not None:
                return dtype
    return facts.dtype


def _in_polars(facts: ColumnFacts, dtype: pl.DataType) -> int:
    validity = (facts.rows + 7) // 8 if facts.nulls else 0
    if dtype == pl.String:
        return _VIEW * facts.rows + facts.long_text_bytes + validity
    if isinstance(dtype, pl.Enum):
        words = int(dtype.categories.str.len_bytes().sum()) + _VIEW * len(dtype.categories)
        return code_bytes(len(dtype.categories)) * facts.rows + words + validity
    if dtype == pl.Boolean:
        return (facts.rows + 7) // 8 + validity
    return _width(dtype) * facts.rows + validity


def code_bytes(categories: int) -> int:
    """Bytes of a code that numbers so many categories, in Polars."""
    return 1 if categories <= 255 else 2 if categories <= 65_535 else 4


def _width(dtype: pl.DataType) -> int:
    bits = re.search(r"(\d+)$", str(dtype))
    if bits is not None:
        return int(bits.group(1)) // 8
    return 0 if dtype == pl.Null else 4 if dtype == pl.Date else 8
