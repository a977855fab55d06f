"""Weights of mixed likeness: found where they are planted, never negative, and harmless where nothing can be learned."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from bandi.features.mixing import learn_weights, mixed, reduced

NOBODY = np.zeros(0, np.int32)


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)).astype(np.float32)


def planted(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Titles with two features; what is turned to next is alike by the first and has nothing to do with the second."""
    random = np.random.default_rng(seed)
    first, second = (unit(random.normal(size=(300, 8))) for _ in range(2))
    befores = random.integers(0, 300, 2_000).astype(np.int32)
    odds = np.exp(4.0 * first[befores] @ first.T)
    odds[np.arange(2_000), befores] = 0.0
    nexts = np.array([random.choice(300, p=row / row.sum()) for row in odds], np.int32)
    return first, second, befores, nexts


@pytest.mark.parametrize("seed", range(5))
def test_the_feature_that_readers_follow_gets_the_weight(seed: int) -> None:
    """Pure noise got at most 0.1 in each of 40 other seeds; here 5 fixed ones."""
    first, second, befores, nexts = planted(seed)
    weights = learn_weights([first, second], befores, nexts)
    assert weights.sum() == pytest.approx(1.0)
    assert weights[0] > 0.85


def test_a_feature_by_which_unlike_titles_are_read_together_counts_nothing() -> None:
    first, second, befores, nexts = planted(9)
    weights = learn_weights([first, -first[:, ::-1] * 0 + second, unit(-first)], befores, nexts)
    assert (weights >= 0).all()
    opposite = learn_weights([second, unit(np.roll(first, 7, axis=0))], befores, nexts)
    assert opposite.sum() == pytest.approx(1.0)


def test_without_pairs_all_count_alike() -> None:
    first, second, _, _ = planted(1)
    assert learn_weights([first, second], NOBODY, NOBODY).tolist() == [0.5, 0.5]
    assert learn_weights([first], NOBODY, NOBODY).tolist() == [1.0]
    nothing = np.zeros((300, 3), np.float32)
    assert learn_weights([nothing, nothing], np.arange(50), np.arange(50) + 1).tolist() == [0.5, 0.5]


@given(rows=npst.arrays(np.float32, (6, 5), elements=st.floats(-1, 1, width=32)), share=st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_the_product_of_mixed_rows_is_the_mixed_likeness(rows: np.ndarray, share: float) -> None:
    first, second = unit(rows), unit(rows[::-1].copy())
    vectors = mixed([first, second], np.array([share, 1 - share]))
    expected = share * first @ first.T + (1 - share) * second @ second.T
    np.testing.assert_allclose(vectors @ vectors.T, expected, atol=1e-5)


def test_reduced_rows_keep_their_cosines_where_the_directions_suffice_and_zeros_stay_zeros() -> None:
    random = np.random.default_rng(1)
    low = random.normal(size=(40, 4)) @ random.normal(size=(4, 100))
    low[3] = 0.0
    kept = reduced(low.astype(np.float32), 8)
    assert kept.shape == (40, 8)
    assert not kept[3].any()
    np.testing.assert_allclose(kept @ kept.T, unit(low) @ unit(low).T, atol=1e-4)
    assert reduced(np.zeros((3, 100), np.float32), 8).any() == np.False_
