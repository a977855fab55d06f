"""Packed symmetric matrices against numpy's dense ones; normal quantiles against their cumulative distribution."""

import math

import numpy as np
import pytest

from bandi.policies._normal import normal_quantile
from bandi.policies._packed import add_square, dot, factor, invert, largest_eigenvalue_bound, pack_square, times


def positive(d: int, seed: int) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(d + 2, d))
    return rows.T @ rows


def packed(matrix: np.ndarray) -> np.ndarray:
    return matrix[np.tril_indices(len(matrix))].copy()


@pytest.mark.parametrize("d", [1, 2, 3, 7, 8, 16, 31, 64])
def test_they_do_what_dense_matrices_do(d: int) -> None:
    matrix, x = positive(d, d), np.random.default_rng(1).normal(size=d)
    square, product = np.empty(d * (d + 1) // 2), np.empty(d)
    pack_square(x, square)
    assert dot(packed(matrix), square) == pytest.approx(x @ matrix @ x)
    times(packed(matrix), x, product)
    assert product == pytest.approx(matrix @ x)
    added = packed(matrix)
    add_square(added, x, 0.7)
    assert added == pytest.approx(packed(matrix + 0.7 * np.outer(x, x)))
    inverse = np.empty_like(square)
    assert invert(packed(matrix), 0.5, inverse)
    expected = np.linalg.inv(matrix + 0.5 * np.eye(d))
    assert inverse == pytest.approx(packed(expected), abs=1e-9)
    largest = np.linalg.eigvalsh(expected).max()
    assert largest <= largest_eigenvalue_bound(inverse, d) <= largest * d**0.125 * 1.001


def test_what_is_not_positive_definite_is_said_and_not_inverted() -> None:
    matrix = packed(np.diag([1.0, -2.0, 3.0]))
    inverse = np.full(6, 7.0)
    assert not invert(matrix, 1.0, inverse)
    assert (inverse == 7.0).all()
    assert not factor(np.array([np.nan]), 1.0, np.zeros((1, 1)))


@pytest.mark.parametrize("p", [1e-300, 1e-16, 1e-5, 0.01, 0.075, 0.2, 0.5, 0.8, 0.925, 0.99, 1 - 1e-9])
def test_normal_quantiles_are_where_the_distribution_says(p: float) -> None:
    x = normal_quantile(p)
    below = 0.5 * math.erfc(-x / math.sqrt(2.0))
    assert below == pytest.approx(p, rel=1e-10)
