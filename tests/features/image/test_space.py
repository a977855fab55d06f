"""The learned space: unit vectors whatever the measurements, the same up to units, and what is alike stays near."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandi.features.image.space import learn_space

PARTS = {"one": 4, "other": 6}


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(1, 30),
    dimensions=st.integers(2, 16),
    scale=st.sampled_from([0.0, 1e-20, 1e-3, 1.0, 1e6, 1e15]),
    distinct=st.integers(1, 5),
    seed=st.integers(0, 2**32),
)
def test_vectors_are_finite_and_of_length_1(rows: int, dimensions: int, scale: float, distinct: int, seed: int) -> None:
    """One image, all images alike, fewer images than dimensions, columns of one value."""
    random = np.random.default_rng(seed)
    measured = (random.normal(0, 1, (distinct, 10)) * scale + 3.0)[random.integers(0, distinct, rows)].astype(
        np.float32
    )
    space = learn_space(measured, PARTS, {}, dimensions)
    vectors = space.project(measured)
    assert vectors.shape == (rows, dimensions)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-4)
    assert 0 <= space.kept <= 1.000001


def test_images_all_alike_have_one_vector() -> None:
    vectors = learn_space(np.ones((7, 10), np.float32), PARTS, {}, 5).project(np.ones((7, 10), np.float32))
    assert vectors @ vectors.T == pytest.approx(np.ones((7, 7)))


def test_units_do_not_matter() -> None:
    measured = np.random.default_rng(1).normal(0, 1, (50, 10)).astype(np.float32)
    other = measured.copy()
    other[:, :4] = other[:, :4] * 1_000 + 7
    one, same = (learn_space(m, PARTS, {}, 8).project(m) for m in (measured, other))
    assert one @ one.T == pytest.approx(same @ same.T, abs=1e-3)


def test_a_part_of_weight_0_is_not_seen() -> None:
    random = np.random.default_rng(1)
    measured = random.normal(0, 1, (50, 10)).astype(np.float32)
    space = learn_space(measured, PARTS, {"other": 0.0}, 11)
    changed = measured.copy()
    changed[:, 4:] += random.normal(0, 1, (50, 6))
    assert space.project(changed) == pytest.approx(space.project(measured), abs=1e-6)
    changed[:, :4] += 1
    assert np.abs(space.project(changed) - space.project(measured)).max() > 0.1


def test_with_room_for_all_directions_cosines_are_those_of_the_scaled_measurements() -> None:
    measured = np.random.default_rng(1).normal(0, 1, (500, 10)).astype(np.float32)
    space = learn_space(measured, PARTS, {}, 11)
    inside = space.project(measured)[:, :-1]  # all but the fixed coordinate
    inside /= np.linalg.norm(inside, axis=1, keepdims=True)
    plain = (measured - measured.mean(0)) / measured.std(0) / np.sqrt([4] * 4 + [6] * 6)
    plain /= np.linalg.norm(plain, axis=1, keepdims=True)
    assert space.kept == pytest.approx(1)
    assert inside @ inside.T == pytest.approx(plain @ plain.T, abs=1e-4)
