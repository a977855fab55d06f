"""`bandi train`: learn factors from the log."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("train", short_help="Learn factors from the log; a running service takes them up.")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the manifest as JSON.")
def command(folder: Path, as_json: bool) -> None:
    """Learn factors of readers and titles from the clicks, reads and purchases in the log, and put them to use.

    The folder may be in use: a running service takes the new artifact up within a second, without dropping a request.
    The `factors` and `similar` targeters need it. `[factors]` in bandi.toml holds the hyperparameters.
    """
    import msgspec

    from bandi.cli.console_tables import print_table
    from bandi.cli.progress import steps
    from bandi.jobs.training import train

    with steps() as on_step:
        manifest = train(folder, on_step)
    if as_json:
        click.echo(msgspec.json.encode(manifest))
        return
    facts = f"{manifest.reads} reads, {manifest.users} readers, {manifest.items} titles, {manifest.seconds:.1f} s"
    if not manifest.indexed:
        facts += ", searched exactly"
    print_table(f"artifact {manifest.name}", ["metric", "value"], metric_rows(manifest.metrics), facts)


def metric_rows(metrics: dict[str, float]) -> list[list[str]]:
    """Rows of a table, or one that says why there are none."""
    if not metrics:
        return [["none", "no reader has three titles yet: nothing could be held out to judge by"]]
    return [[name, f"{value:g}"] for name, value in metrics.items()]
