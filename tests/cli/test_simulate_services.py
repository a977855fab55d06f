"""`bandi simulate --service`: what comes out, and what is refused."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from bandi.cli.main import main
from bandi.cli.simulate import command, read_service, world_file
from bandi.evaluation.service_runs import checked_service
from bandi.evaluation.worlds.parameters import read_parameters

FEW = ["--seeds", "1", "--visits", "150", "--processes", "1", "--train-every-days", "4"]


def test_two_services_as_json_and_as_files(tmp_path: Path) -> None:
    own = tmp_path / "mine.toml"
    own.write_text('[placements.home]\npolicy = { use = "editor" }\n')
    arguments = ["--service", "spine", "--service", str(own), *FEW, "--json", "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["baseline"], found["visits"], found["seeds"]) == ("spine", 150, 1)
    assert [(line["service"], line["placement"]) for line in found["placements"]] == [
        ("spine", "home"), ("spine", "viewer_end"), ("mine", "home"),
    ]  # fmt: skip
    assert found["services"][0]["trainings"] == 2
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"service_runs.parquet", "report.md"}


def test_the_services_that_come_with_bandi_run(tmp_path: Path) -> None:
    arguments = ["--service", "spine", "--service", "personal", *FEW]
    result = CliRunner().invoke(command, arguments, env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    assert "viewer_end" in result.stdout
    assert "clicks per visit" in result.stdout


@pytest.mark.parametrize("name", ["webtoon", "personal"])
def test_worlds_by_name(name: str) -> None:
    printed = CliRunner().invoke(command, ["--print-world", "--world", name])
    assert printed.stdout == world_file(name).read_text(encoding="utf-8")
    assert read_parameters(world_file(name)).titles.count in (200, 500)


MISTAKES = [
    (["--service", "spin"], "one of: personal, spine"),
    (["--service", "spine", "--service", "spine"], "each once"),
    (["--service", "spine", "--policy", "thompson"], "the first service is the baseline"),
    (["--world", "nowhere.toml"], "nowhere.toml"),
]


@pytest.mark.parametrize(("arguments", "words"), MISTAKES)
def test_mistakes_are_named(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["simulate", *arguments])
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


def test_presets_are_read_by_name() -> None:
    assert read_service("spine").name == "spine"
    assert checked_service("personal", read_service("personal").config).name == "personal"
