"""The table of showings behaves like a dictionary."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bandi.evaluation.worlds.funnel._fatigue import Fatigue, place_of


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 300), st.floats(0.1, 10)), max_size=400))
def test_it_adds_up_like_a_dictionary_and_grows(showings: list[tuple[int, float]]) -> None:
    table, known = Fatigue(room=4), dict[int, float]()
    for key, amount in showings:
        table.reserve(1)
        place = place_of(table.keys, key)
        if table.keys[place] < 0:
            table.keys[place] = key
            table.used[0] += 1
        table.levels[place] += amount
        known[key] = known.get(key, 0.0) + amount
    assert table.used[0] == len(known)
    for key, amount in known.items():
        place = place_of(table.keys, key)
        assert table.keys[place] == key
        assert np.isclose(table.levels[place], amount)
    assert table.levels[place_of(table.keys, 301)] == 0
