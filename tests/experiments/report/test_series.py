"""Every series as one table."""

from __future__ import annotations

import msgspec
import polars as pl

from bandi.experiments.report.series import COLUMNS, series_frame

replace = msgspec.structs.replace


def test_every_figure_is_there_once(result):
    frame = series_frame(result)
    assert tuple(frame.columns) == COLUMNS
    looks = frame.filter(pl.col("series") == "look")
    assert len(looks) == 3 * 3 * 28
    bold = looks.filter((pl.col("metric") == "ctr") & (pl.col("variant") == "bold"))
    assert bold["low"].to_list() == result.metrics[0].lifts["bold"].plain.low
    assert bold["look_ms"].to_list() == result.looks_ms
    assert looks.filter(pl.col("variant") == "control")["lift"].null_count() == 3 * 28
    assert len(frame.filter(pl.col("series") == "exposure_day")) == 2 * 14
    assert frame.filter((pl.col("series") == "funnel") & (pl.col("step") == "paid"))["readers"].to_list() == [
        310,
        305,
        322,
    ]


def test_lifts_with_covariates_are_rows_of_their_own(result):
    lift = result.metrics[0].lifts["bold"]
    adjusted = replace(lift, adjusted=replace(lift.plain, low=[0.01] * 28))
    frame = series_frame(replace(result, metrics=[replace(result.metrics[0], lifts={"bold": adjusted})]))
    found = frame.filter(pl.col("series") == "look_adjusted")
    assert found["low"].to_list() == [0.01] * 28


def test_nobody_makes_an_empty_table_of_the_same_columns(empty):
    frame = series_frame(empty)
    assert frame.height == 0
    assert frame.schema == series_frame(empty).schema
    assert tuple(frame.columns) == COLUMNS
