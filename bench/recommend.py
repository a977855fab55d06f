"""`engine.recommend` in process, decision recorded: p50 and p99 at three catalogue sizes; run: python -m bench.recommend.

The lower bound in the same run is `policy.rank` alone on the same candidates.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np

import bandi
from bandi.engine.deciding import Asking
from bench.measure import machine, table

CALLS = 20_000


def main() -> None:
    print(machine())
    rows = [measure(size) for size in (100, 1_000, 10_000)]
    header = ["candidates", "recommend p50 (µs)", "p99 (µs)", "rank alone p50 (µs)", "rank alone p99 (µs)"]
    print(table(header, rows))


def measure(size: int) -> list[str]:
    with tempfile.TemporaryDirectory() as folder, bandi.open(Path(folder) / "shop.bandi") as engine:
        engine.items.put([bandi.Item(id=f"t{i}") for i in range(size)])
        teach(engine, size)
        users = [f"u{i}" for i in range(1_000)]
        for i in range(2_000):
            engine.recommend(user=users[i % 1_000], k=20)
        whole = quantiles(lambda i: engine.recommend(user=users[i % 1_000], k=20))
        decider = engine._decider
        place = decider.placement("home")
        alone = quantiles(lambda i: decider.decide(place, 20, i + 1, Asking(1_700_000_000_000)))
        return [f"{size:,}", *whole, *alone]


def teach(engine: bandi.Engine, size: int) -> None:
    """Impressions and clicks: rates between 2 % and 30 %, so that arms are of unequal age and quality."""
    random = np.random.default_rng(1)
    rates = random.uniform(0.02, 0.3, size)
    for _ in range(10):
        items = random.integers(0, size, 20_000)
        clicked = random.random(20_000) < rates[items]
        events: list[bandi.Event] = [
            (bandi.Click if click else bandi.Impression)(user="u0", item=f"t{item}", placement="home")
            for item, click in zip(items.tolist(), clicked.tolist(), strict=True)
        ]
        engine.record_many(events)


def quantiles(call: object) -> list[str]:
    """p50 and p99 of single calls, in µs."""
    taken = np.empty(CALLS)
    for i in range(CALLS):
        start = time.perf_counter_ns()
        call(i)  # type: ignore[operator]
        taken[i] = time.perf_counter_ns() - start
    return [f"{np.percentile(taken, q) / 1000:.1f}" for q in (50, 99)]


if __name__ == "__main__":
    main()
