"""`bandi artifacts`: what training made, and which of it is in use."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from bandi.engine.artifacts import Shelf

FOLDER = click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))


@click.group("artifacts", short_help="List what training made; go back to an earlier one.")
def command() -> None:
    """What `bandi train` made: versions with their metrics, and which is in use."""


@command.command("list")
@FOLDER
def list_command(folder: Path) -> None:
    """The artifacts of a folder, oldest first."""
    from bandi.cli.console_tables import print_table

    shelf = _shelf(folder)
    current = shelf.current()
    rows = []
    for name in shelf.names():
        manifest = shelf.manifest(name)
        made = datetime.fromtimestamp(manifest.made_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        recall = manifest.metrics.get("recall_at_20")
        shown = "" if recall is None else f"{recall:.4f}"
        rows.append([name, "in use" if name == current else "", made, str(manifest.reads), shown])
    print_table(str(folder), ["artifact", "", "made", "reads", "recall at 20"], rows)


@command.command("show")
@FOLDER
@click.argument("name")
def show_command(folder: Path, name: str) -> None:
    """The manifest of one artifact, as JSON."""
    import msgspec

    manifest = _shelf(folder).manifest(name)
    click.echo(msgspec.json.format(msgspec.json.encode(manifest), indent=2))


@command.command("rollback")
@FOLDER
@click.argument("name")
def rollback_command(folder: Path, name: str) -> None:
    """Put an earlier artifact back to use; a running service takes it up within a second."""
    shelf = _shelf(folder)
    before = shelf.current()
    shelf.use(name)
    click.echo(f"{name} is in use" + (f", {before} no longer" if before and before != name else ""))


def _shelf(folder: Path) -> Shelf:
    from bandi.engine.artifacts import Shelf
    from bandi.engine.folder import read_config

    read_config(folder)
    return Shelf(folder)
