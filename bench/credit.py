"""The credit report of sealed logs of three sizes; run: python -m bench.credit.

A log has 12 impressions a click, one decision for every 12 impressions, four reads a click, and a purchase for every fiftieth
click. Lower bound in the same run: reading the same log twice without looking at it. Wall seconds, and the process's peak of
resident memory.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec
import numpy as np

from bandi.engine.crediting import credit_report
from bandi.learning.credit import CreditRule
from bandi.log.protocol import DecisionChunk, DocumentChunk, EventChunk
from bandi.log.sqlite import open_log, open_log_read_only
from bandi.model.config import Config, Holdout
from bandi.model.records import DECISION, Array, Decisions, DocumentKind
from bench.journeys import DAY, events
from bench.measure import machine, table

SIZES = (500_000, 5_000_000, 50_000_000)
READERS, TITLES, STRETCH = 100_003, 1_900, 900_000


def main(sizes: tuple[int, ...] = SIZES) -> None:
    print(machine(), "\n")
    rows = []
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            write_log(Path(folder), size)
            reading, report = (measured(folder, what) for what in ("read", "report"))
        rows.append(
            [f"{size:,}", f"{report[0]:.1f} s", f"{reading[0]:.1f} s", f"{report[1]:,.0f} MB", f"{reading[1]:,.0f} MB"]
        )
    print(table(["events", "credit report", "reading the log twice", "its peak memory", "reading's"], rows))


def write_log(folder: Path, size: int) -> None:
    """Documents, then stretches of decisions and events, each sealed."""
    log = open_log(folder, at_ms=1_700_000_000_000)
    ids = {"placement": ["home"], "item": [f"t{n}" for n in range(TITLES)], "user": [f"u{n}" for n in range(READERS)]}
    for namespace, texts in ids.items():
        log.append([DocumentChunk(DocumentKind.IDS, msgspec.msgpack.encode({"namespace": namespace, "texts": texts}))])
    log.append([DocumentChunk(DocumentKind.CONFIG, msgspec.msgpack.encode(Config(holdout=Holdout())))])
    for first in range(0, size, STRETCH):
        rows = events(min(STRETCH, size - first), impressions=12)
        rows["occurred_ms"] += first * 10 - (rows["kind"] == 4) * 3 * DAY
        log.append([DecisionChunk(decisions(rows)), EventChunk(rows)])
        log.seal()
    log.close()


def decisions(rows: Array) -> Decisions:
    """One for each twelve impressions."""
    shown = rows[rows["kind"] == 1]
    shown = shown[: len(shown) // 12 * 12]
    headers = np.zeros(len(shown) // 12, DECISION)
    headers["user"], headers["request"] = shown["user"][::12], shown["request"][::12]
    headers["occurred_ms"], headers["k"] = shown["occurred_ms"][::12], 12
    offsets = np.arange(len(headers) + 1, dtype=np.int64) * 12
    items = np.ascontiguousarray(shown["item"])
    return Decisions(np.zeros(len(headers), np.int64), headers, offsets, items, np.ones(len(items), np.float32))


def measured(folder: str, what: str) -> tuple[float, float]:
    """Seconds and peak megabytes in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.credit", what, folder], capture_output=True, text=True, check=True
    )
    seconds, peak = (float(word) for word in done.stdout.split())
    return seconds, peak


def once(what: str, folder: Path) -> None:
    started = time.perf_counter()
    if what == "report":
        credit_report(folder, CreditRule(14 * DAY))
    else:
        log = open_log_read_only(folder)
        for _ in range(2):
            for _stretch in log.read(0, log.next_position):
                pass
        log.close()
    print(time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_000)


if __name__ == "__main__":
    if sys.argv[1:2] in (["read"], ["report"]):
        once(sys.argv[1], Path(sys.argv[2]))
    else:
        main(tuple(int(size) for size in sys.argv[1:]) or SIZES)
