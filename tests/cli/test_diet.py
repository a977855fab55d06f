"""`bandi diet` as a user meets it."""

import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from bandi.cli.diet import command


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log.csv"
    path.write_text("reader,kind,time\n" + "".join(f"{i},read,2024-01-01 00:00:{i % 60:02}\n" for i in range(100)))
    return path


def test_the_table_the_copy_and_the_check(log: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bandi", "diet", str(log), "--out", str(log.with_suffix(".parquet"))],
        capture_output=True, text=True, check=False, env={"COLUMNS": "200", "PATH": "", "PYTHONPATH": ":".join(sys.path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "always the same text" in done.stdout
    assert "300 cells compared, no value changed" in done.stdout
    assert pl.read_parquet(log.with_suffix(".parquet")).schema["reader"] == pl.UInt8


def test_json(log: Path) -> None:
    result = CliRunner().invoke(command, [str(log), "--json"])
    report = json.loads(result.stdout)
    assert report["rows"] == 100
    assert [column["proposed"] for column in report["columns"]] == ["uint8", "category", "datetime64[ms]"]
    assert report["bytes"] == sum(column["bytes"] for column in report["columns"]) < report["pandas_bytes"]
    assert "written" not in report or report["written"] is None


def test_errors_are_one_line_and_a_status(tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("a,b\n1\n")
    done = subprocess.run(
        [sys.executable, "-m", "bandi", "diet", str(path)],
        capture_output=True, text=True, check=False, env={"PATH": "", "PYTHONPATH": ":".join(sys.path)},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "bandi: bad.csv:2: expected 2 cells, as in the header, found 1 cells\n"
