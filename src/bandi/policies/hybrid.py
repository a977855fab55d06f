"""Hybrid linear bandits: what all titles share of readers and titles, and what is each title's own.

Expected reward of reader x on title a: z'beta + x'theta_a, with z the title's vector and its products with the reader's,
beta shared. Li, Chu, Langford and Schapire (2010), algorithm 2, exactly and outcome by outcome (_hybrid_kernels.py). With
sampling, beta is drawn once for a request and each theta_a given it: a draw of the joint posterior N(., s**2 A^-1), so that
titles alike are doubted together. A title without outcomes is ranked by beta: it starts from what its words predict.

>>> import numpy as np
>>> from bandi.model.policy_config import LinUcb
>>> from bandi.policies.protocol import Candidates, Request
>>> from bandi.policies.registry import make_policy
>>> policy = make_policy(LinUcb(model="hybrid"), segments=1)
>>> len(policy.rank(Request(np.ones(1, np.float32), 0), Candidates(np.arange(5, dtype=np.int32)), k=2, seed=1).items)
2
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandi.model.policy_config import LinTs, LinUcb
from bandi.model.records import Array
from bandi.policies import _hybrid_kernels as kernels
from bandi.policies import title_rows
from bandi.policies._hybrid_kernels import Titles
from bandi.policies._logistic_kernels import Shared
from bandi.policies._ranking import best
from bandi.policies._title_rows import NO_TIME
from bandi.policies.arms import BetaArms
from bandi.policies.linear import reader_vector, readers_vectors, titles_vectors
from bandi.policies.protocol import Candidates, Outcomes, Policy, Posterior, Ranked, Request, State


class HybridPolicy:
    """k = 2 d - 1 shared weights; 8 (d k + d (d + 1) + d) bytes a title. Not to be ranked by two threads at once."""

    def __init__(self, config: LinTs | LinUcb, segments: int) -> None:
        self.arms = BetaArms(config.prior, None, segments)
        self._dimensions, self._most = config.dimensions, config.most_titles
        self._prior_mean, self._ridge = config.prior.mean, config.prior.strength
        sampling = isinstance(config, LinTs)
        self._draws = config.exploration if sampling else 0.0
        self._bonus = 0.0 if sampling else config.exploration
        k = 2 * config.dimensions - 1
        self._shared = Shared(_packed(self._ridge * np.eye(k)), _packed(np.eye(k) / self._ridge), np.zeros(k))
        self._titles = _made(0, config.dimensions)
        self._row_of = np.full(0, -1, np.int32)
        self._totals = np.zeros(3, np.int64)

    @property
    def refused(self) -> int:
        """Outcomes not learned from: vectors without a finite length, and corrections of what is not there."""
        return int(self._totals[kernels.REFUSED])

    def rank(self, request: Request, candidates: Candidates, k: int, seed: int) -> Ranked:
        """The k highest scores. O(d**3 + candidates d**2)."""
        k = min(k, len(candidates.items))
        if k < 1:
            return Ranked(np.zeros(0, np.int32), np.zeros(0, np.float32))
        scores = self.scores(request, candidates, self._draws, self._bonus, seed)
        values, places = np.empty(k), np.empty(k, np.int32)
        best(scores, len(scores), k, np.uint64(seed), values, places)
        return Ranked(candidates.items[places], values.astype(np.float32))

    def scores(self, request: Request, candidates: Candidates, draws: float, bonus: float, seed: int) -> Array:
        """float64[n]: mean, or a joint draw `draws` standard deviations of a reward wide, plus `bonus` times the deviation."""
        scores, titles = np.empty(len(candidates.items)), self._titles
        kernels.scores_of(
            self._shared, titles, self._row_of, min(int(self._totals[kernels.TITLES]), len(titles.item)),
            candidates.items, reader_vector(request.vector, self._dimensions),
            titles_vectors(candidates.vectors, self._dimensions), self._prior_mean, self._ridge, draws, bonus,
            np.uint64(seed), scores,
        )  # fmt: skip
        return scores

    def update(self, outcomes: Outcomes) -> None:
        """Learn from outcomes, row by row. O(rows d**2). Raises ValueError for vectors of another length."""
        readers = readers_vectors(outcomes.vectors, len(outcomes.items), self._dimensions)
        table = titles_vectors(outcomes.title_vectors, self._dimensions)
        self.arms.update(outcomes)
        done = 0
        while True:
            done = kernels.learn(
                self._shared, self._titles, self._row_of, self._totals, self._most, done, outcomes.items,
                outcomes.trials, outcomes.rewards, outcomes.occurred_ms, readers, table, self._prior_mean, self._ridge,
            )  # fmt: skip
            if done == len(outcomes.items):
                return
            if outcomes.items[done] >= len(self._row_of):
                self._row_of = title_rows.knowing(self._row_of, int(outcomes.items.max()) + 1)
            else:
                self._grow(len(self._titles.item) + 1)

    def posterior(self, items: Array, segment: int, now_ms: int) -> Posterior:
        """What was counted of `items` (int32[n]), whoever the readers: the belief itself is a function of the reader."""
        return self.arms.posterior(items, segment, now_ms)

    def most_tried(self, limit: int) -> Array:
        """Up to `limit` items with most trials, most first: int32[m]. O(items)."""
        return self.arms.most_tried(limit)

    def merge(self, other: State) -> None:
        """Add the sums of another shard, exactly, and find all inverses anew. O(titles d**3).

        Of more than `most_titles` those learned from longest ago go back to what the shared weights say.
        """
        shared, titles, totals = self._checked(other)
        self.arms.merge(other)
        own_used = int(self._totals[kernels.TITLES])
        mine = Titles(*(array[:own_used] for array in self._titles))
        items, last_ms = _union(mine, titles)
        kept = np.sort(np.argsort(-last_ms, kind="stable")[: self._most])
        one, two = (_sums(a, b, items, self._ridge) for a, b in ((self._shared, mine), (shared, titles)))
        self._take(items, kept, last_ms, _Sums(*(a + b for a, b in zip(one, two, strict=True))))
        self._totals[kernels.REFUSED] += totals[kernels.REFUSED]

    def dump(self) -> State:
        """Copy of counts, shared weights and titles."""
        used = int(self._totals[kernels.TITLES])
        arrays = {f"shared/{name}": array.copy() for name, array in self._shared._asdict().items()}
        arrays |= {f"titles/{name}": array[:used].copy() for name, array in self._titles._asdict().items()}
        return {**self.arms.dump(), **arrays, "totals": self._totals.copy()}

    def load(self, state: State) -> None:
        """Replace all by those of `dump`."""
        self.arms.load(state)
        self._shared, self._titles, self._totals = self._checked(state)
        self._row_of = title_rows.places_of(self._titles.item)

    def _take(self, items: Array, kept: Array, last_ms: Array, sums: _Sums) -> None:
        d, ridge = self._dimensions, self._ridge
        k = 2 * d - 1
        eliminated, pull = ridge * np.eye(k) + sums.shared, sums.pull.copy()
        titles = _made(len(items), d)
        titles.item[:], titles.last_ms[:] = items, last_ms
        for row in range(len(items)):
            inverse = np.linalg.inv(sums.precision[row] + ridge * np.eye(d))
            cross, mean = inverse @ sums.cross[row], inverse @ sums.response[row]
            eliminated -= sums.cross[row].T @ cross
            pull -= cross.T @ sums.response[row]
            titles.precision[row], titles.inverse[row] = _packed(sums.precision[row]), _packed(inverse)
            titles.cross[row], titles.mean[row] = cross.T, mean
        inverse = np.linalg.inv(eliminated)
        self._shared = Shared(_packed(eliminated), _packed(inverse), inverse @ pull)
        self._titles = Titles(*(np.ascontiguousarray(array[kept]) for array in titles))
        self._totals[kernels.TITLES] = len(kept)
        self._row_of = title_rows.places_of(self._titles.item)

    def _grow(self, rows: int) -> None:
        old = self._titles
        grown = _made(title_rows.rows_to_make(rows, len(old.item), self._most), self._dimensions)
        title_rows.fill(grown, old)
        self._titles = grown

    def _checked(self, state: State) -> tuple[Shared, Titles, Array]:
        rows = title_rows.rows_in(state, "titles/item")
        expected = {f"shared/{name}": array for name, array in self._shared._asdict().items()}
        expected |= {f"titles/{name}": array for name, array in _made(rows, self._dimensions)._asdict().items()}
        expected["totals"] = self._totals
        found = title_rows.checked(state, expected, "titles/item", "totals", self._most)
        shared = Shared(*(found[f"shared/{name}"] for name in Shared._fields))
        return shared, Titles(*(found[f"titles/{name}"] for name in Titles._fields)), found["totals"]


class _Sums(NamedTuple):
    """Plain sums over outcomes: z z' (k, k), reward z (k), and of each title x x' (d, d), x z' (d, k), reward x (d)."""

    shared: Array
    pull: Array
    precision: Array
    cross: Array
    response: Array


