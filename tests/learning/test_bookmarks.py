"""Bookmarks: the latest titles and the episode reached, in any cut; and who stands at the wall."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandi.learning.bookmarks import KEPT, Bookmarks
from bandi.learning.push.pairs import Stopped, Titles, continued_pairs
from bandi.learning.push.strata import STRATA, Wall, described, prior_weights, strata
from bandi.model.records import EVENT, Array

CLICK, READ, PURCHASE, DISMISS = 2, 3, 4, 5
DAY = 86_400_000


def rows_of(*events: tuple[int, int, int, int, int]) -> Array:
    """Events of (kind, user, item, episode, day)."""
    rows = np.zeros(len(events), EVENT)
    for row, (kind, user, item, episode, day) in zip(rows, events, strict=True):
        row["kind"], row["user"], row["item"], row["episode"], row["occurred_ms"] = kind, user, item, episode, day * DAY
    return rows


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], []),
        ([(CLICK, 0, 1, 0, 5)], []),
        ([(READ, 0, 1, 3, 5), (READ, 0, 1, 2, 6)], [(1, 3, 6)]),
        ([(READ, 0, 1, 0, 5), (READ, 0, 1, 0, 6), (CLICK, 0, 1, 0, 9)], [(1, 2, 9)]),
        ([(READ, 0, 1, 3, 5), (PURCHASE, 0, 1, 4, 4)], [(1, 4, 5)]),
        ([(READ, 0, 1, 3, 5), (DISMISS, 0, 1, 0, 6)], []),
        ([(READ, 0, i, 1, i) for i in range(1, KEPT + 2)], [(i, 1, i) for i in range(KEPT + 1, 1, -1)]),
        ([(READ, 0, i, 1, 9 - i) for i in range(1, KEPT + 2)], [(i, 1, 9 - i) for i in range(1, KEPT + 1)]),
    ],
)
def test_where_a_reader_stands(events: list[tuple[int, int, int, int, int]], expected: list[tuple[int, int, int]]) -> None:  # fmt: skip
    bookmarks = Bookmarks()
    bookmarks.fold(rows_of(*events))
    assert [(m["item"], m["episode"], m["read_ms"] // DAY) for m in bookmarks.of(0)] == expected
    bookmarks.forget(0)
    assert not len(bookmarks.of(0))
    assert not len(bookmarks.of(77))


events_lists = st.lists(
    st.tuples(st.integers(1, 6), st.integers(-1, 2), st.integers(-1, 7), st.integers(0, 5), st.integers(0, 9)), max_size=40
)  # fmt: skip


@given(events=events_lists, cuts=st.lists(st.integers(0, 40), max_size=5))
@settings(max_examples=100, deadline=None)
def test_cuts_and_restarts_do_not_change_a_byte(events: list[tuple[int, int, int, int, int]], cuts: list[int]) -> None:
    whole, parts = Bookmarks(), Bookmarks()
    rows = rows_of(*events)
    whole.fold(rows)
    bounds = sorted({0, len(rows), *(min(cut, len(rows)) for cut in cuts)})
    for a, b in zip(bounds, bounds[1:], strict=False):
        parts.fold(rows[a:b])
        again = Bookmarks()
        again.load(parts.dump())
        parts = again
    one, other = whole.dump(), parts.dump()
    assert {k: v.tobytes() for k, v in one.items()} == {k: v.tobytes() for k, v in other.items()}


def test_a_dump_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="episode"):
        Bookmarks().load(Bookmarks().dump() | {"episode": np.zeros((1, 3), np.int32)})


def test_who_stands_at_the_wall() -> None:
    """Titles: 0 says nothing, 1 has five free episodes, 2 the same and waits a day, 3 ends with its free ones."""
    bookmarks = Bookmarks()
    bookmarks.fold(
        rows_of(
            (READ, 0, 0, 9, 8), (READ, 1, 1, 3, 8), (READ, 2, 1, 4, 8), (READ, 3, 1, 5, 8), (READ, 4, 2, 6, 8),
            (READ, 5, 2, 5, 9), (READ, 6, 3, 5, 8), (READ, 7, 4, 9, 8),
        )
    )  # fmt: skip
    nan = np.nan
    titles = Titles(
        np.ones(4, np.bool_), np.array([nan, 5, 5, 5]), np.array([nan, 20, 20, 5]), np.array([nan, nan, 36, nan])
    )
    pairs = continued_pairs(bookmarks.rows(), titles, Stopped(3, 1, DAY, 30 * DAY), 10 * DAY)
    found = dict(zip(pairs.users.tolist(), pairs.walls.tolist(), strict=True))
    assert found == {0: Wall.UNKNOWN, 2: Wall.NEAR, 3: Wall.AT, 4: Wall.WAITED, 5: Wall.AT}


def test_every_stratum_has_its_number_and_its_name() -> None:
    states, days, walls = np.meshgrid(np.arange(6), [1, 5, 10, 20], np.arange(len(Wall)), indexing="ij")
    numbers = strata(states.ravel(), days.ravel() * DAY, walls.ravel())
    assert numbers.tolist() == list(range(STRATA)) and len(prior_weights()) == STRATA
    assert len({described(number) for number in range(STRATA)}) == STRATA
    assert described(int(numbers[-1])) == ("lapsed", "14 days and more", "waited")
    assert prior_weights()[0] > prior_weights()[len(Wall)] > prior_weights()[-1] > 0
