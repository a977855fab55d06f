"""Weights sum to 1, the online way gives those of the batch, and arrays come back as they went."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandi.features.audience import reader_vectors
from bandi.model.errors import InvalidInputError
from bandi.segments.fitting import fit_segments
from bandi.segments.model import SegmentModel


def some(k: int, d: int, concentration: float, seed: int) -> SegmentModel:
    random = np.random.default_rng(seed)
    centres = random.normal(size=(k, d)).astype(np.float32)
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    return SegmentModel(centres, random.dirichlet(np.ones(k)).astype(np.float32), concentration)


@settings(deadline=None)
@given(st.integers(1, 64), st.integers(1, 40), st.sampled_from([1e-3, 1.0, 30.0, 1e4, math.inf]), st.integers(0, 9))
def test_weights_sum_to_one(k: int, d: int, concentration: float, seed: int) -> None:
    model = some(k, d, concentration, seed)
    vectors = np.random.default_rng(seed).normal(size=(20, d)).astype(np.float32)
    vectors[::6] = 0.0
    weights = model.memberships(vectors)
    assert weights.dtype == np.float32
    assert (weights >= 0).all()
    assert weights.sum(axis=1) == pytest.approx(np.ones(20), abs=1e-5)
    assert weights[0] == pytest.approx(model.shares)


def test_weights_are_those_of_the_formula() -> None:
    for k in (1, 3, 4, 5, 8, 11):
        model = some(k, 9, 6.0, k)
        vectors = np.random.default_rng(k).normal(size=(30, 9)).astype(np.float32)
        directions = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        expected = model.shares * np.exp(6.0 * directions @ model.centres.T)
        assert model.memberships(vectors) == pytest.approx(expected / expected.sum(1, keepdims=True), abs=1e-5)


def test_hard_weights_go_to_the_nearest_centre(planted: Any) -> None:
    model = fit_segments(planted.vectors, 5, "hard")
    assert model.method == "hard"
    distances = ((planted.vectors[:, None] - model.centres) ** 2).sum(axis=2)
    weights = model.memberships(planted.vectors)
    assert (weights == np.eye(5)[distances.argmin(axis=1)]).mean() > 0.9999


@pytest.mark.parametrize("concentration", [5.0, math.inf])
def test_online_is_as_in_the_batch(concentration: float) -> None:
    model = some(6, 16, concentration, 1)
    random = np.random.default_rng(1)
    titles = random.normal(size=(40, 16)).astype(np.float32)
    recent = random.integers(-1, 45, (100, 32)).astype(np.int32)
    recent[3] = -1
    batch = model.memberships(reader_vectors(recent, titles))
    online = np.stack([model.membership_of(row, titles) for row in recent])
    assert online == pytest.approx(batch, abs=1e-5)
    assert online[3] == pytest.approx(model.shares)
    assert model.membership_of(np.zeros(0, np.int32), titles) == pytest.approx(model.shares)


def test_an_empty_segment_gets_no_weight() -> None:
    centres = np.eye(3, dtype=np.float32)
    centres[1] = 0.0
    for concentration in (0.01, math.inf):
        model = SegmentModel(centres, np.array([0.5, 0.0, 0.5], np.float32), concentration)
        weights = model.memberships(-np.eye(3, dtype=np.float32))
        assert not weights[:, 1].any()


@pytest.mark.parametrize("threads", [1, 3])
def test_rows_that_are_not_finite_are_named(threads: int) -> None:
    vectors = np.ones((30, 4), np.float32)
    vectors[11, 2] = np.nan
    with pytest.raises(InvalidInputError, match=r"vectors\[11\]"):
        some(3, 4, 2.0, 1).memberships(vectors, threads)


def test_another_width_is_refused() -> None:
    model = some(3, 4, 2.0, 1)
    with pytest.raises(InvalidInputError, match="n rows of 4"):
        model.memberships(np.ones((2, 5), np.float32))
    with pytest.raises(InvalidInputError, match="train again"):
        model.membership_of(np.zeros(1, np.int32), np.ones((2, 5), np.float32))


@pytest.mark.parametrize("concentration", [2.5, math.inf])
def test_arrays_come_back(concentration: float) -> None:
    model = some(4, 5, concentration, 1)
    again = SegmentModel.from_arrays({name: array.copy() for name, array in model.arrays().items()})
    vectors = np.random.default_rng(1).normal(size=(9, 5)).astype(np.float32)
    assert (again.memberships(vectors) == model.memberships(vectors)).all()
    assert again.method == model.method


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("centres", np.full((4, 5), np.nan)),
        ("centres", np.zeros((3, 5))),
        ("centres", np.zeros(4)),
        ("shares", np.full(4, 0.5)),
        ("shares", np.array([1.5, -0.5, 0.0, 0.0])),
        ("shares", np.full(4, np.nan)),
        ("concentration", np.array([np.nan])),
        ("concentration", np.array([-1.0])),
        ("concentration", np.array(3.0)),
        ("shares", None),
    ],
)
def test_damaged_arrays_are_refused(name: str, value: np.ndarray | None) -> None:
    arrays = some(4, 5, 2.0, 1).arrays()
    if value is None:
        del arrays[name]
    else:
        arrays[name] = value
    with pytest.raises(InvalidInputError, match="segments"):
        SegmentModel.from_arrays(arrays)


def test_renumbering_moves_everything_together() -> None:
    model = some(4, 5, 3.0, 2)
    numbers = np.array([2, 0, 3, 1])
    vectors = np.random.default_rng(1).normal(size=(9, 5)).astype(np.float32)
    assert model.renumbered(numbers).memberships(vectors)[:, numbers] == pytest.approx(
        model.memberships(vectors), abs=1e-6
    )
