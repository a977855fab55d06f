"""Reward models: against plain loops, and what cross-fitting and the robust table are for."""

import numpy as np
import pytest

from bandi.evaluation.off_policy.estimators import dr
from bandi.evaluation.off_policy.reward_models import (
    Rows,
    predict,
    random_folds,
    ridge_table,
    robust_table,
    smoothed_table,
)
from bandi.evaluation.off_policy.synthetic import LogWorld
from bandi.evaluation.off_policy.weights import importance_weights
from bandi.model.errors import InvalidInputError

WORLD = LogWorld(items=5, slots=2, rate=0.2)


def rows_of(world: LogWorld, rows: int, seed: int, folds: int = 1) -> Rows:
    log = world.log(rows, seed)
    weights = importance_weights(world.tables()[2], log.items, log.positions, log.propensities)
    return Rows(
        log.items, log.positions, weights, log.clicks, (world.items, world.slots), random_folds(rows, folds, seed)
    )


def test_a_smoothed_table_counts_cells() -> None:
    rows = rows_of(WORLD, 300, 1)
    table = smoothed_table(1.0, 100.0)(rows.cells()[0])
    for item in range(5):
        for slot in range(2):
            here = (rows.items == item) & (rows.positions == slot)
            assert table[item, slot] == pytest.approx((rows.rewards[here].sum() + 1) / (here.sum() + 100))
    alike = smoothed_table(None, 1e12)(rows.cells()[0])
    assert alike == pytest.approx(np.full((5, 2), rows.rewards.mean()))


@pytest.mark.parametrize("folds", [1, 4])
def test_rows_are_predicted_by_the_other_folds(folds: int) -> None:
    rows, policy = rows_of(WORLD, 200, 2, folds), WORLD.tables()[2]
    (found,) = predict(rows, [smoothed_table(1.0, 10.0)], policy)
    for row in range(200):
        training = np.ones(200, bool) if rows.folds is None else rows.folds != rows.folds[row]
        table = np.empty((5, 2))
        for item, slot in np.ndindex(5, 2):
            here = training & (rows.items == item) & (rows.positions == slot)
            table[item, slot] = (rows.rewards[here].sum() + 1) / (here.sum() + 10)
        slot = rows.positions[row]
        assert found.shown[row] == pytest.approx(table[rows.items[row], slot])
        assert found.expected[row] == pytest.approx(policy[:, slot] @ table[:, slot])


def test_a_policy_that_changes_expects_by_context() -> None:
    rows = rows_of(WORLD, 100, 3)
    tables = np.stack([WORLD.tables()[2], np.full((5, 2), 0.2)])
    contexts = (np.arange(100) % 2).astype(np.int32)
    (found,) = predict(rows, [smoothed_table()], tables, contexts)
    for context in (0, 1):
        (alone,) = predict(rows, [smoothed_table()], tables[context])
        assert found.expected[contexts == context] == pytest.approx(alone.expected[contexts == context])


def test_not_cross_fitting_pulls_dr_to_the_model() -> None:
    """Many cells of few rows, 150 logs: r - q is a fifth smaller (measured 0.79) where the model was fitted on the row itself."""
    world = LogWorld(items=100, slots=2, rate=0.2)
    own, others = [], []
    for seed in range(150):
        for folds, found in ((1, own), (5, others)):
            rows = rows_of(world, 600, seed, folds)
            (model,) = predict(rows, [smoothed_table(None, 1.0)], world.tables()[2])
            found.append(float(np.mean(np.abs(rows.rewards - model.shown))))
    gap = np.array(others) - np.array(own)
    assert gap.mean() > 4 * gap.std() / np.sqrt(150)
    assert np.mean(own) < 0.85 * np.mean(others)


def test_the_robust_table_makes_dr_vary_least() -> None:
    """Against 200 tables near it, on the same rows, it has the least penalised variance; and it solves the paper's system."""
    rows, policy = rows_of(WORLD, 2_000, 4), WORLD.tables()[2]
    cells, prior = rows.cells()[0], 5.0
    found = robust_table(prior)(cells)
    mean = rows.rewards.mean()

    def loss(table: np.ndarray) -> float:
        (model,) = predict(rows, [lambda _: table], policy)
        terms = dr(rows.weights, rows.rewards, model).added
        within = sum(
            float(((terms[h] - terms[h].mean()) ** 2).sum()) for h in (rows.positions == 0, rows.positions == 1)
        )
        return within + prior * float(((table - mean) ** 2).sum())

    best, random = loss(found), np.random.default_rng(1)
    assert all(best < loss(found + random.normal(0, 0.01, (5, 2))) for _ in range(200))
    for slot in (0, 1):
        n, w = cells.impressions[:, slot].sum(), cells.weights[:, slot]
        matrix = np.diag(cells.squares[:, slot] + prior) - np.outer(w, w) / n
        wanted = cells.squared_rewards[:, slot] - w * cells.weighted_rewards[:, slot].sum() / n + prior * mean
        assert np.linalg.solve(matrix, wanted) == pytest.approx(found[:, slot])


def test_ridge_borrows_between_items_alike() -> None:
    """Items never shown get what their feature says; a slot never logged and a constant feature do no harm."""
    random = np.random.default_rng(1)
    feature = np.linspace(-1, 1, 20)
    items = random.integers(0, 10, 4_000) * 2  # odd items are never shown
    rewards = (random.random(4_000) < 0.3 + 0.2 * feature[items]).astype(float)
    rows = Rows(items, np.zeros(4_000, int), np.ones(4_000), rewards, (20, 2))
    features = np.stack([feature, np.ones(20)], axis=1)
    table = ridge_table(features, 1.0)(rows.cells()[0])
    assert table[:, 0] == pytest.approx(0.3 + 0.2 * feature, abs=0.05)
    assert np.isfinite(table).all()


@pytest.mark.parametrize(
    "make",
    [
        lambda: smoothed_table(1.0, 0.0),
        lambda: smoothed_table(np.nan, 1.0),
        lambda: robust_table(0.0),
        lambda: ridge_table(np.array([[np.nan]])),
        lambda: ridge_table(np.ones((2, 1)), 0.0),
        lambda: random_folds(10, 0, 1),
        lambda: random_folds(10, 101, 1),
    ],
)
def test_settings_that_are_none_are_refused(make: object) -> None:
    with pytest.raises(InvalidInputError):
        make()
