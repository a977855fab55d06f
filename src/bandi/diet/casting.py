"""From the cells of a source to the narrower type, and back to cells that can be compared with the source's."""

from __future__ import annotations

import polars as pl

from bandi.diet.proposal import ColumnPlan


def narrowed(plan: ColumnPlan, dtype: pl.DataType) -> pl.Expr:
    """The column in its new type; dtype: what it has in the source. Raises, when run, where a cell does not fit."""
    column = pl.col(plan.name)
    if plan.form == "boolean" and dtype == pl.String:
        return (
            pl.when(column == plan.spelling[1]).then(True).when(column == plan.spelling[0]).then(False).alias(plan.name)
        )
    if plan.form == "date":
        return column.str.to_date(plan.spelling[0])
    if plan.form == "moment":
        assert isinstance(plan.dtype, pl.Datetime)
        moment = column.str.to_datetime(plan.spelling[0], time_unit=plan.dtype.time_unit)
        return moment.dt.replace_time_zone(plan.dtype.time_zone)
    if plan.form == "epoch":
        factor = 1_000 if plan.spelling[0] == "s" else 1
        return (column.cast(pl.Int64) * factor).cast(pl.Datetime("ms"))
    if plan.form == "decimal" and dtype == pl.String:
        return column.cast(pl.Float64).cast(plan.dtype)
    return column.cast(plan.dtype)


def comparable(plan: ColumnPlan, dtype: pl.DataType) -> tuple[pl.Expr, pl.Expr]:
    """Two expressions that are equal cell by cell where no value changed: of the source's column, of the written one.

    Numbers are written out and compared as text; decimals as float64, which both hold; times in the source's spelling.
    """
    source = written = pl.col(plan.name)
    if plan.form == "decimal":
        return source.cast(pl.Float64), written.cast(pl.Float64)
    if plan.form == "epoch":
        factor = 1_000 if plan.spelling[0] == "s" else 1
        exact = pl.when(written.to_physical() % factor == 0).then(written.to_physical() // factor)
        return source.cast(pl.String), exact.cast(pl.String)
    if plan.form == "date":
        return source, written.dt.strftime(plan.spelling[0])
    if plan.form == "moment":
        return source, written.dt.replace_time_zone(None).dt.strftime(plan.spelling[0])
    if plan.form == "boolean" and dtype == pl.String:
        return source, pl.when(written).then(pl.lit(plan.spelling[1])).when(~written).then(pl.lit(plan.spelling[0]))
    if plan.form in ("whole", "category"):
        return source.cast(pl.String), written.cast(pl.String)
    return source, written
