"""Event ids seen before: against a set, bounded, the same bytes for the same history."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bandi.learning.duplicates import SeenEvents


def halves(ids: list[int]) -> tuple[np.ndarray, np.ndarray]:
    array = np.array(ids, np.uint64)
    return array % np.uint64(3), array


@given(batches=st.lists(st.lists(st.integers(0, 60), max_size=30), max_size=12))
@settings(max_examples=200, deadline=None)
def test_like_a_set_while_the_horizon_is_not_reached(batches: list[list[int]]) -> None:
    seen, known = SeenEvents(1_000), set()
    for batch in batches:
        expected = [number in known or number in batch[:i] for i, number in enumerate(batch)]
        assert seen.duplicates(*halves(batch)).tolist() == expected
        seen.add(*halves(batch))
        known |= set(batch)
    assert len(seen) == len(known)


@given(ids=st.lists(st.integers(0, 200), max_size=300), cuts=st.lists(st.integers(0, 300), max_size=6))
@settings(max_examples=100, deadline=None)
def test_cuts_and_snapshots_do_not_change_a_byte(ids: list[int], cuts: list[int]) -> None:
    whole, parts = SeenEvents(20), SeenEvents(20)
    whole.add(*halves(ids))
    bounds = sorted({0, len(ids), *(min(cut, len(ids)) for cut in cuts)})
    for a, b in zip(bounds, bounds[1:], strict=False):
        parts.add(*halves(ids[a:b]))
        again = SeenEvents(20)
        again.load(parts.dump())
        parts = again
    one, other = whole.dump(), parts.dump()
    assert {name: array.tobytes() for name, array in one.items()} == {
        name: array.tobytes() for name, array in other.items()
    }


def test_at_least_the_horizon_is_remembered_and_at_most_twice_as_much() -> None:
    seen = SeenEvents(100)
    for number in range(10_000):
        seen.add(*halves([number]))
        assert len(seen) <= 200
    assert seen.duplicates(*halves(list(range(9_900, 10_000)))).all()
    assert not seen.duplicates(*halves(list(range(9_000)))).any()


def test_a_smaller_horizon_forgets_the_oldest() -> None:
    seen = SeenEvents(1_000)
    seen.add(*halves(list(range(1_000))))
    smaller = seen.resized(10)
    assert smaller.duplicates(*halves(list(range(990, 1_000)))).all()
    assert len(smaller) <= 20
