"""The leaders against counting and sorting everything."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandi.learning import popularity
from bandi.learning.popularity import Popularity
from bandi.model.records import EVENT

DAY = 86_400_000
events = st.lists(st.tuples(st.integers(-1, 30), st.integers(1, 6), st.integers(0, 900)), max_size=150)


def rows(found: list[tuple[int, int, int]]) -> np.ndarray:
    made = np.zeros(len(found), EVENT)
    for row, (item, kind, day) in zip(made, found, strict=True):
        row["item"], row["kind"], row["occurred_ms"] = item, kind, day * DAY
    return made


def by_sorting(found: list[tuple[int, int, int]], most: int) -> list[int]:
    counted = [(item, day) for item, kind, day in found if 2 <= kind <= 4 and item >= 0]
    last = max((day for _, day in counted), default=0)
    totals: dict[int, float] = {}
    for item, day in counted:
        totals[item] = totals.get(item, 0.0) + 2.0 ** ((day - last) / 7)
    return sorted(totals, key=lambda item: (-totals[item], item))[:most]


@settings(max_examples=150, deadline=None)
@given(events, st.lists(st.integers(0, 150), max_size=5))
def test_the_leaders_are_those_of_sorting_however_the_log_is_cut(
    found: list[tuple[int, int, int]], cuts: list[int]
) -> None:
    # within 60 half-lives of the first event sums are of exact powers of two and equal counts are equal
    found = [(item, kind, day // 7 * 7 % 350) for item, kind, day in found]
    whole, cut = Popularity(), Popularity()
    whole.fold(rows(found))
    bounds = sorted({0, len(found), *(c for c in cuts if c < len(found))})
    for first, stop in zip(bounds, bounds[1:], strict=False):
        cut.fold(rows(found[first:stop]))
    assert whole.leaders.tolist() == cut.leaders.tolist() == by_sorting(found, popularity.LEADERS)
    assert {k: v.tobytes() for k, v in whole.dump().items()} == {k: v.tobytes() for k, v in cut.dump().items()}


def test_more_titles_than_leaders_keep_the_best() -> None:
    random = np.random.default_rng(1)
    found = [(int(item), 3, 0) for item in np.minimum(random.zipf(1.2, 30_000), 6_000)]
    popular = Popularity()
    popular.fold(rows(found))
    assert popular.leaders.tolist() == by_sorting(found, popularity.LEADERS)


def test_what_was_read_long_ago_falls_behind_and_years_do_not_overflow() -> None:
    popular = Popularity()
    popular.fold(rows([(1, 3, 0)] * 50 + [(2, 3, 40)] + [(3, 3, 5_000), (4, 3, 5_000), (4, 3, 5_001)]))
    assert popular.leaders.tolist()[:2] == [4, 3]
    assert np.isfinite(popular.dump()["counts"]).all()


def test_a_load_goes_on_where_the_dump_was() -> None:
    one, other = Popularity(), Popularity()
    one.fold(rows([(1, 3, 0), (2, 3, 0), (2, 3, 1)]))
    other.load(one.dump())
    for popular in (one, other):
        popular.fold(rows([(1, 3, 2), (1, 3, 2), (9, 3, 2)]))
    assert one.leaders.tolist() == other.leaders.tolist() == [1, 2, 9]
    with pytest.raises(ValueError, match="leaders"):
        other.load({**one.dump(), "leaders": np.array([77], np.int32)})
