"""Tables: as wide as their headers, with the figures of the result."""

from __future__ import annotations

import msgspec

from bandi.experiments.report.tables import looks_table, tables_of
from bandi.experiments.report.wording import NONE

replace = msgspec.structs.replace


def by_title(result):
    return {table.title: table for table in tables_of(result)}


def test_rows_are_as_wide_as_headers(result, empty):
    for made in (result, empty):
        for table in tables_of(made):
            assert {len(row) for row in table.rows} == {len(table.header)}, table.title


def test_three_variants_each_have_a_row_a_metric(result):
    rows = by_title(result)["Metrics"].rows
    assert [row[:2] for row in rows[:3]] == [["ctr", "control"], ["ctr", "bold"], ["ctr", "calm"]]
    assert rows[0][3:] == [""] * 5  # the control is compared with nothing
    assert rows[1][4] == "+3.8 % to +8.3 %"
    assert rows[1][-1] == "< 0.001"


def test_shares_of_the_funnel_are_of_its_first_step(result):
    table = by_title(result)["Funnel"]
    assert table.header == ["step", "control", "bold", "calm"]
    assert table.rows[-1] == ["paid", "310 (3.7 %)", "305 (3.6 %)", "322 (3.8 %)"]


def test_readers_beside_what_was_meant(result):
    table = by_title(result)["Readers"]
    assert table.rows[1] == ["bold", "30 %", "6,310", "30.0 %"]


def test_a_control_of_another_name_is_marked(result):
    assert by_title(replace(result, control="calm"))["Readers"].rows[2][0] == "calm (the control)"


def test_nobody_leaves_no_figures_and_no_zero_rates(empty):
    tables = by_title(empty)
    assert set(tables) == {"Readers", "Metrics"}
    assert [row[3] for row in tables["Readers"].rows] == [NONE] * 3
    assert {cell for row in tables["Metrics"].rows for cell in row[2:4]} == {NONE, ""}


def test_every_look_has_its_row(result):
    table = looks_table(result, result.metrics[0], "bold")
    assert len(table.rows) == 28
    assert table.rows[0][0] == "2026-01-01"
    assert table.rows[0][3] == "anything"  # not judged yet
