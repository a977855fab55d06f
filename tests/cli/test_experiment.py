"""`bandi experiment` on a small folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.engine.conftest import ITEMS
from tests.engine.test_experiments import CONFIG

import bandi
from bandi.cli.main import bandi_command
from bandi.model.errors import BandiError, FolderBusyError
from bandi.model.experiment_changes import Start, Stop

SAID = ("--who", "kim", "--why", "weekly look")


def run(*arguments: str | Path) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(bandi_command, ["experiment", *(str(part) for part in arguments)])


def out(*arguments: str | Path) -> str:
    done = run(*arguments)
    assert done.exception is None, done.exception
    return done.stdout


def error(*arguments: str | Path) -> str:
    done = run(*arguments)
    assert isinstance(done.exception, BandiError)
    return str(done.exception)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "shop.bandi"
    folder.mkdir()
    (folder / "bandi.toml").write_text(CONFIG, encoding="utf-8")
    return folder


def test_the_life_of_an_experiment(folder: Path) -> None:
    assert "declared" in out("list", folder)
    assert out("start", folder, "bold", *SAID).startswith("bold: running, share 0.5")
    assert "ramp_down" in error("ramp", folder, "bold", "--share", "0.2", *SAID)
    assert "share 0.8" in out("ramp", folder, "bold", "--share", "0.8", *SAID)
    assert "share 0.2" in out("ramp", folder, "bold", "--share", "0.2", "--down", *SAID)
    with bandi.open(folder) as shop:
        shop.items.put(ITEMS)
        met = [variant for i in range(60) if (variant := shop.recommend(f"r{i}").variant)]
    assert "stopped" in out("stop", folder, "bold", *SAID)
    assert "did you mean treatment" in error("conclude", folder, "bold", "--winner", "treatmen", *SAID)
    assert "[experiments.bold.variants.treatment]" in out("conclude", folder, "bold", "--winner", "treatment", *SAID)
    view = json.loads(out("show", folder, "bold", "--json"))
    actions = [record["change"]["action"] for record in view["changes"]]
    assert actions == ["start", "ramp", "ramp_down", "stop", "conclude"]
    assert {each["name"]: each["readers"] for each in view["variants"]} == {
        name: met.count(f"bold.{name}") for name in ("control", "treatment")
    }
    shown = out("show", folder, "bold")
    assert "winner: treatment" in shown and "weekly look" in shown
    assert json.loads(out("list", folder, "--json"))["experiments"] == [view]


def test_show_prints_every_change(folder: Path) -> None:
    with bandi.open(folder) as shop:
        for i in range(60):
            for change in (Start(who="kim", why=f"start {i}"), Stop(who="kim", why=f"stop {i}")):
                shop.experiments.change("bold", change)
    view = json.loads(out("show", folder, "bold", "--json"))
    assert (len(view["changes"]), view["older_changes"]) == (120, 0)
    assert "start 0" in out("show", folder, "bold")
    (listed,) = json.loads(out("list", folder, "--json"))["experiments"]
    assert (len(listed["changes"]), listed["older_changes"]) == (10, 110)


def test_a_folder_called_like_markup_is_listed(folder: Path) -> None:
    called = folder.rename(folder.parent / "[red]shop[")
    assert "[red]shop[: experiments" in out("list", called)


def test_bad_input(folder: Path) -> None:
    assert "did you mean bold" in error("start", folder, "bolt", *SAID)
    assert "--share" in error("ramp", folder, "bold", "--share", "1.2", *SAID)
    assert run("start", folder, "bold", "--who", "kim").exit_code == 2


@pytest.mark.parametrize(
    ("option", "value"),
    [("--who", "k" * 257), ("--why", "w" * 1_001), ("--who", "k\udcff"), ("--why", "red \x1b[31m"), ("--who", " ")],
)
def test_words_beyond_their_limit_are_refused_and_the_folder_opens(folder: Path, option: str, value: str) -> None:
    said = {"--who": "kim", "--why": "weekly look", option: value}
    assert f"$.{option[2:]}" in error("start", folder, "bold", *(text for pair in said.items() for text in pair))
    assert "declared" in out("list", folder)
    assert "running" in out("start", folder, "bold", *SAID)


@pytest.mark.parametrize("share", ["1.0000001", "nan", "-0.5", "0"])
def test_a_share_beyond_its_limit_is_refused_and_the_folder_opens(folder: Path, share: str) -> None:
    assert "--share" in error("ramp", folder, "bold", f"--share={share}", *SAID)
    assert "running" in out("start", folder, "bold", *SAID)


def test_a_folder_in_use_says_where_changes_go(folder: Path) -> None:
    with bandi.open(folder):
        done = run("start", folder, "bold", *SAID)
    assert isinstance(done.exception, FolderBusyError)
    assert "POST /v1/experiments/NAME/changes" in str(done.exception)
