"""A run of `bandi push` by readers: choosing, beside its lower bound (one sort of as many pairs); and what the fold costs.

    python -m bench.push                 # 10,000, 100,000 and 1,000,000 readers

Readers have one to four titles each, a third of them stopped lately; the log is left out (one commit, bench/log.py). The kernels
are warm.
"""

from __future__ import annotations

import sys

import numpy as np

from bandi.learning.bookmarks import Bookmarks
from bandi.learning.payers import Payers
from bandi.learning.push.choice import choose
from bandi.learning.push.messages import Caps, Messages, Run, packed
from bandi.learning.push.pairs import Stopped, Titles, continued_pairs
from bandi.learning.push.strata import prior_weights, strata
from bandi.learning.push.times import NOT_SENT, send_times
from bandi.learning.push.uplift import uplift
from bandi.learning.reader_states import states_of
from bandi.model.records import EVENT, Array
from bench.measure import machine, table, time_call

DAY = 86_400_000
NOW = 20_000 * DAY
TITLES = 2_000
ZONES = ("Asia/Seoul", "America/New_York", "UTC")


def events_of(readers: int) -> Array:
    """Three reads and a purchase now and then for each reader."""
    random = np.random.default_rng(1)
    rows = np.zeros(3 * readers, EVENT)
    rows["user"] = np.tile(np.arange(readers), 3)
    rows["item"] = random.integers(0, TITLES, len(rows))
    rows["episode"] = random.integers(1, 9, len(rows))
    rows["occurred_ms"] = NOW - random.integers(0, 60 * DAY, len(rows))
    rows["kind"] = np.where(random.random(len(rows)) < 0.05, 4, 3)
    rows["value"] = np.where(rows["kind"] == 4, 5.0, 0.0)
    return rows


class Service:
    """What a run looks at."""

    def __init__(self, readers: int) -> None:
        self.bookmarks, self.payers, self.messages = Bookmarks(), Payers(), Messages()
        events = events_of(readers)
        self.bookmarks.fold(events)
        self.payers.fold(events)
        free = np.random.default_rng(2).choice([3.0, 5.0, np.nan], TITLES)
        self.titles = Titles(np.ones(TITLES, np.bool_), free, np.full(TITLES, np.nan), np.full(TITLES, 24.0))
        rows = self.chosen(readers // 20)
        self.messages.put(packed(rows, Run(1, 0, NOW, 0, 0, 1, 0, 0, len(rows), 0)))

    def chosen(self, budget: int) -> Array:
        """A run, as engine/pushing.py does it."""
        pairs = continued_pairs(self.bookmarks.rows(), self.titles, Stopped(3, 1, DAY, 30 * DAY), NOW)
        send_ms = send_times(pairs.read_ms, pairs.users % len(ZONES), ZONES, "21:00-08:00", NOW, DAY)
        may = (send_ms != NOT_SENT) & self.messages.may_have(pairs.users, pairs.items, send_ms, Caps(1, 2, 30 * DAY))
        pairs, send_ms = pairs.take(may), send_ms[may]
        states = states_of(self.payers.rows(pairs.users), np.ones(len(pairs.users), np.bool_), NOW)
        kinds = strata(states, NOW - pairs.read_ms, pairs.walls)
        learned = uplift(self.messages.moments(NOW), prior_weights(), 1.0)
        self.pairs = len(pairs.users)
        return choose(pairs, kinds, send_ms, learned, learned.drawn(3), budget, 0.1, 3)


def main(sizes: list[int]) -> None:
    rows = []
    for readers in sizes:
        service = Service(readers)
        run = time_call(lambda s=service, n=readers: s.chosen(n // 20), runs=5)  # type: ignore[misc]
        keys = np.random.default_rng(3).random(service.pairs)
        bound = time_call(lambda k=keys: np.argsort(k), runs=5)  # type: ignore[misc]
        events = events_of(readers)
        folded = time_call(lambda e=events: Bookmarks().fold(e), runs=5)  # type: ignore[misc]
        each = f"{folded.median / len(events) * 1e9:.0f} ns"
        rows.append([f"{readers:,}", f"{service.pairs:,}", str(run), str(bound), each])
    print(machine(), "\n")
    print(
        table(["readers", "pairs", "a run, budget readers / 20", "one sort of the pairs", "bookmarks, an event"], rows)
    )


if __name__ == "__main__":
    main([int(argument) for argument in sys.argv[1:]] or [10_000, 100_000, 1_000_000])
