"""Linear bandits with one vector of weights per title ("disjoint"): the expected reward of title a is x'theta_a.

x is the reader's vector, its first component the constant 1. Belief: theta_a ~ N(mu_a, s**2 A_a^-1), kept exactly and row
by row (linear_titles.py); how it becomes a list is a rule's affair (lin_ts.py, lin_ucb.py). Beside it the policy counts
trials and rewards as the Beta–Bernoulli policies do: these are what `bandi arms` shows.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from bandi.model.records import Array
from bandi.policies.arms import BetaArms
from bandi.policies.linear_titles import LinearTitles
from bandi.policies.protocol import Candidates, Outcomes, Policy, Posterior, Ranked, Request, State


class LinearRule(Protocol):
    """How beliefs become a list."""

    def choose(
        self, titles: LinearTitles, x: Array, now_ms: int, candidates: Candidates, k: int, seed: np.uint64
    ) -> Ranked:
        """The k (1 <= k <= candidates) chosen for a reader x: float32[d]. O(candidates d**2) at most."""


class LinearPolicy:
    """Linear models of titles, ranked by a rule. Not to be ranked by two threads at once: rules work in their own scratch."""

    def __init__(self, arms: BetaArms, titles: LinearTitles, rule: LinearRule) -> None:
        self.arms = arms
        self.titles = titles
        self._rule = rule

    def rank(self, request: Request, candidates: Candidates, k: int, seed: int) -> Ranked:
        """The k best of the candidates by the rule. Raises ValueError for a vector of another length."""
        k = min(k, len(candidates.items))
        if k < 1:
            return Ranked(np.zeros(0, np.int32), np.zeros(0, np.float32))
        x = reader_vector(request.vector, self.titles.dimensions)
        return self._rule.choose(self.titles, x, request.occurred_ms, candidates, k, np.uint64(seed))

    def update(self, outcomes: Outcomes) -> None:
        """Learn from outcomes, row by row. O(rows d**2). Raises ValueError for vectors of another length."""
        vectors = readers_vectors(outcomes.vectors, len(outcomes.items), self.titles.dimensions)
        self.arms.update(outcomes)
        self.titles.update(outcomes, vectors)

    def posterior(self, items: Array, segment: int, now_ms: int) -> Posterior:
        """What was counted of `items` (int32[n]), whoever the readers: the belief itself is a function of the reader."""
        return self.arms.posterior(items, segment, now_ms)

    def most_tried(self, limit: int) -> Array:
        """Up to `limit` items with most trials, most first: int32[m]. O(items)."""
        return self.arms.most_tried(limit)

    def merge(self, other: State) -> None:
        """Add the statistics of another shard."""
        self.arms.merge(other)
        self.titles.merge(other)

    def dump(self) -> State:
        """Copy of counts and models."""
        return {**self.arms.dump(), **self.titles.dump()}

    def load(self, state: State) -> None:
        """Replace both by those of `dump`."""
        self.arms.load(state)
        self.titles.load(state)


def reader_vector(vector: Array | None, dimensions: int) -> Array:
    """A request's vector as kernels want it: float32[d]; (1, 0, ..., 0) where nothing (or nothing finite) is known."""
    if vector is None or not np.isfinite(vector).all():
        return _nobody(dimensions)
    if vector.shape != (dimensions,):
        raise ValueError(f"vector: expected {dimensions} numbers, found {list(vector.shape)}")
    return np.ascontiguousarray(vector, np.float32)


def readers_vectors(vectors: Array | None, rows: int, dimensions: int) -> Array:
    """Outcomes' vectors as kernels want them: float32[rows, d], or float32[1, d] where nothing is known of any reader."""
    if vectors is None:
        return _nobody(dimensions)[None, :]
    if vectors.shape != (rows, dimensions):
        raise ValueError(f"vectors: expected [{rows}, {dimensions}], found {list(vectors.shape)}")
    return np.ascontiguousarray(vectors, np.float32)


def titles_vectors(vectors: Array | None, dimensions: int) -> Array:
    """A table of titles' vectors as kernels want it: float32[titles, d]; of no titles where there is none."""
    if vectors is None:
        return np.zeros((0, dimensions), np.float32)
    if vectors.ndim != 2 or vectors.shape[1] != dimensions:
        raise ValueError(f"title vectors: expected [titles, {dimensions}], found {list(vectors.shape)}")
    return np.ascontiguousarray(vectors, np.float32)


def _nobody(dimensions: int) -> Array:
    vector = np.zeros(dimensions, np.float32)
    vector[0] = 1.0
    return vector


_: type[Policy] = LinearPolicy
