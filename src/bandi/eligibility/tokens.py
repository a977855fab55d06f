"""The words of an expression, each with the column that it stands in."""

from __future__ import annotations

import re
from typing import NamedTuple

from bandi.model.errors import InvalidInputError, Problem

_FOREIGN = {"=": "==", "&&": "and", "&": "and", "||": "or", "|": "or", "!": "not", "<>": "!="}
"""Signs of other languages, and what they are called here."""
_PATTERN = re.compile(
    r"""(?P<space>\s+)
    | (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<number>-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?!\w))
    | (?P<word>[^\W\d]\w*)
    | (?P<sign>==|!=|<=|>=|<(?!>)|>|[()\[\],.])
    | (?P<foreign>&&|\|\||<>|[=&|!])""",
    re.VERBOSE | re.DOTALL,
)


class Token(NamedTuple):
    """kind: `text` (without its quotes), `number`, `word`, `sign` or `end`; column: counted from 1."""

    kind: str
    text: str
    column: int


def split(text: str, where: str) -> list[Token]:
    """The tokens, `end` last. O(length). Raises InvalidInputError where something is no token."""
    tokens = []
    at = 0
    while at < len(text):
        match = _PATTERN.match(text, at)
        if match is None:
            expected = "a closing quote" if text[at] in "\"'" else "a name, a value or a sign"
            raise refused(where, Token("?", text[at : at + 20], at + 1), expected)
        token = Token(str(match.lastgroup), match.group(), at + 1)
        if token.kind == "foreign":
            raise refused(where, token, "a name, a value or a sign", f"write {_FOREIGN[token.text]}")
        if token.kind == "text":
            token = token._replace(text=_unescaped(token, where))
        if token.kind != "space":
            tokens.append(token)
        at = match.end()
    return [*tokens, Token("end", "", len(text) + 1)]


def refused(where: str, token: Token, expected: str, hint: str = "") -> InvalidInputError:
    """The error that points at a token."""
    found = "the end" if token.kind == "end" else repr(token.text)[:66]
    return InvalidInputError(Problem(f"{where}, column {token.column}", found, expected, hint))


def _unescaped(token: Token, where: str) -> str:
    for match in re.finditer(r"\\(.)", token.text, re.DOTALL):
        if match.group(1) not in "\"'\\":
            wrong = Token("?", match.group(), token.column + match.start())
            raise refused(where, wrong, "a quote or a backslash behind a backslash")
    return re.sub(r"\\(.)", r"\1", token.text[1:-1], flags=re.DOTALL)
