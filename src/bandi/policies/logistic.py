"""Logistic Thompson sampling: the odds of a click from reader and title, drawn from a Laplace posterior.

log odds of a click of reader x on title a: base + z'w + o_a, with z the title's vector and its products with the reader's,
w ~ N(0, weight_deviation**2 I) shared by all titles, o_a ~ N(0, title_deviation**2) the title's own. A new title starts from
what its words predict; as its outcomes come, o_a takes over and it becomes an arm of its own. The posterior is Gaussian
around the mode with the likelihood's curvature there (Chapelle and Li 2011, "An empirical evaluation of Thompson sampling",
algorithm 3), taken outcome by outcome as in Spiegelhalter and Lauritzen (1990), with all covariances between weights and
intercepts, not only the diagonal; intercepts are eliminated as in Li et al. (2010), algorithm 2.

>>> import numpy as np
>>> from bandi.model.policy_config import Logistic
>>> from bandi.policies.protocol import Candidates, Request
>>> from bandi.policies.registry import make_policy
>>> policy = make_policy(Logistic(), segments=1)
>>> len(policy.rank(Request(np.ones(1, np.float32), 0), Candidates(np.arange(5, dtype=np.int32)), k=2, seed=1).items)
2
"""

from __future__ import annotations

import math

import numpy as np

from bandi.model.config_values import duration_ms
from bandi.model.policy_config import Logistic, Prior
from bandi.model.records import Array
from bandi.policies import _logistic_kernels as kernels
from bandi.policies import title_rows
from bandi.policies._logistic_kernels import Shared, Titles
from bandi.policies._packed import add_square, invert
from bandi.policies._ranking import best
from bandi.policies._title_rows import NO_TIME
from bandi.policies.arms import BetaArms
from bandi.policies.linear import reader_vector, readers_vectors, titles_vectors
from bandi.policies.protocol import Candidates, Outcomes, Policy, Posterior, Ranked, Request, State

_COUNTED_PRIOR_STRENGTH = 10.0
"""In impressions; of the counts that `posterior` shows alone."""


