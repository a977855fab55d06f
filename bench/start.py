"""Starting: ten million events behind a snapshot, and without one; a small folder; run: python -m bench.start [events].

Each start is a process of its own, timed from its first instruction to `ready`.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import bandi
from bandi.engine.engine import now_ms
from bandi.log.protocol import EventChunk
from bandi.log.sqlite import open_log
from bandi.model.records import EVENT
from bench.measure import Sample, machine, table

RUNS = 5
OPEN = "import sys, bandi\nengine = bandi.open(sys.argv[1])\nprint(engine.opening.folded, engine.opening.seconds)\n"


def main() -> None:
    print(machine())
    sizes = [int(sys.argv[1])] if len(sys.argv) > 1 else [100_000, 1_000_000, 10_000_000]
    rows = [row for size in sizes for row in measure(size)]
    print(table(["events", "start", "whole process (s)", "events folded per second"], rows))


def measure(size: int) -> list[list[str]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "shop.bandi"
        fill(folder, size)
        without = fold_once(folder)
        starts = sorted(whole_start(folder) for _ in range(RUNS))
        return [
            [f"{size:,}", "folding the whole log", f"{without[0]:.2f}", f"{size / without[1]:,.0f}"],
            [f"{size:,}", "behind a snapshot", str(Sample(starts[0], starts[RUNS // 2], starts[-1])), ""],
        ]


def fill(folder: Path, size: int) -> None:
    """Impressions and clicks of 2,000 titles by 100,000 readers, written straight to the log, sealed as it grows."""
    with bandi.open(folder) as engine:
        engine.items.put([bandi.Item(id=f"t{i}") for i in range(2_000)])
    for snapshot in (folder / "snapshots").iterdir():
        snapshot.unlink()
    log = open_log(folder, at_ms=now_ms())
    random = np.random.default_rng(1)
    for first in range(0, size, 100_000):
        log.append([EventChunk(events(random, first, min(100_000, size - first)))])
        if first % 1_000_000 == 900_000:
            log.seal()
    log.close()


def events(random: np.random.Generator, first: int, count: int) -> np.ndarray:
    rows = np.zeros(count, EVENT)
    rows["event_hi"], rows["event_lo"] = random.integers(0, 2**63, (2, count), np.uint64)
    rows["request"] = (1 << 44) | ((np.arange(first, first + count) // 12 + 1) << 10)
    rows["occurred_ms"] = rows["recorded_ms"] = now_ms() - 86_400_000 + first // 10
    rows["user"] = -1
    rows["item"] = np.minimum(random.zipf(1.3, count) - 1, 1_999)
    rows["kind"] = np.where(random.random(count) < 0.1, 2, 1)
    rows["position"] = np.arange(count) % 12
    return rows


def fold_once(folder: Path) -> tuple[float, float]:
    """Seconds of the whole process, and of opening alone; the process ends without a snapshot."""
    script = OPEN + "import os; sys.stdout.flush(); os._exit(0)"
    start = time.perf_counter()
    out = subprocess.run([sys.executable, "-c", script, str(folder)], capture_output=True, text=True, check=True).stdout
    taken = time.perf_counter() - start
    subprocess.run([sys.executable, "-c", OPEN + "engine.close()", str(folder)], check=True, capture_output=True)
    return taken, float(out.split()[1])


def whole_start(folder: Path) -> float:
    script = OPEN + "import os; sys.stdout.flush(); os._exit(0)"
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", script, str(folder)], check=True, capture_output=True)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
