"""`bandi demo`: a webtoon service, simulated readers over real HTTP, and a page to watch."""

from __future__ import annotations

import signal
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from bandi.evaluation.http_readers import HttpReaders
    from bandi.evaluation.worlds.parameters import WorldParameters
    from bandi.serving.server import RunningServer

CONFIG = """\
# The demo: one catalogue, three placements, each with a policy of its own; readers come to each in turn.
[placements.thompson]
policy = { use = "thompson" }
[placements.epsilon_greedy]
policy = { use = "epsilon_greedy", epsilon = 0.1 }
[placements.editor]
policy = { use = "editor" }
"""
PLACEMENTS = ("thompson", "epsilon_greedy", "editor")
ONCE_VISITS = 6_000
TITLES = 40


@click.command("demo", short_help="A webtoon service with simulated readers, live.")
@click.option("--once", is_flag=True, help=f"Headless and bounded: {ONCE_VISITS:,} visits, then a table.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8700,
    show_default=True,
    help="Port of the service, 0 for a free one.",
)
@click.option("--rate", type=click.FloatRange(0.1, 10_000), default=80.0, show_default=True, help="Visits a second.")
@click.option("--seed", type=click.IntRange(0, 2**31), default=1, show_default=True, help="Which world.")
def command(once: bool, port: int, rate: float, seed: int) -> None:
    """Start the service with the webtoon world and let readers come over HTTP until Ctrl-C.

    Prints the address of the page: click rates of Thompson sampling, epsilon-greedy and the editors' pick, live.
    """
    with tempfile.TemporaryDirectory(prefix="bandi-demo-") as name:
        folder = Path(name) / "demo.bandi"
        folder.mkdir()
        (folder / "bandi.toml").write_text(CONFIG, encoding="utf-8")
        click.echo("bandi: compiling kernels (seconds at the first start, then they are cached)", err=True)
        _run(folder, once, port, rate, seed)


def _run(folder: Path, once: bool, port: int, rate: float, seed: int) -> None:
    import bandi
    from bandi.evaluation.http_readers import HttpReaders
    from bandi.evaluation.worlds.webtoon import World
    from bandi.serving.server import start_in_thread, warm_kernels

    warm_kernels()
    world = World(demo_parameters(), seed)
    with bandi.open_existing(folder) as engine:
        readers = HttpReaders("", world, seed)
        server = start_in_thread(engine, 0 if once else port, readers.waste)
        try:
            readers.url = server.url
            readers.load_catalogue()
            if once:
                for visit in range(ONCE_VISITS):
                    readers.visit(PLACEMENTS[visit % len(PLACEMENTS)])
            else:
                _until_interrupted(server, readers, rate)
        finally:
            readers.close()
            server.stop()
    _print(readers)


def demo_parameters() -> WorldParameters:
    """The webtoon world with fewer and less equal titles, and editors who guess: a minute of readers tells them apart."""
    import msgspec

    from bandi.evaluation.worlds.parameters import read_parameters

    parameters = read_parameters()
    titles = msgspec.structs.replace(parameters.titles, count=TITLES, launched_before=TITLES, appeal_spread=1.0)
    editors = msgspec.structs.replace(parameters.editors, noise=2.0)
    return msgspec.structs.replace(parameters, titles=titles, editors=editors)


def _until_interrupted(server: RunningServer, readers: HttpReaders, rate: float) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):  # also where a shell started us with SIGINT ignored
        signal.signal(number, signal.default_int_handler)
    click.echo(f"\n  open {server.url}/   (routes: {server.url}/docs/)   Ctrl-C ends it\n")
    started = time.monotonic()
    visit = 0
    try:
        while True:
            readers.visit(PLACEMENTS[visit % len(PLACEMENTS)])
            visit += 1
            time.sleep(max(0.0, started + visit / rate - time.monotonic()))
    except KeyboardInterrupt:
        click.echo("\nbandi: stopping")


def _print(readers: HttpReaders) -> None:
    from bandi.cli.console_tables import print_table
    from bandi.serving.live import wilson

    rows = []
    editors = readers.tallies.get("editor")
    for name, tally in readers.tallies.items():
        rate = tally.clicks / max(1, tally.impressions)
        low, high = wilson(tally.clicks, tally.impressions)
        base = editors.clicks / editors.impressions if editors and editors.clicks else 0.0
        rows.append(
            [
                name, f"{tally.requests:,}", f"{tally.impressions:,}", f"{tally.clicks:,}", f"{rate:.2%}",
                f"{low or 0:.2%} to {high or 1:.2%}", f"{rate / base:.0%}" if base else "", f"{readers.waste(name) or 0:.1%}",
            ]
        )  # fmt: skip
    header = [
        "policy",
        "requests",
        "impressions",
        "clicks",
        "CTR",
        "95 % interval",
        "of the editors' pick",
        "wasted impressions",
    ]
    print_table("readers over HTTP", header, rows, "wasted: on titles that cannot win")
