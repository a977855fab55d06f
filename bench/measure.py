"""Timing for the benchmarks: several runs after a warm-up, quoted as median (minimum to maximum)."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sample:
    """Seconds per call over several runs."""

    low: float
    median: float
    high: float

    def __str__(self) -> str:
        unit, factor = next(
            (u, f) for u, f in (("s", 1.0), ("ms", 1e3), ("µs", 1e6), ("ns", 1e9)) if self.median * f >= 1 or u == "ns"
        )
        return f"{self.median * factor:.3g} {unit} ({self.low * factor:.3g} to {self.high * factor:.3g})"


def time_call(call: Callable[[], object], *, runs: int = 7, calls: int = 1, warmups: int = 1) -> Sample:
    """Seconds per call: each run makes `calls` calls in a row; `warmups` runs are not counted."""
    seconds = []
    for run in range(warmups + runs):
        start = time.perf_counter()
        for _ in range(calls):
            call()
        if run >= warmups:
            seconds.append((time.perf_counter() - start) / calls)
    return Sample(min(seconds), statistics.median(seconds), max(seconds))


def machine() -> str:
    """One line about where the figures were measured."""
    return (
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, Linux {platform.release()}"
    )


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])
