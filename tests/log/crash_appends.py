"""Kill a process that appends to a log, over and over; run by test_log_crash.py as a program of its own.

Each round forks a child that opens the folder, checks that everything acknowledged before is there, in order and
without gaps, and then appends numbered events, telling the parent each acknowledged number through a pipe, until it
is killed with SIGKILL at a random moment; in two rounds of three while it seals. Exits 1 if any round failed.
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

from bandi.log import segments  # noqa: F401  polars is imported once, here; its threads start in the children
from bandi.log.protocol import EventChunk
from bandi.log.sqlite import SqliteLog, open_log
from bandi.model.records import EVENT


def child(folder: Path, number: int, acknowledged: int, tell: int) -> None:
    log = open_log(folder, at_ms=number)
    stored = check(log, acknowledged)
    assert log.boot == number + 1, f"boot {log.boot} in round {number}"
    dice = random.Random(number)
    if number % 3:
        threading.Thread(target=seal, args=(log, number), daemon=True).start()
    os.write(tell, b"ready\n")
    while True:
        count = dice.choice([1, 1, 1, 10, 300])
        rows = np.zeros(count, EVENT)
        rows["event_lo"] = np.arange(stored, stored + count)
        log.append([EventChunk(rows)])
        stored += count
        os.write(tell, b"%d\n" % stored)


def seal(log: SqliteLog, number: int) -> None:
    dice = random.Random(-number)
    while True:
        log.seal(keep=dice.choice([0, 7, 500]))
        time.sleep(dice.uniform(0, 0.02))


def check(log: SqliteLog, acknowledged: int) -> int:
    """The number of events in the log."""
    parts = [np.empty(0, np.uint64), *(stretch.events.rows["event_lo"] for stretch in log.read())]
    stored = np.concatenate(parts)
    assert np.array_equal(stored, np.arange(len(stored))), "numbers are missing, repeated or out of order"
    assert len(stored) >= acknowledged, f"{acknowledged - len(stored)} acknowledged events were lost"
    wrong = [finding for finding in log.check() if not finding.ok]
    assert not wrong, wrong
    return len(stored)


def rounds(folder: Path, count: int, seed: int) -> int:
    dice = random.Random(seed)
    acknowledged = failures = 0
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
        lines = listen(hear, pid, dice.uniform(0.0, 0.1))
        failures += b"ready" not in lines
        acknowledged = max([acknowledged, *(int(line) for line in lines if line != b"ready")])
    print(f"{count} rounds, {acknowledged} events acknowledged, {failures} failures", flush=True)
    return failures


def listen(hear: int, pid: int, delay: float) -> list[bytes]:
    """Wait until the child is ready, let it work for `delay` seconds, kill it; the whole lines that it told."""
    data = b""
    while b"ready\n" not in data and (part := os.read(hear, 65536)):
        data += part
    end = time.monotonic() + delay
    os.set_blocking(hear, False)
    while time.monotonic() < end:
        try:
            data += os.read(hear, 1 << 20)
        except BlockingIOError:
            time.sleep(0.001)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.set_blocking(hear, True)
    while part := os.read(hear, 1 << 20):
        data += part
    os.close(hear)
    return data.split(b"\n")[:-1]  # a last line without its end may be half a number


if __name__ == "__main__":
    sys.exit(1 if rounds(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])) else 0)
