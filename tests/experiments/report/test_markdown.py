"""Markdown that no name can break."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandi.experiments.report.markdown import escaped, markdown_of

replace = msgspec.structs.replace
NASTY = "a|b <script>alert(1)</script> [x](javascript:1) *y*\n| z |"


def test_tables_keep_their_columns_whatever_names_hold(result):
    nasty = replace(result.metrics[0], metric=NASTY, unit=NASTY)
    text = markdown_of(
        replace(result, experiment=NASTY, metrics=[nasty], mismatch=NASTY, words=[NASTY], corrections=NASTY)
    )
    assert "<script" not in text
    widths = {}
    for line in text.splitlines():
        if line.startswith("|"):
            cells = line.replace("\\|", "").count("|")
            assert widths.setdefault("row", cells) == cells
        else:
            widths = {}


def test_a_mismatch_stands_before_all_else(result):
    lines = markdown_of(replace(result, mismatch="8,400 instead of 7,000")).splitlines()
    assert lines[2] == "> **Sample-ratio mismatch: do not read these results.** 8,400 instead of 7,000."


def test_nothing_is_called_nan(result, empty):
    for made in (result, empty):
        assert not {"nan", "None", "inf"} & set(markdown_of(made).replace("|", " ").split())


@given(st.text(max_size=60))
def test_escaped_text_is_one_line_without_live_marks(text):
    made = escaped(text)
    assert "\n" not in made and "<" not in made and ">" not in made
    bare = made.replace("\\\\", "")
    assert all(bare[i - 1] == "\\" for i, sign in enumerate(bare) if sign in "|*_`[]#~")


@pytest.mark.parametrize(
    "part", ["## What it says", "## Metrics", "## Guardrails", "## Funnel", "## Days since first exposure"]
)
def test_the_parts(result, part):
    assert part in markdown_of(result)
