"""Loading events from a CSV file, as `bandi load events` does; run: python -m bench.loading.

A row is a rating: a read, and a click where it is 4 or more. Beside it in the same run the lower bounds of any loader in
Python: reading the rows alone (csv.DictReader), and recording events that are ready made.
"""

from __future__ import annotations

import csv
import tempfile
import time
from pathlib import Path

import numpy as np

import bandi
from bandi.loading.loads import load_events
from bandi.loading.mapping import Mapping, parse_event_rule
from bandi.model.events import Read
from bench.measure import machine, table

SIZES = (10_000, 100_000, 1_000_000)
RUNS = 3
RULES = (parse_event_rule("read"), parse_event_rule("click if rating >= 4"))
MAPPING = Mapping({"user": "userId", "item": "movieId", "occurred_at": "timestamp"}, events=RULES)
CONFIG = '[log]\npast_tolerance = "36500d"\n\n[placements.home]\npolicy = { use = "thompson" }\n'


def main() -> None:
    print(machine(), "\n")
    with tempfile.TemporaryDirectory() as folder:
        rows = [measure(Path(folder), size) for size in SIZES]
    header = ["rows", "events", "loaded (events/s)", "record_many alone (events/s)", "csv.DictReader alone (rows/s)"]
    print(table(header, rows))


def measure(folder: Path, size: int) -> list[str]:
    """One line of the table."""
    path = folder / f"{size}.csv"
    events = write(path, size)
    loaded = [load(folder / f"loaded-{size}-{run}", path, events) for run in range(RUNS)]
    recorded = [record(folder / f"recorded-{size}-{run}", events) for run in range(RUNS)]
    return [
        f"{size:,}",
        f"{events:,}",
        rate(events, loaded),
        rate(events, recorded),
        rate(size, [read(path) for _ in range(RUNS)]),
    ]


def write(path: Path, size: int) -> int:
    """Write the file; how many events it gives."""
    random = np.random.default_rng(1)
    stars = random.integers(1, 11, size) / 2
    columns = (
        random.integers(1, size // 10, size),
        random.zipf(1.3, size) % 50_000,
        stars,
        random.integers(1_600_000_000, 1_700_000_000, size),
    )
    with path.open("w") as file:
        file.write("userId,movieId,rating,timestamp\n")
        file.writelines(
            ",".join(map(str, row)) + "\n" for row in zip(*(column.tolist() for column in columns), strict=True)
        )
    return size + int((stars >= 4).sum())


def load(folder: Path, path: Path, events: int) -> float:
    with opened(folder) as engine:
        start = time.perf_counter()
        report = load_events(engine, path, MAPPING)
        taken = time.perf_counter() - start
    assert report.taken == events, report
    return taken


def record(folder: Path, events: int) -> float:
    with opened(folder) as engine:
        ready = [Read(user=f"u{i % 5_000}", item=str(i % 5_000)) for i in range(events)]
        start = time.perf_counter()
        for first in range(0, events, 10_000):
            engine.record_many(ready[first : first + 10_000])
        return time.perf_counter() - start


def opened(folder: Path) -> bandi.Engine:
    folder.mkdir()
    (folder / "bandi.toml").write_text(CONFIG)
    engine = bandi.open(folder)
    engine.put_items([bandi.Item(id=str(number)) for number in range(50_000)])
    return engine


def read(path: Path) -> float:
    start = time.perf_counter()
    with path.open(newline="") as file:
        for _ in csv.DictReader(file):
            pass
    return time.perf_counter() - start


def rate(count: int, seconds: list[float]) -> str:
    rates = sorted(count / taken for taken in seconds)
    return f"{rates[len(rates) // 2]:,.0f} ({rates[0]:,.0f} to {rates[-1]:,.0f})"


if __name__ == "__main__":
    main()
