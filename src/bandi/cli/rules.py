"""`bandi rules`: what operators want of the lists."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from bandi.engine import Engine
    from bandi.model.rules import Rule

FOLDER = click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
MAX_BYTES = 16 << 20
_TITLES_SHOWN = 5


@click.group("rules", short_help="List, put and delete operators' rules: pin, boost, bury, block.")
def command() -> None:
    """What operators want of the lists: pin, boost, bury, block; each rule has an owner, a reason and an end.

    For a folder that no process has open. A running service takes rules over HTTP: PUT /v1/rules/ID.
    """


@command.command("list")
@FOLDER
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def list_command(folder: Path, as_json: bool) -> None:
    """All rules, oldest first, those that have ended as well."""
    import msgspec

    from bandi.cli.console_tables import print_table

    with _opened(folder) as engine:
        rules, acting = engine.rules.all(), set(engine.rules.acting())
        if as_json:
            click.echo(msgspec.json.encode({"rules": rules, "acting": [r.id for r in rules if r.id in acting]}))
            return
        rows = [_row(rule, rule.id in acting) for rule in rules]
    header = ["id", "type", "titles", "owner", "reason", "from", "until", "acts now"]
    print_table(
        f"{folder}: rules", header, rows, f"rules: {len(rules)}, of which act now: {len(acting)}; times are UTC"
    )


@command.command("put")
@FOLDER
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
def put_command(folder: Path, file: str) -> None:
    """Add or replace the rules in FILE ("-": what is typed in): JSON, one rule or a list; all of them or none."""
    with click.open_file(file, "rb") as stream:
        rules = _rules_in(stream.read(MAX_BYTES + 1), "stdin" if file == "-" else Path(file).name)
    with _opened(folder) as engine:
        receipt = engine.rules.put(*rules)
    click.echo(f"rules put: {receipt.accepted}")


@command.command("delete")
@FOLDER
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
def delete_command(folder: Path, ids: tuple[str, ...]) -> None:
    """Take rules out: all of them or none."""
    with _opened(folder) as engine:
        receipt = engine.rules.delete(*ids)
    click.echo(f"rules deleted: {receipt.accepted}")


def _opened(folder: Path) -> Engine:
    import bandi
    from bandi.model.errors import FolderBusyError

    try:
        return bandi.open_existing(folder)
    except FolderBusyError as error:
        raise FolderBusyError(f"{error}; a running service takes rules over HTTP: PUT /v1/rules/ID") from None


def _rules_in(text: bytes, name: str) -> list[Rule]:
    """One rule or a list of them. Raises InvalidInputError that names the place."""
    import msgspec

    from bandi.model.errors import InvalidInputError, Problem
    from bandi.model.rules import Rule
    from bandi.serving.bodies import field_problem
    from bandi.serving.rule_routes import RULE_TYPES

    if len(text) > MAX_BYTES:
        raise InvalidInputError(Problem(name, "a larger file", f"at most {MAX_BYTES} bytes"))
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInputError(Problem(name, "no JSON", "one rule or a list of rules as JSON", str(error))) from None
    try:
        return msgspec.convert(value, list[Rule]) if isinstance(value, list) else [msgspec.convert(value, Rule)]
    except msgspec.ValidationError as error:
        raise InvalidInputError(field_problem(error, value, f"{name}: $", RULE_TYPES)) from None


def _row(rule: Rule, acts: bool) -> list[str]:
    from bandi.model.rules import Boost, Bury, Pin

    kind = str(rule.__struct_config__.tag)
    if isinstance(rule, Pin):
        titles = f"{rule.item}, slot {rule.slot}"
    else:
        named = list(rule.items[:_TITLES_SHOWN]) + (["..."] if len(rule.items) > _TITLES_SHOWN else [])
        titles = "; ".join([", ".join(named)] * bool(named) + ([rule.where] if rule.where else []))
    if isinstance(rule, Boost | Bury):
        kind += f" x{rule.factor:g}"
    since = "" if rule.starts_at is None else _shown(rule.starts_at)
    return [rule.id, kind, titles, rule.owner, rule.reason, since, _shown(rule.ends_at), "yes" if acts else "no"]


def _shown(moment: datetime | float) -> str:
    from bandi.model.events import milliseconds

    return datetime.fromtimestamp(milliseconds(moment) / 1000, UTC).strftime("%Y-%m-%d %H:%MZ")
