"""Durable events: in process, over HTTP in batches, over HTTP one by one from 64 connections; run: python -m bench.http_events.

Every event has an id of its own and is on disk before it is acknowledged. Peers in the same run: the bare stack reading the
same bodies, and SQLite's own commits (WAL, synchronous FULL) of rows of the same size.
"""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import bandi
from bandi.engine.jobs import Waiter
from bandi.model.records import EVENT
from bench.http_load import full_load, request_bytes
from bench.http_server import LOAD_CORE, ask, bandi_service, bare_stack
from bench.measure import machine, table

TITLES, READERS = 1_000, 5_000
BATCH, BATCHES, SINGLES, CONNECTIONS, ROUNDS = 1_000, 300, 20_000, 64, 5


def main() -> None:
    print(machine())
    rows = [*in_process(), *over_http(), *plain_sqlite()]
    print(table(["door", "events/s: median (minimum to maximum)"], rows))


def impression(i: int) -> bandi.Event:
    return bandi.Impression(
        user=f"u{i * 7 % READERS}", item=f"t{i % TITLES}", placement="home", position=i % 20, event_id=f"e{i}"
    )


def batches(first: int, count: int) -> list[list[bandi.Event]]:
    return [[impression(first + b * BATCH + i) for i in range(BATCH)] for b in range(count)]


def bodies(first: int, count: int, size: int) -> Iterator[bytes]:
    """Requests of `size` events with ids that never come again."""
    for start in range(first, first + count * size, size):
        events = [
            {"type": "impression", "user": f"u{i * 7 % READERS}", "item": f"t{i % TITLES}", "placement": "home",
             "position": i % 20, "event_id": f"h{i}"}
            for i in range(start, start + size)
        ]  # fmt: skip
        yield request_bytes("/v1/events", json.dumps({"events": events} if size > 1 else events[0]).encode())


def rates(events: int, call: Callable[[int], object]) -> str:
    """Events per second of call(round)."""
    found = []
    for turn in range(ROUNDS):
        start = time.perf_counter()
        call(turn)
        found.append(events / (time.perf_counter() - start))
    return f"{median(found):,.0f} ({min(found):,.0f} to {max(found):,.0f})"


def in_process() -> list[list[str]]:
    with tempfile.TemporaryDirectory() as folder, bandi.open(Path(folder) / "shop.bandi") as engine:
        engine.items.put([bandi.Item(id=f"t{i}") for i in range(TITLES)])
        for batch in batches(10**9, 20):
            engine.record_many(batch)
        waiting = [batches(turn * BATCHES * BATCH, BATCHES) for turn in range(2 * ROUNDS)]

        def one_after_another(turn: int) -> None:
            for batch in waiting[turn]:
                engine.record_many(batch)

        def all_at_once(turn: int) -> None:
            waiters = [Waiter() for _ in range(BATCHES)]
            for batch, waiter in zip(waiting[ROUNDS + turn], waiters, strict=True):
                engine.submit(batch, waiter)
            for waiter in waiters:
                waiter.wait()

        rows = [
            ["in process, `record_many` of 1,000, one caller", rates(BATCHES * BATCH, one_after_another)],
            ["in process, `submit` of 1,000, not waiting for each", rates(BATCHES * BATCH, all_at_once)],
        ]
        assert engine.stats().events["impression"] == (20 + 2 * ROUNDS * BATCHES) * BATCH
        return rows


def over_http() -> list[list[str]]:
    with tempfile.TemporaryDirectory() as folder:
        with bandi.open(Path(folder) / "shop.bandi") as engine:
            engine.items.put([bandi.Item(id=f"t{i}") for i in range(TITLES)])
        with bandi_service(Path(folder) / "shop.bandi") as ours, bare_stack(14) as bare:
            rows = []
            for name, size, count, connections in (
                ("batches of 1,000, 4 connections", BATCH, BATCHES // 2, 4),
                (f"one by one, {CONNECTIONS} connections", 1, SINGLES, CONNECTIONS),
            ):
                for stack, port in (("HTTP", ours), ("bare stack", bare)):
                    made = [list(bodies(turn * 10**7 + size * 10**8, count, size)) for turn in range(ROUNDS)]

                    def send(
                        turn: int, made: list[list[bytes]] = made, port: int = port, connections: int = connections
                    ) -> None:
                        load = full_load(port, made[turn], connections)
                        assert set(load.statuses) <= {b"202", b"200"}

                    rows.append([f"{stack}, {name}", rates(size * count, send)])
            counted = ask(ours, "/v1/stats")["events"]["impression"]
            assert counted == ROUNDS * (BATCHES // 2 * BATCH + SINGLES), counted
            return rows


def plain_sqlite() -> list[list[str]]:
    """What the disk and SQLite allow: rows of the size of ours, commit by commit."""
    os.sched_setaffinity(0, {LOAD_CORE})
    rows = []
    for size, count in ((1, 2_000), (BATCH, 200)):
        with tempfile.TemporaryDirectory() as folder:
            database = sqlite3.connect(Path(folder) / "plain.db", isolation_level=None)
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = FULL")
            database.execute("CREATE TABLE events (position INTEGER PRIMARY KEY, row BLOB)")
            payload = [(os.urandom(EVENT.itemsize),) for _ in range(size)]

            def commit(
                _: int,
                count: int = count,
                database: sqlite3.Connection = database,
                payload: list[tuple[bytes]] = payload,
            ) -> None:
                for _ in range(count):
                    database.execute("BEGIN")
                    database.executemany("INSERT INTO events (row) VALUES (?)", payload)
                    database.execute("COMMIT")

            rows.append([f"plain SQLite, {size:,} a commit", rates(size * count, commit)])
            database.close()
    return rows


if __name__ == "__main__":
    main()
