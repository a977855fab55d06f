"""`bandi experiment`: what is compared, and what operators do to it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bandi.cli.experiment_plan import plan_command
from bandi.cli.experiment_report import report_command

if TYPE_CHECKING:
    from bandi.engine import Engine
    from bandi.engine.experiments import ExperimentView
    from bandi.model.experiment_changes import Change, ChangeRecord

FOLDER = click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
NAME = click.argument("name")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print as JSON.")


def said(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that every change has."""
    function = click.option("--why", required=True, help="The reason, for whoever reads the log later.")(function)
    return click.option("--who", required=True, help="Who does it.")(function)


@click.group("experiment", short_help="Plan, list, start, ramp, stop, conclude and report experiments.")
def command() -> None:
    """Experiments that [experiments.NAME] of bandi.toml declares; each change is kept with who and why.

    For a folder that no process has open. A running service takes changes over HTTP: POST /v1/experiments/NAME/changes.
    """


command.add_command(plan_command)
command.add_command(report_command)


@command.command("list")
@FOLDER
@AS_JSON
def list_command(folder: Path, as_json: bool) -> None:
    """All experiments, by name."""
    import msgspec

    from bandi.cli.console_tables import print_table

    with _opened(folder) as engine:
        found = engine.experiments.all()
    if as_json:
        click.echo(msgspec.json.encode({"experiments": found}))
        return
    header = ["name", "status", "placement", "layer", "buckets", "share", "owner", "readers by variant"]
    print_table(f"{folder}: experiments", header, [_row(view) for view in found], f"experiments: {len(found)}")


@command.command("show")
@FOLDER
@NAME
@AS_JSON
def show_command(folder: Path, name: str, as_json: bool) -> None:
    """One experiment: its variants, how many readers met each, and every change so far."""
    import msgspec

    from bandi.cli.console_tables import print_table

    with _opened(folder) as engine:
        view = engine.experiments.get(name)
    if as_json:
        click.echo(msgspec.json.encode(view))
        return
    header = ["variant", "weight", "statistics", "arms of", "decisions say", "readers"]
    rows = [
        [each.name, f"{each.weight:g}", each.statistics, each.placement, each.policy, str(each.readers)]
        for each in view.variants
    ]
    print_table(f"{view.name} at {view.placement}", header, rows, _standing(view))
    changes = [
        [_moment(record), *_change_words(record), record.change.who, record.change.why] for record in view.changes
    ]
    print_table("changes", ["at", "action", "value", "who", "why"], changes, "oldest first; times are UTC")


@command.command("start")
@FOLDER
@NAME
@said
def start_command(folder: Path, name: str, who: str, why: str) -> None:
    """Let readers take part, for the first time or again after a stop."""
    from bandi.model.experiment_changes import Start

    _change(folder, name, Start(who=who, why=why))


@command.command("ramp")
@FOLDER
@NAME
@click.option("--share", type=float, required=True, help="Share of the layer's readers, at most what its buckets hold.")
@click.option("--down", is_flag=True, help="A smaller share: readers who took part go back to the placement's list.")
@said
def ramp_command(folder: Path, name: str, share: float, down: bool, who: str, why: str) -> None:
    """Let more readers take part; those who do keep their variant."""
    from bandi.model.errors import InvalidInputError, Problem
    from bandi.model.experiment_changes import Ramp, RampDown

    if not 0 < share <= 1:
        raise InvalidInputError(Problem("--share", f"{share:g}", "a number above 0, at most 1"))
    kind = RampDown if down else Ramp
    _change(folder, name, kind(share=share, who=who, why=why))


@command.command("stop")
@FOLDER
@NAME
@said
def stop_command(folder: Path, name: str, who: str, why: str) -> None:
    """Serve everybody the placement's list for now; start brings the same variants back."""
    from bandi.model.experiment_changes import Stop

    _change(folder, name, Stop(who=who, why=why))


@command.command("conclude")
@FOLDER
@NAME
@click.option("--winner", help="The variant that was better [default: none was].")
@said
def conclude_command(folder: Path, name: str, winner: str | None, who: str, why: str) -> None:
    """End it for good. What the winner has goes into bandi.toml by hand."""
    from bandi.model.experiment_changes import Conclude

    _change(folder, name, Conclude(winner=winner, who=who, why=why))
    if winner is not None:
        where = f"[experiments.{name}.variants.{winner}]"
        click.echo(f"to serve it: move what {where} says to its placement in bandi.toml, and take the experiment out")


def _change(folder: Path, name: str, change: Change) -> None:
    with _opened(folder) as engine:
        view = engine.experiments.change(name, change)
    click.echo(f"{view.name}: {_standing(view)}")


def _opened(folder: Path) -> Engine:
    import bandi
    from bandi.model.errors import FolderBusyError

    try:
        return bandi.open_existing(folder)
    except FolderBusyError as error:
        hint = "a running service takes changes over HTTP: POST /v1/experiments/NAME/changes"
        raise FolderBusyError(f"{error}; {hint}") from None


def _row(view: ExperimentView) -> list[str]:
    low, high = view.buckets
    readers = ", ".join(f"{each.name} {each.readers}" for each in view.variants)
    return [
        view.name, view.status, view.placement, view.layer, f"{low:g} to {high:g}", f"{view.share:g}", view.owner, readers
    ]  # fmt: skip


def _standing(view: ExperimentView) -> str:
    winner = "" if view.status != "concluded" else f", winner: {view.winner or 'none'}"
    return f"{view.status}, share {view.share:g} of layer {view.layer}, owner {view.owner}{winner}"


def _change_words(record: ChangeRecord) -> tuple[str, str]:
    from bandi.model.experiment_changes import Conclude, Ramp, RampDown

    value = ""
    if isinstance(record.change, Ramp | RampDown):
        value = f"{record.change.share:g}"
    elif isinstance(record.change, Conclude):
        value = record.change.winner or "none"
    return str(record.change.__struct_config__.tag), value


def _moment(record: ChangeRecord) -> str:
    return datetime.fromtimestamp(record.at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%MZ")
