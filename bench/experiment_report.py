"""The result of an experiment over logs of 1, 10 and 50 million events: seconds and memory, beside a polars group-by.

Run: python -m bench.experiment_report [events ...]. A log is written with the log's own writer and sealed: 28 days, 50 events
a reader (80 % impressions, 12 % clicks, 6 % reads, 2 % purchases), a decision for every 20 events, all readers exposed. Ten metrics
are evaluated, with covariates and guardrails. The peer reads the same Parquet files and sums events and values by reader and kind,
which any report must do at the least. Each runs in a process of its own, whose peak memory is quoted.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec
import numpy as np

from bandi.log.protocol import Chunk, DecisionChunk, DocumentChunk, EventChunk
from bandi.log.sqlite import open_log
from bandi.model.config_text import parse_config
from bandi.model.events import EventKind
from bandi.model.records import DECISION, EVENT, Decisions, DocumentKind
from bench.measure import machine, table

SIZES = (1_000_000, 10_000_000, 50_000_000)
START, DAY = 1_700_006_400_000, 86_400_000
DAYS, PER_READER, PER_DECISION, SHOWN, BATCH = 28, 50, 20, 10, 1_000_000
CONFIG = """
[placements.home]
[layers.all]
[experiments.bold]
placement = "home"
layer = "all"
owner = "bench"
metrics = ["ctr", "reads_per_reader", "continuation", "paid_conversion", "coins_per_reader", "revenue", "retention_day_1",
  "retention_day_7", "continuation_10", "latency"]
guardrails = ["revenue", "retention_day_1"]
variants = { control = { weight = 0.5 }, treatment = { weight = 0.5 } }
"""
_RUN = """
import resource, sys, time
from pathlib import Path
from bench.experiment_report import {call} as call
call(Path(sys.argv[2]))
start, spent = time.perf_counter(), time.process_time()
call(Path(sys.argv[1]))
seconds, of_cpu = time.perf_counter() - start, time.process_time() - spent
print(seconds, of_cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""


def write(folder: Path, events: int) -> None:
    """A sealed log of that many events, in the order of their time but for a little lateness."""
    random = np.random.default_rng(7)
    readers, first = max(events // PER_READER, 100), 0
    with open_log(folder, at_ms=START) as log:
        log.append(_beginning(readers))
        while first < events:
            count = min(BATCH, events - first)
            since, until = (START + DAYS * DAY * part // events for part in (first, first + count))
            log.append(_batch(random, readers, count, since, until))
            log.seal()
            first += count


def _beginning(readers: int) -> list[Chunk]:
    names = {
        "placement": ["home", "bold.control", "bold.treatment"],
        "policy": ["bold.control/t@1", "bold.treatment/t@1"],
        "user": [f"r{i}" for i in range(readers)],
    }
    ids = [{"namespace": namespace, "first": 0, "texts": texts} for namespace, texts in names.items()]
    chunks: list[Chunk] = [DocumentChunk(DocumentKind.IDS, msgspec.msgpack.encode(one)) for one in ids]
    return [*chunks, DocumentChunk(DocumentKind.CONFIG, msgspec.msgpack.encode(parse_config(CONFIG)))]


def _batch(random: np.random.Generator, readers: int, count: int, since: int, until: int) -> list[Chunk]:
    lists = max(count // PER_DECISION, 1)
    headers = np.zeros(lists, DECISION)
    headers["user"] = random.integers(0, readers, lists)
    headers["policy"] = headers["user"] & 1
    headers["placement"], headers["k"] = 1 + headers["policy"], SHOWN
    headers["occurred_ms"] = np.sort(random.integers(since, until, lists))
    items = random.integers(0, 5_000, lists * SHOWN).astype(np.int32)
    scores = np.zeros(len(items), np.float32)
    offsets = np.arange(0, len(items) + 1, SHOWN)
    rows = np.zeros(count, EVENT)
    kinds = [EventKind.IMPRESSION, EventKind.CLICK, EventKind.READ, EventKind.PURCHASE]
    rows["kind"] = random.choice(np.array(kinds, np.int16), count, p=[0.8, 0.12, 0.06, 0.02])
    rows["user"], rows["item"] = random.integers(0, readers, count), random.integers(0, 5_000, count)
    rows["occurred_ms"] = np.sort(random.integers(since, until, count)) - random.integers(0, 60_000, count)
    rows["recorded_ms"] = rows["occurred_ms"]
    rows["request"] = 1 + (rows["user"] & 1)
    rows["value"] = np.where(rows["kind"] == EventKind.PURCHASE, random.integers(1, 20, count), 0)
    rows["episode"] = np.where(rows["kind"] == EventKind.READ, random.integers(1, 15, count), 0)
    decisions = Decisions(np.zeros(lists, np.int64), headers, offsets, items, scores)
    return [DecisionChunk(decisions), EventChunk(rows)]


def report(folder: Path) -> None:
    """What is measured."""
    from bandi.experiments.metrics import evaluate

    evaluate(folder, "bold", now_ms=START + DAYS * DAY)


def lower_bound(folder: Path) -> None:
    """Events and values by reader and kind, by polars from the same files."""
    import polars as pl

    frame = pl.scan_parquet(folder / "**" / "events.parquet")
    frame.group_by("user", "kind").agg(pl.len(), pl.col("value").sum()).collect()


def measured(call: str, folder: Path, small: Path) -> list[str]:
    """Seconds, those of processors, and peak memory, of a process of its own; `small` is a log to warm up on."""
    code = _RUN.format(call=call)
    found = subprocess.run([sys.executable, "-c", code, folder, small], check=True, capture_output=True, text=True)
    seconds, of_cpu, memory = map(float, found.stdout.split())
    return [f"{seconds:.1f} s", f"{of_cpu:.1f} s", f"{memory:.2f} GiB"]


def main() -> None:
    print(machine())
    sizes = [int(size) for size in sys.argv[1:]] or SIZES
    rows = []
    with tempfile.TemporaryDirectory() as inside:
        small = Path(inside) / "small"
        write(small, 10_000)
        for size in sizes:
            folder = Path(inside) / str(size)
            start = time.perf_counter()
            write(folder, size)
            print(f"{size:,} events written in {time.perf_counter() - start:.0f} s", file=sys.stderr)
            rows.append([f"{size:,}", *measured("report", folder, small), *measured("lower_bound", folder, small)])
    print("\n## An experiment's result: 10 metrics, 28 looks\n")
    print(table(["events", "result", "of CPU", "peak memory", "polars group-by", "of CPU", "peak memory"], rows))


if __name__ == "__main__":
    main()
