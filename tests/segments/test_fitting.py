"""Planted segments are found, weights mean what they say, and readers who say little do no harm."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bandi.model.errors import InvalidInputError
from bandi.segments.choosing import adjusted_rand_index
from bandi.segments.fitting import fit_segments
from bandi.segments.model import SegmentModel

METHODS = ("soft", "hard")


@pytest.mark.parametrize("method", METHODS)
def test_planted_segments_are_found(method: str, draw: Callable[..., Any]) -> None:
    """20 worlds; the best possible partition knows the truth. In none may the fit fall 0.03 short of it."""
    for seed in range(20):
        world = draw(2_000, 16, 5, 40.0, seed)
        model = fit_segments(world.vectors, 5, method, seed)
        found = adjusted_rand_index(world.labels, model.memberships(world.vectors).argmax(1))
        best = adjusted_rand_index(world.labels, world.posterior.argmax(1))
        assert found > best - 0.03


def test_soft_weights_are_the_probabilities_of_the_mixture(draw: Callable[..., Any]) -> None:
    """Segments that overlap much (a third of readers misplaced): weights follow the true posterior, and so are calibrated.

    The share of a segment among 2,000 readers has a standard deviation of 0.011 at most: the bound is four of them and 0.03
    for the error of centres that were learned from 20,000 readers.
    """
    world = draw(20_000, 8, 3, 3.0, 5)
    model = fit_segments(world.vectors, 3)
    order = max(itertools.permutations(range(3)), key=lambda p: np.trace(model.centres[list(p)] @ world.centres.T))
    weights = model.memberships(world.vectors)[:, order]
    assert model.concentration == pytest.approx(3.0, rel=0.05)
    assert np.abs(weights - world.posterior).mean() < 0.03
    for segment in range(3):
        ranked = np.argsort(weights[:, segment])
        for part in np.array_split(ranked, 10):
            assert weights[part, segment].mean() == pytest.approx((world.labels[part] == segment).mean(), abs=0.075)


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_gives_the_same_bits_on_any_number_of_threads(method: str, draw: Callable[..., Any]) -> None:
    world = draw(30_000, 12, 4, 15.0, 3)
    one, three = (fit_segments(world.vectors, 4, method, 7, threads=threads) for threads in (1, 3))
    assert (one.centres == three.centres).all()
    assert (one.shares == three.shares).all()
    assert one.concentration == three.concentration


@pytest.mark.parametrize("method", METHODS)
def test_the_largest_segment_is_the_first_and_shares_are_those_of_the_weights(method: str, planted: Any) -> None:
    model = fit_segments(planted.vectors, 5, method)
    assert (np.diff(model.shares) <= 0).all()
    assert model.shares == pytest.approx(model.memberships(planted.vectors).mean(axis=0), abs=2e-3)
    assert model.shares[::-1] == pytest.approx(np.arange(1, 6) / 15, abs=0.03)


def test_only_directions_count(planted: Any) -> None:
    lengths = np.random.default_rng(1).uniform(0.1, 9.0, (len(planted.vectors), 1)).astype(np.float32)
    one, other = fit_segments(planted.vectors, 5), fit_segments(planted.vectors * lengths, 5)
    assert other.centres == pytest.approx(one.centres, abs=1e-3)


@pytest.mark.parametrize("method", METHODS)
def test_numbers_are_kept_when_the_same_readers_come_in_another_order(method: str, planted: Any) -> None:
    first = fit_segments(planted.vectors, 5, method)
    for seed in range(5):
        shuffled = np.random.default_rng(seed).permutation(planted.vectors)
        again = fit_segments(shuffled, 5, method, seed + 10, previous=first)
        assert (again.centres @ first.centres.T).argmax(1).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("method", METHODS)
def test_numbers_are_kept_when_the_space_has_turned(method: str, planted: Any) -> None:
    """Factors are learned up to a rotation: here also with other noise, and some readers are new."""
    old = fit_segments(planted.vectors, 5, method)
    before = old.memberships(planted.vectors)
    before[2_700:] = old.shares  # new since
    for seed in range(5):
        random = np.random.default_rng(seed)
        turn = np.linalg.qr(random.normal(size=(16, 16)))[0]
        moved = (planted.vectors @ turn + random.normal(0, 0.05, planted.vectors.shape)).astype(np.float32)
        new = fit_segments(moved, 5, method, seed, previous_memberships=before)
        after = new.memberships(moved)
        assert (after.argmax(1) == before.argmax(1))[:2_700].mean() > 0.93
        unmatched = fit_segments(moved, 5, method, seed, previous=old).memberships(moved)
        assert (unmatched.argmax(1) == before.argmax(1))[:2_700].mean() < 0.9  # centres of the old space say nothing


def test_an_earlier_partition_stays_while_it_is_as_good() -> None:
    """Readers without any groups can be parted in many equally good ways; trainings must not hop between them."""
    vectors = np.random.default_rng(1).normal(size=(4_000, 6)).astype(np.float32)
    kept, hopped = [], []
    first = fit_segments(vectors, 4)
    labels = first.memberships(vectors).argmax(1)
    for seed in range(2, 6):
        more = np.concatenate([vectors, np.random.default_rng(seed).normal(size=(400, 6)).astype(np.float32)])
        again = fit_segments(more, 4, seed=seed, previous=first).memberships(vectors).argmax(1)
        alone = fit_segments(more, 4, seed=seed).memberships(vectors).argmax(1)
        kept.append(adjusted_rand_index(labels, again))
        hopped.append(adjusted_rand_index(labels, alone))
    assert np.mean(kept) > np.mean(hopped) + 0.2


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("count", [0, 1, 5])
def test_readers_without_a_history_alone(method: str, count: int) -> None:
    model = fit_segments(np.zeros((count, 4), np.float32), 3, method)
    assert model.shares.tolist() == [1.0, 0.0, 0.0]
    assert model.memberships(np.eye(4, dtype=np.float32)).tolist() == [[1.0, 0.0, 0.0]] * 4


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("distinct", [1, 2, 3])
def test_more_segments_than_distinct_readers(method: str, distinct: int) -> None:
    """Fewer are used, k columns stay; one reader and all-identical readers are the case of 1."""
    rows = np.eye(6, dtype=np.float32)[:distinct]
    for repeats in (1, 50):
        vectors = np.repeat(rows, repeats, axis=0)
        model = fit_segments(vectors, 8, method)
        assert model.centres.shape == (8, 6)
        assert (model.shares > 0).sum() == distinct
        weights = model.memberships(vectors)
        assert weights.max(axis=1) == pytest.approx(np.ones(len(vectors)), abs=1e-3)
        assert not weights[:, distinct:].any()


def test_readers_without_a_history_take_no_part(planted: Any) -> None:
    holes = np.concatenate([planted.vectors, np.zeros((500, 16), np.float32)])
    one, other = fit_segments(planted.vectors, 5), fit_segments(holes, 5)
    assert (one.centres == other.centres).all()
    assert other.memberships(holes)[-1] == pytest.approx(other.shares)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_rows_that_are_not_finite_are_named(bad: float, planted: Any) -> None:
    vectors = planted.vectors[:200].copy()
    vectors[[17, 90], 3] = bad
    with pytest.raises(InvalidInputError, match=r"vectors\[17\].*\n.*vectors\[90\]"):
        fit_segments(vectors, 3)
    vectors[:50] = bad
    with pytest.raises(InvalidInputError, match="51 such rows"):
        fit_segments(vectors, 3)


def test_what_cannot_be_meant_is_refused(planted: Any) -> None:
    for k in (0, -1, 65):
        with pytest.raises(InvalidInputError, match="1 to 64"):
            fit_segments(planted.vectors, k)
    with pytest.raises(InvalidInputError, match="soft or hard"):
        fit_segments(planted.vectors, 3, "medium")
    with pytest.raises(InvalidInputError, match="a row for each reader"):
        fit_segments(np.zeros(3, np.float32), 3)
    with pytest.raises(InvalidInputError, match="one for each vector"):
        fit_segments(planted.vectors, 3, previous_memberships=np.ones((2, 3), np.float32))


@pytest.mark.parametrize(("before", "after"), [(3, 5), (5, 3), (5, 1)])
def test_k_may_change(before: int, after: int, planted: Any) -> None:
    old = fit_segments(planted.vectors, before)
    new = fit_segments(planted.vectors, after, previous=old)
    assert len(new.shares) == after
    assert (new.shares > 0).all()
    if after > before:  # every old number keeps a part of its readers
        assert (new.centres @ old.centres.T).argmax(1)[:before].tolist() == list(range(before))


def test_progress_is_told(planted: Any) -> None:
    told: list[int] = []
    fit_segments(planted.vectors, 5, on_iteration=told.append)
    assert told == list(range(1, len(told) + 1))
    assert told


def test_vectors_of_one_dimension() -> None:
    model = fit_segments(np.array([[1.0], [2.0], [-1.0]], np.float32), 2)
    assert isinstance(model, SegmentModel)
    assert model.memberships(np.array([[1.0], [-1.0]], np.float32)).argmax(1).tolist() == [0, 1]
