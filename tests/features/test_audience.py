"""Readers' vectors: the formula, one reader as in the batch, and histories that say little or nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandi.features.audience import HALF_LIFE_TITLES, reader_vector, reader_vectors
from bandi.model.errors import InvalidInputError

KEPT = 32


def table(items: int = 50, d: int = 16, seed: int = 1) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(items, d)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def by_the_formula(recent: np.ndarray, titles: np.ndarray) -> np.ndarray:
    total = np.zeros(titles.shape[1])
    for place, item in enumerate(recent.tolist()):
        if 0 <= item < len(titles) and np.isfinite(titles[item]).all():
            total += 2.0 ** (-place / HALF_LIFE_TITLES) * titles[item].astype(float)
    length = np.linalg.norm(total)
    return total / length if length > 1e-6 else np.zeros_like(total)


@settings(deadline=None)
@given(st.lists(st.integers(-3, 70), max_size=40), st.integers(0, 5))
def test_the_vector_is_that_of_the_formula(read: list[int], seed: int) -> None:
    titles = table(seed=seed)
    titles[::7] = 0.0
    recent = np.array(read, np.int32)
    found = reader_vector(recent, titles)
    assert found.dtype == np.float32
    assert found == pytest.approx(by_the_formula(recent, titles), abs=1e-5)
    assert np.linalg.norm(found) == pytest.approx(1.0, abs=1e-5) or not found.any()


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_many_readers_are_each_as_one(threads: int) -> None:
    titles = table()
    recent = np.random.default_rng(2).integers(-1, 55, (301, KEPT)).astype(np.int32)
    together = reader_vectors(recent, titles, threads)
    assert (together == np.stack([reader_vector(row, titles) for row in recent])).all()


def test_a_new_read_turns_the_reader_towards_it() -> None:
    titles = np.eye(3, dtype=np.float32)
    before = reader_vector(np.array([0, 0, 1], np.int32), titles)
    after = reader_vector(np.array([2, 0, 0, 1], np.int32), titles)
    assert before[2] == 0.0
    assert after[2] > 0.3
    assert before[0] / before[1] == pytest.approx(after[0] / after[1], rel=1e-5)


def test_eight_titles_ago_weighs_half() -> None:
    recent = np.full(9, -1, np.int32)
    recent[0], recent[8] = 0, 1
    found = reader_vector(recent, np.eye(2, dtype=np.float32))
    assert found[1] / found[0] == pytest.approx(0.5, rel=1e-5)


@pytest.mark.parametrize("read", [[], [-1] * KEPT, [50, 51], [49]])
def test_a_reader_of_nothing_known_is_zero(read: list[int]) -> None:
    titles = table()
    titles[49] = 0.0
    assert not reader_vector(np.array(read, np.int32), titles).any()


def test_opposite_titles_cancel_to_zero() -> None:
    titles = np.array([[1, 0], [-(2.0 ** (1 / HALF_LIFE_TITLES)), 0]], np.float32)
    assert not reader_vector(np.array([0, 1], np.int32), titles).any()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 3e38])
def test_a_broken_title_is_passed_over(bad: float) -> None:
    """A row of the table that is not finite, or too long to square, poisons no reader."""
    titles = table()
    titles[3, 5] = bad
    recent = np.array([1, 3, 2], np.int32)
    assert reader_vector(recent, titles) == pytest.approx(reader_vector(np.array([1, -1, 2], np.int32), titles))
    assert not reader_vector(np.array([3], np.int32), titles).any()


def test_no_readers_and_no_titles() -> None:
    assert reader_vectors(np.zeros((0, KEPT), np.int32), table()).shape == (0, 16)
    assert not reader_vectors(np.zeros((2, KEPT), np.int32), np.zeros((0, 16), np.float32)).any()


def test_tables_of_another_shape_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="recent"):
        reader_vectors(np.zeros(3, np.int32), table())
    with pytest.raises(InvalidInputError, match="titles"):
        reader_vectors(np.zeros((3, KEPT), np.int32), np.zeros(4, np.float32))
