"""No message in quiet hours, in any time zone, on any day of the year."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandi.learning.push.times import NOT_SENT, day_of, send_times

ZONES = ["UTC", "Asia/Seoul", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"]  # fmt: skip
HOUR = 3_600_000
clocks = st.tuples(st.integers(0, 23), st.integers(0, 59))


def quiet_at(ms: int, zone: str, quiet: str) -> bool:
    """By the reader's wall clock."""
    clock = datetime.fromtimestamp(ms / 1000, ZoneInfo(zone)).strftime("%H:%M")
    first, last = quiet.split("-")
    return first <= clock < last if first < last else first != last and not last <= clock < first


@given(
    now=st.integers(1_700_000_000_000, 1_860_000_000_000),
    reads=st.lists(st.integers(0, 40 * 24 * HOUR), min_size=1, max_size=20),
    first=clocks,
    last=clocks,
    expires=st.integers(HOUR, 72 * HOUR),
    data=st.data(),
)
@settings(max_examples=200, deadline=None)
def test_nobody_is_woken(now: int, reads: list[int], first: tuple[int, int], last: tuple[int, int], expires: int, data: st.DataObject) -> None:  # fmt: skip
    quiet = f"{first[0]:02}:{first[1]:02}-{last[0]:02}:{last[1]:02}"
    zones = np.array(data.draw(st.lists(st.integers(0, len(ZONES) - 1), min_size=len(reads), max_size=len(reads))))
    times = send_times(now - np.array(reads, np.int64), zones, ZONES, quiet, now, expires)
    for sent, zone in zip(times.tolist(), zones.tolist(), strict=True):
        if sent != NOT_SENT:
            assert now <= sent <= now + expires
            assert not quiet_at(sent, ZONES[zone], quiet)
    if expires >= 26 * HOUR:  # a day and a change of clocks: some hour of it is not quiet
        assert (times != NOT_SENT).all()


@pytest.mark.parametrize("day", [datetime(2027, 3, 14, tzinfo=UTC), datetime(2027, 11, 7, tzinfo=UTC)])
@pytest.mark.parametrize("quiet", ["01:30-02:30", "02:15-02:45", "22:00-02:30"])
def test_the_nights_on_which_clocks_are_changed(day: datetime, quiet: str) -> None:
    start = round(day.timestamp() * 1000)
    for minute in range(0, 24 * 60, 5):
        now = start + minute * 60_000
        sent = send_times(np.array([now]), np.zeros(1, int), ["America/New_York"], quiet, now, 24 * HOUR)
        assert not quiet_at(int(sent[0]), "America/New_York", quiet)


def test_the_hour_at_which_the_reader_reads() -> None:
    now = round(datetime(2027, 1, 1, 12, tzinfo=UTC).timestamp() * 1000)
    read = now - 50 * HOUR  # at ten in the morning
    assert send_times(np.array([read]), np.zeros(1, int), ["UTC"], "21:00-08:00", now, 24 * HOUR)[0] == now + 22 * HOUR
    assert send_times(np.array([read]), np.zeros(1, int), ["UTC"], "21:00-08:00", now, 4 * HOUR)[0] == now
    late = send_times(np.array([now - 38 * HOUR]), np.zeros(1, int), ["UTC"], "21:00-08:00", now, 24 * HOUR)
    assert late[0] == now + 20 * HOUR  # ten at night is quiet: eight in the morning
    assert send_times(np.array([read]), np.zeros(1, int), ["UTC"], "11:00-18:00", now, 4 * HOUR)[0] == NOT_SENT


def test_the_day_of_a_service_begins_where_it_is() -> None:
    moment = datetime(2027, 1, 1, 16, tzinfo=UTC)
    assert day_of(round(moment.timestamp() * 1000), "Asia/Seoul") - day_of(round(moment.timestamp() * 1000), "UTC") == 1
    assert timedelta(days=day_of(0, "UTC")) == timedelta()
