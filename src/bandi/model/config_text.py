"""`bandi.toml` as text: read with every problem named by file, line and nearest valid name; written with comments."""

from __future__ import annotations

import ast
import difflib
import inspect
import re
import tomllib
import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from bandi.model import config as config_module
from bandi.model import policy_config
from bandi.model.config import Config
from bandi.model.config_values import Struct, duration_ms
from bandi.model.errors import ConfigError, Problem
from bandi.model.policy_config import EARN_COINS, NOT_ACCOUNTED, THEN, WAYS_TO_FORGET
from bandi.model.request_ids import MAX_PLACEMENTS
from bandi.model.time_zones import is_time_zone

MAX_BYTES = 1 << 20
MAX_DEPTH = 32


def parse_config(text: str | bytes, file: str = "bandi.toml") -> Config:
    """The configuration. Raises ConfigError with every problem found, each as `file:line`."""
    tree, lines = _read(text, file)
    found = list(_problems(tree, Config, ()))
    if not found:
        found = list(_cross_checks(tree))
    if not found:
        try:
            return msgspec.convert(tree, Config)
        except msgspec.ValidationError as error:
            message, _, path = str(error).partition(" - at `$")
            keys = tuple(re.findall(r"[^.\[\]`]+", path))
            found = [_Found(keys, "a value that does not fit", message)]
    raise ConfigError([_placed(problem, lines, file) for problem in found])


def placed(text: bytes, file: str, keys: tuple[str, ...], problem: Problem) -> Problem:
    """A problem that was found later, with the file and the line of its key before it."""
    found = _placed(_Found(keys, problem.found, problem.expected, problem.hint), _read(text, file)[1], file)
    detail = problem.where.removeprefix(".".join(keys))
    return Problem(found.where + detail, found.found, found.expected, found.hint)


def find_problems(text: str | bytes, file: str, struct: type[Struct]) -> dict[str, Any]:
    """The file as plain values, for another kind of TOML file. Raises ConfigError where it does not fit `struct`."""
    tree, lines = _read(text, file)
    found = [*_problems(tree, struct, ()), *_missing(tree, struct, ())]
    if found:
        raise ConfigError([_placed(problem, lines, file) for problem in found])
    return tree


def _missing(value: Any, struct: type[Struct], keys: tuple[str, ...]) -> Iterator[_Found]:
    """Required keys that are not there."""
    hints = get_type_hints(struct)
    for field in msgspec.structs.fields(struct):
        if field.name not in value:
            if field.required:
                yield _Found((*keys, field.name), "nothing", "this key")
        elif _is_struct(hints[field.name]) and isinstance(value[field.name], dict):
            yield from _missing(value[field.name], hints[field.name], (*keys, field.name))


@dataclass(frozen=True, slots=True)
class _Found:
    """A problem before its line is known."""

    keys: tuple[str, ...]
    found: str
    expected: str
    hint: str = ""


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


def _problems(value: Any, kind: Any, keys: tuple[str, ...]) -> Iterator[_Found]:
    """All that is wrong with a value of the file, given the type it should have."""
    kind, rules = _unwrapped(kind)
    structs = [member for member in _members(kind) if _is_struct(member)]
    if structs:
        yield from _table_problems(value, structs, keys)
    elif get_origin(kind) is dict:
        name_kind, inner = get_args(kind)
        yield from _named_tables(value, name_kind, inner, keys)
    elif get_origin(kind) is tuple:
        yield from _list_problems(value, kind, rules, keys)
    elif (wrong := _scalar_problem(value, kind, rules, keys)) is not None:
        yield wrong


def _list_problems(value: Any, kind: Any, rules: list[msgspec.Meta], keys: tuple[str, ...]) -> Iterator[_Found]:
    if not isinstance(value, list):
        yield _Found(keys, _shown(value), described(kind, rules))
        return
    most = next((rule.max_length for rule in rules if rule.max_length is not None), None)
    if most is not None and len(value) > most:
        yield _Found(keys, f"{len(value)} entries", f"at most {most}")
    for i, inner in enumerate(value):
        yield from _problems(inner, get_args(kind)[0], (*keys, str(i)))


def _table_problems(value: Any, structs: list[type[Struct]], keys: tuple[str, ...]) -> Iterator[_Found]:
    if not isinstance(value, dict):
        yield _Found(keys, _shown(value), "a table of keys and values")
        return
    struct = structs[0]
    tag_field = struct.__struct_config__.tag_field
    if tag_field:
        by_tag = {str(member.__struct_config__.tag): member for member in structs}
        tag = value.get(tag_field)
        if tag not in by_tag:
            found = _shown(tag) if tag_field in value else "nothing"
            yield _Found((*keys, tag_field), found, f"one of: {', '.join(by_tag)}", _nearest(tag, by_tag))
            return
        struct = by_tag[tag]
    hints = get_type_hints(struct, include_extras=True)
    for key, inner in value.items():
        if key == tag_field:
            continue
        if key in struct.__struct_fields__:
            yield from _problems(inner, hints[key], (*keys, key))
        else:
            known = list(struct.__struct_fields__)
            yield _Found((*keys, key), "an unknown key", f"one of: {', '.join(known)}", _nearest(key, known))


