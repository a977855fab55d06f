"""`bandi leaderboard`: policies and factorisers beside each other, on public data and in worlds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from bandi.evaluation.leaderboard.boards import Board
    from bandi.evaluation.leaderboard.entries import Entry
    from bandi.evaluation.leaderboard.report import Section


@click.command("leaderboard", short_help="Rank policies and factorisers on public data and in worlds.")
@click.option(
    "--data",
    "data",
    multiple=True,
    metavar="NAME=PATH",
    help="A set of `bandi data` (or a format, such as ratings) and its files; several times.",
)
@click.option("--world", "worlds", multiple=True, metavar="NAME|FILE", help="webtoon, personal or a world's TOML file.")
@click.option(
    "--entry",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="An entry's TOML file beside those that come with Bandi; several times.",
)
@click.option(
    "--seeds", type=click.IntRange(2, 10_000), default=10, show_default=True, help="Worlds, one for each seed from 1."
)
@click.option(
    "--visits", type=click.IntRange(20, 100_000_000), default=10_000, show_default=True, help="Visits in each world."
)
@click.option("--seed", type=click.IntRange(0, 2**31), default=1, show_default=True, help="Of factors and of replays.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="File for the page [default: printed].")
def command(
    data: tuple[str, ...], worlds: tuple[str, ...], files: tuple[Path, ...], seeds: int, visits: int, seed: int,
    out: Path | None,
) -> None:  # fmt: skip
    """Judge entries by fixed protocols: how well factorisers foretell readers' next titles, what policies would have got on
    logged decisions, and their clicks in worlds. An entry is a TOML file (docs/how-to/submit.md).
    """
    if not data and not worlds:
        raise click.UsageError("nothing to judge by: --data NAME=PATH or --world NAME")
    from bandi.evaluation.leaderboard.entries import read_entries
    from bandi.evaluation.leaderboard.report import markdown

    entries = read_entries(files)
    sections = [_on_data(text, entries, seed) for text in data]
    sections += [_in_world(name, entries, seeds, visits) for name in worlds]
    named = [f"--data {text.partition('=')[0]}=PATH" for text in data] + [
        f"--world {Path(name).stem}" for name in worlds
    ]
    named += [f"--entry {file.name}" for file in files]
    again = f"bandi leaderboard {' '.join(named)} --seeds {seeds} --visits {visits} --seed {seed} --out leaderboard.md"
    page = markdown(sections, code_version(), again)
    if out is None:
        click.echo(page, nl=False)
        return
    out.write_text(page, encoding="utf-8")
    click.echo(f"wrote {out}", err=True)


def _on_data(text: str, entries: list[Entry], seed: int) -> Section:
    from bandi.evaluation.leaderboard.boards import ranking_board, replay_board
    from bandi.evaluation.leaderboard.report import Section
    from bandi.loading.public import read_registry
    from bandi.model.errors import InvalidInputError, Problem

    name, sign, path = text.partition("=")
    if not sign or not path:
        raise click.UsageError(f"--data {text}: expected NAME=PATH")
    registry = read_registry()
    layout = registry.format_of(name)
    if layout.judged is None:
        hint = "its readers have no histories, and nothing says with what probability titles were shown"
        raise InvalidInputError(Problem(f"--data {name}", "nothing to judge by", "a set of clicks or decisions", hint))
    if not Path(path).exists():
        raise InvalidInputError(Problem(f"--data {name}", f"no {path}", "a folder or a file"))
    make = ranking_board if layout.judged == "clicks" else replay_board
    board: Board = make(name, layout, Path(path), entries, seed, lambda entry: _done(name, entry))
    return Section(board, next((one for one in registry.sets if one.name == name), None))


def _in_world(name: str, entries: list[Entry], seeds: int, visits: int) -> Section:
    from bandi.cli.simulate import world_file
    from bandi.cli.simulate_funnel import is_funnel
    from bandi.evaluation.leaderboard.boards import world_board
    from bandi.evaluation.leaderboard.report import Section
    from bandi.evaluation.worlds.parameters import read_parameters

    file = world_file(name)
    if is_funnel(file):
        raise click.UsageError(f"--world {name}: a world with payments; expected one of clicks, such as webtoon")
    shown = Path(name).stem
    parameters = read_parameters(file)
    return Section(
        world_board(shown, parameters, entries, range(1, seeds + 1), visits, lambda entry: _done(shown, entry))
    )


def _done(where: str, entry: str) -> None:
    click.echo(f"{where}: {entry}", err=True)


def code_version() -> str:
    """Bandi's version, and the date of the newest commit where the code lies in a git checkout."""
    import subprocess

    import bandi

    folder = Path(bandi.__file__).parent
    try:
        done = subprocess.run(  # noqa: S603
            ["git", "-C", str(folder), "log", "-1", "--format=%cs", "--", "."],  # noqa: S607
            capture_output=True, text=True, check=False, timeout=10,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return f"Bandi {bandi.__version__}"
    day = done.stdout.strip()
    return f"Bandi {bandi.__version__}, {day}" if done.returncode == 0 and day else f"Bandi {bandi.__version__}"
