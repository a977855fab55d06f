"""When a rule acts: from its start to its end, and within that in the hours of its weekly schedule."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import NamedTuple
from zoneinfo import ZoneInfo

from bandi.model.events import milliseconds
from bandi.model.rules import DAYS, Rule, Schedule

NEVER_MS = (1 << 63) - 1
_DAYS_BEFORE, _DAYS_AFTER = 2, 8
"""Hours that are open now began at most 26 hours ago (a day made longer by a clock put back); the next begin within a week."""


class Acting(NamedTuple):
    """Whether it acts, and until_ms: the first moment at which that may change (NEVER_MS: not any more)."""

    now: bool
    until_ms: int


def acting(rule: Rule, now_ms: int) -> Acting:
    """Whether the rule acts at `now_ms`. Starts are inclusive, ends exclusive."""
    start_ms = -NEVER_MS if rule.starts_at is None else milliseconds(rule.starts_at)
    end_ms = milliseconds(rule.ends_at)
    if now_ms >= end_ms:
        return Acting(False, NEVER_MS)
    if now_ms < start_ms:
        return Acting(False, start_ms)
    if rule.schedule is None:
        return Acting(True, end_ms)
    found = open_hours(rule.schedule, now_ms)
    return Acting(found.now, min(found.until_ms, end_ms))


def open_hours(schedule: Schedule, now_ms: int) -> Acting:
    """Whether `now_ms` is within the hours of the schedule. until_ms: the next opening or closing.

    Hours open and close at wall-clock times: where a clock is put forward over one of them, it counts as if the clock had
    not been, and where put back, the first of the two moments is meant (PEP 495, fold 0).
    """
    zone = _zone(schedule)
    today = datetime.fromtimestamp(now_ms / 1000, zone).date()
    inside, until_ms = False, NEVER_MS
    for opens_ms, closes_ms in _hours(schedule, zone, today):
        inside |= opens_ms <= now_ms < closes_ms
        for boundary in (opens_ms, closes_ms):
            if now_ms < boundary < until_ms:
                until_ms = boundary
    return Acting(inside, until_ms)


def _hours(schedule: Schedule, zone: tzinfo, today: date) -> Iterator[tuple[int, int]]:
    """[opening, closing) in ms, of the days around today."""
    opens, until = time.fromisoformat(schedule.opens), time.fromisoformat(schedule.until)
    days = {DAYS.index(day) for day in schedule.days}
    for offset in range(-_DAYS_BEFORE, _DAYS_AFTER + 1):
        day = today + timedelta(days=offset)
        if day.weekday() in days:
            last = day if until > opens else day + timedelta(days=1)
            yield _utc_ms(day, opens, zone), _utc_ms(last, until, zone)


def _utc_ms(day: date, clock: time, zone: tzinfo) -> int:
    return milliseconds(datetime.combine(day, clock, zone).astimezone(UTC))


def _zone(schedule: Schedule) -> tzinfo:
    if schedule.zone is not None:
        return ZoneInfo(schedule.zone)
    text = schedule.utc_offset or "+00:00"
    minutes = int(text[1:3]) * 60 + int(text[4:6])
    return timezone(timedelta(minutes=minutes if text[0] == "+" else -minutes))
