"""A report as files."""

from __future__ import annotations

import polars as pl

from bandi.experiments.report.files import write_report
from bandi.experiments.report.page import page_of


def test_all_three_or_the_named_ones(result, tmp_path):
    paths = write_report(result, tmp_path / "deep" / "out")
    assert [path.name for path in paths] == ["heads.md", "heads.html", "heads.parquet"]
    assert paths[1].read_text(encoding="utf-8") == page_of(result)
    assert pl.read_parquet(paths[2]).height > 0
    assert sorted(path.name for path in paths[0].parent.iterdir()) == ["heads.html", "heads.md", "heads.parquet"]
    (one,) = write_report(result, tmp_path / "one", ("md",))
    assert [path.name for path in one.parent.iterdir()] == ["heads.md"]


def test_an_older_report_is_replaced(result, empty, tmp_path):
    write_report(empty, tmp_path)
    write_report(result, tmp_path)
    assert "Nobody has taken part" not in (tmp_path / "heads.md").read_text(encoding="utf-8")
