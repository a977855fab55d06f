"""`bandi simulate talk`: the talk's four failures, what earns, what each part of it is worth, and how close to the bound."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

_SECTIONS = ("clicks", "experiments", "frontier", "presets", "ablations", "bound")


@click.command("talk", short_help="Write the report on policies that earn, with tables and plots.")
@click.option("--seeds", type=click.IntRange(1, 10_000), help="Draws of each world [default: as frozen].")
@click.option("--processes", type=click.IntRange(1, 64), help="Worker processes [default: one a core].")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("talk"),
    show_default=True,
    help="Folder for talk.md, its plots, and every run as Parquet; runs that are there are not made again.",
)
@click.option(
    "--only", "sections", type=click.Choice(_SECTIONS), multiple=True, help="A section; several times [default: all]."
)
@click.option(
    "--world",
    "worlds",
    multiple=True,
    metavar="NAME|FILE",
    help="World of the section `presets`, or its TOML file; several times [default: all presets].",
)
@click.option("--quick", is_flag=True, help="Small worlds and few of them: a first look, whose figures prove nothing.")
@click.option("--no-plots", is_flag=True, help="Tables alone; needs no Matplotlib.")
def talk(
    seeds: int | None, processes: int | None, out: Path, sections: tuple[Any, ...], worlds: tuple[str, ...], quick: bool,
    no_plots: bool,
) -> None:  # fmt: skip
    """Run what is frozen in evaluation/talk/frozen.toml and write talk.md: hours for all of it.

    Ctrl-C keeps what is done; the same command goes on. Runs made by other code are not told apart: use another --out after a
    change of it.
    """
    import os

    from bandi.cli.progress import progress
    from bandi.evaluation.talk import program as programs
    from bandi.evaluation.talk.frozen import SECTIONS, read_frozen
    from bandi.evaluation.talk.plots import check_matplotlib, draw_plots
    from bandi.evaluation.talk.report import write_report
    from bandi.evaluation.talk.runs import RunStore, perform

    if not no_plots:
        check_matplotlib()
    frozen = read_frozen()
    if quick:
        frozen = programs.with_quick_sizes(frozen)
    if seeds is not None:
        frozen = programs.with_seeds(frozen, seeds)
    files = _files(worlds or frozen.worlds)
    presets = tuple(files)
    files = _files((frozen.main,)) | files
    chosen = tuple(section for section in SECTIONS if section in (sections or SECTIONS))
    program = programs.make_program(frozen, chosen, files, presets, frozen.quick if quick else None)
    store = RunStore(out / "runs")
    with progress("visits", sum(task.visits for task in program.tasks)) as advance:
        counts = perform(program.tasks, store, processes or os.cpu_count() or 1, advance)
    click.echo(f"{counts['made']} runs made, {counts['kept']} kept from before", err=True)
    findings = programs.read_findings(program, store, _command(seeds, sections, worlds, quick))
    plots = {} if no_plots else draw_plots(findings, out / "talk")
    for file in (write_report(findings, out, plots), *plots.values()):
        click.echo(f"wrote {file}", err=True)


def _files(worlds: tuple[str, ...]) -> dict[str, Path]:
    """Files of worlds by name: presets, or TOML files, called by their stems."""
    from bandi.evaluation.worlds.funnel.parameters import PRESETS, preset_file

    files: dict[str, Path] = {}
    for name in worlds:
        file = preset_file(name) if name in PRESETS else Path(name)
        if file.stem in files:
            raise click.UsageError(f"--world: each once, and files of different names: {', '.join(worlds)}")
        files[file.stem] = file
    return files


def _command(seeds: int | None, sections: tuple[str, ...], worlds: tuple[str, ...], quick: bool) -> str:
    """What gives the same figures again."""
    parts = ["bandi", "simulate", "talk"]
    parts += ["--seeds", str(seeds)] if seeds is not None else []
    for option, values in (("--only", sections), ("--world", worlds)):
        parts += [word for value in values for word in (option, Path(value).name)]
    return shlex.join(parts + (["--quick"] if quick else []))
