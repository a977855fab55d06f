"""`bandi init`: a new folder."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("init", short_help="Make a folder with a commented bandi.toml.")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def command(folder: Path) -> None:
    """Make FOLDER with a commented bandi.toml; nothing that is there is overwritten."""
    from bandi.engine.folder import make_folder

    file = make_folder(folder)
    click.echo(f"made {file}\nnext: bandi load {folder} items FILE")
