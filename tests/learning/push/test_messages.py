"""The fold of messages: bytes in any cut, caps in any order, and sums that forget no message."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandi.learning.push import messages as module
from bandi.learning.push._message_kernels import MESSAGE
from bandi.learning.push.messages import Caps, Messages, Run, packed
from bandi.model.records import EVENT, Array

CLICK, PURCHASE, REFUND = 2, 4, 6
DAY = 86_400_000


def run_of(number: int, rows: Array) -> Run:
    return Run(number, 0, number * DAY, number, 99, 1, 0, len(rows), len(rows), 0)


def sent(*messages: tuple[int, int, int], held: int = 0) -> Array:
    """Messages of (user, item, day) with a window of 7 days."""
    rows = np.zeros(len(messages), MESSAGE)
    for i, (row, (user, item, day)) in enumerate(zip(rows, messages, strict=True)):
        row["user"], row["item"], row["send_ms"], row["until_ms"] = user, item, day * DAY, (day + 7) * DAY
        row["held"], row["request"], row["stratum"] = held, 100 * user + i + 1, user
    return rows


events_lists = st.lists(
    st.tuples(st.sampled_from([1, CLICK, 3, PURCHASE, REFUND]), st.integers(-1, 3), st.integers(0, 3), st.integers(0, 12), st.integers(0, 400)),
    max_size=40,
)  # fmt: skip


def rows_of(events: list[tuple[int, int, int, int, int]]) -> Array:
    rows = np.zeros(len(events), EVENT)
    for row, (kind, user, item, day, request) in zip(rows, events, strict=True):
        row["kind"], row["user"], row["item"], row["occurred_ms"], row["request"] = kind, user, item, day * DAY, request
        row["value"] = 3.0 if kind != CLICK else 0.0
    return rows


@given(events=events_lists, cuts=st.lists(st.integers(0, 40), max_size=5))
@settings(max_examples=60, deadline=None)
def test_cuts_and_restarts_do_not_change_a_byte(events: list[tuple[int, int, int, int, int]], cuts: list[int]) -> None:
    start = sent((0, 1, 0), (1, 1, 0), (1, 2, 3), (2, 0, 1))
    whole, parts = Messages(), Messages()
    rows = rows_of(events)
    for fold in (whole, parts):
        fold.put(packed(start, run_of(1, start)))
    whole.fold(rows)
    bounds = sorted({0, len(rows), *(min(cut, len(rows)) for cut in cuts)})
    for a, b in zip(bounds, bounds[1:], strict=False):
        parts.fold(rows[a:b])
        again = Messages()
        again.load(parts.dump())
        parts = again
    one, other = whole.dump(), parts.dump()
    assert {k: v.tobytes() for k, v in one.items()} == {k: v.tobytes() for k, v in other.items()}


@given(events=events_lists)
@settings(max_examples=60, deadline=None)
def test_coins_of_every_message_against_a_plain_count(events: list[tuple[int, int, int, int, int]]) -> None:
    start = sent((0, 1, 0), (1, 1, 0), (1, 2, 3), (2, 0, 1))
    fold = Messages()
    fold.put(packed(start, run_of(1, start)))
    fold.fold(rows_of(events))
    for row, message in zip(fold.of_run(1), start, strict=True):
        touched, coins, credited = False, 0.0, 0.0
        for kind, user, item, day, request in events:
            if user != message["user"]:
                continue
            if kind == CLICK and item == message["item"]:
                touched = request != 0 and request == message["request"]
            if kind in (PURCHASE, REFUND) and message["send_ms"] <= day * DAY < message["until_ms"]:
                paid = 3.0 if kind == PURCHASE else -3.0
                coins += paid
                credited += paid if touched and item == message["item"] else 0.0
        assert (row["coins"], row["credited"]) == (coins, credited)


@given(
    wishes=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 4), st.integers(0, 40 * 24)), max_size=40),
    per_day=st.integers(1, 3),
    per_week=st.integers(1, 5),
    again_days=st.integers(0, 30),
)
@settings(max_examples=100, deadline=None)
def test_caps_hold_whatever_the_order_of_times(
    wishes: list[tuple[int, int, int]], per_day: int, per_week: int, again_days: int
) -> None:
    fold, caps, hour = Messages(), Caps(per_day, per_week, again_days * DAY), 3_600_000
    taken: list[tuple[int, int, int]] = []
    for number, (user, item, at) in enumerate(wishes, 1):
        times = np.array([at * hour])
        if fold.may_have(np.array([user], np.int32), np.array([item], np.int32), times, caps)[0]:
            rows = sent((user, item, 0), held=number % 2)
            rows["send_ms"] = times
            fold.put(packed(rows, run_of(number, rows)))
            taken.append((user, item, at))
    for user in range(3):
        own = sorted(at for who, _, at in taken if who == user)
        for i, first in enumerate(own):
            assert sum(at < first + 24 for at in own[i:]) <= per_day
            assert sum(at < first + 24 * 7 for at in own[i:]) <= per_week
    for user, item in {(who, what) for who, what, _ in taken}:
        own = sorted(at for who, what, at in taken if (who, what) == (user, item))
        assert (np.diff(own) >= again_days * 24).all()


def test_sums_outlive_the_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_KEPT", 8)
    fold = Messages()
    for number in range(1, 9):
        rows = sent((number, 1, number), (number + 1, 2, number))
        fold.put(packed(rows, run_of(number, rows)))
        fold.fold(rows_of([(PURCHASE, number, 5, number + 1, 0)]))
    moments = fold.moments(100 * DAY)
    assert moments.messages == 16
    assert moments.sums[:, :, 1].sum() == pytest.approx(3.0 * (8 + 7))
    assert len(fold.dump()["user"]) <= 8
    assert fold.moments(0).messages == 16 - len(fold.dump()["user"])


def test_a_dump_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="old"):
        Messages().load(Messages().dump() | {"old": np.zeros((2, 2))})
