"""`bandi simulate` in a funnel world: from the impression to the coins."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import click

_CLICKS, _COINS, _AFTER = (0, 1, 2, 9), (0, 3, 4, 5), (0, 6, 7, 8)
"""Columns of the report's table that fit beside each other on a screen."""


def is_funnel(file: Path) -> bool:
    """Whether a world's file is of a funnel world: it says how readers pay. An unreadable file is not."""
    try:
        return "payment" in tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return False


def simulate_funnel(
    file: Path,
    configs: dict[str, Any],
    baseline: str,
    seeds: int,
    sizes: dict[str, int | None],
    plan: Any,
    out: Path | None,
    as_json: bool,
) -> None:
    """Run, print and write. configs: policies by name; sizes: what `resized` takes; plan: of all policies."""
    import msgspec

    from bandi.cli.console_tables import print_table
    from bandi.cli.progress import progress
    from bandi.evaluation import funnel_comparison as report
    from bandi.evaluation.worlds.funnel.parameters import read_funnel, resized

    parameters = resized(read_funnel(file), **sizes)
    visits = parameters.sessions.per_reader_per_day * parameters.readers.count * parameters.run.days
    contenders = {name: report.Contender(config, plan) for name, config in configs.items()}
    with progress("visits", round(seeds * len(configs) * visits)) as advance:
        results = report.compare_funnel(contenders, parameters, range(1, seeds + 1), advance)
    comparison = report.summarise_funnel(results, baseline)
    if out is not None:
        for path in report.write_funnel_runs(results, comparison, out):
            click.echo(f"wrote {path}", err=True)
    if as_json:
        click.echo(msgspec.json.encode(comparison))
        return
    header, rows = report.funnel_header(comparison), report.funnel_rows(comparison)
    for title, columns in (("clicks", _CLICKS), ("coins", _COINS), ("after a start", _AFTER)):
        print_table(title, [header[n] for n in columns], [[row[n] for n in columns] for row in rows])
    click.echo(report.funnel_caption(comparison))
