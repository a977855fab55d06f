"""Tables on the terminal show what they are given, whatever it looks like."""

import pytest

from bandi.cli.console_tables import print_table

LIKE_MARKUP = ["[red]", "[/red]", "[/]", "[bold]x[/bold]", "[link=https://example.com]x[/link]", "C:\\[0]"]


@pytest.mark.parametrize("text", LIKE_MARKUP)
def test_nothing_is_read_as_markup(
    text: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    print_table(f"title {text}", [f"header {text}"], [[f"cell {text}"]], f"caption {text}")
    shown = capsys.readouterr().out
    for part in ("title", "header", "cell", "caption"):
        assert f"{part} {text}" in shown


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a\x1b[2Jb", r"a\x1b[2Jb"),
        ("a\rb", r"a\rb"),
        ("a\x9b1mb", r"a\x9b1mb"),
        ("a\udcffb", r"a\udcffb"),
        ("a\u202eb", r"a\u202eb"),
    ],
)
def test_what_moves_the_cursor_is_written_out(
    text: str, written: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    print_table(f"title {text}", [f"header {text}"], [[f"cell {text}\nlower line"]], f"caption {text}\nits second line")
    shown = capsys.readouterr().out
    assert text not in shown
    for part in ("title", "header", "cell", "caption"):
        assert f"{part} {written}" in shown
    assert r"\n" not in shown and "lower line" in shown
    assert "its second line" in shown.splitlines()[-1]
