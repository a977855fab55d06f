"""Evidence: the rule, the index of agreement, and worlds whose number of tastes is known."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandi.model.errors import InvalidInputError
from bandi.segments.choosing import Evidence, adjusted_rand_index, choose_k, suggest


def by_pairs(first: list[int], second: list[int]) -> float:
    """The definition, over all pairs of readers."""
    pairs = list(itertools.combinations(range(len(first)), 2))
    same = np.array([[first[a] == first[b], second[a] == second[b]] for a, b in pairs], float)
    a, b = same.mean(axis=0)
    together = (same[:, 0] * same[:, 1]).mean()
    return 1.0 if (a + b) / 2 == a * b else (together - a * b) / ((a + b) / 2 - a * b)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), min_size=2, max_size=25))
def test_the_rand_index_is_that_of_all_pairs(labels: list[tuple[int, int]]) -> None:
    first, second = [a for a, _ in labels], [b for _, b in labels]
    assert adjusted_rand_index(np.array(first), np.array(second)) == pytest.approx(by_pairs(first, second), abs=1e-9)


def test_the_rand_index_of_chance_is_zero() -> None:
    """Mean of 200 pairs of random partitions of 500: standard error about 0.0004."""
    random = np.random.default_rng(1)
    found = [adjusted_rand_index(random.integers(0, 4, 500), random.integers(0, 4, 500)) for _ in range(200)]
    assert np.mean(found) == pytest.approx(0.0, abs=0.002)


def row(k: int, shortfall: float, error: float) -> Evidence:
    return Evidence(k, k, -7.0 - shortfall, 0.1, 1.0, shortfall, error, 0.5, 0.0)


def test_the_rule() -> None:
    assert suggest([row(1, 0.5, 0.1), row(2, 0.2, 0.1), row(4, 0.05, 0.06), row(8, 0.0, 0.0)]) == 4
    assert suggest([row(1, 0.05, 0.1), row(2, 0.0, 0.0)]) == 1
    assert suggest([row(1, 0.5, 0.1), row(2, 0.2, 0.1), row(4, 0.0, 0.0)]) == 4


@pytest.mark.parametrize("k", [1, 4])
def test_the_planted_number_is_suggested(k: int, tastes: Callable[..., tuple[np.ndarray, np.ndarray]]) -> None:
    """Four worlds of k tastes each; the rule must be right in three."""
    right = 0
    for seed in range(4):
        recent, titles = tastes(1_000, k, seed)
        choice = choose_k(recent, titles, ks=(1, 2, 4, 8), seed=seed)
        right += choice.suggested == k
        by_k = {found.k: found for found in choice.evidence}
        assert by_k[1].stability == 1.0
        assert by_k[1].perplexity == pytest.approx(np.exp(-by_k[1].log_likelihood))
        if k == 4:
            assert by_k[4].stability > 0.9
            assert by_k[4].perplexity < 0.4 * by_k[1].perplexity  # a quarter of the titles suit a reader
    assert right >= 3


def test_the_same_seed_gives_the_same_evidence(tastes: Callable[..., tuple[np.ndarray, np.ndarray]]) -> None:
    recent, titles = tastes(300, 3, 1)
    assert choose_k(recent, titles, (2, 3)) == choose_k(recent, titles, (3, 2, 3))


def test_only_so_many_readers_are_looked_at(tastes: Callable[..., tuple[np.ndarray, np.ndarray]]) -> None:
    recent, titles = tastes(600, 3, 1)
    told: list[int] = []
    assert choose_k(recent, titles, (1, 2), readers=200, on_k=told.append).readers == 200
    assert told == [1, 2]


@pytest.mark.parametrize("read", [[], [[-1] * 32], [[3] + [-1] * 31], [[3, 90] + [-1] * 30]])
def test_without_evidence_one_segment_is_suggested(read: list[list[int]]) -> None:
    """No reader, none with a history, none with two titles, none whose other titles are known."""
    recent = np.array(read, np.int32).reshape(-1, 32)
    choice = choose_k(recent, np.eye(8, dtype=np.float32))
    assert (choice.suggested, choice.readers, choice.evidence) == (1, 0, [])


def test_one_reader_is_enough_to_answer() -> None:
    recent = np.array([[0, 1, 2] + [-1] * 29], np.int32)
    choice = choose_k(recent, np.eye(8, dtype=np.float32), (1, 2, 8))
    assert choice.suggested == 1
    assert [found.used for found in choice.evidence] == [1, 1, 1]


def test_what_cannot_be_meant_is_refused() -> None:
    titles = np.eye(8, dtype=np.float32)
    for ks in ((), (0, 2), (2, 65)):
        with pytest.raises(InvalidInputError, match="1 to 64"):
            choose_k(np.zeros((3, 32), np.int32), titles, ks)
    with pytest.raises(InvalidInputError, match="recent"):
        choose_k(np.zeros((3, 1), np.int32), titles)
