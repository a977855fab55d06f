"""The fold of journeys, alone and within a log of impressions; run: python -m bench.journeys.

Peer in the same run: the same rules in plain Python over whole histories (the tests' oracle). CPU seconds of one thread, so
that other work on the machine weighs less.
"""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path
from typing import Any

import numpy as np

from bandi.learning.journeys import Journeys, LaterObjective, PlacementSteps
from bandi.learning.payers import Payers
from bandi.model.records import EVENT, Array
from bench.measure import Sample, machine, table

DAY = 86_400_000
OBJECTIVES = [
    LaterObjective("continued", 3, 4, 7 * DAY),
    LaterObjective("coins", 4, 1, 14 * DAY, "coins"),
]
PLACEMENTS = [PlacementSteps(0, ("continued", "coins"))]
RUNS = 3


def main() -> None:
    print(machine(), "\n")
    rows = []
    for size in (100_000, 1_000_000, 5_000_000):
        later, logged = events(size), events(size, impressions=12)
        peer = f"{100_000 / plain(later):,.0f}" if size == 100_000 else ""
        measured = [sorted(fold(part) for _ in range(RUNS)) for part in (later, logged)]
        paying = sorted(pay(later) for _ in range(RUNS))
        rows.append([f"{size:,}", rate(size, measured[0]), peer, rate(size, measured[1]), rate(size, paying)])
    header = [
        "events",
        "clicks, reads, purchases (events per CPU s)",
        "plain Python",
        "a log with 12 impressions a click",
        "payers",
    ]
    print(table(header, rows))


def events(count: int, impressions: int = 0) -> Array:
    """Readers' clicks, each followed by four reads, every fiftieth by a purchase 4 days later; before each its list."""
    random = np.random.default_rng(1)
    rows = np.zeros(count, EVENT)
    n = np.arange(count)
    place, group = n % (impressions + 6) - impressions, n // (impressions + 6)
    rows["kind"] = np.select([place < 0, place == 0, place < 5, group % 50 == 0], [1, 2, 3, 4], 3)
    rows["user"], rows["item"] = group % 100_003, (group * 7) % 1_900
    rows["request"] = np.where(place <= 0, (1 << 44) | (group + 1) << 10, 0)
    rows["placement"], rows["episode"] = -1, np.where(rows["kind"] == 3, np.maximum(place, 1), 0)
    rows["value"] = np.where(rows["kind"] == 4, random.integers(1, 50, count), 0)
    rows["occurred_ms"] = 1_700_000_000_000 + n * 10 + np.where(rows["kind"] == 4, 4 * DAY, 0)
    return rows


def fold(rows: Array) -> float:
    journeys = Journeys(OBJECTIVES, PLACEMENTS, 4_000_000)
    journeys.fold(rows[:10])
    start = time.process_time()
    for first in range(0, len(rows), 262_144):
        journeys.fold(rows[first : first + 262_144])
    return time.process_time() - start


def pay(rows: Array) -> float:
    payers = Payers()
    payers.fold(rows[:10])
    start = time.process_time()
    for first in range(0, len(rows), 262_144):
        payers.fold(rows[first : first + 262_144])
    return time.process_time() - start


def plain(rows: Array) -> float:
    path = Path(__file__).parent.parent / "tests" / "learning" / "journey_oracle.py"
    spec = importlib.util.spec_from_file_location("journey_oracle", path)
    assert spec is not None and spec.loader is not None
    oracle: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(oracle)
    objectives = [(o.name, o.kind, o.count, o.window_ms, o.value is not None) for o in OBJECTIVES]
    start = time.process_time()
    oracle.outcomes(rows, objectives, {0: ["continued", "coins"]})
    return time.process_time() - start


def rate(size: int, seconds: list[float]) -> str:
    times = Sample(seconds[0], seconds[len(seconds) // 2], seconds[-1])
    return f"{size / times.median:,.0f} ({size / times.high:,.0f} to {size / times.low:,.0f})"


if __name__ == "__main__":
    main()
