"""Readers' payments as a fold: what counts, in any cut, and the states that follow."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandi.learning.histories import Histories
from bandi.learning.payers import NEARBY, Payers
from bandi.learning.reader_states import ReaderState, reader_states
from bandi.model.records import EVENT, Array

IMPRESSION, CLICK, READ, PURCHASE, DISMISS, REFUND = 1, 2, 3, 4, 5, 6
DAY = 86_400_000
NOW = 100 * DAY


def rows_of(*events: tuple[int, int, int, float, int]) -> Array:
    """Events of (kind, user, item, value or episode, day)."""
    rows = np.zeros(len(events), EVENT)
    for row, (kind, user, item, amount, day) in zip(rows, events, strict=True):
        row["kind"], row["user"], row["item"], row["occurred_ms"] = kind, user, item, day * DAY
        row["episode" if kind == READ else "value"] = amount
    return rows


def one(*events: tuple[int, int, int, float, int]) -> tuple[int, int, float, int]:
    """(starts, payments, coins, deepest) of reader 0."""
    payers = Payers()
    payers.fold(rows_of(*events))
    row = payers.rows(np.array([0]))[0]
    return int(row["starts"]), int(row["payments"]), float(row["coins"]), int(row["deepest"])


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], (0, 0, 0, 0)),
        ([(IMPRESSION, 0, 1, 0, 0), (DISMISS, 0, 1, 0, 0)], (0, 0, 0, 0)),
        ([(CLICK, 0, 1, 0, 0)] * 3, (1, 0, 0, 0)),
        ([(CLICK, 0, 1, 0, 0), (READ, 0, 1, 5, 0), (READ, 0, 2, 1, 0)], (2, 0, 0, 5)),
        ([(READ, 0, 1, 0, 0), (READ, 0, 2, 0, 0)] * 3, (2, 0, 0, 3)),
        ([(PURCHASE, 0, 1, 5, 0), (PURCHASE, 0, 1, 7, 1)], (0, 2, 12, 0)),
        ([(PURCHASE, 0, 1, 0, 0)], (0, 0, 0, 0)),
        ([(PURCHASE, 0, 1, 5, 0), (REFUND, 0, 1, 2, 1)], (0, 1, 3, 0)),
        ([(PURCHASE, 0, 1, 5, 0), (REFUND, 0, 1, 5, 1)], (0, 0, 0, 0)),
        ([(PURCHASE, 0, 1, 0.3, 0), (REFUND, 0, 1, 0.1, 1), (REFUND, 0, 1, 0.2, 1)], (0, 0, 0, 0)),
        ([(REFUND, 0, 1, 5, 0)], (0, 0, 0, 0)),
    ],
)
def test_what_counts(events: list[tuple[int, int, int, float, int]], expected: tuple[float, ...]) -> None:
    assert one(*events) == expected


def test_a_title_taken_up_after_many_others_counts_again() -> None:
    titles = [(CLICK, 0, item, 0.0, 0) for item in range(NEARBY + 1)]
    assert one(*titles, titles[-1])[0] == NEARBY + 1
    assert one(*titles, titles[0])[0] == NEARBY + 2


def test_readers_who_are_unknown_or_forgotten_did_nothing() -> None:
    payers = Payers()
    payers.fold(rows_of((PURCHASE, 2, 1, 5, 0)))
    assert payers.rows(np.array([2, -1, 7]))["payments"].tolist() == [1, 0, 0]
    payers.forget(2)
    payers.forget(99)
    assert payers.rows(np.array([2]))["payments"].tolist() == [0]


events_lists = st.lists(
    st.tuples(st.integers(1, 6), st.integers(-1, 3), st.integers(-1, 12), st.sampled_from([0, 1, 4, 7]), st.integers(0, 9)),
    max_size=40,
)  # fmt: skip


@given(events=events_lists, cuts=st.lists(st.integers(0, 40), max_size=5))
@settings(max_examples=100, deadline=None)
def test_cuts_and_restarts_do_not_change_a_byte(
    events: list[tuple[int, int, int, float, int]], cuts: list[int]
) -> None:
    whole, parts = Payers(), Payers()
    rows = rows_of(*events)
    whole.fold(rows)
    bounds = sorted({0, len(rows), *(min(cut, len(rows)) for cut in cuts)})
    for a, b in zip(bounds, bounds[1:], strict=False):
        parts.fold(rows[a:b])
        again = Payers()
        again.load(parts.dump())
        parts = again
    one_dump, other = whole.dump(), parts.dump()
    assert {k: v.tobytes() for k, v in one_dump.items()} == {k: v.tobytes() for k, v in other.items()}


def test_a_dump_that_does_not_fit_is_refused() -> None:
    payers = Payers()
    payers.fold(rows_of((CLICK, 0, 1, 0, 0)))
    with pytest.raises(ValueError, match="titles"):
        Payers().load(payers.dump() | {"titles": np.zeros((1, 3), np.int32)})


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ([(IMPRESSION, 0, 1, 0, 99)], ReaderState.NEW),
        ([(CLICK, 0, 1, 0, 99)], ReaderState.FREE),
        ([(READ, 0, 1, 3, 99)], ReaderState.FREE),
        ([(READ, 0, 1, 4, 99)], ReaderState.HOOKED),
        ([(READ, 0, 1, 0, 99)] * 4, ReaderState.HOOKED),
        ([(READ, 0, 1, 4, 99), (PURCHASE, 0, 1, 5, 99)], ReaderState.FIRST_PAYMENT),
        ([(PURCHASE, 0, 1, 5, 70)] * 2, ReaderState.PAYING),
        ([(PURCHASE, 0, 1, 5, 69)] * 2, ReaderState.LAPSED),
        ([(PURCHASE, 0, 1, 5, 1), (READ, 0, 1, 9, 99)], ReaderState.LAPSED),
        ([(READ, 0, 1, 9, 98), (PURCHASE, 0, 1, 5, 99), (REFUND, 0, 1, 5, 99)], ReaderState.HOOKED),
    ],
)
def test_states(events: list[tuple[int, int, int, float, int]], state: ReaderState) -> None:
    payers, histories = Payers(), Histories()
    payers.fold(rows_of(*events))
    histories.fold(rows_of(*events))
    users = np.array([0, 1])
    assert reader_states(payers.rows(users), histories.rows(users), NOW).tolist() == [state, ReaderState.NEW]
