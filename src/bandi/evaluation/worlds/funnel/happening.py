"""The world's side of a run: clicks, starts and what follows them, counted by the truth and sent to the service."""

from __future__ import annotations

import numpy as np

from bandi.evaluation.worlds.funnel._behaviour import (
    Followed,
    Lists,
    Looked,
    Memory,
    follow,
    look,
    start_organically,
    start_values,
)
from bandi.evaluation.worlds.funnel._fatigue import Fatigue
from bandi.evaluation.worlds.funnel.arrivals import (
    ARRIVAL,
    CONTINUED,
    HOUR_MS,
    LOST,
    PURCHASED,
    STARTED,
    ArrivalQueue,
    Sending,
    send,
)
from bandi.evaluation.worlds.funnel.result import Days, FunnelResult
from bandi.evaluation.worlds.funnel.truth import FunnelWorld
from bandi.evaluation.worlds.webtoon import DAY_MS, START_MS
from bandi.model.records import Array

_NEVER_PAID = np.iinfo(np.int64).max


class Happening:
    """kinds: the events after a start that are worth sending, as the service will not look at others."""

    def __init__(self, world: FunnelWorld, kinds: frozenset[int]) -> None:
        readers, titles = world.parameters.readers.count, world.parameters.titles.count
        days, events = world.parameters.run.days, world.parameters.events
        self._world, self._kinds, self._day = world, kinds, 0
        self._fatigue = Fatigue()
        self._started = np.zeros((readers, (titles + 7) // 8), np.uint8)
        self._paid_ms = np.full(readers, _NEVER_PAID, np.int64)
        self._queue = ArrivalQueue(days)
        self._sending = Sending(events.late, events.late_hours * HOUR_MS, events.lost, events.duplicated)
        self._days = Days.none(days)
        self._by_title = np.zeros((3, titles), np.int64)
        self._fates = np.zeros(3, np.int64)

    def begin(self, day: int) -> None:
        """A day begins."""
        self._day = day
        self._taste, self._hooks = self._world.tastes(day), self._world.hooks[day]
        self._cannot_win = self._world.cannot_win(day)

    def memory(self, more: int) -> Memory:
        """What readers have met, with room for `more` impressions."""
        self._fatigue.reserve(more)
        fatigue = self._fatigue
        return Memory(self._started, fatigue.keys, fatigue.levels, fatigue.used, self._paid_ms)

    def arrived(self, now_ms: int) -> Array:
        """Events that reached the service by then and were not handed over yet: ARRIVAL[n]."""
        return self._queue.take(now_ms)

    def look(self, first: int, lists: Lists, segments: Array) -> tuple[Looked, Array]:
        """Readers look at lists; gives what they clicked, and the starts that the service sees at once, ARRIVAL[m]."""
        world, shape = self._world, lists.items.shape
        looked = Looked(np.zeros(shape, np.bool_), np.zeros(shape), np.zeros(shape))
        look(
            world.seed, first, lists, self._hooks, self._taste, world.examination, world.power, world.titles,
            world.clicking, world.paying, self.memory(lists.items.size), looked,
        )  # fmt: skip
        self._count(lists, looked)
        visit, slot = np.nonzero(looked.clicked)
        rows = _rows(STARTED, lists.readers[visit], lists.items[visit, slot], segments[visit], lists.times_ms[visit])
        self._by_title[1] += np.bincount(rows["item"], minlength=self._by_title.shape[1])
        return looked, self._begin(rows, first + visit)

    def start_organically(self, which: slice, segments: Array) -> Array:
        """Readers start what they looked up; gives the starts that the service sees at once, ARRIVAL[m]."""
        table = self._world.organic
        began = np.zeros(which.stop - which.start, np.bool_)
        start_organically(table.readers[which], table.titles[which], self._started, began)
        numbers = which.start + np.flatnonzero(began)
        rows = _rows(STARTED, table.readers[numbers], table.titles[numbers], segments[began], table.times_ms[numbers])
        rows["organic"] = True
        return self._begin(rows, -1 - numbers)

    def result(self, name: str) -> FunnelResult:
        """The sums."""
        lost, late, twice = self._fates.tolist()
        world = self._world
        return FunnelResult(
            name, world.seed, world.parameters.readers.count, self._days,
            self._by_title[0], self._by_title[1], self._by_title[2], lost, late, twice,
        )  # fmt: skip

    def _count(self, lists: Lists, looked: Looked) -> None:
        days, day, shown = self._days, self._day, lists.items[lists.items >= 0]
        days.visits[day] += len(lists.readers)
        days.impressions[day] += len(shown)
        days.clicks[day] += looked.clicked.sum()
        days.expected_clicks[day] += looked.clicks.sum()
        days.expected_coins[day] += looked.coins.sum()
        days.wasted[day] += self._cannot_win[shown].sum()
        self._by_title[0] += np.bincount(shown, minlength=self._by_title.shape[1])

    def _begin(self, rows: Array, numbers: Array) -> Array:
        """What starts lead to is counted and sent. numbers: int64[n], that a start's own fate depends on."""
        if not len(rows):
            return rows
        world, n = self._world, len(rows)
        users, items = np.ascontiguousarray(rows["user"]), np.ascontiguousarray(rows["item"])
        times = np.ascontiguousarray(rows["started_ms"])
        delay, count = np.zeros((3, n), np.int64), np.zeros(n, np.int64)
        followed = Followed(delay[0], delay[1], np.zeros(n), count, delay[2])
        expected = np.zeros(n)
        start_values(users, items, times, world.power, world.titles, world.paying, self._paid_ms, expected)
        follow(world.seed, users, items, times, world.power, world.titles, world.paying, self._paid_ms, followed)
        self._count_followed(rows, followed, expected)
        lateness = self._send(numbers, items.astype(np.int64), np.zeros(n, np.int64))
        seen = lateness != LOST
        self._send_later(rows[seen], Followed(*(column[seen] for column in followed)), lateness[seen])
        rows["delay_ms"] = lateness
        rows["arrives_ms"] += lateness
        self._queue.add(rows[lateness > 0])
        at_once: Array = rows[lateness == 0]
        return at_once

    def _send(self, first: Array, second: Array, kinds: Array) -> Array:
        """How late events are, ms, or LOST: int64[n]."""
        lateness = np.zeros(len(first), np.int64)
        twice = send(self._world.seed, first, second, kinds, self._sending, lateness)
        self._fates += (int((lateness == LOST).sum()), int((lateness > 0).sum()), twice)
        return lateness

    def _send_later(self, rows: Array, followed: Followed, waited: Array) -> None:
        """Later events of starts that the service knows of; none arrives before its start. waited: lateness of the starts."""
        parts = []
        if CONTINUED in self._kinds:
            go_on = followed.continued >= 0
            parts.append(_later(rows[go_on], CONTINUED, followed.continued[go_on], waited[go_on]))
        if PURCHASED in self._kinds:
            which, number = _purchases(followed)
            bought = _later(
                rows[which], PURCHASED + number, followed.paid[which] + number * followed.gap[which], waited[which]
            )
            bought["value"] = followed.coins[which] / followed.purchases[which]
            parts.append(bought)
        if not parts:
            return
        later = np.concatenate(parts)
        lateness = self._send(*(later[name].astype(np.int64) for name in ("user", "item", "kind")))
        later["arrives_ms"] += np.maximum(lateness, 0)
        self._queue.add(later[lateness != LOST])

    def _count_followed(self, rows: Array, followed: Followed, expected: Array) -> None:
        days, day = self._days, (rows["started_ms"] - START_MS) // DAY_MS
        total, paid = len(days.visits), followed.paid >= 0
        if rows["organic"][0]:
            for sums, amount in (
                (days.organic_starts, np.ones(len(rows))),
                (days.organic_continued, followed.continued >= 0),
                (days.organic_payers, paid),
                (days.organic_coins, followed.coins),
                (days.organic_expected_coins, expected),
            ):
                sums += np.bincount(day, amount, total)
            return
        for sums, amount in (
            (days.continued, followed.continued >= 0),
            (days.payers, paid),
            (days.coins, followed.coins),
            (days.delay_days, np.where(paid, followed.paid, 0) / DAY_MS),
        ):
            sums += np.bincount(day, amount, total)
        self._by_title[2] += np.bincount(rows["item"][paid], minlength=self._by_title.shape[1])
        which, number = _purchases(followed)
        at = rows["started_ms"][which] + followed.paid[which] + number * followed.gap[which]
        when = ((at - START_MS) // DAY_MS).astype(np.int64)
        coins = followed.coins[which] / followed.purchases[which]
        days.coins_arrived[:] += np.bincount(when[when < total], coins[when < total], total)


def _rows(kind: int, users: Array, items: Array, segments: Array, times_ms: Array) -> Array:
    rows = np.zeros(len(users), ARRIVAL)
    for name, column in (("kind", kind), ("user", users), ("item", items), ("segment", segments)):
        rows[name] = column
    rows["started_ms"] = rows["arrives_ms"] = times_ms
    return rows


def _purchases(followed: Followed) -> tuple[Array, Array]:
    """The start that each purchase belongs to, and its number among that start's, from 0: int64[n] each."""
    which = np.repeat(np.arange(len(followed.purchases)), followed.purchases)
    first = np.cumsum(followed.purchases) - followed.purchases
    return which, np.arange(len(which)) - first[which]


def _later(rows: Array, kinds: Array | int, delays_ms: Array, waited_ms: Array) -> Array:
    """Rows for what happens after starts, that arrives then, or with the start where that arrives later."""
    later = rows.copy()
    later["kind"], later["delay_ms"] = kinds, delays_ms
    later["arrives_ms"] = later["started_ms"] + np.maximum(delays_ms, waited_ms)
    return later