def _sums(shared: Shared, titles: Titles, items: Array, ridge: float) -> _Sums:
    """What a state was made of, for all of `items` (sorted)."""
    k, d = len(shared.mean), titles.mean.shape[1]
    total = _square(shared.precision, k) - ridge * np.eye(k)
    pull = (total + ridge * np.eye(k)) @ shared.mean
    precision, cross, response = np.zeros((len(items), d, d)), np.zeros((len(items), d, k)), np.zeros((len(items), d))
    for row, at in enumerate(np.searchsorted(items, titles.item).tolist()):
        precision[at] = _square(titles.precision[row], d)
        whole = precision[at] + ridge * np.eye(d)
        cross[at], response[at] = whole @ titles.cross[row].T, whole @ titles.mean[row]
        total += cross[at].T @ titles.cross[row].T
        pull += titles.cross[row] @ response[at]
    return _Sums(total, pull, precision, cross, response)


def _union(one: Titles, other: Titles) -> tuple[Array, Array]:
    """All titles of both, ascending, and when each last learned."""
    items = np.union1d(one.item, other.item).astype(np.int32)
    last_ms = np.full(len(items), NO_TIME, np.int64)
    for titles in (one, other):
        place = np.searchsorted(items, titles.item)
        last_ms[place] = np.maximum(last_ms[place], titles.last_ms)
    return items, last_ms


def _packed(square: Array) -> Array:
    packed: Array = square[np.tril_indices(len(square))].copy()
    return packed


def _square(packed: Array, size: int) -> Array:
    square = np.zeros((size, size))
    square[np.tril_indices(size)] = packed
    whole: Array = square + square.T - np.diag(square.diagonal())
    return whole


def _made(rows: int, d: int) -> Titles:
    packed = d * (d + 1) // 2
    return Titles(
        item=np.zeros(rows, np.int32),
        precision=np.zeros((rows, packed)),
        inverse=np.zeros((rows, packed)),
        cross=np.zeros((rows, 2 * d - 1, d)),
        mean=np.zeros((rows, d)),
        last_ms=np.zeros(rows, np.int64),
    )


_: type[Policy] = HybridPolicy
