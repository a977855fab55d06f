"""Characters that no line shows are found, and written out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandi.model.printable import escaped, first_unprintable


@pytest.mark.parametrize("text", ["kim", "+3 %, interval above 0", "독자 👩\u200d💻", "नमस्ते", ""])
def test_what_people_write_is_left_as_it_is(text: str) -> None:
    assert first_unprintable(text) == ""
    assert escaped(text) == text


@pytest.mark.parametrize(
    ("text", "first", "written"),
    [
        ("a\x1b[31mb\x07", "\x1b", r"a\x1b[31mb\x07"),
        ("a\nb", "\n", r"a\nb"),
        ("\udcff", "\udcff", r"\udcff"),
        ("a\u202eb", "\u202e", r"a\u202eb"),
        ("a\u2028b", "\u2028", r"a\u2028b"),
        ("\x9b1m", "\x9b", r"\x9b1m"),
    ],
)
def test_what_moves_the_cursor_is_written_out(text: str, first: str, written: str) -> None:
    assert first_unprintable(text) == first
    assert escaped(text) == written


def test_what_is_kept_stays() -> None:
    assert escaped("a\nb\x1b", kept="\n") == "a\nb\\x1b"


@given(st.text(st.characters()))
def test_written_out_it_can_be_shown_and_encoded(text: str) -> None:
    assert first_unprintable(escaped(text)) == ""
    escaped(text).encode()
