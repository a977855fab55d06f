"""Implicit-feedback matrix factorisation by alternating least squares (iALS).

Each reader u gets a vector x_u and each title i a vector y_i so that x_u . y_i is near 1 where u read i and near 0
elsewhere: the loss is

    sum over read pairs of (1 + alpha w_ui) (1 - x_u . y_i)**2  +  sum over all other pairs of (x_u . y_i)**2
    + sum over u of l_u |x_u|**2 + sum over i of l_i |y_i|**2

Hu, Koren and Volinsky (2008), "Collaborative filtering for implicit feedback datasets", eq. 3, with the
frequency-scaled regularisation of Rendle, Krichene, Zhang and Koren (2021), "Revisiting the performance of iALS", eq. 8:
l_u = regularisation * (share of the total confidence of u's row)**nu, scaled so that a mean row has `regularisation`.
Rows are solved by a few preconditioned conjugate gradient steps from where they were (Takács, Pilászy and Tikk 2011), in
the basis of the Gram matrix's eigenvectors (`_als_kernels`).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np

from bandi.features.factors._als_kernels import observed_loss, solve_rows
from bandi.features.factors.interactions import Interactions, Rows
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array

_PARTS = 64
"""Stretches of rows with like numbers of entries: threads take one after another."""
MAX_FACTORS = 1_024
_FIRST_LENGTH = 2.0
"""Of a random first vector. From short ones (0.1) the first iterations fight the regularisation: half as many reach a loss
from here (`bench/README.md`)."""

_FEW = 20_000
"""Read pairs that one thread solves before a second one has begun."""
_FIRST_STEPS = 8
"""Conjugate gradient steps by which readers are solved for, from nothing, where only titles are known."""

OnIteration = Callable[[int], None]
"""Called after each iteration with its number, from 1."""


@dataclass(frozen=True, slots=True)
class AlsConfig:
    """Hyperparameters. factors: 1 to 1,024; regularisation above 0; alpha: confidence per unit of weight, above 0.

    nu: 0 (each row the same regularisation) to 1 (by its confidence). steps: conjugate gradient steps a half iteration.
    """

    factors: int = 64
    regularisation: float = 10.0
    alpha: float = 10.0
    nu: float = 1.0
    iterations: int = 15
    steps: int = 2
    seed: int = 1

    def check(self) -> None:
        """Raises InvalidInputError for a value out of its range."""
        ranges = {
            "factors": 1 <= self.factors <= MAX_FACTORS,
            "regularisation": 0 < self.regularisation < float("inf"),
            "alpha": 0 < self.alpha < float("inf"),
            "nu": 0 <= self.nu <= 1,
            "iterations": 0 <= self.iterations <= 10_000,
            "steps": 1 <= self.steps <= 100,
        }
        for name, right in ranges.items():
            if not right:
                raise InvalidInputError(Problem(f"factors.{name}", repr(getattr(self, name)), AlsConfig.__doc__ or ""))


@dataclass(frozen=True)
class Factors:
    """What was learned. users: float32[n, f]; items: float32[m, f]; config: how.

    mean_mass: the mean reader's confidence summed over all titles, as training saw it; fold-in scales by it.
    """

    users: Array
    items: Array
    config: AlsConfig
    mean_mass: float

    @cached_property
    def gram(self) -> tuple[Array, Array]:
        """The Gram matrix items' items by its eigenvalues, float64[f], and eigenvectors, the columns of float64[f, f].

        O(m f**2) once: whatever is asked of one reader afterwards has no part that grows with the catalogue or with f**3.
        """
        spectrum, basis = np.linalg.eigh((self.items.T @ self.items).astype(np.float64))
        return np.maximum(spectrum, 0.0), basis

    @cached_property
    def effective_dimensions(self) -> float:
        """In how many directions the titles' vectors really spread: 1 to f, or 0 where all are 0.

        (sum of e)**2 / sum of e**2 over the eigenvalues e of items' items (participation ratio: Bell and Dean 1970). Near 1, all
        readers get one order: regularisation has left nothing but popularity.
        """
        wide = self.items.astype(np.float64)
        spread = np.maximum(np.linalg.eigvalsh(wide.T @ wide), 0.0)
        total = float(spread.sum())
        return total * total / float((spread * spread).sum()) if total > 0 else 0.0

    @cached_property
    def directions(self) -> Array:
        """items scaled to length 1 (0 stays 0): float32[m, f]."""
        lengths = np.linalg.norm(self.items, axis=1, keepdims=True)
        directions: Array = self.items / np.maximum(lengths, np.float32(1e-12))
        return directions

    def fold_in(self, items: Array, weights: Array | None = None) -> Array:
        """The vector of a reader of `items` (int[m]; weights: float[m] above 0, or 1 each): float32[f], solved exactly.

        Takes no part in training: new readers, or readers since. O(m f**2 + m**3) for m up to f, else O(m f**2 + f**3);
        zeros where nothing was read.
        """
        if not len(items):
            return np.zeros(self.items.shape[1], np.float32)
        vectors, extra, diagonal = self._normal(items, weights)
        if len(items) > len(diagonal):
            solved = np.linalg.solve((vectors.T * extra) @ vectors + np.diag(diagonal), vectors.T @ (1.0 + extra))
        else:
            solved = (np.linalg.solve(self._among(vectors, extra, diagonal), 1.0 + extra) @ vectors) / diagonal
        return (self.gram[1] @ solved).astype(np.float32)

    def scores(self, vector: Array, items: Array | None = None) -> Array:
        """How well titles suit a reader's vector: float32[items]; about 1 for what is surely read, about 0 for what is not."""
        return (self.items if items is None else self.items[items]) @ vector

    def explain(self, item: int, read: Array, weights: Array | None = None) -> Array:
        """How much each read title adds to the score of `item`: float64[len(read)], summing to the folded-in score.

        Hu, Koren and Volinsky (2008), section 5: the score is linear in the reader's own reads.
        """
        if not len(read):
            return np.zeros(0)
        vectors, extra, diagonal = self._normal(read, weights)
        about = self.gram[1].T @ self.items[item]
        if len(read) > len(diagonal):
            matrix = (vectors.T * extra) @ vectors + np.diag(diagonal)
            return vectors @ np.linalg.solve(matrix, about) * (1.0 + extra)
        return np.linalg.solve(self._among(vectors, extra, diagonal).T, vectors @ (about / diagonal)) * (1.0 + extra)

    def _normal(self, items: Array, weights: Array | None) -> tuple[Array, Array, Array]:
        """The parts of a reader's normal equations (diag(d) + V' E V) x = V' (1 + e) in the Gram matrix's basis: V, e, d."""
        spectrum, basis = self.gram
        vectors = self.items[items] @ basis
        extra = self.config.alpha * (np.ones(len(items)) if weights is None else np.asarray(weights, np.float64))
        mass = float(extra.sum()) + len(self.items)
        penalty = self.config.regularisation * (mass / max(self.mean_mass, 1e-12)) ** self.config.nu
        return vectors, extra, spectrum + penalty

    @staticmethod
    def _among(vectors: Array, extra: Array, diagonal: Array) -> Array:
        """I + E K with K = V diag(d)**-1 V', float64[m, m]: (diag(d) + V' E V)**-1 V' = diag(d)**-1 V' (I + E K)**-1.

        That is the Woodbury identity in its push-through form (Henderson and Searle 1981, eq. 17): m reads, not f factors, are solved for.
        """
        among: Array = extra[:, None] * ((vectors / diagonal) @ vectors.T)
        among[np.diag_indices_from(among)] += 1.0
        return among


