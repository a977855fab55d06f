"""What is held back to judge by, and what is held back of the rest to choose hyperparameters by."""

from __future__ import annotations

from typing import cast

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bandi.engine.state import State
from bandi.features.factors.interactions import Interactions
from bandi.jobs.judging import hold_back, last_fifth
from bandi.jobs.reading import Material

READERS, TITLES = 6, 30


def material(events: list[tuple[int, int]]) -> Material:
    """The log alone: neither function looks at the state."""
    users, items = (np.array([event[side] for event in events], np.int32) for side in (0, 1))
    return Material(cast(State, None), len(events), users, items, (READERS, TITLES))


def titles_of(interactions: Interactions, reader: int) -> set[int]:
    return set(interactions.by_user.row(reader)[0].tolist())


@given(st.lists(st.tuples(st.integers(0, READERS - 1), st.integers(0, TITLES - 1)), max_size=150))
def test_the_last_title_judges_and_the_last_fifth_before_it_chooses(events: list[tuple[int, int]]) -> None:
    """Against each reader's titles in the order of their first events."""
    orders = [list(dict.fromkeys(item for user, item in events if user == reader)) for reader in range(READERS)]
    held_back = hold_back(material(events))
    assert (held_back is None) == all(len(order) < 3 for order in orders)
    if held_back is None:
        return
    train, wanted = last_fifth(held_back)
    for reader, order in enumerate(orders):
        seen, last = (order[:-1], order[-1:]) if len(order) >= 3 else (order, [])
        assert titles_of(held_back.held, reader) == set(last)
        assert titles_of(held_back.seen, reader) == set(seen)
        fifth = max(len(seen) // 5, 1) if len(seen) >= 2 else 0
        assert titles_of(wanted, reader) == set(seen[len(seen) - fifth :])
        assert titles_of(train, reader) == set(seen[: len(seen) - fifth])


def test_a_title_read_again_weighs_more_and_is_held_back_whole() -> None:
    events = [(0, 1), (0, 2), (0, 3), (0, 1), (0, 4), (0, 3)]
    held_back = hold_back(material(events))
    assert held_back is not None
    train, wanted = last_fifth(held_back)
    assert held_back.nexts.tolist() == [4]
    assert held_back.befores.tolist() == [3]
    assert titles_of(wanted, 0) == {3}
    assert train.by_user.row(0)[1].tolist() == [np.float32(1 + np.log(2)), 1.0]
