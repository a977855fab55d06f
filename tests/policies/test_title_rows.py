"""A bounded table of titles: each has one row, the table never grows past its bound, and what is loaded is checked."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandi.model.records import Array
from bandi.policies import title_rows
from bandi.policies._title_rows import NO_TIME, USED, take_row

MOST = 4


def table(rows: int) -> tuple[Array, Array, Array, Array]:
    return np.zeros(rows, np.int32), np.full(rows, NO_TIME), np.full(16, -1, np.int32), np.zeros(3, np.int64)


@settings(deadline=None)
@given(st.lists(st.integers(0, 15), min_size=1, max_size=60))
def test_the_titles_that_learned_last_keep_their_rows(order: list[int]) -> None:
    items, last_ms, row_of, totals = table(MOST)
    for moment, item in enumerate(order):
        row = int(row_of[item])
        if row < 0:
            row = take_row(items, last_ms, row_of, totals, item)
            assert last_ms[row] == NO_TIME
        last_ms[row] = moment
    latest = list(dict.fromkeys(reversed(order)))[:MOST]
    assert totals[USED] == len(latest)
    assert set(items[: totals[USED]].tolist()) == set(latest) == set(np.flatnonzero(row_of >= 0).tolist())
    assert all(items[row_of[item]] == item for item in latest)


@given(st.lists(st.integers(0, 200), unique=True, max_size=30))
def test_places_are_the_inverse_of_the_column_of_titles(titles: list[int]) -> None:
    places = title_rows.places_of(np.array(titles, np.int32))
    assert [int(places[title]) for title in titles] == list(range(len(titles)))
    assert (places >= 0).sum() == len(titles)


@given(st.integers(0, 50), st.integers(0, 100))
def test_a_longer_index_knows_what_the_shorter_knew(held: int, wanted: int) -> None:
    row_of = np.arange(held, dtype=np.int32)
    grown = title_rows.knowing(row_of, wanted)
    assert len(grown) >= max(held, wanted)
    assert (grown[:held] == row_of).all() and (grown[held:] == -1).all()


@given(st.integers(1, 10**6), st.integers(0, 10**6), st.integers(1, 10**6))
def test_a_table_grows_geometrically_up_to_its_bound(wanted: int, held: int, most: int) -> None:
    rows = title_rows.rows_to_make(wanted, held, most)
    assert rows <= most
    assert rows == most or rows >= max(wanted, held * 3 // 2)


def test_a_dump_comes_back() -> None:
    state = {"item": np.array([3, 1], np.int32), "totals": np.array([2, 0, 0])}
    expected = {"item": np.zeros(2, np.int32), "totals": np.zeros(3, np.int64)}
    found = title_rows.checked(state, expected, "item", "totals", MOST)
    assert title_rows.rows_in(state, "item") == 2
    assert all((found[name] == array).all() and found[name] is not array for name, array in state.items())


@pytest.mark.parametrize(
    ("items", "totals", "message"),
    [
        (np.array([3, 1]), [2, 0, 0], r"item: expected int32\[2\], found int64\[2\]"),
        (np.array([3, 3], np.int32), [2, 0, 0], "item: expected distinct titles"),
        (np.array([3, -1], np.int32), [2, 0, 0], "item: expected distinct titles"),
        (np.array([3, 1], np.int32), [1, 0, 0], "as many as the totals say"),
        (np.arange(5, dtype=np.int32), [5, 0, 0], "item: expected at most 4 titles, found 5"),
    ],
)
def test_what_is_no_table_is_refused(items: Array, totals: list[int], message: str) -> None:
    expected = {"item": np.zeros(len(items), np.int32), "totals": np.zeros(3, np.int64)}
    with pytest.raises(ValueError, match=message):
        title_rows.checked({"item": items, "totals": np.array(totals)}, expected, "item", "totals", MOST)


def test_a_dump_without_titles_has_no_rows() -> None:
    assert title_rows.rows_in({}, "item") == 0
