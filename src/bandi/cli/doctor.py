"""`bandi doctor`: is the folder sound?"""

from __future__ import annotations

from pathlib import Path

import click


@click.command("doctor", short_help="Check a folder: configuration, log, snapshots.")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.pass_context
def command(context: click.Context, folder: Path, as_json: bool) -> None:
    """Check every checksum of the log, fold it from the start and compare each snapshot; nothing is changed.

    Exit status 0 when all is sound, 4 when something is damaged.
    """
    import msgspec

    from bandi.cli.console_tables import print_table
    from bandi.engine.doctor import examine

    findings = examine(folder)
    sound = all(finding.ok for finding in findings)
    if as_json:
        click.echo(msgspec.json.encode(findings))
    else:
        rows = [["sound" if finding.ok else "DAMAGED", finding.subject, finding.detail] for finding in findings]
        print_table(str(folder), ["", "what", "finding"], rows)
    context.exit(0 if sound else 4)
