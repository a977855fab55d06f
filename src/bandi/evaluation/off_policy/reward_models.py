"""Models of the reward of an item in a slot, as tables, and what they predict of logged rows.

All are fitted from counts by cell (item and slot). With folds, a row is predicted by a model that was fitted without its fold
(cross-fitting: Chernozhukov et al. 2018, "Double/debiased machine learning", definition 3.1): a model fitted on the row itself has
seen its reward, so r - q is too small and DR is pulled to DM, most where cells hold few rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np

from bandi.evaluation.off_policy.sample import Prediction
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array

MAX_FOLDS = 100


@dataclass(frozen=True, slots=True)
class Cells:
    """Sums over the rows of a cell, float64[items, positions] each.

    impressions: 1; rewards: r; weights: w; squares: w^2; weighted_rewards: w r; squared_rewards: w^2 r.
    """

    impressions: Array
    rewards: Array
    weights: Array
    squares: Array
    weighted_rewards: Array
    squared_rewards: Array

    def minus(self, other: Cells) -> Cells:
        """The sums over the rows that are not in `other`."""
        return Cells(*(getattr(self, field.name) - getattr(other, field.name) for field in fields(self)))


Fit = Callable[[Cells], Array]
"""A reward model: from the cells of its training rows to q, float64[items, positions]."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Logged rows by cell. items, positions: int[n]; folds: int8[n], or None where all rows train one model; shape: of a table."""

    items: Array
    positions: Array
    weights: Array
    rewards: Array
    shape: tuple[int, int]
    folds: Array | None = None

    def cells(self) -> tuple[Cells, list[Cells]]:
        """Sums over all rows, and over those of each fold (none where there are no folds). O(n)."""
        count = 1 if self.folds is None else int(self.folds.max(initial=0)) + 1
        place = self.items.astype(np.int64) * self.shape[1] + self.positions
        size = self.shape[0] * self.shape[1]
        if self.folds is not None:
            place += self.folds.astype(np.int64) * size
        weighted = self.weights * self.rewards
        columns = (None, self.rewards, self.weights, self.weights * self.weights, weighted, self.weights * weighted)
        sums = [np.bincount(place, column, count * size).astype(np.float64) for column in columns]
        parts = [column.reshape(count, *self.shape) for column in sums]
        everything = Cells(*(part.sum(axis=0) for part in parts))
        return everything, [] if self.folds is None else [
            Cells(*(part[fold] for part in parts)) for fold in range(count)
        ]


def random_folds(rows: int, folds: int, seed: int) -> Array | None:
    """int8[rows]: a fold for each row at random, or None for one fold. Raises InvalidInputError below 1 or above 100."""
    if not 1 <= folds <= MAX_FOLDS:
        raise InvalidInputError(Problem("folds", str(folds), f"1 (no cross-fitting) to {MAX_FOLDS}"))
    if folds == 1:
        return None
    return np.random.default_rng([seed, 7]).integers(0, folds, rows, dtype=np.int8)


def smoothed_table(prior_rewards: float | None = None, prior_impressions: float = 100.0) -> Fit:
    """q = (rewards + prior_rewards) / (impressions + prior_impressions), the posterior mean of a click rate under a Beta prior.

    prior_rewards: None for the mean reward of the training rows times prior_impressions. (1, 100) is the model of the reference
    values of the Open Bandit logs. Raises InvalidInputError for a prior that is not finite or without impressions.
    """
    if not (np.isfinite(prior_rewards or 0.0) and 0 < prior_impressions < np.inf):
        found = f"{prior_rewards} rewards in {prior_impressions} impressions"
        raise InvalidInputError(Problem("prior of the reward model", found, "finite numbers, impressions above 0"))

    def fit(cells: Cells) -> Array:
        prior = mean_reward(cells) * prior_impressions if prior_rewards is None else prior_rewards
        return (cells.rewards + prior) / (cells.impressions + prior_impressions)

    return fit


def mean_reward(cells: Cells) -> float:
    """Of all rows; 0 where there are none."""
    return float(cells.rewards.sum()) / max(float(cells.impressions.sum()), 1.0)


