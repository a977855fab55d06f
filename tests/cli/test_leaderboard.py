"""`bandi leaderboard` as a user meets it."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from bandi.cli.leaderboard import code_version, command
from bandi.cli.main import main

MINE = 'kind = "policy"\nname = "mine"\nby = "somebody"\n\n[policy]\nuse = "epsilon_greedy"\nepsilon = 0.3\n'


def test_a_world_with_an_entry_of_ones_own(tmp_path: Path) -> None:
    entry, out = tmp_path / "mine.toml", tmp_path / "board.md"
    entry.write_text(MINE)
    options = ["--world", "webtoon", "--entry", str(entry), "--seeds", "2", "--visits", "40", "--out", str(out)]
    result = CliRunner().invoke(command, options)
    assert result.exit_code == 0, result.output
    page = out.read_text()
    assert "| mine |" in page
    assert "| somebody |" in page
    assert "| thompson |" in page
    assert str(tmp_path) not in page
    assert "--entry mine.toml --seeds 2 --visits 40" in page


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "nothing to judge by"),
        (["--data", "movielens-small"], "expected NAME=PATH"),
        (["--data", "movielens-smal=."], "did you mean movielens-small"),
        (["--data", "nsmc=."], "nothing to judge by"),
        (["--data", "mind=."], "no format"),
        (["--data", "ratings=nowhere"], "no nowhere"),
        (["--world", "calibrated"], "a world with payments"),
        (["--world", "nowhere.toml"], "nowhere.toml"),
        (["--world", "webtoon", "--entry", "nowhere.toml"], "nowhere.toml"),
    ],
)
def test_what_is_refused(
    options: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as status:
        main(["leaderboard", *options])
    assert status.value.code == 2
    assert message in capsys.readouterr().err


def test_the_code_is_named_by_its_version() -> None:
    assert code_version().startswith("Bandi ")
