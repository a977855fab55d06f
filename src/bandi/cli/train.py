"""`bandi train`: learn what targeters need from the log."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bandi.engine.artifact_files import Manifest
    from bandi.features.factors.als import AlsConfig

_PROBLEMS_SHOWN = 5


@click.command("train", short_help="Learn vectors, factors and segments; a running service takes them up.")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--tune",
    "tuned",
    is_flag=True,
    help="Choose the factors' hyperparameters by held-out reads, where one is surely better; takes several fits.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the manifest as JSON.")
def command(folder: Path, tuned: bool, as_json: bool) -> None:
    """Learn from the titles' texts and images and from the clicks, reads and purchases in the log; put it to use.

    The folder may be in use: a running service takes the new artifact up within a second, without dropping a request.
    The `factors`, `similar` and `segment` targeters need it. `[factors]`, `[text]`, `[images]` and `[segments]` in
    bandi.toml say how.
    """
    import msgspec

    from bandi.cli.console_tables import print_table
    from bandi.cli.progress import steps
    from bandi.jobs.judging import HeldBack, tune
    from bandi.jobs.training import train

    kept: list[AlsConfig] = []

    def choose(held_back: HeldBack, start: AlsConfig, on_fit: Callable[[int, int], None]) -> AlsConfig:
        chosen = tune(held_back, start, on_fit)
        if chosen == start:
            kept.append(start)
        return chosen

    with steps() as on_step:
        manifest = train(folder, on_step, choose=choose if tuned else None)
    if as_json:
        click.echo(msgspec.json.encode(manifest))
        return
    facts = f"{manifest.reads} reads, {manifest.users} readers, {manifest.items} titles, {manifest.seconds:.1f} s"
    if not manifest.indexed:
        facts += ", searched exactly"
    print_table(f"artifact {manifest.name}", ["metric", "value"], metric_rows(manifest.metrics), facts)
    print_table("what was learned", ["part", "facts"], part_rows(manifest))
    if kept:
        click.echo("  tuning: no setting is surely better on held-out reads; [factors] stays as configured")
    for problem in manifest.problems[:_PROBLEMS_SHOWN]:
        click.echo(f"  passed over: {problem}")
    if len(manifest.problems) > _PROBLEMS_SHOWN:
        click.echo(f"  passed over: {len(manifest.problems) - _PROBLEMS_SHOWN} more; `bandi artifacts show` has them")


def part_rows(manifest: Manifest) -> list[list[str]]:
    """Rows of a table: how each feature was made, the weights of mixes, what speaks for priors, how many segments."""
    rows = [[name, _facts(report)] for name, report in manifest.features.items()]
    rows += [[f"mix {name}", _facts(weights)] for name, weights in manifest.mixes.items()]
    rows += [[f"priors {place}", _facts(report)] for place, report in manifest.priors.items()]
    if manifest.segments is not None:
        used = sum(segment.readers > 0 for segment in manifest.segments.segments)
        rows.append(
            ["segments", f"{len(manifest.segments.segments)}, {used} with readers; `bandi segments` describes them"]
        )
    return rows


def _facts(report: Mapping[str, float | str]) -> str:
    return ", ".join(
        f"{name} {value if isinstance(value, str) else format(value, 'g')}" for name, value in report.items()
    )


def metric_rows(metrics: dict[str, float]) -> list[list[str]]:
    """Rows of a table, or one that says why there are none."""
    if not metrics:
        return [["none", "no reader has three titles yet: nothing could be held out to judge by"]]
    return [[name, f"{value:g}"] for name, value in metrics.items()]