def ridge_table(features: Array, penalty: float = 100.0) -> Fit:
    """q = b + slot + features of the item, by ridge regression on all rows; items seldom shown borrow from those alike.

    features: float[items, d], which are standardised here; penalty: how many rows a coefficient of 0 is worth, above 0. The
    intercept of each slot is not penalised (Hoerl and Kennard 1970). Raises InvalidInputError. O(items positions (d + positions)**2).
    """
    if features.ndim != 2 or not np.isfinite(features).all() or not 0 < penalty < np.inf:
        found = f"shape {list(features.shape)}, penalty {penalty}"
        raise InvalidInputError(Problem("item features", found, "finite numbers, items by features, a penalty above 0"))
    spread = features.std(axis=0)
    standard = (features - features.mean(axis=0)) / np.where(spread > 0, spread, 1.0)

    def fit(cells: Cells) -> Array:
        items, positions = cells.impressions.shape
        slots = np.eye(positions)
        design = np.concatenate(
            [np.tile(slots, (items, 1)), np.repeat(standard[:items], positions, axis=0)], axis=1
        )  # rows in the order of cells, items outermost
        shown, rewards = cells.impressions.ravel(), cells.rewards.ravel()
        ridge = np.full(design.shape[1], penalty)
        ridge[:positions] = 1e-9  # a slot that was never logged
        matrix = design.T @ (design * shown[:, None]) + np.diag(ridge)
        return np.asarray(design @ np.linalg.solve(matrix, design.T @ rewards)).reshape(items, positions)

    return fit


def robust_table(prior_impressions: float = 100.0) -> Fit:
    """The table q that makes the doubly robust estimate vary least: Farajtabar, Chow and Ghavamzadeh (2018), section 4.

    Their objective is the expectation of (D q - e_a r)' Omega (D q - e_a r) with D = diag(pi_e) and Omega = diag(1 / p) - 1 1'. Over
    the n rows of a slot it is, in sums by cell, q' (diag(S) - W W' / n) q - 2 q' (Y - W R / n) with S = sum w^2, W = sum w, Y = sum
    w^2 r and R = the slot's sum of w r. (Where the evaluated policy changes within a slot this bounds the variance from above.) The
    mean reward counts as much as `prior_impressions` rows of weight 1 in each cell: without it q is free in one direction. Solved by
    Sherman and Morrison (1950) in O(items positions). q may leave the range of the rewards; DR stays unbiased.
    """
    if not 0 < prior_impressions < np.inf:
        raise InvalidInputError(
            Problem("prior of the robust model", str(prior_impressions), "a number of rows above 0")
        )

    def fit(cells: Cells) -> Array:
        rows = np.maximum(cells.impressions.sum(axis=0), 1.0)
        diagonal = cells.squares + prior_impressions
        wanted = cells.squared_rewards - cells.weights * (cells.weighted_rewards.sum(axis=0) / rows)
        wanted = wanted + prior_impressions * mean_reward(cells)
        plain, along = wanted / diagonal, cells.weights / diagonal
        left = 1.0 - (cells.weights * along).sum(axis=0) / rows  # above 0, as sum w^2 is at least (sum w)^2 / n
        return np.asarray(plain + along * ((cells.weights * plain).sum(axis=0) / rows / left))

    return fit


def predict(
    rows: Rows, fits: Sequence[Fit], action_probabilities: Array, contexts: Array | None = None
) -> list[Prediction]:
    """Of each model each row's prediction, fitted on the other folds (on all rows where `folds` is None). O(n models).

    action_probabilities, contexts: as in `weights.importance_weights`.
    """
    policy = action_probabilities[None] if action_probabilities.ndim == 2 else action_probabilities
    everything, parts = rows.cells()
    training = [everything.minus(part) for part in parts] if parts else [everything]
    fold = np.zeros(1, np.int8) if rows.folds is None else rows.folds
    context = np.zeros(1, np.int32) if contexts is None else contexts
    found = []
    for fit in fits:
        tables = np.stack([fit(cells) for cells in training])
        values = np.einsum("kas,fas->fks", policy, tables)
        shown = tables[fold, rows.items, rows.positions]
        found.append(Prediction(shown, values[fold, context, rows.positions]))
    return found
