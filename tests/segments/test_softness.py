"""Held-out reads: their likelihood is the formula's, and the softness that they choose shows a reader's mixed taste."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from bandi.features.audience import reader_vectors
from bandi.segments.fitting import fit_segments
from bandi.segments.held_out import hold_out
from bandi.segments.model import SegmentModel
from bandi.segments.softness import likelihood_by_concentration, soften

Tastes = Callable[..., tuple[np.ndarray, np.ndarray]]


def test_the_newest_title_is_held_out(tastes: Tastes) -> None:
    recent, titles = tastes(200, 3, 1)
    recent[5, 1:] = -1  # one title only
    recent[6] = -1
    held_out = hold_out(recent, titles)
    kept = np.delete(np.arange(200), [5, 6])
    assert len(held_out.newest) == 198
    assert held_out.vectors == pytest.approx(reader_vectors(recent[kept, 1:], titles))
    ids = np.unique(recent[kept][recent[kept] >= 0])
    assert held_out.titles == len(ids)
    assert (ids[held_out.newest] == recent[kept, 0]).all()
    assert (np.where(held_out.rest >= 0, ids[held_out.rest], -1) == recent[kept, 1:]).all()


def test_likelihoods_are_those_of_a_distribution_over_titles(tastes: Tastes) -> None:
    """Were each reader's newest title every title in turn, the likelihoods would sum to 1."""
    recent, titles = tastes(100, 3, 1)
    held_out = hold_out(recent, titles)
    weights = np.random.default_rng(1).dirichlet(np.ones(4), len(held_out.newest)).astype(np.float32)
    total = np.zeros(len(held_out.newest))
    for title in range(held_out.titles):
        held_out.newest[:] = title
        total += np.exp(held_out.log_likelihoods(weights))
    assert total == pytest.approx(np.ones(len(total)), abs=1e-5)


def test_equal_weights_are_worth_no_more_than_one_segment(tastes: Tastes) -> None:
    held_out = hold_out(*tastes(300, 3, 1))
    readers = len(held_out.newest)
    one = held_out.log_likelihoods(np.ones((readers, 1), np.float32))
    same = held_out.log_likelihoods(np.tile(np.array([0.7, 0.2, 0.1], np.float32), (readers, 1)))
    assert same == pytest.approx(one, abs=1e-4)


def test_mixed_taste_is_shown() -> None:
    """Readers of three genres by their own shares (Dirichlet), 64 dimensions: the fitted mixture is nearly hard, which is
    wrong of the next read; softened weights are nearer to the shares. Five worlds, all must agree."""
    for seed in range(5):
        random = np.random.default_rng(seed)
        titles = np.repeat(np.linalg.qr(random.normal(size=(64, 64)))[0][:3], 200, axis=0)
        titles = titles + random.normal(0, 0.08, titles.shape)
        titles = (titles / np.linalg.norm(titles, axis=1, keepdims=True)).astype(np.float32)
        taste = random.dirichlet(np.full(3, 0.7), 3_000)
        genres = np.stack([random.choice(3, 33, p=shares) for shares in taste])
        recent = (genres * 200 + random.integers(0, 200, genres.shape)).astype(np.int32)[:, :32]
        held_out = hold_out(recent, titles)
        model = fit_segments(held_out.vectors, 3, seed=seed)
        softened = soften(model, held_out)
        genre_of = [int(np.argmax([centre @ titles[g * 200] for g in range(3)])) for centre in model.centres]
        assert sorted(genre_of) == [0, 1, 2]
        errors = [np.abs(m.memberships(held_out.vectors) - taste[:, genre_of]).mean() for m in (model, softened)]
        assert softened.concentration < model.concentration
        assert errors[1] < 0.75 * errors[0]


def test_the_likeliest_concentration_is_taken(tastes: Tastes) -> None:
    held_out = hold_out(*tastes(400, 3, 2))
    model = fit_segments(held_out.vectors, 3)
    curve = likelihood_by_concentration(model, held_out)
    assert list(curve) == sorted(curve, reverse=True)
    assert soften(model, held_out).concentration == max(curve, key=lambda concentration: curve[concentration])


def test_what_held_out_reads_cannot_tell_stays(tastes: Tastes) -> None:
    recent, titles = tastes(400, 3, 2)
    few, many = hold_out(recent[:20], titles), hold_out(recent, titles)
    model = fit_segments(many.vectors, 3)
    assert soften(model, few) is model
    assert soften(model, hold_out(recent[:0], titles)) is model
    hard = SegmentModel(model.centres, model.shares, math.inf)
    assert soften(hard, many) is hard
    one = fit_segments(many.vectors, 1)
    assert soften(one, many).concentration == pytest.approx(one.concentration)
