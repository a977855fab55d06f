"""The earning policy: Thompson sampling on clicks that gives up a stated share of them for coins.

Its pool are the titles that Thompson sampling on clicks would show in a list several times as long. Each has a drawn click
rate and the coins that a start is expected to bring (chain.py: one posterior for the whole chain, with delay, rarity and
readers in view). Among lists from the pool it shows the one that earns most while its expected clicks stay within
`give_up` of the best list's: the Lagrangian of coins subject to clicks (_earning_kernels.trade). A reader who is likelier to
pay gives up more clicks than one who is not, by the square of the factor, as the Lagrangian of the mean over readers asks.
"""

from __future__ import annotations

import numpy as np

from bandi.model.config import Earning
from bandi.model.records import Array
from bandi.policies._arm_kernels import gather_means
from bandi.policies._chain_kernels import READER_SHAPE, SPREAD, STARTS, reader_factor
from bandi.policies._earning_kernels import trade, value_titles
from bandi.policies.arms import BetaArms
from bandi.policies.bernoulli import best_means
from bandi.policies.chain import ChainStatistics
from bandi.policies.protocol import Candidates, Outcomes, Posterior, Ranked, Request, State
from bandi.policies.thompson import ThompsonRule

_LEAST_POOL = 64
_POOL_LISTS = 8
"""Length of the pool in lists."""
_MOST_FACTOR = 10.0
"""A reader gives up at most so many times the mean share."""


class EarningPolicy:
    """Click arms, the chain behind them, and the dial. Not to be ranked by two threads at once."""

    def __init__(self, arms: BetaArms, chain: ChainStatistics, config: Earning) -> None:
        self.arms, self.chain, self._config = arms, chain, config
        self._clicks = ThompsonRule()
        self._reserve(256)

    def rank(self, request: Request, candidates: Candidates, k: int, seed: int) -> Ranked:
        """The k best of the candidates; scores are clicks' draws weighed by coins. O(candidates)."""
        k = min(k, len(candidates.items))
        if k < 1:
            return Ranked(np.zeros(0, np.int32), np.zeros(0, np.float32))
        size = min(len(candidates.items), max(_LEAST_POOL, _POOL_LISTS * k))
        pool = self._clicks.choose(self.arms, request, candidates, size, np.uint64(seed))
        return self._traded(pool, request, k, seed, self._config.explore)

    def greedy(self, request: Request, candidates: Candidates, k: int, seed: int) -> Ranked:
        """The list by posterior means of clicks and coins: the same trade without a draw; 1 <= k <= candidates."""
        size = min(len(candidates.items), max(_LEAST_POOL, _POOL_LISTS * k))
        return self._traded(best_means(self.arms, request, candidates, size, np.uint64(seed)), request, k, seed, 0.0)

    def means(self, request: Request, items: Array) -> Array:
        """Posterior means of clicks on `items` (int32[n]) for this reader: float64[n]."""
        means: Array = self.arms.gather(request, Candidates(items)).mean[: len(items)].copy()
        return means

    def _traded(self, pool: Ranked, request: Request, k: int, seed: int, explore: float) -> Ranked:
        size = len(pool.items)
        if size > len(self._values):
            self._reserve(2 * size)
        arms, chain = self.arms, self.chain
        counts, used = arms.readable()
        a, b, means, values, keys = (self._scratch[row, :size] for row in range(5))
        gather_means(
            counts, used, pool.items, request.segment_weights, arms.borrowed, arms.decay(request.occurred_ms),
            arms.prior_successes, arms.prior_failures, a, b, means,
        )  # fmt: skip
        value_titles(
            pool.items, chain.trials, chain.rewards, chain.immature, chain.last_ms, chain.values, chain.weights,
            chain.shared, chain.globals_, min(chain.items, len(chain.trials)), float(request.occurred_ms),
            explore, np.uint64(seed) ^ np.uint64(0x5DEECE66D), values,
        )  # fmt: skip
        order = np.empty(k, np.int32)
        trade(pool.scores.astype(np.float64), means, values, examination(k), self._budget(request.user), keys, order)
        return Ranked(pool.items[order], keys[order].astype(np.float32))

    def _budget(self, user: int) -> float:
        """Share of this reader's expected clicks that may be given up."""
        give_up = self._config.give_up
        starts, chain = float(self.chain.globals_[STARTS]), self.chain
        if not 0.0 < give_up < 1.0 or starts < 1.0:
            return give_up
        factor = reader_factor(chain.readers, user, chain.globals_[READER_SHAPE])
        return float(min(give_up * min(factor * factor * starts / chain.globals_[SPREAD], _MOST_FACTOR), 1.0))

    def update(self, outcomes: Outcomes) -> None:
        """Add outcomes: impressions and clicks to the arms, later steps to the chain. O(rows)."""
        if outcomes.step == 0 and outcomes.steps is None:
            self.arms.update(outcomes)
        else:
            self.chain.update(outcomes)

    def posterior(self, items: Array, segment: int, now_ms: int) -> Posterior:
        """Belief about clicks on `items`."""
        return self.arms.posterior(items, segment, now_ms)

    def most_tried(self, limit: int) -> Array:
        """Up to `limit` items with most impressions."""
        return self.arms.most_tried(limit)

    def merge(self, other: State) -> None:
        """Add the statistics of another shard."""
        self.arms.merge(_part(other, "clicks/"))
        self.chain.merge(_part(other, "chain/"))

    def dump(self) -> State:
        """Copy of the statistics."""
        return {f"clicks/{name}": array for name, array in self.arms.dump().items()} | {
            f"chain/{name}": array for name, array in self.chain.dump().items()
        }

    def load(self, state: State) -> None:
        """Replace the statistics by those of `dump`."""
        self.arms.load(_part(state, "clicks/"))
        self.chain.load(_part(state, "chain/"))

    def _reserve(self, size: int) -> None:
        self._scratch = np.empty((5, size))
        self._values = self._scratch[3]


_EXAMINATION: Array = 1.0 / np.log2(2.0 + np.arange(1_000))


def examination(k: int) -> Array:
    """How much a slot counts: 1 / log2(2 + slot), the discount of Jarvelin and Kekalainen (2002): float64[k]."""
    weights: Array = _EXAMINATION[:k]
    return weights


def _part(state: State, prefix: str) -> State:
    return {name[len(prefix) :]: array for name, array in state.items() if name.startswith(prefix)}
