"""Places: never wrong more often than stated, told apart where they are far apart."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandi.evaluation.leaderboard.ranks import rank_ranges, shown


def test_far_apart_entries_have_a_place_each() -> None:
    noise = np.random.default_rng(1).normal(0.0, 0.1, (3, 50))
    assert rank_ranges(noise + np.array([[1.0], [3.0], [2.0]])) == [(3, 3), (1, 1), (2, 2)]


def test_pairing_tells_apart_what_units_would_hide() -> None:
    random = np.random.default_rng(2)
    unit, noise = random.normal(0.0, 10.0, 40), random.normal(0.0, 0.1, (2, 40))
    assert rank_ranges(np.array([unit, unit + 0.5]) + noise) == [(2, 2), (1, 1)]


@pytest.mark.parametrize("values", [np.ones((1, 5)), np.ones((3, 1)), np.ones((3, 5))])
def test_nothing_is_told_apart_by_nothing(values: np.ndarray) -> None:
    assert rank_ranges(values) == [(1, len(values))] * len(values)


def test_equal_entries_are_told_apart_in_at_most_one_table_of_twenty() -> None:
    """2,000 tables of 5 equal entries on 10 units; more than 125 false alarms at 5 % have probability under 0.6 %."""
    random = np.random.default_rng(3)
    false = sum(
        any(place != (1, 5) for place in rank_ranges(random.normal(0.0, 1.0, (5, 10)) + random.normal(0.0, 5.0, 10)))
        for _ in range(2_000)
    )
    assert 20 <= false <= 125  # Bonferroni over correlated pairs is careful, yet not idle


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 6), st.integers(2, 12), st.integers(0, 2**31))
def test_ranges_are_places_and_follow_the_means(entries: int, units: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    values = random.normal(0.0, 1.0, (entries, units)) + random.normal(0.0, 2.0, (entries, 1))
    places = rank_ranges(values)
    assert all(1 <= first <= last <= entries for first, last in places)
    best = int(values.mean(axis=1).argmax())
    assert places[best][0] == 1
    order = np.argsort(-values.mean(axis=1))
    assert all(places[i][0] <= rank <= places[i][1] for rank, i in enumerate(order, 1))


def test_how_places_are_shown() -> None:
    assert (shown((2, 2)), shown((2, 4))) == ("2", "2-4")
