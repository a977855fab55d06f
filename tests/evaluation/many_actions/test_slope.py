"""SLOPE: agreement until bias shows; its bound on problems whose bias and width are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandi.evaluation.many_actions.slope import slope
from bandi.model.errors import InvalidInputError


def test_the_narrowest_is_taken_where_all_agree_and_the_widest_where_none_do() -> None:
    widths = np.array([0.8, 0.4, 0.2, 0.1])
    assert slope(np.full(4, 1.0), widths).chosen == 3
    assert slope(np.array([0.0, 9.0, 9.0, 9.0]), widths).chosen == 0
    assert slope(np.array([9.0, 9.0, 9.0, 0.0]), widths[::-1]).chosen == 3  # whatever their order


def test_an_estimator_that_agrees_again_behind_one_that_does_not_is_not_taken() -> None:
    assert slope(np.array([0.0, 5.0, 0.0]), np.array([0.5, 0.4, 0.3])).chosen == 0


@given(st.lists(st.floats(0.0, 3.0), min_size=1, max_size=12), st.floats(0.3, 1.0), st.integers(0, 2**32 - 1))
def test_its_bound(steps: list[float], kappa: float, seed: int) -> None:
    """|error| <= 6 (1 + 1 / kappa) min(bias + width) where bias grows, widths fall by kappa, and noise stays in the widths."""
    bias = np.cumsum(steps)
    widths = kappa ** np.arange(len(steps))
    random = np.random.default_rng(seed)
    values = bias * random.choice([-1.0, 1.0]) + widths * random.uniform(-1.0, 1.0, len(steps))
    error = abs(values[slope(values, widths).chosen])
    assert error <= 6 * (1 + 1 / kappa) * (bias + widths).min() + 1e-9


@pytest.mark.parametrize(
    ("values", "widths"), [([], []), ([1.0], [1.0, 2.0]), ([1.0], [-1.0]), ([np.nan], [1.0]), ([1.0], [np.inf])]
)
def test_nothing_to_choose_from(values: list[float], widths: list[float]) -> None:
    with pytest.raises(InvalidInputError):
        slope(np.array(values), np.array(widths))


def test_one_without_a_finite_width_is_passed_over() -> None:
    assert slope(np.array([5.0, 1.0]), np.array([np.inf, 0.5])).chosen == 1
