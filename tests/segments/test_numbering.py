"""Numbers: the best assignment, against all permutations, and what carries over."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from bandi.model.errors import InvalidInputError
from bandi.segments.numbering import assign, largest_first, match_numbering


@settings(deadline=None)
@given(st.integers(1, 6).flatmap(lambda k: arrays.arrays(np.float64, (k, k), elements=st.floats(-9, 9, width=32))))
def test_the_assignment_costs_least_of_all_permutations(costs: np.ndarray) -> None:
    k = len(costs)
    found = assign(costs)
    assert sorted(found.tolist()) == list(range(k))
    least = min(costs[range(k), order].sum() for order in itertools.permutations(range(k)))
    assert costs[range(k), found].sum() == pytest.approx(least, abs=1e-6)


@pytest.mark.parametrize("k", [8, 64])
def test_a_large_assignment_costs_what_scipy_finds(k: int) -> None:
    optimize = pytest.importorskip("scipy.optimize")
    for seed in range(5):
        costs = np.random.default_rng(seed).normal(size=(k, k))
        rows, columns = optimize.linear_sum_assignment(costs)
        assert costs[range(k), assign(costs)].sum() == pytest.approx(costs[rows, columns].sum())


@settings(deadline=None, max_examples=50)
@given(st.permutations(range(7)), st.integers(0, 99))
def test_a_permutation_is_undone(order: list[int], seed: int) -> None:
    old = np.random.default_rng(seed).dirichlet(np.full(7, 0.3), 400).astype(np.float32)
    new = old[:, order]
    assert match_numbering(old, new).tolist() == order


def test_very_soft_weights_are_matched_too() -> None:
    """Weights within 2 % of the shares: products would only pair large with large."""
    random = np.random.default_rng(1)
    shares = np.array([0.4, 0.3, 0.2, 0.1])
    old = shares * (1 + 0.02 * random.normal(size=(2_000, 4)))
    old /= old.sum(axis=1, keepdims=True)
    changed = old * np.array([0.25, 1 / 3, 2.0, 4.0])  # the smallest has grown to be the largest
    changed /= changed.sum(axis=1, keepdims=True)
    order = [3, 1, 0, 2]
    assert match_numbering(old, changed[:, order]).tolist() == order


def test_new_segments_get_further_numbers_largest_first() -> None:
    old = np.eye(2, dtype=np.float32)[[0, 0, 0, 0, 0, 0, 1, 1, 1]]
    new = np.eye(4, dtype=np.float32)[[2, 3, 3, 1, 1, 1, 0, 0, 0]]
    assert match_numbering(old, new).tolist() == [1, 0, 3, 2]


def test_with_fewer_segments_the_further_numbers_are_given_up() -> None:
    old = np.eye(3, dtype=np.float32)[[0, 0, 1, 1, 2, 2]]
    new = np.eye(2, dtype=np.float32)[[1, 1, 0, 0, 0, 0]]
    assert match_numbering(old, new).tolist() == [1, 0]


def test_without_readers_numbers_stay() -> None:
    assert match_numbering(np.zeros((0, 3)), np.zeros((0, 4))).tolist() == [0, 1, 2, 3]


def test_matrices_of_other_readers_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="same readers"):
        match_numbering(np.zeros((3, 2)), np.zeros((4, 2)))


def test_largest_first() -> None:
    assert largest_first(np.array([0.2, 0.5, 0.1, 0.2])).tolist() == [1, 0, 3, 2]
