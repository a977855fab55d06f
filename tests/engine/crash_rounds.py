"""Kill an engine under load, over and over; run by test_crash.py as a program of its own.

Each round forks a child that opens the folder, checks that everything acknowledged before is there exactly once, and
then records events from four threads, telling the parent of each acknowledgement through a pipe, until it is killed
with SIGKILL at a random moment. Prints one line per failure and exits 1 if there was any.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
from pathlib import Path

import numpy as np

import bandi
from bandi.engine.doctor import differences
from bandi.engine.recovery import recover
from bandi.log.identity import hash_ids

THREADS = 4
ITEMS = 20


def child(folder: Path, round_number: int, acknowledged: set[int], tell: int) -> None:
    with_readers = random.Random(round_number)
    engine = bandi.open(folder)
    check(engine, acknowledged)
    if len(engine.items) < ITEMS:
        engine.items.put([bandi.Item(id=f"t{i}") for i in range(ITEMS)])
    repeats = with_readers.sample(sorted(acknowledged), min(20, len(acknowledged)))
    if repeats:
        receipt = engine.record_many([event(number) for number in repeats])
        assert (receipt.accepted, receipt.duplicates) == (0, len(repeats)), f"a repeat was counted: {receipt}"
    start = 1 + max(acknowledged, default=-1)
    os.write(tell, b"ready\n")
    for thread in range(THREADS):
        threading.Thread(target=load, args=(engine, start, thread, tell), daemon=True).start()
    if round_number % 3 == 0:  # be killed while sealing and writing snapshots, too
        while True:
            engine.seal()
            engine.snapshot()
    time.sleep(60)


def load(engine: bandi.Engine, start: int, thread: int, tell: int) -> None:
    """Single events, small batches, and the same numbers sent again after a restart when they were not acknowledged."""
    dice = random.Random(start * THREADS + thread)
    number = start + thread * 1_000_000_000
    while True:
        size = dice.choice([1, 1, 1, 5, 50])
        engine.recommend(user=f"u{number % 50}", k=5)
        receipt = engine.record_many([event(n) for n in range(number, number + size)])
        assert receipt.accepted + receipt.duplicates == size, receipt
        os.write(tell, "".join(f"{n}\n" for n in range(number, number + size)).encode())
        number += size


def event(number: int) -> bandi.Event:
    item, user = f"t{number % ITEMS}", f"u{number % 50}"
    kind = bandi.Impression if number % 3 else bandi.Click
    return kind(user=user, item=item, placement="home", event_id=f"e{number}")


def check(engine: bandi.Engine, acknowledged: set[int]) -> None:
    """Every acknowledged event is in the log once; the log, folded from its start, gives the live state to the bit."""
    stored: list[tuple[int, int]] = []
    for stretch in engine._log.read():
        stored += zip(stretch.events.rows["event_hi"].tolist(), stretch.events.rows["event_lo"].tolist(), strict=True)
    assert len(stored) == len(set(stored)), "an event was logged twice"
    hi, lo = hash_ids([f"e{number}" for number in sorted(acknowledged)], engine._salt)
    missing = set(zip(hi.tolist(), lo.tolist(), strict=True)) - set(stored)
    assert not missing, f"{len(missing)} acknowledged events were lost"
    assert sum(engine.stats().events.values()) == len(stored)
    fresh = recover(engine.path / "nowhere", engine._log).state
    different = differences(fresh.dump(), engine._state.dump())
    assert not different, f"the fold of the log differs from the live state in {different}"
    assert fresh.seen.duplicates(np.asarray(hi), np.asarray(lo)).all()


def rounds(folder: Path, count: int, seed: int) -> int:
    dice = random.Random(seed)
    acknowledged: set[int] = set()
    failures = 0
    for number in range(count):
        hear, tell = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(hear)
            try:
                child(folder, number, acknowledged, tell)
            except BaseException as error:
                print(f"round {number}: {error!r}", flush=True)
            os._exit(3)
        os.close(tell)
        told, failed = listen(hear, pid, dice.uniform(0.0, 0.12))
        failures += failed
        acknowledged |= told
    print(f"{count} rounds, {len(acknowledged)} events acknowledged, {failures} failures", flush=True)
    return failures


def listen(hear: int, pid: int, delay: float) -> tuple[set[int], bool]:
    """Wait until the child is ready, let it work for `delay` seconds, kill it; what it had acknowledged."""
    data = b""
    while b"ready\n" not in data:
        part = os.read(hear, 65536)
        if not part:
            os.close(hear)
            os.waitpid(pid, 0)
            return set(), True
        data += part
    end = time.monotonic() + delay
    os.set_blocking(hear, False)
    while time.monotonic() < end:
        try:
            data += os.read(hear, 1 << 20)
        except BlockingIOError:
            time.sleep(0.002)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.set_blocking(hear, True)
    while part := os.read(hear, 1 << 20):
        data += part
    os.close(hear)
    lines = data.split(b"\n")[:-1]  # a last line without its end may be half a number
    return {int(line) for line in lines if line != b"ready"}, False


if __name__ == "__main__":
    sys.exit(1 if rounds(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])) else 0)
