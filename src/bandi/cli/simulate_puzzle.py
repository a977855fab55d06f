"""`bandi simulate puzzle`: does being led to a first free read cause payment? The talk's puzzle, answered where the truth is known."""

from __future__ import annotations

import shlex
from pathlib import Path

import click


@click.command("puzzle", short_help="Write the report on whether first free reads cause payment.")
@click.option("--seeds", type=click.IntRange(1, 10_000), default=24, show_default=True, help="Draws of the world.")
@click.option(
    "--draws", type=click.IntRange(1, 10_000), default=10, show_default=True, help="Draws of the lot in each world."
)
@click.option(
    "--readers", type=click.IntRange(100, 10_000_000), default=50_000, show_default=True, help="Readers of a world."
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("puzzle"),
    show_default=True,
    help="Folder for puzzle.md and its plot.",
)
@click.option("--no-plot", is_flag=True, help="Tables alone; needs no Matplotlib.")
def puzzle(seeds: int, draws: int, readers: int, out: Path, no_plot: bool) -> None:
    """Encourage by lot, and compare: starters against others, adjusted, and the encouragement's local effect, beside the truth.

    Minutes: half a second for each draw of 50,000 readers in each of four scenarios.
    """
    from bandi.cli.progress import progress
    from bandi.evaluation.puzzle.design import SCENARIOS, Design
    from bandi.evaluation.puzzle.plot import draw_plot
    from bandi.evaluation.puzzle.report import write_report
    from bandi.evaluation.puzzle.study import run_study
    from bandi.evaluation.talk.plots import check_matplotlib

    if not no_plot:
        check_matplotlib()
    design = Design(readers=readers, draws=draws, seeds=seeds)
    with progress("draws", seeds * draws * len(SCENARIOS)) as advance:
        answered = run_study(design, SCENARIOS, advance)
    plot = None if no_plot else draw_plot(answered, out / "puzzle" / "estimates.svg")
    command = shlex.join(["bandi", "simulate", "puzzle", *_given(seeds, draws, readers)])
    for file in (write_report(answered, design, command, out, plot), *([plot] if plot is not None else [])):
        click.echo(f"wrote {file}", err=True)


def _given(seeds: int, draws: int, readers: int) -> list[str]:
    """The options that give the same figures again."""
    return ["--seeds", str(seeds), "--draws", str(draws), "--readers", str(readers)]