def fit(
    interactions: Interactions,
    config: AlsConfig | None = None,
    start: Factors | None = None,
    on_iteration: OnIteration | None = None,
    threads: int = 0,
    start_items: Array | None = None,
) -> Factors:
    """Learn factors. O(iterations * (entries * f * steps + (users + items) * f**2)).

    start: factors of an earlier run, where training goes on (warm start); its rows must be those of the first users and
    items, later ones begin small. start_items: float32[<= items, f] where only the titles' vectors of an earlier run were kept:
    readers are solved for from these first; titles that have none or only zeros (nobody had read them) begin small.
    The same seed gives the same scores up to rounding, whatever `threads` is (0: one for each core, or one alone where there is
    little to do). Raises InvalidInputError.
    """
    config = config or AlsConfig()
    config.check()
    random = np.random.default_rng(config.seed)
    if start_items is not None:
        if start is not None:
            raise InvalidInputError(Problem("start_items", "beside start", "one of both"))
        start = Factors(np.zeros((0, config.factors), np.float32), _usable(start_items), config, 0.0)
    users = _begin(interactions.users, config, random, None if start is None else start.users, "users")
    items = _begin(interactions.items, config, random, None if start is None else start.items, "items")
    user_mass, item_mass = (
        _mass(interactions.by_user, config, len(items)),
        _mass(interactions.by_item, config, len(users)),
    )
    sides = [
        (interactions.by_user, items, users, _penalties(user_mass, config)),
        (interactions.by_item, users, items, _penalties(item_mass, config)),
    ]
    if threads == 0:
        threads = (os.cpu_count() or 1) if interactions.entries > _FEW else 1
    with ThreadPoolExecutor(threads) as pool:
        if start_items is not None and config.iterations:
            _half(*sides[0], replace(config, steps=max(config.steps, _FIRST_STEPS)), pool, threads)
        for iteration in range(1, config.iterations + 1):
            for rows, fixed, solved, penalties in sides:
                _half(rows, fixed, solved, penalties, config, pool, threads)
            if on_iteration is not None:
                on_iteration(iteration)
    return Factors(users, items, config, float(user_mass.mean()) if len(user_mass) else 0.0)


