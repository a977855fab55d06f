"""`bandi demo`: a webtoon service, simulated readers over real HTTP, and a page to watch."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from bandi.engine import Engine
    from bandi.evaluation.http_readers import HttpReaders
    from bandi.evaluation.worlds.parameters import WorldParameters
    from bandi.serving.server import RunningServer

CONFIG = """\
# The demo: one catalogue. Readers come in turn to three placements that rank all of it, each with a policy of its own, and
# to a personal home; beside the end of what they read stands a list of similar titles.
[placements.thompson]
policy = { use = "thompson" }
[placements.epsilon_greedy]
policy = { use = "epsilon_greedy", epsilon = 0.1 }
[placements.editor]
policy = { use = "editor" }

[placements.home]
targeters = [
  { use = "segment", n = 30 },
  { use = "factors", n = 30 },
  { use = "fresh", n = 10, at_least = 0.1 },
  { use = "popular", n = 20 },
  { use = "editor", n = 10 },
]
exclude = ["read"]
diversity = [{ by = "genre", max_share = 0.4 }]
policy = { use = "thompson" }

[placements.viewer_end]
targeters = [{ use = "similar", n = 30, by = ["text", "factors"] }, { use = "popular", n = 10 }]
exclude = ["read"]
policy = { use = "thompson" }

[segments]
k = 6
method = "hard"  # one group each: a minute of reads says too little for weights

