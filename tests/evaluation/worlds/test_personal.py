"""The personal world: tastes within genres and over several groups, and older worlds as they were."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandi.evaluation.worlds.parameters import PERSONAL, read_parameters
from bandi.evaluation.worlds.webtoon import DAY_MS, START_MS, World

WORLD = World(read_parameters(PERSONAL), 1)


def test_the_webtoon_world_is_what_it_was_before_there_were_traits() -> None:
    """Figures of the first version, whose draws nothing new may move."""
    world = World(read_parameters(), 1)
    assert world.population.sum() == pytest.approx(31.032923950707072, rel=1e-12)
    assert world.style.shape == (200, 0)
    assert world.items()[150].title == "Salt Academy 2"


def test_the_back_catalogue_was_launched_before_the_first_day() -> None:
    before = START_MS - WORLD.launched_ms[:400]
    assert (before >= 0).all()
    assert 0.3 < before.mean() / (730 * DAY_MS) < 0.7
    assert (WORLD.launched_ms[400:] >= START_MS).all()
    assert len(WORLD.available(START_MS)) == 401
    assert (World(read_parameters(), 1).launched_ms[:160] == START_MS).all()


def test_attraction_is_what_the_docstring_says() -> None:
    titles, readers = WORLD.parameters.titles, np.array([5, 6])
    odds = [
        np.log(0.1 / 0.9)
        + WORLD.quality[9]
        + titles.taste_strength * WORLD.taste[reader, WORLD.genres[9]]
        + titles.style_strength * float(WORLD.style_taste[reader] @ WORLD.style[9]) / 2
        + 0.25
        for reader in readers
    ]
    expected = np.minimum(1 / (1 + np.exp(-np.array(odds))), titles.highest)
    assert WORLD.attraction(readers, np.array(9), 0.25) == pytest.approx(expected, rel=1e-6)


def test_readers_differ_within_a_genre() -> None:
    """Without traits the order of a genre's titles is the same for all readers; with them it is not."""
    plain = msgspec.structs.replace(
        WORLD.parameters,
        titles=msgspec.structs.replace(WORLD.parameters.titles, style_dimensions=0, highest=0.99),
    )
    agreement = []
    for world in (
        World(plain, 1),
        World(
            msgspec.structs.replace(
                WORLD.parameters, titles=msgspec.structs.replace(WORLD.parameters.titles, highest=0.99)
            ),
            1,
        ),
    ):
        own = np.flatnonzero(world.genres == 0)
        orders = world.attraction(np.arange(50)[:, None], own[None, :]).argsort(axis=1)
        agreement.append((orders == orders[0]).mean())
    assert agreement[0] == 1.0
    assert agreement[1] < 0.3


def test_groups_can_be_told_from_tastes_and_are_soft() -> None:
    """Readers of one main group are nearer in taste than others; the largest share is well below 1 for many."""
    taste = np.concatenate([WORLD.taste, WORLD.style_taste], axis=1)
    taste = taste - taste.mean(axis=0)
    taste /= np.linalg.norm(taste, axis=1, keepdims=True)
    near = taste[:600] @ taste[:600].T
    same = WORLD.group_of[:600, None] == WORLD.group_of[None, :600]
    np.fill_diagonal(same, False)
    assert near[same].mean() > 0.3
    assert near[~same].mean() < 0.05
    assert 1 / 6 < np.bincount(WORLD.group_of).max() / len(WORLD.group_of) < 0.3


titles = st.integers(0, len(WORLD.quality) - 1)


@given(titles, titles)
def test_likeness_is_symmetric_and_bounded(one: int, other: int) -> None:
    found = float(WORLD.likeness(np.array(one), np.array(other)))
    assert found == float(WORLD.likeness(np.array(other), np.array(one)))
    assert -1 <= found <= 1
    assert float(WORLD.likeness(np.array(one), np.array(one))) >= 0.5
    if WORLD.genres[one] != WORLD.genres[other]:
        assert found <= 0.5


def test_readers_and_titles_have_what_a_service_knows_of_them() -> None:
    items, users = WORLD.items(), WORLD.users()
    assert (len(items), len(users)) == (500, 3_000)
    assert items == World(WORLD.parameters, 1).items()
    assert [item.genre for item in items] == [WORLD.parameters.titles.genres[genre] for genre in WORLD.genres]
    assert all(item.launched_at and item.editor_rank for item in items)
