"""Assignment to variants: one reader, and many at once, beside hashlib; a request with and without an experiment.

Run: python -m bench.assignment. The peer draws as many services do: MD5 of salt and id by hashlib, its first 15 hexadecimal
digits as a number; it needs two of them for the same question, whether the reader takes part and which variant they get. For
requests, two folders are asked in turn in one process, so that a busy machine is busy for both.
"""

from __future__ import annotations

import hashlib
import tempfile
import time
from bisect import bisect_right
from pathlib import Path

import numpy as np

import bandi
from bandi.experiments.assignment import split, variant, variants
from bandi.experiments.warm import warm
from bandi.model.experiment_changes import Start
from bench.measure import machine, table, time_call
from bench.recommend import teach

PARTS = split("layer", "experiment", (0.2, 0.9), [0.5, 0.3, 0.2])
CALLS = 20_000
LIST = "[placements.home]\nk = 20\n"
EXPERIMENT = """
[layers.all]
[experiments.bold]
placement = "home"
layer = "all"
owner = "bench"
{more}
variants = {{ a = {{ weight = 0.5, statistics = "shared" }}, b = {{ weight = 0.5, statistics = "shared" }} }}
"""


def main() -> None:
    print(machine())
    warm()
    rows = [measure(size) for size in (1_000, 100_000, 1_000_000)]
    header = ["readers", "batch, each", "one at a time, each", "hashlib, each"]
    print("\n## Assignment: layer and variant of a reader (ids such as reader-123456)\n")
    print(table(header, rows))
    print("\n## A request, 1,000 titles, 20 shown, decision recorded\n")
    print(table(["", "p50 (µs)", "p99 (µs)"], requests()))


def by_hashlib(unit: str) -> int:
    """The same question by MD5."""
    if not PARTS.low <= _share("layer", unit) < PARTS.low + PARTS.width:
        return -1
    return bisect_right(PARTS.bounds, _share("experiment", unit))


def _share(salt: str, unit: str) -> float:
    return int(hashlib.md5(f"{salt}.{unit}".encode()).hexdigest()[:15], 16) / float(0xFFFFFFFFFFFFFFF)


def measure(size: int) -> list[str]:
    units = [f"reader-{i}" for i in range(size)]
    some = units[: min(size, 20_000)]
    batch = time_call(lambda: variants(PARTS, 1.0, units))
    single = time_call(lambda: [variant(PARTS, 1.0, unit) for unit in some])
    peer = time_call(lambda: [by_hashlib(unit) for unit in some])
    return [f"{size:,}", f"{batch.median / size * 1e9:.0f} ns"] + [
        f"{sample.median / len(some) * 1e6:.2f} µs" for sample in (single, peer)
    ]


def requests() -> list[list[str]]:
    """Folders without an experiment, with one, and with one that keeps to readers' states; calls take turns."""
    more = {"no experiment": None, "an experiment, sticky": "", "and for some states only": 'states = ["new", "free"]'}
    with tempfile.TemporaryDirectory() as folder:
        engines = [_engine(Path(folder) / f"{i}.bandi", each) for i, each in enumerate(more.values())]
        users = [f"u{i}" for i in range(1_000)]
        taken = np.empty((len(engines), CALLS))
        for i in range(-2_000, CALLS):
            for j, engine in enumerate(engines):
                start = time.perf_counter_ns()
                engine.recommend(user=users[i % 1_000])
                taken[j, max(i, 0)] = (time.perf_counter_ns() - start) / 1_000
        for engine in engines:
            engine.close()
    return [[name, *(f"{np.percentile(row, q):.1f}" for q in (50, 99))] for name, row in zip(more, taken, strict=True)]


def _engine(folder: Path, more: str | None) -> bandi.Engine:
    folder.mkdir()
    (folder / "bandi.toml").write_text(LIST if more is None else LIST + EXPERIMENT.format(more=more), encoding="utf-8")
    engine = bandi.open(folder)
    engine.items.put([bandi.Item(id=f"t{i}") for i in range(1_000)])
    teach(engine, 1_000)
    if more is not None:
        engine.experiments.change("bold", Start(who="bench", why="to be timed"))
    return engine


if __name__ == "__main__":
    main()
