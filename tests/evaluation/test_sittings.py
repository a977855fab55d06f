"""What readers do with a list: by the truth, by the coins, and remembering what they have read."""

import msgspec
import numpy as np
import pytest
from scipy import stats

from bandi.evaluation.sittings import MAX_EPISODES, Looked, Sittings
from bandi.evaluation.worlds.parameters import PERSONAL, Reading, read_parameters
from bandi.evaluation.worlds.webtoon import World

VISITS = 400


def world(**reading: object) -> World:
    parameters = read_parameters(PERSONAL)
    return World(msgspec.structs.replace(parameters, reading=msgspec.structs.replace(parameters.reading, **reading)), 1)


def first_looks(sittings: Sittings, shown: np.ndarray, readers: np.ndarray | None = None) -> Looked:
    count = len(shown)
    readers = np.arange(count) if readers is None else readers
    everything = np.arange(len(sittings.world.quality))
    return sittings.look(readers, shown, np.full(count, -1), everything, sittings.toss(count), np.arange(count), 0)


def some_lists(count: int) -> np.ndarray:
    random = np.random.default_rng(2)
    return np.array([random.permutation(500)[:10] for _ in range(count)])


def test_clicks_come_as_often_as_expected() -> None:
    """4,000 slots; the chance of a false alarm is 0.0001."""
    looked = first_looks(Sittings(world(), 1), some_lists(VISITS))
    assert abs(looked.clicked.sum() - looked.expected.sum()) < 3.9 * np.sqrt(looked.expected.sum())
    assert (looked.best > looked.expected).all()


def test_the_best_list_is_the_best() -> None:
    here = world()
    shown = np.argsort(-here.attraction(np.arange(50)[:, None], np.arange(500)[None, :]), axis=1)[:, :10]
    looked = first_looks(Sittings(here, 1), shown)
    assert looked.expected == pytest.approx(looked.best)


def test_the_coins_do_not_depend_on_the_lists() -> None:
    """Two services whose third and fourth lists are alike get the same clicks there, whatever they showed before."""
    lists = some_lists(2 * VISITS)
    one, other = Sittings(world(again=1.0), 3), Sittings(world(again=1.0), 3)
    first_looks(one, lists[:VISITS])
    first_looks(other, lists[VISITS:])
    assert (first_looks(one, lists[:VISITS]).clicked == first_looks(other, lists[:VISITS]).clicked).all()


def test_what_was_read_attracts_less() -> None:
    sittings, lists = Sittings(world(again=0.5), 1), some_lists(VISITS)
    before = first_looks(sittings, lists)
    after = first_looks(sittings, lists)
    fresh = first_looks(Sittings(world(again=1.0), 1), lists)
    assert before.expected == pytest.approx(fresh.expected)
    clicked = before.clicked.any(axis=1)
    assert (after.expected[clicked] < before.expected[clicked]).all()
    assert after.expected[~clicked] == pytest.approx(before.expected[~clicked])


def test_42_percent_of_what_is_begun_is_read_to_the_fourth_episode() -> None:
    """The chance of a false alarm is 0.0001."""
    looked = first_looks(Sittings(world(), 1), some_lists(3_000))
    begun = looked.episodes[looked.clicked]
    assert (looked.episodes[~looked.clicked] == 0).all()
    assert begun.min() == 1
    assert begun.max() <= MAX_EPISODES
    assert stats.binomtest(int((begun >= 4).sum()), len(begun), 0.75**3).pvalue > 0.0001


@pytest.mark.parametrize(("continues", "episodes"), [(0.0, 1), (1.0, MAX_EPISODES)])
def test_readers_who_never_or_always_read_on(continues: float, episodes: int) -> None:
    looked = first_looks(Sittings(world(continues=continues), 1), some_lists(50))
    assert set(looked.episodes[looked.clicked].tolist()) == {episodes}


def test_only_who_has_read_goes_on_beside_the_last_title_of_the_list() -> None:
    lists = some_lists(VISITS)
    looked = first_looks(Sittings(world(goes_on=1.0), 1), lists)
    assert (looked.goes_on == looked.clicked.any(axis=1)).all()
    for row in np.flatnonzero(looked.goes_on):
        assert looked.last[row] == lists[row, np.flatnonzero(looked.clicked[row])[-1]]
    assert not first_looks(Sittings(world(goes_on=0.0), 1), lists).goes_on.any()


def test_empty_slots_are_neither_clicked_nor_expected_to_be() -> None:
    lists = some_lists(100)
    lists[:, 4:] = -1
    looked = first_looks(Sittings(world(), 1), lists)
    assert not looked.clicked[:, 4:].any()
    assert (looked.expected < looked.best).all()
    nothing = first_looks(Sittings(world(), 1), np.full((3, 10), -1))
    assert nothing.expected.tolist() == [0, 0, 0]
    assert not nothing.goes_on.any()


def test_beside_a_title_its_like_attract_more() -> None:
    here = world(mood=2.0)
    sittings = Sittings(here, 1)
    alike = np.argsort(-here.likeness(np.arange(500), np.array(7)), kind="stable")
    shown = np.tile(alike[1:11], (100, 1))
    coins, visits, readers = sittings.toss(100), np.arange(100), np.arange(100)
    beside = sittings.look(readers, shown, np.full(100, 7), np.arange(500), coins, visits, 1)
    alone = Sittings(here, 1).look(readers, shown, np.full(100, -1), np.arange(500), coins, visits, 1)
    assert (beside.expected >= alone.expected).all()
    assert beside.expected.mean() > 1.1 * alone.expected.mean()


def test_the_defaults_are_a_world_without_mood_or_tiring() -> None:
    assert read_parameters().reading == Reading()
