"""`bandi experiment report`: what an experiment says, on the terminal and as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from bandi.experiments.report.files import Format
    from bandi.experiments.result import ExperimentResult


@click.command("report")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("name")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Write files into this folder.")
@click.option(
    "--format", "formats", type=click.Choice(["md", "html", "parquet"]), multiple=True,
    help="Of the files; several times [default: all]; needs --out.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def report_command(folder: Path, name: str, out: Path | None, formats: tuple[Format, ...], as_json: bool) -> None:
    """What an experiment says, and what it does not say yet.

    Look as often as you like: intervals are always valid. The log is read twice; the folder may be in use. Files: NAME.md,
    NAME.html (one page with plots, which loads nothing) and NAME.parquet (every series).
    """
    import time

    import msgspec

    from bandi.cli.progress import steps
    from bandi.engine.folder import read_config
    from bandi.experiments.metrics import evaluate
    from bandi.experiments.report.files import FORMATS, write_report

    if formats and out is None:
        raise click.UsageError("--format is of files: say where with --out DIR")
    config = read_config(folder)
    with steps() as on_step:
        result = evaluate(
            folder, name, now_ms=time.time_ns() // 1_000_000, config=config,
            on_records=lambda done, total: on_step("log", done, total) if on_step is not None else None,
        )  # fmt: skip
    if out is not None:
        for path in write_report(result, out, formats or FORMATS):
            click.echo(f"wrote {path}", err=True)
    if as_json:
        click.echo(msgspec.json.encode(result))
    else:
        print_report(result)


def print_report(result: ExperimentResult) -> None:
    """Cautions first, then tables, then what each metric says."""
    from bandi.cli.console_tables import print_table
    from bandi.experiments.report.tables import tables_of
    from bandi.experiments.report.verdicts import cautions_of, novelty_of, standing, verdicts_of

    for caution in cautions_of(result):
        click.secho(f"!! {caution.title.upper()}", bold=True, fg="red")
        click.echo(f"   {caution.words}")
    click.echo(f"{result.experiment}: {standing(result)}")
    for words in result.words:
        click.echo(words)
    for table in tables_of(result):
        print_table(table.title, table.header, table.rows, table.caption)
    for verdict in verdicts_of(result):
        click.echo(f"{verdict.outcome}: {verdict.says}")
        for note in verdict.not_yet:
            click.echo(f"  - {note}")
    for said in novelty_of(result):
        click.echo(said)
