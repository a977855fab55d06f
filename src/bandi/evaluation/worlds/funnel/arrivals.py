"""When events reach the service: a calendar queue by the hour (Brown 1988), linked lists in arrays, and what gets lost.

An event is handed over at the end of the hour in which it arrives. O(1) to add, O(events) to take.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from bandi.evaluation.worlds.funnel._chance import FATE, LATENESS, REPEAT, chance
from bandi.evaluation.worlds.webtoon import DAY_MS, START_MS
from bandi.model.records import Array

HOUR_MS = 3_600_000
STARTED, CONTINUED, PURCHASED = 0, 1, 2
"""Kinds of events; the purchases of a payer after the first have the kinds after PURCHASED."""
LOST = -1
ARRIVAL = np.dtype(
    [
        ("kind", "i1"),
        ("organic", "?"),
        ("item", "<i4"),
        ("segment", "<i4"),
        ("user", "<i4"),
        ("started_ms", "<i8"),  # when the reader started the title, which is when the impression was
        ("delay_ms", "<i8"),  # from the start to what the event tells of
        ("arrives_ms", "<i8"),
        ("value", "<f8"),  # coins
    ]
)


class Sending(NamedTuple):
    """What becomes of events on their way: shares, and the mean lateness in ms."""

    late: float
    lateness: float
    lost: float
    duplicated: float


@njit(cache=True, nogil=True)
def send(seed: int, first: Array, second: Array, kinds: Array, sending: Sending, lateness: Array) -> int:
    """lateness: int64[n], written: ms, or LOST; gives how many arrive twice. first, second: whose event it is."""
    twice = 0
    for n in range(len(first)):
        purpose = 100 * kinds[n]
        fate = chance(seed, first[n], second[n], FATE + purpose)
        lateness[n] = 0
        if fate < sending.lost:
            lateness[n] = LOST
            continue
        if fate < sending.lost + sending.late:
            lateness[n] = 1 - np.int64(sending.lateness * np.log(chance(seed, first[n], second[n], LATENESS + purpose)))
        if chance(seed, first[n], second[n], REPEAT + purpose) < sending.duplicated:
            twice += 1
    return twice


class ArrivalQueue:
    """Events to come, up to the end of the run; those after it are dropped."""

    def __init__(self, days: int) -> None:
        self._last = np.full(days * DAY_MS // HOUR_MS, -1, np.int64)
        self._before = np.empty(1_024, np.int64)
        self._rows = np.empty(1_024, ARRIVAL)
        self._used, self._hour = 0, 0

    def add(self, rows: Array) -> None:
        """Add ARRIVAL[n]."""
        hours = (rows["arrives_ms"] - START_MS) // HOUR_MS
        kept = hours < len(self._last)
        if not kept.all():
            rows, hours = rows[kept], hours[kept]
        stop = self._used + len(rows)
        if stop > len(self._rows):
            room = np.empty(2 * stop, ARRIVAL)
            room[: self._used] = self._rows[: self._used]
            self._rows = room
            self._before = np.concatenate([self._before[: self._used], np.empty(2 * stop - self._used, np.int64)])
        self._rows[self._used : stop] = rows
        _link(self._last, self._before, np.maximum(hours, self._hour), self._used)
        self._used = stop

    def take(self, before_ms: int) -> Array:
        """The events of all hours that were over by then, and were not taken yet: ARRIVAL[n], by their arrival."""
        hour = min((before_ms - START_MS) // HOUR_MS, len(self._last))
        if hour <= self._hour:
            return self._rows[:0]
        rows = self._rows[_walk(self._last, self._before, self._hour, hour)]
        self._hour = hour
        return rows[np.argsort(rows["arrives_ms"], kind="stable")]


@njit(cache=True, nogil=True)
def _link(last: Array, before: Array, hours: Array, first: int) -> None:
    for n in range(len(hours)):
        before[first + n] = last[hours[n]]
        last[hours[n]] = first + n


@njit(cache=True, nogil=True)
def _walk(last: Array, before: Array, first_hour: int, stop_hour: int) -> Array:
    """Places of the events of these hours, as they were added within each: int64[n]."""
    count = 0
    for hour in range(first_hour, stop_hour):
        place = last[hour]
        while place >= 0:
            count += 1
            place = before[place]
    found, end = np.empty(count, np.int64), 0
    for hour in range(first_hour, stop_hour):
        place, begin = last[hour], end
        while place >= 0:
            found[end] = place
            end += 1
            place = before[place]
        found[begin:end] = found[begin:end][::-1].copy()
    return found
