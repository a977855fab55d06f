"""Events reach the service in the hour in which they arrive, or never, and none twice."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bandi.evaluation.worlds.funnel.arrivals import ARRIVAL, HOUR_MS, LOST, ArrivalQueue, Sending, send
from bandi.evaluation.worlds.webtoon import START_MS


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.lists(st.integers(0, 4 * 24 * HOUR_MS), max_size=30).map(sorted),
        min_size=1, max_size=12,
    ),
    st.integers(1, 40),
)  # fmt: skip
def test_every_event_is_taken_once_by_the_end_of_its_hour(batches: list[list[int]], step_hours: int) -> None:
    """Events are added while time goes on, none before now; all that lie within the days come out, in their order."""
    days, number, taken = 3, 0, []
    queue, now = ArrivalQueue(days), 0
    sent = []
    for batch in batches:
        rows = np.zeros(len(batch), ARRIVAL)
        rows["arrives_ms"] = START_MS + now + np.array(batch, np.int64)
        rows["item"] = np.arange(number, number + len(batch))
        number += len(batch)
        sent.append(rows)
        queue.add(rows)
        now += step_hours * HOUR_MS
        taken.append(queue.take(START_MS + now))
        assert (taken[-1]["arrives_ms"] < START_MS + now).all()
        assert (np.diff(taken[-1]["arrives_ms"]) >= 0).all()
    taken.append(queue.take(START_MS + days * 24 * HOUR_MS))
    everything = np.concatenate(sent)
    due = everything["arrives_ms"] < START_MS + days * 24 * HOUR_MS
    assert sorted(np.concatenate(taken)["item"]) == sorted(everything["item"][due])


def test_shares_of_events_are_late_lost_and_repeated() -> None:
    """100,000 events; bounds at 4.5 standard deviations. An event's fate is its own."""
    n = 100_000
    first, kinds, lateness = np.arange(n), np.zeros(n, np.int64), np.zeros(n, np.int64)
    twice = send(1, first, first, kinds, Sending(0.1, 6.0 * HOUR_MS, 0.05, 0.02), lateness)
    for count, share in (((lateness > 0).sum(), 0.1), ((lateness == LOST).sum(), 0.05), (twice, 0.95 * 0.02)):
        assert abs(count / n - share) < 4.5 * np.sqrt(share / n)
    assert abs(lateness[lateness > 0].mean() / (6 * HOUR_MS) - 1) < 4.5 / np.sqrt(0.1 * n)
    again = np.zeros(n // 2, np.int64)
    send(1, first[n // 2 :], first[n // 2 :], kinds[n // 2 :], Sending(0.1, 6.0 * HOUR_MS, 0.05, 0.02), again)
    assert (again == lateness[n // 2 :]).all()
