"""Adjusted p-values: the papers' own procedures, and the rates they promise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bandi.experiments.inference import benjamini_hochberg, holm
from bandi.model.errors import InvalidInputError

P_VALUES = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=20).map(np.array)


@given(P_VALUES)
def test_benjamini_hochberg_is_scipys(p: np.ndarray) -> None:
    np.testing.assert_allclose(benjamini_hochberg(p), stats.false_discovery_control(p), atol=1e-12)


@given(P_VALUES, st.floats(0.001, 0.5))
def test_holm_steps_down(p: np.ndarray, alpha: float) -> None:
    """Rejected are the smallest, as long as each is at most alpha / (how many are left)."""
    rejected = np.zeros(len(p), bool)
    for step, at in enumerate(np.argsort(p, kind="stable")):
        if p[at] * (len(p) - step) > alpha:
            break
        rejected[at] = True
    np.testing.assert_array_equal(holm(p) <= alpha, rejected)


def test_rates() -> None:
    """4,000 families of ten, four with an effect: false discoveries at most 5 % (+- 0.6 %), any false at most 5 % for Holm."""
    random = np.random.default_rng(1)
    scores = random.standard_normal((4_000, 10))
    scores[:, :4] += 3.0
    p = 2.0 * stats.norm.sf(np.abs(scores))
    found = np.array([benjamini_hochberg(row) <= 0.05 for row in p])
    assert np.mean(found[:, 4:].sum(axis=1) / np.maximum(found.sum(axis=1), 1)) < 0.056
    assert np.mean([(holm(row) <= 0.05)[4:].any() for row in p]) < 0.056
    assert found[:, :4].mean() > 0.6


def test_bad_p_values() -> None:
    for bad in (np.array([0.1, np.nan]), np.array([1.1]), np.zeros((2, 2))):
        with pytest.raises(InvalidInputError, match="p_values"):
            holm(bad)
    assert len(benjamini_hochberg(np.zeros(0))) == 0
