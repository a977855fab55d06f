"""Matrix factorisation against dense solutions, and what its users rely on."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandi.features.factors.als import AlsConfig, Factors, fit, loss
from bandi.features.factors.interactions import Interactions, gather_interactions
from bandi.model.errors import InvalidInputError


def some(users: int = 60, items: int = 40, entries: int = 500, seed: int = 1) -> Interactions:
    random = np.random.default_rng(seed)
    weights = random.integers(1, 4, entries)
    return gather_interactions(
        random.integers(0, users, entries), random.integers(0, items, entries), weights, (users, items)
    )


def dense(interactions: Interactions) -> np.ndarray:
    matrix = np.zeros((interactions.users, interactions.items))
    for user in range(interactions.users):
        columns, weights = interactions.by_user.row(user)
        matrix[user, columns] = weights
    return matrix


def loss_by_the_formula(interactions: Interactions, factors: Factors) -> float:
    config, weights = factors.config, dense(interactions)
    scores = factors.users.astype(float) @ factors.items.T
    squares = np.where(weights > 0, (1 + config.alpha * weights) * (1 - scores) ** 2, scores**2).sum()
    for vectors, mass in (
        (factors.users, config.alpha * weights.sum(1) + weights.shape[1]),
        (factors.items, config.alpha * weights.sum(0) + weights.shape[0]),
    ):
        squares += config.regularisation * ((mass / mass.mean()) ** config.nu) @ (vectors.astype(float) ** 2).sum(1)
    return float(squares)


@pytest.mark.parametrize("nu", [0.0, 0.5, 1.0])
def test_the_loss_is_that_of_the_formula(nu: float) -> None:
    interactions = some()
    factors = fit(interactions, AlsConfig(factors=7, nu=nu, iterations=3))
    assert loss(interactions, factors) == pytest.approx(loss_by_the_formula(interactions, factors), rel=1e-5)


@pytest.mark.parametrize("nu", [0.0, 1.0])
def test_many_steps_solve_each_row_exactly(nu: float) -> None:
    """At rest each reader's vector is the exact solution given the titles', by dense linear algebra."""
    interactions = some()
    config = AlsConfig(factors=6, iterations=300, steps=6, nu=nu, regularisation=3.0)
    factors = fit(interactions, config)
    weights = dense(interactions)
    mass = config.alpha * weights.sum(1) + weights.shape[1]
    items = factors.items.astype(float)
    for user in range(interactions.users):
        c = 1 + config.alpha * weights[user]
        matrix = (items.T * c) @ items + config.regularisation * (mass[user] / mass.mean()) ** nu * np.eye(6)
        exact = np.linalg.solve(matrix, items.T @ (c * (weights[user] > 0)))
        assert factors.users[user] == pytest.approx(exact, abs=1e-2)  # the titles moved once more since
        read, amounts = interactions.by_user.row(user)
        assert factors.fold_in(read, amounts) == pytest.approx(exact, abs=1e-5)


def test_the_loss_falls_with_every_iteration() -> None:
    interactions = some(200, 100, 3_000)
    found = [loss(interactions, fit(interactions, AlsConfig(factors=16, iterations=n))) for n in (1, 2, 4, 8, 16)]
    assert (np.diff(found) < 0).all()


def test_without_confidence_singular_values_are_lessened_by_the_regularisation() -> None:
    """Alpha next to 0 and nu 0: soft thresholding (Cai, Candès and Shen 2010, theorem 2.1); tuning counts on it."""
    random = np.random.default_rng(1)
    read = random.random((60, 40)) < 0.2
    users, items = np.nonzero(read)
    interactions = gather_interactions(users, items, np.ones(len(users)), read.shape)
    values = np.linalg.svd(read.astype(float), compute_uv=False)
    config = AlsConfig(factors=40, regularisation=float(values[5]), alpha=1e-6, nu=0.0, iterations=400, steps=6)
    factors = fit(interactions, config)
    found = np.linalg.svd(factors.users.astype(float) @ factors.items.T, compute_uv=False)
    np.testing.assert_allclose(found, np.maximum(values - values[5], 0), atol=0.02 * values[0])
    assert found[8] < 0.1 * found[4]


def test_groups_of_taste_are_found() -> None:
    """Readers of the even titles get even titles that they have not read; ten seeds, none may fail."""
    for seed in range(10):
        random = np.random.default_rng(seed)
        users = np.repeat(np.arange(80), 12)
        items = random.integers(0, 30, len(users)) * 2 + users % 2
        factors = fit(
            gather_interactions(users, items, np.ones(len(users)), (80, 60)), AlsConfig(factors=8, iterations=10)
        )
        for user in range(80):
            best = np.argsort(-factors.scores(factors.users[user]))[:10]
            assert (best % 2 == user % 2).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 200), st.integers(0, 2**32))
def test_any_shape_gives_finite_factors(users: int, items: int, entries: int, seed: int) -> None:
    """Empty catalogues, readers without a history, one title, one reader."""
    random = np.random.default_rng(seed)
    entries = entries if users and items else 0
    rows = random.integers(0, max(users, 1), entries), random.integers(0, max(items, 1), entries)
    interactions = gather_interactions(*rows, np.ones(entries), (users, items))
    factors = fit(interactions, AlsConfig(factors=5, iterations=4))
    assert factors.users.shape == (users, 5)
    assert np.isfinite(factors.users).all()
    assert np.isfinite(factors.items).all()
    assert not factors.users[np.diff(interactions.by_user.starts) == 0].any()
    assert np.isfinite(loss(interactions, factors))


def test_the_number_of_threads_changes_nothing() -> None:
    interactions = some(300, 200, 5_000)
    one, two = (fit(interactions, AlsConfig(factors=9, iterations=3), threads=n) for n in (1, 2))
    assert one.users @ one.items.T == pytest.approx(two.users @ two.items.T, abs=1e-3)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 30), st.integers(1, 12), st.sampled_from([0.0, 0.5, 1.0]), st.integers(0, 2**32))
def test_fold_in_and_explanation_are_the_dense_solution(reads: int, factors: int, nu: float, seed: int) -> None:
    """Fewer reads than factors (m equations are solved) and more (f are), against the normal equations by the formula."""
    random = np.random.default_rng(seed)
    config = AlsConfig(factors=factors, nu=nu, regularisation=3.0)
    items = random.normal(size=(40, factors)).astype(np.float32)
    learned = Factors(np.zeros((0, factors), np.float32), items, config, 70.0)
    read, weights = random.permutation(40)[:reads], random.uniform(0.1, 3.0, reads)
    wide, extra = items.astype(np.float64), config.alpha * weights
    matrix = wide.T @ wide + (wide[read].T * extra) @ wide[read]
    matrix += 3.0 * ((extra.sum() + 40) / 70.0) ** nu * np.eye(factors)
    exact = np.linalg.solve(matrix, wide[read].T @ (1 + extra))
    assert learned.fold_in(read, weights) == pytest.approx(exact, abs=1e-4)
    parts = np.array([wide[one] @ np.linalg.solve(matrix, wide[7]) for one in read]) * (1 + extra)
    assert learned.explain(7, read, weights) == pytest.approx(parts, abs=1e-4)
    assert learned.explain(7, read, weights).sum() == pytest.approx(float(wide[7] @ exact), abs=1e-4)


def test_nothing_read_explains_nothing() -> None:
    factors = fit(some(), AlsConfig(factors=6, iterations=2))
    assert factors.explain(3, np.zeros(0, np.int32)).tolist() == []
    assert not factors.fold_in(np.zeros(0, np.int32)).any()


def test_equal_vectors_explain_alike() -> None:
    """All titles the same: each read counts as much as its confidence, and the sum is the score."""
    items = np.tile(np.array([0.5, -1.0], np.float32), (9, 1))
    factors = Factors(np.zeros((0, 2), np.float32), items, AlsConfig(factors=2), 20.0)
    parts = factors.explain(8, np.array([1, 2, 3]))
    assert parts == pytest.approx(np.full(3, parts.mean()), rel=1e-9)
    assert parts.sum() == pytest.approx(factors.scores(factors.fold_in(np.array([1, 2, 3])))[8], abs=1e-6)


def test_a_reader_of_one_taste_is_explained_by_it() -> None:
    random = np.random.default_rng(1)
    users = np.repeat(np.arange(80), 12)
    items = random.integers(0, 30, len(users)) * 2 + users % 2
    factors = fit(gather_interactions(users, items, np.ones(len(users)), (80, 60)), AlsConfig(factors=8, iterations=10))
    parts = factors.explain(20, np.array([2, 4, 7]))
    assert min(parts[:2]) > parts[2]


def test_a_warm_start_goes_on_from_where_it_was() -> None:
    interactions = some(300, 200, 5_000)
    config = AlsConfig(factors=16, iterations=8)
    first = fit(interactions, config)
    again = fit(interactions, AlsConfig(factors=16, iterations=1), start=first)
    assert loss(interactions, again) < loss(interactions, first)
    more = some(310, 220, 5_500)
    assert fit(more, AlsConfig(factors=16, iterations=1), start=first).users.shape == (310, 16)


def test_titles_alone_are_enough_to_go_on_from() -> None:
    """After one iteration from the titles of an earlier run the loss is below what three from nothing reach; new titles come in."""
    interactions = some(300, 200, 5_000)
    earlier = fit(interactions, AlsConfig(factors=16, iterations=10))
    again = fit(interactions, AlsConfig(factors=16, iterations=1), start_items=earlier.items)
    assert loss(interactions, again) < loss(interactions, fit(interactions, AlsConfig(factors=16, iterations=3)))
    assert loss(interactions, again) < 1.02 * loss(interactions, earlier)
    more = some(310, 220, 5_500)
    found = fit(more, AlsConfig(factors=16, iterations=2), start_items=earlier.items)
    assert found.items.shape == (220, 16)
    assert found.items[200:][np.diff(more.by_item.starts)[200:] > 0].any(axis=1).all()


def test_titles_that_nobody_had_read_begin_anew() -> None:
    interactions = some(60, 40, 500)
    start = fit(interactions, AlsConfig(factors=6, iterations=5)).items
    start[7] = 0.0
    assert fit(interactions, AlsConfig(factors=6, iterations=2), start_items=start).items[7].any()


@pytest.mark.parametrize(
    ("start", "where"),
    [
        (np.full((5, 6), np.nan, np.float32), r"start\.items\[0\]"),
        (np.ones((5, 7), np.float32), r"start\.items"),
        (np.ones((41, 6), np.float32), r"start\.items"),
        (np.ones((5, 6)), "float32"),
        (np.ones(5, np.float32), "float32"),
    ],
)
def test_titles_that_nothing_can_go_on_from_are_named(start: np.ndarray, where: str) -> None:
    with pytest.raises(InvalidInputError, match=where):
        fit(some(), AlsConfig(factors=6, iterations=1), start_items=start)


@pytest.mark.parametrize("shape", [(1, 30), (30, 1), (1, 1)])
def test_one_reader_or_one_title(shape: tuple[int, int]) -> None:
    users, items = np.arange(max(shape)) % shape[0], np.arange(max(shape)) % shape[1]
    interactions = gather_interactions(users, items, np.ones(len(users)), shape)
    factors = fit(interactions, AlsConfig(factors=4, regularisation=0.1))
    assert (factors.users @ factors.items.T > 0.5).all()
    assert factors.explain(0, np.arange(shape[1])).sum() > 0.5


def test_what_does_not_fit_is_named() -> None:
    first = fit(some(), AlsConfig(factors=4, iterations=1))
    with pytest.raises(InvalidInputError, match=r"start\.users"):
        fit(some(), AlsConfig(factors=5), start=first)
    for wrong in ({"factors": 0}, {"factors": 5_000}, {"regularisation": 0.0}, {"alpha": float("nan")}, {"nu": 2.0}):
        with pytest.raises(InvalidInputError, match=next(iter(wrong))):
            fit(some(), AlsConfig(**wrong))


@pytest.mark.parametrize(
    ("users", "items", "weights", "where"),
    [
        ([0, 9], [0, 0], [1, 1], r"users\[1\]"),
        ([0, 1], [0, -1], [1, 1], r"items\[1\]"),
        ([0, 1], [0, 0], [1, float("nan")], r"weights\[1\]"),
        ([0, 1], [0, 0], [0, 1], r"weights\[0\]"),
        ([0], [0, 0], [1], "interactions"),
    ],
)
def test_bad_interactions_are_named(users: list[int], items: list[int], weights: list[float], where: str) -> None:
    with pytest.raises(InvalidInputError, match=where):
        gather_interactions(np.array(users), np.array(items), np.array(weights), (3, 3))


def test_equal_pairs_are_summed_and_both_sides_agree() -> None:
    found = gather_interactions(np.array([2, 0, 2]), np.array([1, 1, 1]), np.array([1.0, 2.0, 4.0]), (3, 2))
    assert found.entries == 2
    assert found.by_user.row(2)[1].tolist() == [5.0]
    assert found.by_item.row(1)[0].tolist() == [0, 2]
    assert found.by_item.row(1)[1].tolist() == [2.0, 5.0]


@pytest.mark.parametrize("rank", [1, 2, 5])
def test_effective_dimensions_count_directions_of_equal_weight(rank: int) -> None:
    directions = np.linalg.qr(np.random.default_rng(rank).normal(size=(40, rank)))[0]
    items = np.zeros((40, 8), np.float32)
    items[:, :rank] = directions
    assert Factors(items[:0], items, AlsConfig(), 1.0).effective_dimensions == pytest.approx(rank, rel=1e-4)


def test_titles_that_nobody_read_spread_in_no_direction() -> None:
    nothing = np.zeros((3, 8), np.float32)
    assert Factors(nothing[:0], nothing, AlsConfig(), 1.0).effective_dimensions == 0.0
