"""The log: appending, sealing, reading; run: python -m bench.log [events to seal, default 10000000].

The peer in the same run is plain sqlite3 with one row for each event, WAL and synchronous=FULL.
"""

from __future__ import annotations

import os
import resource
import sqlite3
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from bandi.log.protocol import EventChunk
from bandi.log.sqlite import SqliteLog, open_log
from bandi.model.records import EVENT, Array
from bench.measure import Sample, machine, table, time_call

RUNS = 5
NOW_MS = 1_700_000_000_000
PEER_COLUMNS = ("request", "occurred_ms", "recorded_ms", "value", "user", "item", "position", "kind")
"""Beside the two halves of the event id."""


def main() -> None:
    largest = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    sizes = [size for size in (100_000, 1_000_000, 10_000_000) if size <= largest]
    print(machine())
    header = ["events per commit", "ours (events/s)", "commit p50", "p99", "longest", "peer (events/s)"]
    print(table([*header, "write + fdatasync alone, p50"], appends()))
    header = ["events", "sealed in", "bytes per event", "read hot", "read sealed", "check (s per million events)"]
    print(table(header, [seal(size) for size in sizes]))
    print(table(["commits of 10 events", "p50", "p99", "longest"], stalls()))
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


def realistic(count: int, first: int = 0, seed: int = 1) -> Array:
    """Random 128-bit ids, requests of 12 impressions that overlap, Zipf items, 100,000 users, late clocks."""
    random = np.random.default_rng([seed, first])
    rows = np.zeros(count, EVENT)
    rows["event_hi"], rows["event_lo"] = random.integers(0, 2**64, (2, count), np.uint64)
    rows["request"] = (1 << 44) | (((np.arange(first, first + count) + random.integers(0, 200, count)) // 12 + 1) << 10)
    rows["recorded_ms"] = NOW_MS + np.arange(first, first + count) // 500 * 25
    rows["occurred_ms"] = rows["recorded_ms"] - random.exponential(2_000, count).astype(np.int64)
    rows["user"] = np.minimum(random.zipf(1.05, count) - 1, 99_999)
    rows["item"] = np.minimum(random.zipf(1.3, count) - 1, 9_999)
    rows["position"] = random.integers(0, 12, count)
    rows["kind"] = np.where(random.random(count) < 0.1, 2, 1)
    return rows


def appends() -> list[list[str]]:
    rows = realistic(100_000)
    found = []
    for size, commits in ((1, 4_000), (100, 2_000), (1_000, 1_000)):
        ours, times = our_appends(rows, size, commits)
        waits = [f"{value * 1e3:.2f} ms" for value in np.quantile(times, [0.5, 0.99, 1])]
        theirs = their_appends(rows, size, commits)
        events = size * commits
        found.append([f"{size:,}", rate(ours, events), *waits, rate(theirs, events), disk_alone(rows[:size].tobytes())])
    return found


def rate(sample: Sample, events: int) -> str:
    return f"{events / sample.median:,.0f} ({events / sample.high:,.0f} to {events / sample.low:,.0f})"


def our_appends(rows: Array, size: int, commits: int) -> tuple[Sample, Array]:
    """Seconds for all commits, and seconds of each."""
    each: list[float] = []
    with tempfile.TemporaryDirectory(dir=".") as folder, open_log(Path(folder), at_ms=NOW_MS) as log:

        def run() -> None:
            for i in range(commits):
                first = i * size % 90_000
                start = time.perf_counter()
                log.append([EventChunk(rows[first : first + size])])
                each.append(time.perf_counter() - start)

        sample = time_call(run, runs=RUNS)
    return sample, np.array(each[commits:])


def their_appends(rows: Array, size: int, commits: int) -> Sample:
    ids = [rows[name].view(np.int64) for name in ("event_hi", "event_lo")]
    columns = [*ids, *(rows[name] for name in PEER_COLUMNS)]
    values = list(zip(*(column.tolist() for column in columns), strict=True))
    insert = "INSERT INTO events VALUES (?,?,?,?,?,?,?,?,?,?)"
    with tempfile.TemporaryDirectory(dir=".") as folder:
        connection = sqlite3.connect(Path(folder) / "peer.sqlite", isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"CREATE TABLE events (hi, lo, {', '.join(PEER_COLUMNS)})")

        def run() -> None:
            for i in range(commits):
                first = i * size % 90_000
                connection.execute("BEGIN")
                connection.executemany(insert, values[first : first + size])
                connection.execute("COMMIT")

        sample = time_call(run, runs=RUNS)
        connection.close()
    return sample


def disk_alone(data: bytes) -> str:
    """The lower bound: the same bytes, at least one page, written over an old file and synced."""
    page = data.ljust(4_096, b"\0")
    taken = []
    with tempfile.TemporaryFile(dir=".") as file:
        file.write(bytes(64 * len(page)))
        os.fsync(file.fileno())
        for i in range(1_000):
            start = time.perf_counter()
            os.pwrite(file.fileno(), page, i % 64 * len(page))
            os.fdatasync(file.fileno())
            taken.append(time.perf_counter() - start)
    return f"{np.median(taken) * 1e3:.2f} ms"


def filled(folder: str, size: int) -> SqliteLog:
    log = open_log(Path(folder), at_ms=NOW_MS)
    for first in range(0, size, 10_000):
        log.append([EventChunk(realistic(min(10_000, size - first), first))])
    return log


def seal(size: int) -> list[str]:
    with tempfile.TemporaryDirectory(dir=".") as folder, filled(folder, size) as log:
        runs = 1 if size > 5_000_000 else 3
        hot = time_call(lambda: drain(log), runs=runs)
        start = time.perf_counter()
        report = log.seal()
        seconds = time.perf_counter() - start
        sealed = time_call(lambda: drain(log), runs=runs)
        check = time_call(log.check, runs=runs, warmups=0)
    per_million = [f"{sample.median / size * 1e6:.3f}" for sample in (hot, sealed, check)]
    return [f"{size:,}", f"{seconds:.2f} s", f"{report.bytes / report.events:.1f}", *per_million]


def drain(log: SqliteLog) -> None:
    for _ in log.read():
        pass


def stalls() -> list[list[str]]:
    """What the writer feels while another thread seals a million events."""
    rows = realistic(10)
    with tempfile.TemporaryDirectory(dir=".") as folder, filled(folder, 1_000_000) as log:
        idle = threading.Timer(2.0, lambda: None)
        sealing = threading.Thread(target=lambda: log.seal(keep=10_000))
        return [["alone", *waits(log, rows, idle)], ["while sealing", *waits(log, rows, sealing)]]


def waits(log: SqliteLog, rows: Array, other: threading.Thread) -> list[str]:
    """p50, p99 and longest of appends made as long as the other thread runs."""
    taken = []
    other.start()
    while other.is_alive():
        start = time.perf_counter()
        log.append([EventChunk(rows)])
        taken.append(time.perf_counter() - start)
        time.sleep(0.0005)
    return [f"{value * 1e3:.2f} ms" for value in np.quantile(taken, [0.5, 0.99, 1])]


if __name__ == "__main__":
    main()
