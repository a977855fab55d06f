"""Texts that people write and a terminal shows: one line, and nothing in it that moves the cursor or turns the line around."""

from __future__ import annotations

import unicodedata

_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Control characters, lone surrogates (no UTF-8 holds them), and the separators of lines and paragraphs."""
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Unicode's explicit bidirectional controls: with them a line reads otherwise than it is."""


def first_unprintable(text: str) -> str:
    """The first character that no line shows, or an empty text. O(length)."""
    if text.isascii() and text.isprintable():
        return ""
    return next((one for one in text if _is_unprintable(one)), "")


def escaped(text: str, kept: str = "") -> str:
    r"""The text with such characters written out (`\x1b`), those of `kept` left as they are.

    >>> escaped("red: \x1b[31m")
    'red: \\x1b[31m'
    """
    if not first_unprintable(text):
        return text
    return "".join(ascii(one)[1:-1] if _is_unprintable(one) and one not in kept else one for one in text)


def _is_unprintable(character: str) -> bool:
    return character in _TURNING or unicodedata.category(character) in _CATEGORIES
