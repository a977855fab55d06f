"""When rules act, against looking at the wall clock minute by minute."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandi.arrangement.schedules import NEVER_MS, Acting, acting, open_hours
from bandi.model.rules import DAYS, Pin, Schedule

MINUTE = 60_000
NOW = 1_795_000_020_000  # a whole minute
WEEK = 7 * 24 * 60

clocks = st.builds(lambda hour, minute: f"{hour:02}:{minute:02}", st.integers(0, 23), st.sampled_from([0, 1, 30, 59]))
schedules = st.builds(
    Schedule,
    days=st.lists(st.sampled_from(DAYS), min_size=1, max_size=7, unique=True).map(tuple),
    opens=clocks,
    until=clocks,
    utc_offset=st.sampled_from(["+00:00", "+09:00", "-03:30", "+14:00", "-14:59", "+05:45"]),
)


def open_by_the_clock(schedule: Schedule, now_ms: int) -> bool:
    """What somebody would say who looks at a calendar and a clock on the wall."""
    sign, hours, minutes = schedule.utc_offset[0], schedule.utc_offset[1:3], schedule.utc_offset[4:]
    away = timedelta(hours=int(hours), minutes=int(minutes)) * (1 if sign == "+" else -1)
    wall = datetime.fromtimestamp(now_ms / 1000, UTC) + away
    clock, today, yesterday = f"{wall:%H:%M}", DAYS[wall.weekday()], DAYS[wall.weekday() - 1]
    if schedule.opens < schedule.until:
        return today in schedule.days and schedule.opens <= clock < schedule.until
    evening = today in schedule.days and clock >= schedule.opens
    return evening or (yesterday in schedule.days and clock < schedule.until)


@settings(max_examples=60, deadline=None)
@given(schedules, st.integers(0, WEEK))
def test_hours_are_those_of_the_wall_clock(schedule: Schedule, minute: int) -> None:
    now_ms = NOW + minute * MINUTE
    found = open_hours(schedule, now_ms)
    # the answer holds from now to until_ms, to the millisecond
    for moment in range(now_ms, min(found.until_ms, now_ms + WEEK * MINUTE), MINUTE):
        assert open_by_the_clock(schedule, moment) is found.now
    assert open_hours(schedule, found.until_ms - 1).now is found.now
    assert open_hours(schedule, found.until_ms).now is open_by_the_clock(schedule, found.until_ms)
    if schedule.opens != schedule.until:  # else one day's hours may be followed by the next's
        assert open_by_the_clock(schedule, found.until_ms) is not found.now
    assert found.until_ms <= now_ms + (WEEK + 24 * 60) * MINUTE


def test_friday_night_ends_on_saturday() -> None:
    night = Schedule(days=("fri",), opens="18:00", until="02:00", utc_offset="+09:00")
    for text, expected in [
        ("2026-11-20T17:59:59.999+09:00", False),
        ("2026-11-20T18:00:00+09:00", True),
        ("2026-11-21T01:59:59.999+09:00", True),
        ("2026-11-21T02:00:00+09:00", False),
        ("2026-11-21T18:00:00+09:00", False),
        ("2026-11-20T01:00:00+09:00", False),
    ]:
        moment = datetime.fromisoformat(text)
        assert open_hours(night, round(moment.timestamp() * 1000)).now is expected, text


def test_a_zone_follows_its_clock_forward_and_back() -> None:
    morning = Schedule(opens="01:00", until="03:00", zone="Europe/Berlin")

    def at(text: str) -> bool:
        return open_hours(morning, round(datetime.fromisoformat(text).timestamp() * 1000)).now

    # forward on 2026-03-29: 02:00 becomes 03:00, and the two hours are one
    assert [at("2026-03-29T00:30+01:00"), at("2026-03-29T01:30+01:00"), at("2026-03-29T03:00+02:00")] == [
        False,
        True,
        False,
    ]
    # back on 2026-10-25: 02:00 to 03:00 comes twice, and the two hours are three
    assert [at("2026-10-25T02:30+02:00"), at("2026-10-25T02:30+01:00"), at("2026-10-25T03:00+01:00")] == [
        True,
        True,
        False,
    ]
    # the same zone name and a fixed offset agree where clocks are not changed
    seoul = Schedule(opens="01:00", until="03:00", zone="Asia/Seoul")
    fixed = Schedule(opens="01:00", until="03:00", utc_offset="+09:00")
    assert all(open_hours(seoul, NOW + h * 3_600_000) == open_hours(fixed, NOW + h * 3_600_000) for h in range(48))


def pin(**fields: Any) -> Pin:
    return Pin(id="r", owner="o", reason="r", item="t", slot=0, **fields)


@pytest.mark.parametrize(
    ("now_ms", "expected"),
    [
        (999, Acting(False, 1_000)),
        (1_000, Acting(True, 2_000)),
        (1_999, Acting(True, 2_000)),
        (2_000, Acting(False, NEVER_MS)),
    ],
)
def test_a_start_is_inclusive_and_an_end_exclusive(now_ms: int, expected: Acting) -> None:
    assert acting(pin(starts_at=1.0, ends_at=2.0), now_ms) == expected


@settings(max_examples=60, deadline=None)
@given(schedules, st.integers(-WEEK, WEEK), st.integers(1, WEEK), st.integers(-WEEK, WEEK))
def test_a_schedule_holds_between_start_and_end_only(schedule: Schedule, start: int, life: int, minute: int) -> None:
    start_ms, end_ms, now_ms = NOW + start * MINUTE, NOW + (start + life) * MINUTE, NOW + minute * MINUTE
    rule = pin(starts_at=start_ms / 1000, ends_at=end_ms / 1000, schedule=schedule)
    found = acting(rule, now_ms)
    assert found.now is (start_ms <= now_ms < end_ms and open_by_the_clock(schedule, now_ms))
    assert found.until_ms > now_ms
    if found.until_ms != NEVER_MS:
        for moment in range(now_ms, found.until_ms, 7 * MINUTE):
            assert acting(rule, moment).now is found.now
    else:
        assert now_ms >= end_ms
