"""Conditions on titles, as an operator writes them: `genre in ["drama", "romance"] and not fields.price > 3`.

    or     = and {"or" and}
    and    = not {"and" not}
    not    = "not" not | test
    test   = "(" or ")" | "true" | "false" | name | name sign value | value sign name
           | name ["not"] "in" "[" value {"," value} "]" | text ["not"] "in" list
    name   = "genre" | "author" | "language" | "age_rating" | "editor_rank" | "episodes" | "free_episodes"
           | "wait_free" | "active" | "fields." (word | text)
    list   = "tags" | "regions"
    sign   = "==" | "!=" | "<" | "<=" | ">" | ">="
    value  = text | number | "true" | "false" | "null"

A text stands in '...' or "...", with a backslash before a quote or a backslash in it. `== null` and `!= null` ask whether the
title says anything by that name; a name alone asks whether it is true. What a title does not say (no value, an empty text, a
NaN, a value of another type than the one it is compared with) is unknown, see `bandi.eligibility.conditions`; a title is kept
where the whole is true. Numbers compare as 64-bit floats, texts by code point.

Nothing is evaluated as Python. Parsing is recursive descent, O(length), over at most `MAX_LENGTH` characters.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from bandi.catalog.columns import FIELD, LISTS, NUMBERS, TEXTS, TRUTHS, ColumnKind, ColumnName, Columns
from bandi.eligibility.conditions import (
    ORDERS,
    All,
    Condition,
    Constant,
    Either,
    Holds,
    IsNumber,
    IsValue,
    Missing,
    Not,
    NumberOrder,
    TextOrder,
    Value,
)
from bandi.eligibility.tokens import Token, refused, split
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array

MAX_LENGTH = 2_000
MAX_DEPTH = 32
MAX_VALUES = 256
"""Longest text in characters, deepest nesting of parentheses and `not`, longest list."""
_NAMES = (*TEXTS, *NUMBERS, *TRUTHS)
_WORDS = ("and", "or", "not", "in", "true", "false", "null")
_LITERALS: dict[str, Value | None] = {"true": True, "false": False, "null": None}
_MIRRORED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


@dataclass(frozen=True, slots=True)
class Expression:
    """A condition that was understood. Make one with `parse`."""

    text: str
    condition: Condition
    needs: frozenset[ColumnName]
    """The columns that `keeps` looks at."""

    def keeps(self, columns: Columns) -> Array:
        """Whether it is true of each title: bool[size], new or read-only. O(size * conditions)."""
        return self.condition.answer(columns).true


def parse(text: str, where: str = "expression") -> Expression:
    """Understand an expression. where: how errors name it.

    Raises InvalidInputError, which points at the column (from 1) of what was not expected.
    """
    if not isinstance(text, str):
        raise InvalidInputError(Problem(where, repr(text)[:66], "a text"))
    if len(text) > MAX_LENGTH:
        raise InvalidInputError(Problem(where, f"{len(text):,} characters", f"at most {MAX_LENGTH:,}"))
    condition = _Parser(text, where).whole()
    return Expression(text, condition, frozenset(condition.needs()))


class _Named(NamedTuple):
    """A name and where it stood."""

    name: str
    token: Token


class _Parser:
    """Recursive descent; every method takes the tokens that it is named for and returns what they mean."""

    def __init__(self, text: str, where: str) -> None:
        self._where = where
        self._tokens = split(text, where)
        self._at = 0
        self._depth = 0

    def whole(self) -> Condition:
        condition = self._or()
        if self._next.kind != "end":
            raise self._refused(self._next, "`and`, `or` or the end")
        return condition

    def _or(self) -> Condition:
        parts = [self._and()]
        while self._take("or"):
            parts.append(self._and())
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _and(self) -> Condition:
        parts = [self._not()]
        while self._take("and"):
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _not(self) -> Condition:
        token = self._next
        if self._take("not"):
            return Not(self._nested(token, self._not))
        return self._test()

    def _test(self) -> Condition:
        token = self._next
        if self._take("("):
            condition = self._nested(token, self._or)
            self._expect(")", "`and`, `or` or a closing parenthesis")
            return condition
        if token.kind in ("text", "number") or token.text in _LITERALS:
            return self._about_value(token)
        named = self._name()
        if named.name in LISTS:
            raise self._refused(token, "a condition", f'as in "romance" in {named.name}')
        return self._about_name(named)

    def _nested(self, token: Token, parse_inside: Callable[[], Condition]) -> Condition:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._refused(token, f"at most {MAX_DEPTH} parentheses and `not` inside each other")
        condition = parse_inside()
        self._depth -= 1
        return condition

    def _about_value(self, token: Token) -> Condition:
        """A value stands first: `3 < fields.price`, `"gore" in tags`, `true`."""
        value = self._value()
        sign = self._next
        if self._take(*_MIRRORED):
            condition = self._compared(self._name(), _MIRRORED[sign.text], value, token)
            self._no_chain()
            return condition
        if sign.text in ("in", "not") and sign.kind == "word":
            return self._in_list(token, value)
        if isinstance(value, bool):
            return Constant(value)
        raise self._refused(sign, "a comparison", "as in 3 < fields.price")

    def _in_list(self, token: Token, value: Value | None) -> Condition:
        negated = self._take("not")
        self._expect("in", "`in`")
        named = self._name()
        if named.name not in LISTS:
            raise self._refused(
                named.token, f"one of: {', '.join(LISTS)}", f"write {named.name} == ... or {named.name} in [...]"
            )
        if not isinstance(value, str):
            raise self._refused(token, "a text")
        condition = Holds(named.name, value)
        return Not(condition) if negated else condition

    def _about_name(self, named: _Named) -> Condition:
        sign = self._next
        if self._take(*_MIRRORED):
            token = self._next
            condition = self._compared(named, sign.text, self._value(), token)
            self._no_chain()
            return condition
        if sign.kind == "word" and sign.text in ("in", "not"):
            negated = self._take("not")
            self._expect("in", "`in`")
            condition = self._among(named)
            return Not(condition) if negated else condition
        if named.name in TRUTHS or named.name.startswith(FIELD):
            return IsValue(named.name, (True,))
        raise self._refused(sign, f"a comparison: {', '.join(_MIRRORED)}, in")

    def _compared(self, named: _Named, sign: str, value: Value | None, token: Token) -> Condition:
        if named.name in LISTS:
            raise self._refused(
                named.token, f"one of: {', '.join(_NAMES)}, {FIELD}NAME", f'write "..." in {named.name}'
            )
        if value is None:
            if sign in ORDERS:
                raise self._refused(token, "a number or a text", "null goes with == and !=")
            kind = ColumnKind.NUMBERS if named.name in NUMBERS else ColumnKind.CODES
            missing = Missing(ColumnName(kind, named.name))
            return Not(missing) if sign == "!=" else missing
        self._check_type(named, value, token)
        if sign not in ORDERS:
            equal = _equal(named.name, [value])
            return Not(equal) if sign == "!=" else equal
        if isinstance(value, bool):
            raise self._refused(token, "a number or a text", "true and false go with == and !=")
        return TextOrder(named.name, sign, value) if isinstance(value, str) else NumberOrder(named.name, sign, value)

    def _among(self, named: _Named) -> Condition:
        self._expect("[", "a list in brackets")
        values: list[Value] = []
        while True:
            token = self._next
            value = self._value()
            if value is None:
                raise self._refused(token, "a value", f"write {named.name} == null or ...")
            self._check_type(named, value, token)
            if values and type(value) is not type(values[0]):
                raise self._refused(token, "values of one type in one list")
            values.append(value)
            if len(values) > MAX_VALUES:
                raise self._refused(token, f"at most {MAX_VALUES} values in a list")
            if not self._take(","):
                self._expect("]", "a comma or a closing bracket")
                return _equal(named.name, values)

    def _check_type(self, named: _Named, value: Value, token: Token) -> None:
        name = named.name
        if name in TEXTS and not isinstance(value, str):
            raise self._refused(token, f"a text: {name} is one")
        if name in NUMBERS and not isinstance(value, float):
            raise self._refused(token, f"a number: {name} is one")
        if name in TRUTHS and not isinstance(value, bool):
            raise self._refused(token, f"true or false: {name} is one of them")
        if value == "":
            raise self._refused(token, "a text that is not empty", f"an empty text counts as missing: {name} == null")

    def _name(self) -> _Named:
        token = self._next
        if token.kind == "word" and token.text == FIELD[:-1]:
            self._at += 1
            self._expect(".", f"a dot and the field's name, as in {FIELD}price")
            field = self._next
            if field.kind not in ("word", "text") or not field.text:
                raise self._refused(field, f"the field's name, as in {FIELD}price")
            self._at += 1
            return _Named(FIELD + field.text, token)
        if token.kind == "word" and token.text in (*_NAMES, *LISTS):
            self._at += 1
            return _Named(token.text, token)
        hint = ""
        if token.kind == "word" and token.text not in _WORDS:
            hint = _nearest(token.text) or f"did you mean {FIELD}{token.text}?"
        raise self._refused(token, f"one of: {', '.join((*_NAMES, *LISTS))}, {FIELD}NAME", hint)

    def _value(self) -> Value | None:
        token = self._next
        if token.kind == "text":
            self._at += 1
            return token.text
        if token.kind == "number":
            number = float(token.text)
            if not math.isfinite(number):
                raise self._refused(token, "a finite number")
            self._at += 1
            return number
        if token.kind == "word" and token.text in _LITERALS:
            self._at += 1
            return _LITERALS[token.text]
        raise self._refused(token, "a value: a text in quotes, a number, true, false or null")

    def _no_chain(self) -> None:
        if self._next.kind == "sign" and self._next.text in _MIRRORED:
            raise self._refused(
                self._next, "`and`, `or` or the end", "compare twice: 1 < fields.price and fields.price < 3"
            )

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self, *texts: str) -> bool:
        """Whether the next token is one of these; it is taken then. A text in quotes never is."""
        token = self._next
        if token.kind in ("word", "sign") and token.text in texts:
            self._at += 1
            return True
        return False

    def _expect(self, text: str, expected: str) -> None:
        if not self._take(text):
            raise self._refused(self._next, expected)

    def _refused(self, token: Token, expected: str, hint: str = "") -> InvalidInputError:
        return refused(self._where, token, expected, hint)


def _equal(name: str, values: list[Value]) -> Condition:
    if isinstance(values[0], float):
        return IsNumber(name, tuple(value for value in values if isinstance(value, float)))
    if isinstance(values[0], bool):
        return IsValue(name, tuple(value for value in values if isinstance(value, bool)))
    return IsValue(name, tuple(value for value in values if isinstance(value, str)))


def _nearest(word: str) -> str:
    close = difflib.get_close_matches(word.lower(), (*_NAMES, *LISTS, *_WORDS, FIELD[:-1]), 1)
    return f"did you mean {close[0]}?" if close else ""
