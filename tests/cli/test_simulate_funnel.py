"""`bandi simulate` in worlds with payments: what comes out, and what is refused."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from bandi.cli.simulate import command, world_file
from bandi.cli.simulate_funnel import is_funnel
from bandi.evaluation.worlds.funnel.parameters import PRESETS

SMALL = ["--readers", "300", "--days", "3", "--visits", "600", "--seeds", "2"]


def simulate(*arguments: object) -> str:
    done = CliRunner().invoke(command, [str(argument) for argument in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_every_preset_is_known_and_printed() -> None:
    for name in PRESETS:
        assert is_funnel(world_file(name))
        assert simulate("--world", name, "--print-world") == world_file(name).read_text()
    assert not is_funnel(world_file("webtoon"))
    assert not is_funnel(Path("no-such-file"))


def test_a_comparison_as_json_and_as_files(tmp_path: Path) -> None:
    world = tmp_path / "mine.toml"
    world.write_text(simulate("--world", "thin", "--print-world").replace("count = 300 ", "count = 40 "))
    out = tmp_path / "out"
    text = simulate(
        "--world", world, *SMALL, "--policy", "editor", "--policy", "thompson", "--segments", 2, "--json", "--out", out
    )
    comparison = json.loads(text)
    assert [line["policy"] for line in comparison["lines"]] == ["editor", "thompson"]
    assert comparison["baseline"] == "editor"
    assert 400 < comparison["visits"] < 800
    assert {path.name for path in out.iterdir()} == {"runs.parquet", "titles.parquet", "report.md"}


def test_a_table_is_printed() -> None:
    text = simulate("--world", "thin", *SMALL, "--policy", "thompson", "--objective", "coins")
    assert "coins" in text
    assert "thompson" in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--http", "http://localhost:1"), "--http drives worlds without payments"),
        (("--baseline", "x"), "--baseline x"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: tuple[str, ...], words: str) -> None:
    done = CliRunner().invoke(command, ["--world", "thin", *arguments])
    assert done.exit_code == 2
    assert words in done.output
