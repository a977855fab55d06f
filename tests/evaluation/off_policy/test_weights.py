"""Importance weights: distributions and propensities that are none are refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandi.evaluation.off_policy.weights import effective_sample_size, importance_weights
from bandi.model.errors import InvalidInputError


@pytest.mark.parametrize(
    "bad",
    [
        np.ones((2, 1)),
        np.full((3, 2), 0.5),
        np.array([[0.5, np.nan], [0.5, 0.5], [0, 0.5]]),
        np.array([[1.5, 1], [-0.5, 0], [0, 0]]),
    ],
)
def test_distributions_that_are_none_are_refused(bad: np.ndarray) -> None:
    with pytest.raises(InvalidInputError, match="action distribution"):
        importance_weights(bad, np.array([0, 1, 2]), np.array([0, 1, 0]), np.ones(3))


@pytest.mark.parametrize(
    ("propensity", "expected"),
    [
        (np.nan, "1 of 3 missing"),
        (0.0, "1 of 3 0 or less"),
        (-0.1, "0 or less"),
        (1.5, "1 of 3 above 1"),
        (np.inf, "above 1"),
    ],
)
def test_propensities_that_are_none_are_counted_and_named(propensity: float, expected: str) -> None:
    propensities = np.array([0.5, propensity, 0.5])
    with pytest.raises(InvalidInputError, match=f"propensities, row 1.*{expected}"):
        importance_weights(np.full((2, 1), 0.5), np.zeros(3, int), np.zeros(3, int), propensities)


def test_a_policy_that_changes_is_read_by_context() -> None:
    tables = np.array([[[1.0], [0.0]], [[0.25], [0.75]]])
    weights = importance_weights(tables, np.array([0, 0, 1]), np.zeros(3, int), np.full(3, 0.5), np.array([0, 1, 1]))
    assert weights.tolist() == [2.0, 0.5, 1.5]
    with pytest.raises(InvalidInputError, match="action distribution"):
        importance_weights(tables, np.zeros(1, int), np.zeros(1, int), np.ones(1), np.array([2]))


@given(st.lists(st.just(0.0) | st.floats(1e-6, 1e6), min_size=1, max_size=50))
def test_effective_rows_lie_between_nothing_and_all(weights: list[float]) -> None:
    size = effective_sample_size(np.array(weights))
    assert 0 <= size <= len(weights) * (1 + 1e-9)
    assert (size == 0) == (sum(w * w for w in weights) == 0)


def test_equal_weights_are_all_effective() -> None:
    assert effective_sample_size(np.full(7, 3.0)) == pytest.approx(7)
