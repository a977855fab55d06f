"""The types of `bandi.toml`'s values in words, and what a mistake in one is told with."""

from __future__ import annotations

import difflib
import types
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from bandi.model.config_values import Struct


@dataclass(frozen=True, slots=True)
class Found:
    """A problem before its line is known. keys: the path to the value."""

    keys: tuple[str, ...]
    found: str
    expected: str
    hint: str = ""


def described(kind: Any, rules: list[msgspec.Meta]) -> str:
    """A type in words, such as `a number from 0 to 1`."""
    kind, more = unwrapped(kind)
    rules = [*rules, *more]
    if get_origin(kind) is tuple:
        inner = get_args(kind)[0]
        if any(is_struct(member) for member in members_of(inner)):
            return "a list of tables"
        return f"a list, each {described(inner, [])}"
    literals = [choice for member in members_of(kind) if get_origin(member) is Literal for choice in get_args(member)]
    if literals:
        return "one of: " + ", ".join(map(str, literals))
    members = [member for member in members_of(kind) if member is not type(None)]
    inner, inner_rules = unwrapped(members[0])
    rules = [*rules, *inner_rules]
    if any(rule.pattern and "ms|s|m|h|d" in rule.pattern for rule in rules):
        return "a duration such as 30m, 12h or 14d"
    names = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}
    words = " or ".join(names.get(unwrapped(member)[0], str(member)) for member in members)
    for rule in rules:
        low = f"from {rule.ge}" if rule.ge is not None else f"above {rule.gt}" if rule.gt is not None else ""
        high = f"to {rule.le}" if rule.le is not None else f"below {rule.lt}" if rule.lt is not None else ""
        words = " ".join(filter(None, (words, low, high)))
    return words


def unwrapped(kind: Any) -> tuple[Any, list[msgspec.Meta]]:
    """The type and its rules; of a type that may be absent, those of the type (TOML has no null)."""
    given = [member for member in members_of(kind) if member is not type(None)]
    if len(given) == 1:
        kind = given[0]
    if get_origin(kind) is Annotated:
        inner, *rules = get_args(kind)
        return inner, [rule for rule in rules if isinstance(rule, msgspec.Meta)]
    return kind, []


def members_of(kind: Any) -> tuple[Any, ...]:
    """The types that a value may have: those of a union, or the one."""
    return get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)


def is_struct(kind: Any) -> bool:
    """Whether a type is a table of the file."""
    return isinstance(kind, type) and issubclass(kind, Struct)


def nearest(value: Any, names: Any) -> str:
    """The nearest valid name as a hint; empty where none is near."""
    close = difflib.get_close_matches(str(value), [str(name) for name in names], 1)
    return f"did you mean {close[0]}?" if close else ""


def shown(value: Any) -> str:
    """A value as it is quoted back, at most 70 characters."""
    return f"{value!r:.70}"