def _named_tables(value: Any, name_kind: Any, kind: Any, keys: tuple[str, ...]) -> Iterator[_Found]:
    if not isinstance(value, dict):
        yield _Found(keys, _shown(value), "a table of tables")
        return
    if not value:
        yield _Found(keys, "an empty table", "at least one entry")
    if len(value) > MAX_PLACEMENTS - 1:
        yield _Found(keys, f"{len(value)} entries", f"at most {MAX_PLACEMENTS - 1}")
        return
    for name, inner in value.items():
        if _scalar_problem(name, *_unwrapped(name_kind), keys) is not None:
            expected = "a name of lower-case letters, digits and _, at most 64, a letter first"
            if get_origin(_unwrapped(name_kind)[0]) is Literal:
                expected = described(name_kind, [])
            yield _Found((*keys, name), f"the name {name!r:.70}", expected)
        yield from _problems(inner, kind, (*keys, name))


def _scalar_problem(value: Any, kind: Any, rules: list[msgspec.Meta], keys: tuple[str, ...]) -> _Found | None:
    try:
        msgspec.convert(value, Annotated[(kind, *rules)] if rules else kind)
    except msgspec.ValidationError:
        hint = ""
        members = _members(kind)
        literals = [choice for member in members if get_origin(member) is Literal for choice in get_args(member)]
        if literals:
            hint = _nearest(value, literals)
        return _Found(keys, _shown(value), described(kind, rules), hint)
    return None


def described(kind: Any, rules: list[msgspec.Meta]) -> str:
    """A type in words, such as `a number from 0 to 1`."""
    kind, more = _unwrapped(kind)
    rules = [*rules, *more]
    if get_origin(kind) is tuple:
        inner = get_args(kind)[0]
        if any(_is_struct(member) for member in _members(inner)):
            return "a list of tables"
        return f"a list, each {described(inner, [])}"
    literals = [choice for member in _members(kind) if get_origin(member) is Literal for choice in get_args(member)]
    if literals:
        return "one of: " + ", ".join(map(str, literals))
    members = [member for member in _members(kind) if member is not type(None)]
    inner, inner_rules = _unwrapped(members[0])
    rules = [*rules, *inner_rules]
    if any(rule.pattern and "ms|s|m|h|d" in rule.pattern for rule in rules):
        return "a duration such as 30m, 12h or 14d"
    names = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}
    words = " or ".join(names.get(_unwrapped(member)[0], str(member)) for member in members)
    for rule in rules:
        low = f"from {rule.ge}" if rule.ge is not None else f"above {rule.gt}" if rule.gt is not None else ""
        high = f"to {rule.le}" if rule.le is not None else f"below {rule.lt}" if rule.lt is not None else ""
        words = " ".join(filter(None, (words, low, high)))
    return words


MAX_WINDOW = "3650d"
"""Longest window of an objective."""


def _cross_checks(tree: dict[str, Any]) -> Iterator[_Found]:
    """What no single value shows: keys that belong together, and names that must exist."""
    pushing = [name for name, placement in tree.get("placements", {}).items() if "push" in placement]
    for name in pushing[1:]:
        yield _Found(("placements", name, "push"), f"{len(pushing)} placements with messages", "one at most")
    objectives = tree.get("objectives", {"click": {}})
    for name, objective in objectives.items():
        yield from _objective_checks(objective, ("objectives", name))
    for name, placement in tree.get("placements", {"home": {}}).items():
        policy, keys = placement.get("policy", {}), ("placements", name, "policy")
        objective = policy.get("objective", "click")
        if objective not in objectives:
            expected = f"one of: {', '.join(objectives)}"
            yield _Found((*keys, "objective"), repr(objective), expected, _nearest(objective, objectives))
        then = policy.get("then", THEN.get(policy.get("use", ""), ()))
        yield from _later_checks(list(then), objectives, (*keys, "then"))
        yield from _coins_checks(policy.get("use", ""), list(then), objectives, (*keys, "then"))
        yield from _exploration_checks(
            placement.get("exploration"), policy.get("use"), ("placements", name, "exploration")
        )
        yield from _state_checks(name, placement.get("states", {}), tree["placements"] if "states" in placement else {})
        yield from _push_checks(placement.get("push"), ("placements", name, "push"))
        ways = [way for way in WAYS_TO_FORGET if way in policy]
        if len(ways) > 1:
            yield _Found((*keys, ways[1]), " and ".join(ways), f"at most one of {', '.join(WAYS_TO_FORGET)}")
    placements = tree.get("placements", {"home": {}})
    for name in tree.get("holdout", {}).get("placements", []):
        if name not in placements:
            expected = f"one of: {', '.join(placements)}"
            yield _Found(("holdout", "placements"), repr(name), expected, _nearest(name, placements))


