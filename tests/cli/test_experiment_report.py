"""`bandi experiment report` on a folder whose experiment ran."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result
from tests.engine.conftest import ITEMS
from tests.engine.test_experiments import CONFIG

import bandi
from bandi.cli.main import bandi_command
from bandi.model.errors import UnknownNameError
from bandi.model.experiment_changes import Start


def run(*arguments: str | Path) -> Result:
    command = ["experiment", "report", *(str(part) for part in arguments)]
    return CliRunner(env={"COLUMNS": "200"}).invoke(bandi_command, command)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Sixty readers at one look: too few for any verdict."""
    folder = tmp_path / "shop.bandi"
    folder.mkdir()
    (folder / "bandi.toml").write_text(CONFIG, encoding="utf-8")
    with bandi.open(folder) as shop:
        shop.items.put(ITEMS)
        shop.experiments.change("bold", Start(who="kim", why="a test"))
        for i in range(60):
            ranking = shop.recommend(f"r{i}")
            shop.record(bandi.Impression(user=f"r{i}", item=ranking[0].item, request=ranking.request_id))
            if i % 3 == 0:
                shop.record(bandi.Click(user=f"r{i}", item=ranking[0].item, request=ranking.request_id))
    return folder


def test_few_readers_say_nothing_yet(folder, tmp_path):
    done = run(folder, "bold", "--out", tmp_path / "out")
    assert done.exception is None, done.exception
    assert "nothing yet: ctr, treatment against control" in done.stdout
    assert "bold: State: running. Control: control. One look" in done.stdout
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["bold.html", "bold.md", "bold.parquet"]
    frame = pl.read_parquet(tmp_path / "out" / "bold.parquet")
    result = json.loads(run(folder, "bold", "--json").stdout)
    exposed = frame.filter((pl.col("series") == "look") & (pl.col("metric") == "ctr"))["readers"].to_list()
    assert exposed == result["readers"]
    assert 10 < sum(exposed) < 50


def test_only_the_named_formats(folder, tmp_path):
    done = run(folder, "bold", "--out", tmp_path / "out", "--format", "md")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["bold.md"]
    assert "bold.md" in done.stderr


def test_before_the_start_nobody_took_part(tmp_path):
    (tmp_path / "bandi.toml").write_text(CONFIG, encoding="utf-8")
    bandi.open(tmp_path).close()
    done = run(tmp_path, "bold")
    assert done.exception is None, done.exception
    assert done.stdout.startswith("!! NOBODY HAS TAKEN PART YET")


def test_bad_input(folder):
    unknown = run(folder, "bolt")
    assert isinstance(unknown.exception, UnknownNameError) and "bold" in str(unknown.exception)
    assert "--out DIR" in run(folder, "bold", "--format", "md").output
