"""`bandi data` as a user meets it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import bandi
from bandi.cli.data import command
from bandi.cli.main import main

RATINGS = "user,item,rating,timestamp\n" + "".join(f"u{i % 4},t{i},{i % 5 + 1},{964982703 + i}\n" for i in range(20))


def test_the_list_says_what_may_be_done() -> None:
    result = CliRunner().invoke(command, [])
    assert result.exit_code == 0
    assert "movielens-small: film ratings" in result.stdout
    assert "redistribute: same terms; commercial use: no" in result.stdout
    assert result.stdout.count("cite: ") == len(json.loads(CliRunner().invoke(command, ["--json"]).stdout))


def test_one_set_in_full() -> None:
    shown = CliRunner().invoke(command, ["show", "open-bandit"]).stdout
    for words in ("CC BY 4.0", "arXiv:2008.07146", "item_context.csv", "research.zozo.com", "position from 1 to 3"):
        assert words in shown


def test_a_file_is_loaded_into_a_new_folder_and_counts_once(tmp_path: Path) -> None:
    file, folder = tmp_path / "mine.csv", tmp_path / "mine.bandi"
    file.write_text(RATINGS)
    for taken in (28, 0):
        result = CliRunner().invoke(command, ["load", "ratings", str(file), str(folder), "--json"])
        assert result.exit_code == 0, result.output
        reports = [json.loads(line) for line in result.stdout.splitlines()]
        assert (reports[0]["taken"], reports[1]["taken"], reports[1]["duplicates"]) == (20, taken, 28 - taken)
    with bandi.open_existing(folder) as engine:
        assert len(engine.recommend(user="u1", placement="home", k=5)) == 5


def test_refused_rows_are_kept_in_the_folder(tmp_path: Path) -> None:
    file, folder = tmp_path / "mine.csv", tmp_path / "mine.bandi"
    file.write_text(RATINGS + "u1,,4,964982703\n")
    result = CliRunner().invoke(command, ["load", "ratings", str(file), str(folder)])
    assert result.exit_code == 1
    assert "1 refused" in result.stdout
    assert (folder / "mine.csv.events.refused.jsonl").is_file()
    assert not list(tmp_path.glob("*.jsonl"))


def test_nothing_is_made_where_files_are_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "films.bandi"
    with pytest.raises(SystemExit) as status:
        main(["data", "load", "movielens-1m", str(tmp_path), str(folder)])
    assert status.value.code == 2
    assert "no events file" in capsys.readouterr().err
    assert not folder.exists()


def test_an_unknown_set_is_told_the_nearest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as status:
        main(["data", "show", "movielens-smal"])
    assert status.value.code == 2
    assert "did you mean movielens-small?" in capsys.readouterr().err