def loss(interactions: Interactions, factors: Factors) -> float:
    """The loss that `fit` lowers (the module's formula). O(entries * f + (users + items) * f**2)."""
    config, rows = factors.config, interactions.by_user
    users, items = factors.users, factors.items
    found = observed_loss(rows.starts, rows.columns, rows.weights, config.alpha, users, items, 0, interactions.users)
    wide_users, wide_items = users.astype(np.float64), items.astype(np.float64)
    found += float(np.sum((wide_users.T @ wide_users) * (wide_items.T @ wide_items)))
    for rows, vectors, others in (
        (interactions.by_user, wide_users, len(items)),
        (interactions.by_item, wide_items, len(users)),
    ):
        found += float(_penalties(_mass(rows, config, others), config) @ (vectors**2).sum(axis=1))
    return float(found)


def _begin(count: int, config: AlsConfig, random: np.random.Generator, earlier: Array | None, name: str) -> Array:
    spread = (_FIRST_LENGTH if earlier is None else 0.1) / np.sqrt(config.factors)
    vectors = random.normal(0.0, spread, (count, config.factors)).astype(np.float32)
    if earlier is not None:
        if earlier.shape[1] != config.factors or len(earlier) > count:
            expected = f"at most {count} rows of {config.factors}"
            raise InvalidInputError(
                Problem(f"start.{name}", f"{earlier.shape[0]} rows of {earlier.shape[1]}", expected)
            )
        known = earlier.any(axis=1)
        vectors[: len(earlier)][known] = earlier[known]
    return vectors


def _usable(items: Array) -> Array:
    """Vectors of an earlier run, as `fit` takes them. Raises InvalidInputError."""
    items = np.asarray(items)
    if items.ndim != 2 or items.dtype != np.float32:
        raise InvalidInputError(Problem("start.items", f"{items.dtype}{list(items.shape)}", "float32[items, factors]"))
    wrong = np.flatnonzero(~np.isfinite(items).all(axis=1))
    if len(wrong):
        raise InvalidInputError(
            Problem(f"start.items[{wrong[0]}]", "not finite", "finite numbers", "train from nothing")
        )
    return items


def _mass(rows: Rows, config: AlsConfig, others: int) -> Array:
    """The confidence of each row summed over all columns: float64[rows]."""
    running = np.concatenate([[0.0], np.cumsum(rows.weights, dtype=np.float64)])
    mass: Array = config.alpha * np.diff(running[rows.starts]) + others
    return mass


def _penalties(mass: Array, config: AlsConfig) -> Array:
    if not len(mass):
        return np.zeros(0, np.float32)
    penalties: Array = config.regularisation * (mass / max(mass.mean(), 1e-12)) ** config.nu
    return penalties.astype(np.float32)


def _half(
    rows: Rows, fixed: Array, solved: Array, penalties: Array, config: AlsConfig, pool: ThreadPoolExecutor, threads: int
) -> None:
    """Solve one side while the other is fixed. Both are turned into the basis of the fixed side's Gram matrix first."""
    if not len(fixed) or not len(solved):
        solved[:] = 0.0
        return
    spectrum, basis = np.linalg.eigh((fixed.T @ fixed).astype(np.float64))
    turn = basis.astype(np.float32)
    fixed[:], solved[:] = fixed @ turn, solved @ turn
    spectrum = np.maximum(spectrum, 0.0).astype(np.float32)
    longest = int(np.diff(rows.starts).max())
    shares = np.linspace(0, rows.starts[-1], _PARTS + 1)
    bounds = np.unique(np.concatenate([[0, len(solved)], np.searchsorted(rows.starts, shares).clip(0, len(solved))]))
    parts = iter(list(pairwise(bounds.tolist())))

    def work() -> None:
        tile = np.empty((max(longest, 1), fixed.shape[1]), np.float32)
        for first, stop in parts:  # a list's iterator is shared safely: next() holds the interpreter's lock
            solve_rows(
                rows.starts, rows.columns, rows.weights, config.alpha, fixed, spectrum, penalties,
                solved, first, stop, config.steps, tile,
            )  # fmt: skip

    for done in [pool.submit(work) for _ in range(threads)]:
        done.result()