[factors]
factors = 16  # a catalogue of some hundred titles
"""
PLACEMENTS = ("thompson", "epsilon_greedy", "editor", "home")
BESIDE = "viewer_end"
PERSONAL_PLACEMENTS = ("home", BESIDE)
ONCE_VISITS = 4_000
ONCE_TRAINED_AFTER = 2_500
TRAINED_AFTER = 1_500
TRAINED_EVERY_S = 60.0
TAKE_UP_S = 30.0
TITLES, LAUNCHED_BEFORE, READERS = 120, 110, 800
TITLES_PRINTED = 8


@click.command("demo", short_help="A webtoon service with simulated readers, live.")
@click.option(
    "--once", is_flag=True, help=f"Headless and bounded: {ONCE_VISITS:,} visits with one training, then tables."
)
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

    Prints the address of the page: click rates of Thompson sampling, epsilon-greedy, the editors' pick and a personal home,
    live; and from the first training on (`bandi train` runs beside the service) groups of readers, and similar titles.
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
        readers = HttpReaders("", world, seed, beside=BESIDE)
        server = start_in_thread(engine, 0 if once else port, lambda placement: _waste(readers, placement))
        training = Training(folder)
        try:
            readers.url = server.url
            readers.load_catalogue()
            readers.load_readers()
            if once:
                _bounded(engine, readers, training)
            else:
                _until_interrupted(server, readers, rate, training)
        finally:
            training.stop()
            readers.close()
            server.stop()
        _print(readers)
        _print_learned(engine)


def demo_parameters() -> WorldParameters:
    """The personal world, smaller, with less equal titles, stronger tastes and editors who guess: a minute tells them apart."""
    import msgspec

    from bandi.evaluation.worlds.parameters import PERSONAL, read_parameters

    replace = msgspec.structs.replace
    parameters = read_parameters(PERSONAL)
    titles = replace(parameters.titles, count=TITLES, launched_before=LAUNCHED_BEFORE, appeal_spread=0.8)
    titles = replace(titles, taste_strength=2.0)
    readers = replace(parameters.readers, count=READERS, mixing=0.1)
    return replace(parameters, titles=titles, readers=readers, editors=replace(parameters.editors, noise=2.0))


class Training:
    """`bandi train` on a folder, in a process of its own beside the service; at most one at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._started = float("-inf")

    def start_when_due(self, visits: int) -> None:
        """The first after TRAINED_AFTER visits, then one every TRAINED_EVERY_S."""
        due = visits >= TRAINED_AFTER and time.monotonic() >= self._started + TRAINED_EVERY_S
        if due and (self._process is None or self._process.poll() is not None):
            self.start()

    def start(self) -> None:
        """Begin one; errors of it appear on our standard error."""
        self._started = time.monotonic()
        command = [sys.executable, "-m", "bandi", "train", str(self._folder)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)  # noqa: S603

    def wait(self) -> None:
        """Until it is done. Raises click.ClickException where it failed."""
        if self._process is not None and self._process.wait() != 0:
            raise click.ClickException(f"bandi train ended with {self._process.returncode}")

    def stop(self) -> None:
        """End one that runs; the artifact before stays."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait()


def _waste(readers: HttpReaders, placement: str) -> float | None:
    """Only where everybody is shown the same: a title that cannot win with all readers may be the best one for some."""
    return None if placement in PERSONAL_PLACEMENTS else readers.waste(placement)


def _bounded(engine: Engine, readers: HttpReaders, training: Training) -> None:
    for visit in range(ONCE_VISITS):
        if visit == ONCE_TRAINED_AFTER:
            training.start()
            training.wait()
            _await_artifact(engine)
        readers.visit(PLACEMENTS[visit % len(PLACEMENTS)])


def _await_artifact(engine: Engine) -> None:
    ends = time.monotonic() + TAKE_UP_S
    while engine.artifact != engine.artifacts.current():
        if time.monotonic() > ends:
            raise click.ClickException(f"the service did not take the artifact up in {TAKE_UP_S:.0f} s")
        time.sleep(0.02)


def _until_interrupted(server: RunningServer, readers: HttpReaders, rate: float, training: Training) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):  # also where a shell started us with SIGINT ignored
        signal.signal(number, signal.default_int_handler)
    click.echo(f"\n  open {server.url}/   (routes: {server.url}/docs/)   Ctrl-C ends it\n")
    started = time.monotonic()
    visit = 0
    try:
        while True:
            readers.visit(PLACEMENTS[visit % len(PLACEMENTS)])
            visit += 1
            training.start_when_due(visit)
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
        base = editors.clicks / editors.impressions if editors and editors.clicks and name != BESIDE else 0.0
        waste = _waste(readers, name)
        rows.append(
            [
                name, f"{tally.requests:,}", f"{tally.impressions:,}", f"{tally.clicks:,}", f"{rate:.2%}",
                f"{low or 0:.2%} to {high or 1:.2%}", f"{rate / base:.0%}" if base else "",
                "" if waste is None else f"{waste:.1%}",
            ]
        )  # fmt: skip
    header = [
        "placement",
        "requests",
        "impressions",
        "clicks",
        "CTR",
        "95 % interval",
        "of the editors' pick",
        "wasted impressions",
    ]
    print_table(
        "readers over HTTP", header, rows, "wasted: on titles that cannot win; personal lists have no such titles"
    )


def _print_learned(engine: Engine) -> None:
    """What the last training found: groups of readers, and similar titles."""
    from bandi.cli.console_tables import print_table
    from bandi.serving.learned_view import learned_view

    learned = learned_view(engine, engine.artifact) if engine.artifact else None
    if learned is None:
        click.echo("nothing was trained yet")
        return
    groups = [
        [
            f"{group.number}", f"{group.readers:.0f}", f"{group.share:.0%}",
            ", ".join(f"{label.name} {label.lift:.1f}x" for label in group.genres),
            ", ".join(f"{label.name} {label.lift:.1f}x" for label in group.tags),
        ]
        for group in learned.groups
    ]  # fmt: skip
    caption = f"artifact {learned.artifact}, {learned.reads:,} reads; x: times as much read as by everybody"
    print_table("clusters of readers", ["cluster", "readers", "share", "genres", "tags"], groups, caption)
    alikes = [
        [title.title, title.genre, ", ".join(f"{each.title} {each.cosine:.2f}" for each in title.alike)]
        for title in learned.titles[:TITLES_PRINTED]
    ]
    print_table("similar titles", ["title", "genre", "most alike"], alikes, f"likeness by {learned.by}, 1 at most")
