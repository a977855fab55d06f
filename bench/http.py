"""POST /v1/recommendations, 1,000 candidates, k = 20, one worker, beside the bare stack; run: python -m bench.http.

The server has one core, the load another. Both stacks take turns, so that a busy machine slows both. The bare stack is
the same server, event loop and parser, with an application that reads the body and sends as many fixed bytes.
"""

from __future__ import annotations

import itertools
import json
import tempfile
from pathlib import Path
from statistics import median

import bandi
from bench.http_load import Load, full_load, paced_load, request_bytes
from bench.http_server import bandi_service, bare_stack, server_seconds
from bench.measure import machine, table
from bench.recommend import teach

CANDIDATES, K, CONNECTIONS = 1_000, 20, 32
ROUNDS, SECONDS, HALF_LOAD = 5, 2.0, 4_000.0


def main() -> None:
    print(machine())
    asks = [{"user": f"u{i}", "placement": "home", "k": K} for i in range(1_000)]
    requests = [request_bytes("/v1/recommendations", json.dumps(ask).encode()) for ask in asks]
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder) / "shop.bandi")
        with bandi_service(Path(folder) / "shop.bandi") as ours:
            size = full_load(ours, itertools.cycle(requests), CONNECTIONS, 1.0).body_bytes
            with bare_stack(size) as bare:
                compare(ours, bare, requests)


def prepare(folder: Path) -> None:
    with bandi.open(folder) as engine:
        engine.items.put([bandi.Item(id=f"t{i}") for i in range(CANDIDATES)])
        teach(engine, CANDIDATES)


def compare(ours: int, bare: int, requests: list[bytes]) -> None:
    ports = {"bare stack": bare, "recommendations": ours}
    full: dict[str, list[Load]] = {name: [] for name in ports}
    half: dict[str, list[Load]] = {name: [] for name in ports}
    cpu: dict[str, list[float]] = {name: [] for name in ports}
    for _ in range(ROUNDS):
        for name, port in ports.items():
            before = server_seconds(port)
            load = full_load(port, itertools.cycle(requests), CONNECTIONS, SECONDS)
            cpu[name].append((server_seconds(port) - before) / len(load.latencies) * 1e6)
            full[name].append(load)
            half[name].append(paced_load(port, requests, CONNECTIONS, SECONDS, HALF_LOAD))
    assert all(set(load.statuses) == {b"200"} for loads in (*full.values(), *half.values()) for load in loads)
    header = ["", "requests/s", "server CPU (µs/request)", "p50, p99 at full load (ms)", "p50, p99 at 4,000/s (ms)"]
    rows = [
        [
            name,
            spread([load.rate for load in full[name]]),
            spread(cpu[name]),
            quantiles(full[name]),
            quantiles(half[name]),
        ]
        for name in ports
    ]
    print(table(header, rows))
    share = 1 - median(cpu["bare stack"]) / median(cpu["recommendations"])
    print(f"share of the server's time that is ours: {share:.0%}")


def spread(values: list[float]) -> str:
    return f"{median(values):,.0f} ({min(values):,.0f} to {max(values):,.0f})"


def quantiles(loads: list[Load]) -> str:
    """Medians over the rounds."""
    return ", ".join(f"{median(load.quantile_ms(share) for load in loads):.2f}" for share in (0.5, 0.99))


if __name__ == "__main__":
    main()