class LogisticPolicy:
    """k = 2 d - 1 shared weights, and k + 2 numbers for each title with outcomes. Not to be ranked by two threads at once."""

    def __init__(self, config: Logistic, segments: int) -> None:
        self.arms = BetaArms(Prior(mean=config.mean, strength=_COUNTED_PRIOR_STRENGTH), config.half_life, segments)
        self._dimensions, self._most, self._spread = config.dimensions, config.most_titles, config.exploration
        self._base = math.log(config.mean / (1.0 - config.mean))
        self._ridge, self._title_ridge = config.weight_deviation**-2, config.title_deviation**-2
        self._half_life_ms = 0.0 if config.half_life is None else float(duration_ms(config.half_life))
        k = 2 * config.dimensions - 1
        self._shared = Shared(_diagonal(k, self._ridge), _diagonal(k, 1.0 / self._ridge), np.zeros(k))
        self._titles = _made(0, k)
        self._row_of = np.full(0, -1, np.int32)
        self._totals = np.array([0, 0, NO_TIME, 0, 0], np.int64)

    @property
    def refused(self) -> int:
        """Outcomes not learned from: vectors without a finite length, and corrections of what is not there."""
        return int(self._totals[kernels.REFUSED])

    def rank(self, request: Request, candidates: Candidates, k: int, seed: int) -> Ranked:
        """The k highest of one joint draw; scores are drawn probabilities. O(d**3 + candidates d)."""
        k = min(k, len(candidates.items))
        if k < 1:
            return Ranked(np.zeros(0, np.int32), np.zeros(0, np.float32))
        scores = self.log_odds(request, candidates, self._spread, seed)
        values, places = np.empty(k), np.empty(k, np.int32)
        best(scores, len(scores), k, np.uint64(seed), values, places)
        return Ranked(candidates.items[places], (1.0 / (1.0 + np.exp(-values))).astype(np.float32))

    def log_odds(self, request: Request, candidates: Candidates, spread: float, seed: int) -> Array:
        """One joint draw of the candidates' log odds, `spread` times as wide as the posterior (0: its mode): float64[n]."""
        scores, fading = np.empty(len(candidates.items)), np.zeros(1)
        if self._half_life_ms and self._totals[kernels.FIRST_MS] != NO_TIME:
            since_ms = request.occurred_ms - int(self._totals[kernels.FIRST_MS])
            fading[0] = max(kernels.EPOCHS * since_ms / self._half_life_ms, float(self._totals[kernels.EPOCH]))
        titles = self._titles
        kernels.drawn_log_odds(
            self._shared, titles, self._row_of, min(int(self._totals[kernels.TITLES]), len(titles.item)),
            candidates.items, reader_vector(request.vector, self._dimensions), titles_vectors(candidates.vectors, self._dimensions),
            self._base, self._title_ridge, fading, spread, np.uint64(seed), scores,
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
                outcomes.trials, outcomes.rewards, outcomes.occurred_ms, readers, table, self._base, self._ridge,
                self._title_ridge, self._half_life_ms,
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
        """Add the evidence of another shard: precisions, and precisions times modes, less the prior counted twice.

        Exact for Gaussian posteriors; both shards' fading is taken to stand at the later of the two.
        """
        theirs, table, totals = self._checked(other)
        self.arms.merge(other)
        own_items, their_items = self._titles.item[: int(self._totals[kernels.TITLES])], table.item
        items = np.union1d(own_items, their_items).astype(np.int32)
        sums = _evidence(self._shared, self._titles, own_items, items, self._ridge, self._title_ridge)
        more = _evidence(theirs, table, their_items, items, self._ridge, self._title_ridge)
        last_ms = np.full(len(items), NO_TIME, np.int64)
        for found, at in ((own_items, self._titles.last_ms), (their_items, table.last_ms)):
            place = np.searchsorted(items, found)
            last_ms[place] = np.maximum(last_ms[place], at[: len(found)])
        self._take(items, last_ms, *(a + b for a, b in zip(sums, more, strict=True)))
        for total in (kernels.FIRST_MS, kernels.EPOCH):
            self._totals[total] = max(self._totals[total], totals[total])
        self._totals[kernels.REFUSED] += totals[kernels.REFUSED]
        self._titles.epoch[:] = self._totals[kernels.EPOCH]

    def dump(self) -> State:
        """Copy of counts, weights and intercepts."""
        used = int(self._totals[kernels.TITLES])
        arrays = {f"shared/{name}": array.copy() for name, array in self._shared._asdict().items()}
        arrays |= {f"titles/{name}": array[:used].copy() for name, array in self._titles._asdict().items()}
        return {**self.arms.dump(), **arrays, "totals": self._totals.copy()}

    def load(self, state: State) -> None:
        """Replace all by those of `dump`."""
        self.arms.load(state)
        self._shared, self._titles, self._totals = self._checked(state)
        self._row_of = title_rows.places_of(self._titles.item)

    def _take(
        self, items: Array, last_ms: Array, precision: Array, pull: Array, own: Array, cross: Array, own_pull: Array
    ) -> None:
        """The posterior from sums of evidence (see `_evidence`) and the prior. O(titles k**2 + k**3)."""
        k = len(self._shared.mean)
        taus = self._title_ridge + own
        eliminated = precision + _diagonal(k, self._ridge)
        for title in range(len(items)):
            add_square(eliminated, cross[title], -1.0 / taus[title])
        inverse = np.empty_like(eliminated)
        if not invert(eliminated, 0.0, inverse):
            raise ValueError("shared/precision: the evidence of both shards is not positive definite")
        mean = _square(inverse) @ (pull - cross.T @ (own_pull / taus))
        self._shared = Shared(eliminated, inverse, mean)
        kept = np.sort(np.argsort(-last_ms, kind="stable")[: self._most])
        titles = _made(len(kept), k)
        titles.item[:], titles.cross[:], titles.last_ms[:] = items[kept], (cross / taus[:, None])[kept], last_ms[kept]
        titles.own[:, 0], titles.own[:, 1] = taus[kept], (own_pull / taus)[kept]
        self._titles, self._totals[kernels.TITLES] = titles, len(kept)
        self._row_of = title_rows.places_of(titles.item)

    def _grow(self, rows: int) -> None:
        old = self._titles
        grown = _made(title_rows.rows_to_make(rows, len(old.item), self._most), old.cross.shape[1])
        title_rows.fill(grown, old)
        self._titles = grown

    def _checked(self, state: State) -> tuple[Shared, Titles, Array]:
        rows = title_rows.rows_in(state, "titles/item")
        expected = {f"shared/{name}": array for name, array in self._shared._asdict().items()}
        expected |= {f"titles/{name}": array for name, array in _made(rows, len(self._shared.mean))._asdict().items()}
        expected["totals"] = self._totals
        found = title_rows.checked(state, expected, "titles/item", "totals", self._most)
        shared = Shared(*(found[f"shared/{name}"] for name in Shared._fields))
        return shared, Titles(*(found[f"titles/{name}"] for name in Titles._fields)), found["totals"]


def _evidence(
    shared: Shared, titles: Titles, own_items: Array, items: Array, ridge: float, title_ridge: float
) -> tuple[Array, Array, Array, Array, Array]:
    """What a posterior has beyond its prior, for all of `items` (sorted): the precision of the weights before intercepts
    are eliminated (packed), precision times mode of the weights, the intercepts' own precision, the cross terms, precision
    times mode of the intercepts.
    """
    used, k = len(own_items), len(shared.mean)
    taus, cross = titles.own[:used, 0], titles.cross[:used]
    precision = shared.precision.copy()
    for title in range(used):
        add_square(precision, cross[title], taus[title])
    modes = titles.own[:used, 1] - cross @ shared.mean
    terms = cross * taus[:, None]
    pull = _square(precision) @ shared.mean + terms.T @ modes
    precision -= _diagonal(k, ridge)
    own, wide, own_pull = np.zeros(len(items)), np.zeros((len(items), k)), np.zeros(len(items))
    place = np.searchsorted(items, own_items)
    own[place], wide[place] = taus - title_ridge, terms
    own_pull[place] = terms @ shared.mean + taus * modes
    return precision, pull, own, wide, own_pull


def _square(packed: Array) -> Array:
    k = int((np.sqrt(8 * len(packed) + 1) - 1) / 2 + 0.5)
    square = np.zeros((k, k))
    square[np.tril_indices(k)] = packed
    lower: Array = square + square.T - np.diag(square.diagonal())
    return lower


def _diagonal(k: int, value: float) -> Array:
    packed = np.zeros(k * (k + 1) // 2)
    packed[np.arange(k) * (np.arange(k) + 3) // 2] = value
    return packed


def _made(rows: int, k: int) -> Titles:
    return Titles(
        item=np.zeros(rows, np.int32),
        own=np.zeros((rows, 2)),
        cross=np.zeros((rows, k)),
        epoch=np.zeros(rows, np.int64),
        last_ms=np.zeros(rows, np.int64),
    )


_: type[Policy] = LogisticPolicy
