"""`bandi diet`: what a table costs in memory, and a narrower copy of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from bandi.diet import DietReport


@click.command("diet", short_help="Show what a table costs in memory; write it narrower.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the narrower table, .parquet or .feather; every cell is compared with FILE first.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def command(file: Path, out: Path | None, as_json: bool) -> None:
    """Show what FILE (CSV, TSV or JSON Lines, also .gz; Parquet, Feather) costs in memory column by column, and propose less.

    Proposed are narrower numbers, categories and dates in which no value changes. The file is streamed, whatever its size.
    """
    import msgspec

    from bandi.cli.progress import steps
    from bandi.diet.narrowing import checked_target, narrow
    from bandi.diet.proposal import plan
    from bandi.diet.report import report
    from bandi.diet.sources import open_source
    from bandi.diet.surveying import survey

    if out is not None:
        checked_target(file, out)
    source = open_source(file)
    with steps() as on_step:
        seen = survey(source, on_step)
        plans = [plan(facts) for facts in seen.columns.values()]
        written = None if out is None else narrow(source, plans, out, on_step)
    found = report(source, seen, plans, written)
    if as_json:
        click.echo(msgspec.json.encode(found))
    else:
        _print(found)


def _print(report: DietReport) -> None:
    from bandi.cli.console_tables import print_table

    rows = [
        [
            column.name, column.pandas, _size(column.pandas_bytes), _size(column.polars_bytes), column.proposed,
            _size(column.bytes), f"{column.saving:.0%}", column.why,
        ]
        for column in report.columns
    ]  # fmt: skip
    header = ["column", "in pandas", "bytes", "in polars", "proposed", "bytes", "saving", "why"]
    print_table(f"{report.source}: {report.rows:,} rows, {_size(report.file_bytes)} on disk", header, rows)
    saving = 1 - report.bytes / report.pandas_bytes if report.pandas_bytes else 0.0
    click.echo(
        f"in memory: {_size(report.pandas_bytes)} by pandas, {_size(report.polars_bytes)} by polars, both without "
        f"options; {_size(report.bytes)} with the proposed types ({saving:.0%} less than pandas)"
    )
    if report.written is not None:
        written = report.written
        click.echo(
            f"written to {written.file}: {_size(written.bytes)}; {written.cells:,} cells compared, no value changed"
        )


def _size(count: int) -> str:
    """Bytes in words."""
    size = float(count)
    for unit in ("B", "kB", "MB"):
        if size < 1_000:
            return f"{size:.3g} {unit}"
        size /= 1_000
    return f"{size:.3g} GB"
