"""`bandi load`: items, users and events from files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from bandi.loading import LoadReport


@click.command("load", short_help="Load items, users or events from files.")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("kind", type=click.Choice(["items", "users", "events"]))
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--map", "maps", multiple=True, metavar="FIELD=COLUMN", help="Take a field from a column of another name."
)
@click.option("--set", "sets", multiple=True, metavar="FIELD=VALUE", help="The same value in every record.")
@click.option(
    "--split", "splits", multiple=True, metavar="FIELD=SEPARATOR", help="Cut a cell into a list, such as tags='|'."
)
@click.option("--as", "rules", multiple=True, metavar="KIND[ if COLUMN OP VALUE]", help="Which events a row gives.")
@click.option("--placement", help="Events: where they happened; the same as --set placement=NAME.")
@click.option("--time-unit", type=click.Choice(["s", "ms"]), help="Unit of the time column, where it cannot be told.")
@click.option(
    "--refused",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File for refused rows [default: FILE.refused.jsonl].",
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@click.pass_context
def command(
    context: click.Context, folder: Path, kind: str, files: tuple[Path, ...], maps: tuple[str, ...],
    sets: tuple[str, ...], splits: tuple[str, ...], rules: tuple[str, ...], placement: str | None,
    time_unit: str | None, refused: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Load KIND (items, users or events) from CSV, JSON Lines or Parquet FILES into FOLDER.

    Columns named as a field are taken as they are. Exit status 0 when every record was taken, 1 when some were refused.
    """
    import msgspec

    import bandi
    from bandi.cli.progress import row_count
    from bandi.loading import Mapping, load_events, load_items, load_users
    from bandi.loading.mapping import parse_event_rule, parse_pairs

    constants = parse_pairs(sets, "--set") | ({"placement": placement} if placement else {})
    events = tuple(parse_event_rule(rule) for rule in rules)
    mapping = Mapping(parse_pairs(maps, "--map"), constants, parse_pairs(splits, "--split"), events, time_unit)
    load: Any = {"items": load_items, "users": load_users, "events": load_events}[kind]
    reports = []
    with bandi.open_existing(folder) as engine:
        for file in files:
            aside = refused or file.with_name(file.name + ".refused.jsonl")
            with row_count(file) as on_rows:
                reports.append(load(engine, file, mapping, aside, on_rows))
    for report in reports:
        if as_json:
            click.echo(msgspec.json.encode(report))
        else:
            print_report(report, kind)
    context.exit(1 if any(report.refused or report.stopped for report in reports) else 0)


def print_report(report: LoadReport, kind: str) -> None:
    """How columns were read, counts, and what was refused. kind: items, users or events."""
    from bandi.cli.console_tables import print_table

    rows = [[use.field, use.source, use.read_as] for use in report.columns]
    print_table(f"{report.source}: how columns were read", ["field", "from", "read as"], rows)
    click.echo(
        f"{report.rows:,} rows read: {report.taken:,} {kind} taken, {report.duplicates:,} known already, {report.refused:,} refused"
    )
    for reason, count in report.reasons.items():
        click.echo(f"  refused {count:,}: {reason}")
    for problem in report.examples:
        click.echo(f"    {problem}")
    if report.refused_file:
        click.echo(f"  refused rows are in {report.refused_file}")
    if report.stopped:
        click.echo(f"  the reading ended early: {report.stopped}", err=True)
