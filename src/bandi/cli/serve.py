"""`bandi serve`: the HTTP service."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("serve", short_help="Serve a folder over HTTP.")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--host", help="Address to listen on [default: bandi.toml's, else 127.0.0.1].")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Port, 0 for a free one [default: bandi.toml's, else 8700]."
)
@click.option("--access-log", is_flag=True, help="One line per request on stderr.")
@click.pass_context
def command(context: click.Context, folder: Path, host: str | None, port: int | None, access_log: bool) -> None:
    """Serve a folder over HTTP until SIGINT or SIGTERM; then finish what was accepted, write a snapshot and end."""
    from bandi.serving.server import serve

    context.exit(serve(folder, host, port, access_log))