def _state_checks(name: str, states: dict[str, Any], placements: dict[str, Any]) -> Iterator[_Found]:
    for state, other in states.items():
        keys = ("placements", name, "states", state)
        if "give_up" in other and placements[name].get("policy", {}).get("use") != "earning":
            yield _Found(
                (*keys, "give_up"), _shown(other["give_up"]), 'a placement whose policy has the dial: use = "earning"'
            )
        target = other.get("use_placement")
        if target is None:
            continue
        if target not in placements or target == name:
            others = [place for place in placements if place != name]
            expected = f"one of: {', '.join(others)}" if others else "another placement (there is none)"
            yield _Found((*keys, "use_placement"), repr(target), expected, _nearest(target, others))
        elif any("use_placement" in further for further in placements[target].get("states", {}).values()):
            yield _Found((*keys, "use_placement"), repr(target), "a placement that does not pass readers on itself")
        if len(other) > 1:
            beside = ", ".join(key for key in other if key != "use_placement")
            yield _Found(
                (*keys, "use_placement"), f"{beside} beside it", "nothing beside it: the other placement says it all"
            )


def _push_checks(push: dict[str, Any] | None, keys: tuple[str, ...]) -> Iterator[_Found]:
    if push is None:
        return
    zones = {"time_zone": push.get("time_zone", "UTC"), **push.get("time_zones", {})}
    for key, zone in zones.items():
        if not is_time_zone(zone):
            where = (*keys, key) if key == "time_zone" else (*keys, "time_zones", key)
            yield _Found(where, repr(zone), "an IANA time zone such as Asia/Seoul")
    for key in ("window", "again_after", "stopped_for", "stopped_until", "expires"):
        if key in push and (len(push[key]) > 20 or duration_ms(push[key]) > duration_ms(MAX_WINDOW)):
            yield _Found((*keys, key), _shown(push[key]), f"at most {MAX_WINDOW}")


def _coins_checks(use: str, then: list[str], objectives: dict[str, Any], keys: tuple[str, ...]) -> Iterator[_Found]:
    """What is to bring coins must have some."""
    if use not in EARN_COINS or not then or then[-1] not in objectives:
        return
    last = objectives[then[-1]]
    if last.get("event", "click") == "read" or (last.get("event") == "purchase" and "value" not in last):
        yield _Found(
            keys, f"{then[-1]!r}, which brings no coins", f"purchases with value = 'coins' at the end of {use}'s chain"
        )


def _exploration_checks(exploration: dict[str, Any] | None, use: str | None, keys: tuple[str, ...]) -> Iterator[_Found]:
    if exploration is None:
        return
    if {"clicks_per_day", "share"} <= set(exploration):
        yield _Found((*keys, "share"), "clicks_per_day and share", "one of the two")
    if use in NOT_ACCOUNTED:
        yield _Found(
            keys,
            f"the policy {use}",
            "a policy whose expected clicks are known: thompson, ucb1, epsilon_greedy, plugin or one that looks beyond the click",
        )


def _objective_checks(objective: dict[str, Any], keys: tuple[str, ...]) -> Iterator[_Found]:
    event = objective.get("event", "click")
    if objective.get("count", 1) != 1 and event != "read":
        expected = f"no count beside event = {event!r}: only reads are counted"
        yield _Found((*keys, "count"), _shown(objective["count"]), expected, "did you mean event = 'read'?")
    if "value" in objective and event != "purchase":
        expected = f"no value beside event = {event!r}: only purchases have one"
        yield _Found((*keys, "value"), _shown(objective["value"]), expected, "did you mean event = 'purchase'?")
    window = objective.get("window", "1ms")
    if len(window) > 20 or duration_ms(window) > duration_ms(MAX_WINDOW):
        yield _Found((*keys, "window"), _shown(window), f"at most {MAX_WINDOW}")


def _later_checks(names: list[str], objectives: dict[str, Any], keys: tuple[str, ...]) -> Iterator[_Found]:
    """What a policy looks for after a start must be reads or purchases, each once."""
    later = [name for name, objective in objectives.items() if objective.get("event", "click") != "click"]
    expected = (
        f"one of: {', '.join(later)}" if later else "an objective whose event is read or purchase (there is none)"
    )
    for i, name in enumerate(names):
        if name not in objectives:
            yield _Found(keys, repr(name), expected, _nearest(name, later))
        elif name not in later:
            yield _Found(keys, f"{name!r}, whose event is click", f"{expected}; a click is the start itself")
        elif name in names[:i]:
            yield _Found(keys, f"{name!r} twice", "each objective once")


