"""When a message goes out: at the hour at which its reader last read, outside the quiet hours of where the reader is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from bandi.model.records import Array

_DAY_MS = 86_400_000
NOT_SENT: int = np.iinfo(np.int64).max
"""The time of a message that finds none before it expires."""
_EPOCH = date(1970, 1, 1)


def day_of(now_ms: int, zone: str) -> int:
    """The date in a time zone, as days since 1970."""
    return (datetime.fromtimestamp(now_ms / 1000, ZoneInfo(zone)).date() - _EPOCH).days


def quiet_stretches(quiet: str, zone: str, since_ms: int, until_ms: int) -> tuple[Array, Array]:
    """(starts, ends): int64[days], ms, of the quiet hours `HH:MM-HH:MM` of each local day that touches [since, until].

    Where clocks are changed meanwhile, the longer reading holds. Equal bounds: no quiet hours.
    """
    first, last = (_clock(part) for part in quiet.split("-"))
    if first == last:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    where = ZoneInfo(zone)
    day = datetime.fromtimestamp(since_ms / 1000, UTC).date() - timedelta(days=2)
    end = datetime.fromtimestamp(until_ms / 1000, UTC).date() + timedelta(days=2)
    starts, ends = [], []
    while day <= end:
        stop = day if last > first else day + timedelta(days=1)
        starts.append(min(_ms(day, first, where)))
        ends.append(max(_ms(stop, last, where)))
        day += timedelta(days=1)
    return np.array(starts, np.int64), np.array(ends, np.int64)


def _clock(text: str) -> time:
    hours, minutes = text.split(":")
    return time(int(hours), int(minutes))


def _ms(day: date, clock: time, zone: ZoneInfo) -> tuple[int, int]:
    """Both readings of a local time: where clocks are changed it happens twice, or never."""
    first, second = (datetime.combine(day, clock, zone).replace(fold=fold) for fold in (0, 1))
    return round(first.timestamp() * 1000), round(second.timestamp() * 1000)


def send_times(
    read_ms: Array, zones: Array, names: Sequence[str], quiet: str | None, now_ms: int, expires_ms: int
) -> Array:
    """When each message is sent, from now on: int64[n], NOT_SENT where quiet hours last until it expires. O(n).

    read_ms: int64[n], the reader's last read, whose hour of day is taken, or the first that is not quiet, if that comes too
    late; zones: int[n], places in `names`, IANA time zones.
    """
    until_ms = now_ms + expires_ms
    wanted = now_ms + (read_ms - now_ms) % _DAY_MS
    times = np.where(wanted <= until_ms, wanted, now_ms).astype(np.int64)
    if quiet is not None:
        for zone in np.unique(zones).tolist():
            own = zones == zone
            starts, ends = quiet_stretches(quiet, names[zone], now_ms, until_ms)
            if len(starts):
                later = _behind(times[own], starts, ends)
                at_once = _behind(np.full(1, now_ms), starts, ends)
                times[own] = np.where(later <= until_ms, later, at_once)
    times[times > until_ms] = NOT_SENT
    return times


def _behind(times: Array, starts: Array, ends: Array) -> Array:
    """The times, or the end of the quiet stretch that they fall into."""
    later: Array = np.maximum(times, ends[np.searchsorted(starts, times, side="right") - 1])
    return later
