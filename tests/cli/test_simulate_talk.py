"""`bandi simulate talk`: what it writes, what it keeps, what it refuses."""

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from bandi.cli.simulate import command
from bandi.evaluation.talk import frozen as plan
from bandi.evaluation.talk.frozen import Quick


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = plan.read_frozen()
    quick = Quick(seeds=2, readers=150, days=2, visits=300, horizon=50)
    monkeypatch.setattr(plan, "read_frozen", lambda: msgspec.structs.replace(whole, quick=quick))


def talk(*arguments: object) -> Result:
    return CliRunner().invoke(command, ["talk", "--quick", "--processes", "1", *map(str, arguments)])


def test_a_report_is_written_and_its_runs_are_kept(tmp_path: Path) -> None:
    done = talk("--only", "experiments", "--no-plots", "--out", tmp_path, "--seeds", 1)
    assert done.exit_code == 0, done.output
    assert "5 runs made, 0 kept" in done.stderr
    text = (tmp_path / "talk.md").read_text()
    assert "bandi simulate talk --seeds 1 --only experiments --quick" in text
    assert not (tmp_path / "talk").exists()
    again = talk("--only", "experiments", "--no-plots", "--out", tmp_path, "--seeds", 2)
    assert "5 runs made, 5 kept" in again.stderr
    assert "2 draws" in (tmp_path / "talk.md").read_text()


def test_a_world_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(CliRunner().invoke(command, ["--world", "thin", "--print-world"]).stdout)
    done = talk("--only", "presets", "--world", file, "--no-plots", "--out", tmp_path, "--seeds", 1)
    assert done.exit_code == 0, done.output
    text = (tmp_path / "talk.md").read_text()
    assert "### mine" in text
    assert str(tmp_path) not in text


def test_without_matplotlib_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    done = talk("--only", "bound", "--out", tmp_path)
    assert done.exit_code == 1
    assert "bandi[report]" in str(done.exception)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--seeds", "2", "talk"], "seeds stands before talk"),
        (["talk", "--no-plots", "--world", "thin", "--world", "thin"], "each once"),
        (["talk", "--only", "x"], "clicks"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: list[str], words: str) -> None:
    done = CliRunner().invoke(command, arguments)
    assert done.exit_code == 2
    assert words in done.output
