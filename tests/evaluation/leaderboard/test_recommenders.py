"""What entries learn: neighbours against plain matrices, factors against popularity, settings by the rule of training."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandi.evaluation.leaderboard.entries import FactorsEntry, ImplicitEntry, NeighboursEntry, PopularityEntry
from bandi.evaluation.leaderboard.recommenders import NotInstalledError, learn
from bandi.evaluation.leaderboard.splits import Split, Taken, split_by_time
from bandi.evaluation.ranking import quality_of
from bandi.model.config import Factors


def split_of(matrix: np.ndarray) -> Split:
    users, titles = np.nonzero(matrix)
    times = np.random.default_rng(3).permutation(len(users))
    return split_by_time(Taken(users, titles, times))


def tastes(readers: int = 200, titles: int = 60, seed: int = 1) -> Split:
    """Readers take half of what one of three genres has, and now and then something else."""
    random = np.random.default_rng(seed)
    genre = random.integers(0, 3, readers)[:, None] == np.arange(titles)[None, :] % 3
    return split_of(random.random((readers, titles)) < np.where(genre, 0.5, 0.05))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 12))
def test_neighbours_are_those_of_plain_cosines(seed: int, most: int) -> None:
    matrix = np.random.default_rng(seed).random((8, 7)) < 0.5
    matrix[0] = True
    data = split_of(matrix)
    dense = np.zeros((data.both.users, data.both.items))
    owners = np.repeat(np.arange(data.both.users), np.diff(data.both.by_user.starts))
    dense[owners, data.both.by_user.columns] = 1.0
    lengths = np.maximum(np.sqrt(dense.sum(axis=0)), 1e-12)
    cosines = (dense.T @ dense) / lengths[:, None] / lengths[None, :]
    np.fill_diagonal(cosines, 0.0)
    kept = np.where(cosines >= np.sort(cosines, axis=1)[:, -min(most, 7)][:, None], cosines, 0.0)
    block = np.arange(data.both.users)
    scores = learn(NeighboursEntry(name="n", neighbours=most), data, 1).scores_of(block)
    ties = (kept > 0).sum(axis=1) > most
    np.testing.assert_allclose(scores[:, ~ties], (dense @ kept.T)[:, ~ties], rtol=1e-5, atol=1e-6)


def test_popularity_is_the_same_for_all() -> None:
    data = tastes()
    scores = learn(PopularityEntry(name="p"), data, 1).scores_of(np.array([0, 5]))
    assert scores[0].tolist() == scores[1].tolist() == np.diff(data.both.by_item.starts).tolist()


def test_tastes_are_learned_by_all_but_popularity() -> None:
    data = tastes()

    def ndcg(entry) -> float:
        learned = learn(entry, data, 1)
        return float(quality_of(learned.scores_of, data.both.items, data.both.by_user, data.test.by_user).ndcg.mean())

    popular = ndcg(PopularityEntry(name="p"))
    few = Factors(factors=8, regularisation=1.0, alpha=5.0, iterations=5)
    assert ndcg(FactorsEntry(name="f", factors=few)) > popular + 0.1
    assert ndcg(NeighboursEntry(name="n")) > popular + 0.1


def test_tuned_settings_are_told_and_drawn_by_the_seed() -> None:
    data = tastes()
    start = Factors(factors=8, regularisation=1_000.0, alpha=1.0, iterations=3)
    untuned = learn(FactorsEntry(name="f", factors=start), data, 1)
    tuned = learn(FactorsEntry(name="f", factors=start, tune=8), data, 1)
    assert "regularisation 1000" in untuned.settings
    assert tuned.settings != untuned.settings
    again = learn(FactorsEntry(name="f", factors=start, tune=8), data, 1)
    assert again.settings == tuned.settings
    block = np.arange(5)
    np.testing.assert_array_equal(again.scores_of(block), tuned.scores_of(block))


def test_a_missing_peer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "implicit", None)
    with pytest.raises(NotInstalledError, match="implicit is not installed"):
        learn(ImplicitEntry(name="i"), tastes(20, 12), 1)


def test_the_peer_learns_tastes_too() -> None:
    pytest.importorskip("implicit")
    data = tastes()
    learned = learn(
        ImplicitEntry(name="i", factors=Factors(factors=8, regularisation=1.0, nu=0.0, iterations=5)), data, 1
    )
    found = quality_of(learned.scores_of, data.both.items, data.both.by_user, data.test.by_user)
    popular = learn(PopularityEntry(name="p"), data, 1)
    other = quality_of(popular.scores_of, data.both.items, data.both.by_user, data.test.by_user)
    assert found.ndcg.mean() > other.ndcg.mean() + 0.1
