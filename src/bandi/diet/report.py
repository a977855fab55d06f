"""What a diet found, and what it wrote."""

from __future__ import annotations

import msgspec
import polars as pl

from bandi.diet.proposal import ColumnPlan
from bandi.diet.sources import Source
from bandi.diet.surveying import Survey


class ColumnReport(msgspec.Struct, frozen=True):
    """One column: its type and bytes in pandas and in Polars, both read without options, and what is proposed.

    saving: the share of pandas' bytes that is saved, below 0 where the new type is larger.
    """

    name: str
    pandas: str
    pandas_bytes: int
    polars_bytes: int
    proposed: str
    bytes: int
    saving: float
    why: str


class Written(msgspec.Struct, frozen=True):
    """The file that was written. cells: how many were compared with the source's, all equal; bytes: on disk."""

    file: str
    bytes: int
    cells: int


class DietReport(msgspec.Struct, frozen=True):
    """A table's cost and the proposals. file_bytes: on disk; the other bytes are sums over the columns."""

    source: str
    rows: int
    file_bytes: int
    pandas_bytes: int
    polars_bytes: int
    bytes: int
    columns: tuple[ColumnReport, ...]
    written: Written | None = None


def report(source: Source, seen: Survey, plans: list[ColumnPlan], written: Written | None = None) -> DietReport:
    """The report of a survey, and of what was written after it."""
    columns = tuple(
        ColumnReport(
            plan.name, plan.pandas, plan.pandas_bytes, plan.polars_bytes, type_name(plan), plan.bytes,
            1 - plan.bytes / plan.pandas_bytes if plan.pandas_bytes else 0.0, plan.why,
        )
        for plan in plans
    )  # fmt: skip
    return DietReport(
        source=str(source.path),
        rows=seen.rows,
        file_bytes=source.path.stat().st_size,
        pandas_bytes=sum(plan.pandas_bytes for plan in plans),
        polars_bytes=sum(plan.polars_bytes for plan in plans),
        bytes=sum(plan.bytes for plan in plans),
        columns=columns,
        written=written,
    )


def type_name(plan: ColumnPlan) -> str:
    """The proposed type in pandas' words; what pandas has no word for, in Polars'."""
    dtype = plan.dtype
    if isinstance(dtype, pl.Enum | pl.Categorical):
        return "category"
    if isinstance(dtype, pl.Datetime):
        return (
            f"datetime64[{dtype.time_unit}, {dtype.time_zone}]" if dtype.time_zone else f"datetime64[{dtype.time_unit}]"
        )
    return {"String": "str", "Boolean": "bool"}.get(str(dtype), str(dtype).lower())
