"""`bandi data`: public data sets, what may be done with them, and loading them."""

from __future__ import annotations

from pathlib import Path

import click


@click.group("data", invoke_without_command=True, short_help="List public data sets; load one into a folder.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """List public data sets with their size and what may be done with them. Nothing is downloaded, here or by `load`."""
    if context.invoked_subcommand is not None:
        if as_json:
            raise click.UsageError("--json belongs to the list: bandi data --json")
        return
    import msgspec

    from bandi.loading.public import read_registry

    registry = read_registry()
    if as_json:
        click.echo(msgspec.json.encode(registry.sets))
        return
    for one in registry.sets:
        click.echo(f"{one.name}: {one.about}")
        click.echo(f"  {one.records}")
        use = f"redistribute: {one.redistribute}; commercial use: {one.commercial}"
        click.echo(f"  {one.licence}; {use}; bandi data load: {'yes' if one.format else 'no'}")
        click.echo(f"  cite: {one.citation}\n")
    click.echo("where to get one, and its files: bandi data show NAME")


@command.command("show", short_help="All that is known of one set.")
@click.argument("name")
def show(name: str) -> None:
    """What NAME is, its licence, how to cite it, where it is to be had, and how its files are read."""
    from bandi.loading.public import read_registry

    registry = read_registry()
    one = registry.find(name)
    lines = [
        ("", one.title),
        ("about", one.about),
        ("records", one.records),
        ("licence", one.licence),
        ("redistribute", one.redistribute),
        ("commercial use", one.commercial),
        ("cite", one.citation),
        ("obtain", one.obtain),
        ("files", "; ".join(one.files)),
        ("note", one.note or ""),
        ("read as", registry.format_of(name).about if one.format else "cannot be loaded as it is"),
    ]
    for label, text in lines:
        if text:
            click.echo(f"{label + ':':<16}{text}" if label else text)


@command.command("load", short_help="Load published files into a folder.")
@click.argument("name")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--placement", default="home", show_default=True, help="Where its events happened.")
@click.option("--json", "as_json", is_flag=True, help="Print the summaries as JSON, one a line.")
@click.pass_context
def load(context: click.Context, name: str, path: Path, folder: Path, placement: str, as_json: bool) -> None:
    """Load the files of the set NAME at PATH (their folder, or the file of events) into FOLDER, which is made where it is not.

    NAME may be a format instead, such as ratings. Refused rows are written to FOLDER. Exit status 0 when every record was
    taken, 1 when some were refused.
    """
    import msgspec

    import bandi
    from bandi.cli.load import print_report
    from bandi.cli.progress import row_count
    from bandi.engine.folder import CONFIG_FILE, make_folder
    from bandi.loading.public import load_public, read_registry
    from bandi.loading.public.files import locate

    layout = read_registry().format_of(name)
    locate(layout, path)  # before a folder is made for nothing
    if not (folder / CONFIG_FILE).exists():
        click.echo(f"made {make_folder(folder)}", err=True)
    with bandi.open_existing(folder) as engine, row_count(path) as on_rows:
        reports = load_public(engine, layout, path, placement, folder, on_rows)
    for step, report in zip(layout.steps, reports, strict=True):
        if as_json:
            click.echo(msgspec.json.encode(report))
        else:
            print_report(report, step.kind)
    context.exit(1 if any(report.refused or report.stopped for report in reports) else 0)
