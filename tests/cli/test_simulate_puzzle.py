"""`bandi simulate puzzle`: what it writes, and that it writes the same again."""

from pathlib import Path

from click.testing import CliRunner

from bandi.cli.simulate import command


def test_a_report_is_written_and_is_the_same_again(tmp_path: Path) -> None:
    texts = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        arguments = ["puzzle", "--seeds", "1", "--draws", "2", "--readers", "400", "--no-plot", "--out", str(folder)]
        done = CliRunner().invoke(command, arguments)
        assert done.exit_code == 0, done.output
        texts.append((folder / "puzzle.md").read_text())
    assert texts[0] == texts[1]
    assert "bandi simulate puzzle --seeds 1 --draws 2 --readers 400" in texts[0]
    assert "nan" not in texts[0]
