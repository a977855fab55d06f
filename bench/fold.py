"""The folds alone: attribution, duplicates, snapshots; run: python -m bench.fold.

Peer in the same run: the same rules over dictionaries in plain Python (the tests' oracle), and a Python set of ids.
"""

from __future__ import annotations

import importlib.util
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from bandi.learning.attribution import Attribution, PlacementRule
from bandi.learning.duplicates import SeenEvents
from bandi.learning.snapshots import read_snapshot, write_snapshot
from bandi.model.records import EVENT, Array, Events, Stretch
from bench.measure import Sample, machine, table, time_call

RULES = [PlacementRule(0, "reported", 2, 1_800_000)]
RUNS = 3


def main() -> None:
    print(machine(), "\n")
    rows = []
    for size in (100_000, 1_000_000, 10_000_000):
        logged = events(size)
        folds = sorted(fold(logged) for _ in range(RUNS))
        ids = sorted(seen(logged) for _ in range(RUNS))
        peer = plain(logged[:100_000]) if size == 100_000 else None
        rows.append(
            [
                f"{size:,}",
                rate(size, folds),
                "" if peer is None else f"{100_000 / peer[0]:,.0f}",
                rate(size, ids),
                "" if peer is None else f"{100_000 / peer[1]:,.0f}",
            ]
        )
    header = ["events", "attribution (events/s)", "plain Python", "duplicates: check and add (ids/s)", "Python set"]
    print(table(header, rows), "\n")
    print(table(["events in one call", "µs a call"], [[str(size), small(size)] for size in (1, 10, 100)]), "\n")
    print(table(["snapshot", "write", "read"], [snapshot()]))


def events(count: int) -> Array:
    """Lists of 12 impressions; every tenth impression is clicked, a little later in the log."""
    random = np.random.default_rng(1)
    rows = np.zeros(count, EVENT)
    n = np.arange(count)
    rows["event_hi"], rows["event_lo"] = random.integers(0, 2**64, (2, count), np.uint64)
    rows["request"] = (np.uint64(1) << np.uint64(44)) | ((n // 13 + 1).astype(np.uint64) << np.uint64(10))
    rows["item"] = np.where(n % 13 == 12, (n // 13 * 7) % 1_900, (n // 13 * 7 + n % 13) % 1_900)
    rows["kind"] = np.where(n % 13 == 12, 2, 1)
    rows["occurred_ms"] = rows["recorded_ms"] = 1_700_000_000_000 + n
    rows["user"] = -1
    return rows


def fold(rows: Array) -> float:
    attribution = Attribution(RULES, 4_000_000)
    attribution.fold(Stretch(0, 1, Events(np.arange(1), rows[:1])))
    start = time.perf_counter()
    for first in range(0, len(rows), 262_144):
        part = rows[first : first + 262_144]
        attribution.fold(Stretch(first, first + len(part), Events(np.arange(first, first + len(part)), part)))
    return time.perf_counter() - start


def seen(rows: Array) -> float:
    table_of_ids = SeenEvents(4_000_000)
    start = time.perf_counter()
    for first in range(0, len(rows), 10_000):
        hi, lo = (np.ascontiguousarray(rows[name][first : first + 10_000]) for name in ("event_hi", "event_lo"))
        table_of_ids.duplicates(hi, lo)
        table_of_ids.add(hi, lo)
    return time.perf_counter() - start


def plain(rows: Array) -> tuple[float, float]:
    """Seconds of the oracle, and of a Python set of (hi, lo)."""
    path = Path(__file__).parent.parent / "tests" / "learning" / "attribution_oracle.py"
    spec = importlib.util.spec_from_file_location("attribution_oracle", path)
    assert spec is not None and spec.loader is not None
    oracle: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(oracle)
    start = time.perf_counter()
    oracle.outcome_counts(rows, [], {0: ("reported", 2, 1_800_000)})
    middle = time.perf_counter()
    known: set[tuple[int, int]] = set()
    for pair in zip(rows["event_hi"].tolist(), rows["event_lo"].tolist(), strict=True):
        if pair not in known:
            known.add(pair)
    return middle - start, time.perf_counter() - middle


def small(size: int) -> str:
    """What a fold costs behind a small commit."""
    rows = events(size * 6_000)
    attribution = Attribution(RULES, 4_000_000)
    at = iter(range(0, len(rows), size))

    def call() -> None:
        first = next(at)
        attribution.fold(
            Stretch(first, first + size, Events(np.arange(first, first + size), rows[first : first + size]))
        )

    return f"{time_call(call, runs=5, calls=1_000).median * 1e6:.1f}"


def snapshot() -> list[str]:
    arrays = {f"a{i}": np.random.default_rng(i).integers(0, 2**60, 6_250_000) for i in range(4)}
    size = sum(array.nbytes for array in arrays.values())
    with tempfile.TemporaryDirectory() as folder:
        write = time_call(lambda: write_snapshot(Path(folder), 1, arrays, {}), runs=3)
        path = Path(folder) / f"{1:016d}.snapshot"
        read = time_call(lambda: read_snapshot(path), runs=5)
    return [f"{size / 1e6:.0f} MB", str(write), str(read)]


def rate(size: int, seconds: list[float]) -> str:
    times = Sample(seconds[0], seconds[len(seconds) // 2], seconds[-1])
    return f"{size / times.median:,.0f} ({size / times.high:,.0f} to {size / times.low:,.0f})"


if __name__ == "__main__":
    main()
