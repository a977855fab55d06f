"""`bandi.toml` as text: read with every problem named by file, line and nearest valid name."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from bandi.model.config import Config
from bandi.model.config_checks import cross_checks
from bandi.model.config_kinds import Found, described, is_struct, members_of, nearest, shown, unwrapped
from bandi.model.config_values import Struct
from bandi.model.errors import ConfigError, Problem
from bandi.model.experiment_checks import experiment_checks
from bandi.model.metric_checks import metric_checks
from bandi.model.request_ids import MAX_PLACEMENTS

MAX_BYTES = 1 << 20
MAX_DEPTH = 32


def parse_config(text: str | bytes, file: str = "bandi.toml") -> Config:
    """The configuration. Raises ConfigError with every problem found, each as `file:line`."""
    tree, lines = _read(text, file)
    found = list(_problems(tree, Config, ()))
    if not found:
        found = [*cross_checks(tree), *experiment_checks(tree), *metric_checks(tree)]
    if not found:
        try:
            return msgspec.convert(tree, Config)
        except msgspec.ValidationError as error:
            message, _, path = str(error).partition(" - at `$")
            keys = tuple(re.findall(r"[^.\[\]`]+", path))
            found = [Found(keys, "a value that does not fit", message)]
    raise ConfigError([_placed(problem, lines, file) for problem in found])


def placed(text: bytes, file: str, keys: tuple[str, ...], problem: Problem) -> Problem:
    """A problem that was found later, with the file and the line of its key before it."""
    found = _placed(Found(keys, problem.found, problem.expected, problem.hint), _read(text, file)[1], file)
    detail = problem.where.removeprefix(".".join(keys))
    return Problem(found.where + detail, found.found, found.expected, found.hint)


def find_problems(text: str | bytes, file: str, struct: type[Struct]) -> dict[str, Any]:
    """The file as plain values, for another kind of TOML file. Raises ConfigError where it does not fit `struct`."""
    tree, lines = _read(text, file)
    found = list(_problems(tree, struct, ()))
    if found:
        raise ConfigError([_placed(problem, lines, file) for problem in found])
    return tree


def _read(text: str | bytes, file: str) -> tuple[dict[str, Any], list[str]]:
    if len(text) > MAX_BYTES:
        raise ConfigError(Problem(file, f"{len(text)} bytes", f"at most {MAX_BYTES} bytes"))
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            found = f"byte 0x{error.object[error.start]:02x}"
            raise ConfigError(Problem(f"{file}:{line}", found, "UTF-8 text", "save the file as UTF-8")) from None
    lines = text.splitlines()
    if (deep := next((i for i, line in enumerate(lines, 1) if _depth(line) > MAX_DEPTH), None)) is not None:
        raise ConfigError(Problem(f"{file}:{deep}", "deeply nested values", f"at most {MAX_DEPTH} levels"))
    try:
        return tomllib.loads(text), lines
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        line = int(place[1]) if place else len(lines)
        found = lines[line - 1].strip()[:60] if 0 < line <= len(lines) else "the end of the file"
        reason = str(error).partition(" (at")[0]
        raise ConfigError(Problem(f"{file}:{line}", repr(found), "valid TOML", reason)) from None


def _depth(line: str) -> int:
    return max(line.count("["), line.count("{"), line.count("."))


def _problems(value: Any, kind: Any, keys: tuple[str, ...]) -> Iterator[Found]:
    """All that is wrong with a value of the file, given the type it should have."""
    kind, rules = unwrapped(kind)
    structs = [member for member in members_of(kind) if is_struct(member)]
    if structs:
        yield from _table_problems(value, structs, keys)
    elif get_origin(kind) is dict:
        name_kind, inner = get_args(kind)
        yield from _named_tables(value, name_kind, inner, keys)
    elif get_origin(kind) is tuple:
        yield from _list_problems(value, kind, rules, keys)
    elif (wrong := _scalar_problem(value, kind, rules, keys)) is not None:
        yield wrong


def _list_problems(value: Any, kind: Any, rules: list[msgspec.Meta], keys: tuple[str, ...]) -> Iterator[Found]:
    if not isinstance(value, list):
        yield Found(keys, shown(value), described(kind, rules))
        return
    most = next((rule.max_length for rule in rules if rule.max_length is not None), None)
    if most is not None and len(value) > most:
        yield Found(keys, f"{len(value)} entries", f"at most {most}")
    least = next((rule.min_length for rule in rules if rule.min_length is not None), 0)
    if len(value) < least:
        yield Found(keys, f"{len(value)} entries", f"at least {least}")
    for i, inner in enumerate(value):
        yield from _problems(inner, get_args(kind)[0], (*keys, str(i)))


def _table_problems(value: Any, structs: list[type[Struct]], keys: tuple[str, ...]) -> Iterator[Found]:
    if not isinstance(value, dict):
        yield Found(keys, shown(value), "a table of keys and values")
        return
    struct = structs[0]
    tag_field = struct.__struct_config__.tag_field
    if tag_field:
        by_tag = {str(member.__struct_config__.tag): member for member in structs}
        tag = value.get(tag_field)
        if tag not in by_tag:
            found = shown(tag) if tag_field in value else "nothing"
            yield Found((*keys, tag_field), found, f"one of: {', '.join(by_tag)}", nearest(tag, by_tag))
            return
        struct = by_tag[tag]
    hints = get_type_hints(struct, include_extras=True)
    for field in msgspec.structs.fields(struct):
        if field.required and field.name not in value:
            yield Found((*keys, field.name), "nothing", "this key")
    for key, inner in value.items():
        if key == tag_field:
            continue
        if key in struct.__struct_fields__:
            yield from _problems(inner, hints[key], (*keys, key))
        else:
            known = list(struct.__struct_fields__)
            yield Found((*keys, key), "an unknown key", f"one of: {', '.join(known)}", nearest(key, known))


def _named_tables(value: Any, name_kind: Any, kind: Any, keys: tuple[str, ...]) -> Iterator[Found]:
    if not isinstance(value, dict):
        yield Found(keys, shown(value), "a table of tables")
        return
    if not value:
        yield Found(keys, "an empty table", "at least one entry")
    if len(value) > MAX_PLACEMENTS - 1:
        yield Found(keys, f"{len(value)} entries", f"at most {MAX_PLACEMENTS - 1}")
        return
    for name, inner in value.items():
        if _scalar_problem(name, *unwrapped(name_kind), keys) is not None:
            expected = "a name of lower-case letters, digits and _, at most 64, a letter first"
            if get_origin(unwrapped(name_kind)[0]) is Literal:
                expected = described(name_kind, [])
            yield Found((*keys, name), f"the name {name!r:.70}", expected)
        yield from _problems(inner, kind, (*keys, name))


def _scalar_problem(value: Any, kind: Any, rules: list[msgspec.Meta], keys: tuple[str, ...]) -> Found | None:
    try:
        msgspec.convert(value, Annotated[(kind, *rules)] if rules else kind)
    except msgspec.ValidationError:
        hint = ""
        members = members_of(kind)
        literals = [choice for member in members if get_origin(member) is Literal for choice in get_args(member)]
        if literals:
            hint = nearest(value, literals)
        return Found(keys, shown(value), described(kind, rules), hint)
    return None


def _placed(problem: Found, lines: list[str], file: str) -> Problem:
    line = _line_of(problem.keys, lines)
    where = f"{file}:{line}: {'.'.join(problem.keys)}" if line else f"{file}: {'.'.join(problem.keys)}"
    return Problem(where, problem.found, problem.expected, problem.hint)


def _line_of(keys: tuple[str, ...], lines: list[str]) -> int:
    """The line on which a key stands (from 1), or that of the nearest table around it; 0 where there is none.

    tomllib gives no lines, so headers and keys are matched as text, each key at most once behind its table.
    """
    best, depth = 0, 0
    table: tuple[str, ...] = ()
    for number, line in enumerate(lines, 1):
        header = re.match(r"\s*\[\[?([^\]]+)\]", line)
        if header:
            table = _dotted(header[1])
            shared = _shared(table, keys)
            if shared == len(table) > depth:
                best, depth = number, shared
            continue
        key = re.match(r"\s*([\w.\"' -]+?)\s*=", line)
        if not key or _shared(table, keys) != len(table):
            continue
        path = table + _dotted(key[1])
        if _shared(path, keys) == len(path) >= depth:
            inside = len(path)
            for name in keys[len(path) :]:
                if not re.search(rf"\b{re.escape(name)}\b", line):
                    break
                inside += 1
            if inside > depth:
                best, depth = number, inside
    return best


def _dotted(text: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in text.split("."))


def _shared(path: tuple[str, ...], keys: tuple[str, ...]) -> int:
    count = 0
    for mine, other in zip(path, keys, strict=False):
        if mine != other:
            break
        count += 1
    return count