def _placed(problem: _Found, lines: list[str], file: str) -> Problem:
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


def _unwrapped(kind: Any) -> tuple[Any, list[msgspec.Meta]]:
    """The type and its rules; of a type that may be absent, those of the type (TOML has no null)."""
    given = [member for member in _members(kind) if member is not type(None)]
    if len(given) == 1:
        kind = given[0]
    if get_origin(kind) is Annotated:
        inner, *rules = get_args(kind)
        return inner, [rule for rule in rules if isinstance(rule, msgspec.Meta)]
    return kind, []


def _members(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct)


def _nearest(value: Any, names: Any) -> str:
    close = difflib.get_close_matches(str(value), [str(name) for name in names], 1)
    return f"did you mean {close[0]}?" if close else ""


def _shown(value: Any) -> str:
    return f"{value!r:.70}"


# ── writing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the file: its meaning, its type in words, its default as TOML (None: absent)."""

    name: str
    meaning: str
    kind: str
    default: str | None


def meanings(struct: type[Struct]) -> dict[str, str]:
    """The docstring behind each field of a struct (they are not kept at run time, so they are read from the source)."""
    found: dict[str, str] = {}
    for kind in reversed(struct.__mro__[: struct.__mro__.index(Struct)]):
        body = ast.parse(inspect.getsource(kind)).body[0]
        assert isinstance(body, ast.ClassDef)
        for before, after in zip(body.body, body.body[1:], strict=False):
            if (
                isinstance(before, ast.AnnAssign)
                and isinstance(before.target, ast.Name)
                and isinstance(after, ast.Expr)
            ):
                assert isinstance(after.value, ast.Constant)
                found[before.target.id] = " ".join(str(after.value.value).split())
    return found


def keys_of(struct: type[Struct]) -> list[Key]:
    """The keys of a table that hold one value (inner tables are tables of their own)."""
    hints = get_type_hints(struct, include_extras=True)
    texts = meanings(struct)
    keys = []
    for field in msgspec.structs.fields(struct):
        kind, rules = _unwrapped(hints[field.name])
        if get_origin(kind) is dict or any(_is_struct(member) for member in _members(kind)):
            continue
        default = None if field.default in (None, msgspec.NODEFAULT) else _toml(field.default)
        keys.append(Key(field.name, texts[field.name], described(kind, rules), default))
    return keys


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return f"{value:_}" if isinstance(value, int) and value >= 10_000 else str(value)


def policies() -> list[type[Struct]]:
    """The structs of all policies."""
    return list(get_args(policy_config.PolicyConfig))


def targeters() -> list[type[Struct]]:
    """The structs of all targeters."""
    return list(get_args(config_module.TargeterConfig))


def default_config_text() -> str:
    """The commented file that `bandi init` writes; it parses to the default configuration."""
    parts = [
        "# What this service wants of Bandi. Every key stands here with its default; docs/reference/config.md has them all.\n",
        "# A place where lists are shown; add more as [placements.NAME].\n[placements.home]\n",
        *_commented(config_module.Placement),
        "\n# Who ranks: " + ", ".join(str(policy.__struct_config__.tag) for policy in policies()) + ".\n",
        '[placements.home.policy]\nuse = "thompson"\n',
        *_commented(policy_config.Thompson),
        "\n[placements.home.policy.prior]\n",
        *_commented(policy_config.Prior),
        "\n# What counts as reward; a policy names one of these.\n[objectives.click]\n",
        *_commented(config_module.Objective),
        "\n[factors]\n",
        *_commented(config_module.Factors),
        "\n[text]\n",
        *_commented(config_module.Text),
        "\n[images]\n",
        *_commented(config_module.Images),
        "\n# Groups of readers; without this table all readers are one.\n# [segments]\n",
        *_commented_out(config_module.Segments),
        "\n[log]\n",
        *_commented(config_module.Log),
        "\n[serve]\n",
        *_commented(config_module.Serve),
    ]
    return "".join(parts)


def _commented(struct: type[Struct]) -> Iterator[str]:
    for key in keys_of(struct):
        setting = f"{key.name} = {key.default}" if key.default is not None else f"# {key.name} = {_EXAMPLES[key.name]}"
        yield f"# {key.meaning} ({key.kind})\n{setting}\n"


def _commented_out(struct: type[Struct]) -> Iterator[str]:
    for key in keys_of(struct):
        yield f"# {key.name} = {key.default}  # {key.meaning} ({key.kind})\n"


_EXAMPLES = {
    "half_life": '"14d"',
    "window": '"28d"',
    "where": '\'genre in ["drama", "romance"]\'',
    "model": '"encoder"',
    "root": '"thumbnails"',
    "value": '"coins"',
}
"""What a key without a default may look like."""
