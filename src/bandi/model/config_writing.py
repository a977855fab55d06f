"""`bandi.toml` as text to be written: each key with its meaning, its type in words and its default."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_args, get_origin, get_type_hints

import msgspec

from bandi.model import config, policy_config, targeter_config
from bandi.model.config_kinds import described, is_struct, members_of, unwrapped
from bandi.model.config_values import Struct


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the file: its meaning, its type in words, its default as TOML (None: absent), whether it must be there."""

    name: str
    meaning: str
    kind: str
    default: str | None
    required: bool = False


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
        kind, rules = unwrapped(hints[field.name])
        if get_origin(kind) is dict or any(is_struct(member) for member in members_of(kind)):
            continue
        default = None if field.default in (None, msgspec.NODEFAULT) else _toml(field.default)
        keys.append(Key(field.name, texts[field.name], described(kind, rules), default, field.required))
    return keys


def _toml(value: object) -> str:
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
    return list(get_args(targeter_config.TargeterConfig))


def default_config_text() -> str:
    """The commented file that `bandi init` writes; it parses to the default configuration."""
    parts = [
        "# What this service wants of Bandi. Every key stands here with its default; docs/reference/config.md has them all.\n",
        "# A place where lists are shown; add more as [placements.NAME].\n[placements.home]\n",
        *_commented(config.Placement),
        "\n# Who ranks: " + ", ".join(str(policy.__struct_config__.tag) for policy in policies()) + ".\n",
        '[placements.home.policy]\nuse = "thompson"\n',
        *_commented(policy_config.Thompson),
        "\n[placements.home.policy.prior]\n",
        *_commented(policy_config.Prior),
        "\n# What counts as reward; a policy names one of these.\n[objectives.click]\n",
        *_commented(config.Objective),
        "\n[factors]\n",
        *_commented(config.Factors),
        "\n[text]\n",
        *_commented(config.Text),
        "\n[images]\n",
        *_commented(config.Images),
        "\n# Groups of readers; without this table all readers are one.\n# [segments]\n",
        *_commented_out(config.Segments),
        "\n[log]\n",
        *_commented(config.Log),
        "\n[serve]\n",
        *_commented(config.Serve),
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
