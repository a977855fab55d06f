"""What readers read last, against a plain list."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandi.learning.histories import KEPT, Histories
from bandi.model.records import EVENT

reads = st.lists(st.tuples(st.integers(-1, 5), st.integers(-1, 45), st.integers(1, 6)), max_size=200)


def rows(events: list[tuple[int, int, int]]) -> np.ndarray:
    found = np.zeros(len(events), EVENT)
    for row, (user, item, kind) in zip(found, events, strict=True):
        row["user"], row["item"], row["kind"] = user, item, kind
    return found


@settings(max_examples=100, deadline=None)
@given(reads, st.lists(st.integers(0, 200), max_size=5))
def test_the_latest_distinct_titles_come_first_however_the_log_is_cut(
    events: list[tuple[int, int, int]], cuts: list[int]
) -> None:
    expected: dict[int, list[int]] = {}
    for user, item, kind in events:
        if 2 <= kind <= 4 and user >= 0 and item >= 0:
            before = [other for other in expected.get(user, []) if other != item]
            expected[user] = [item, *before][:KEPT]
    whole, cut = Histories(), Histories()
    whole.fold(rows(events))
    bounds = sorted({0, len(events), *(c for c in cuts if c < len(events))})
    for first, stop in zip(bounds, bounds[1:], strict=False):
        cut.fold(rows(events[first:stop]))
    for user in range(-1, 8):
        assert whole.recent(user).tolist() == expected.get(user, [])
    assert {k: v.tobytes() for k, v in whole.dump().items()} == {k: v.tobytes() for k, v in cut.dump().items()}
    again = Histories()
    again.load(whole.dump())
    again.fold(rows([(3, 7, 3)]))
    assert again.recent(3)[0] == 7


def test_a_dump_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="recent"):
        Histories().load({"recent": np.zeros((2, 3), np.int32)})


def test_what_was_handed_out_does_not_change() -> None:
    histories = Histories()
    histories.fold(rows([(0, 1, 3)]))
    before = histories.recent(0)
    histories.fold(rows([(0, 2, 3)]))
    assert before.tolist() == [1]
