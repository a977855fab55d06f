"""What the policies that look beyond the click share: click arms, the chain behind a start, and a rule that weighs both.

Their pool are the titles that Thompson sampling on clicks would show in a list several times as long, each with its drawn
click rate; the rule says what a start of each is worth and in which order they stand. The rules have a file each.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

from bandi.model.records import Array
from bandi.policies._arm_kernels import gather_means
from bandi.policies.arms import BetaArms
from bandi.policies.bernoulli import best_means
from bandi.policies.chain import ChainStatistics
from bandi.policies.protocol import Candidates, Outcomes, Posterior, Ranked, Request, State
from bandi.policies.thompson import ThompsonRule

LEAST_POOL = 64
POOL_LISTS = 8
"""Length of the pool in lists."""


class Pool(NamedTuple):
    """Titles to choose from. items: int32[n]; draws, means: float64[n], click rates; seed: for what is drawn besides.

    exploring: 1, or 0 where the draws are the means and what a start is worth is to be what is expected.
    """

    items: Array
    draws: Array
    means: Array
    request: Request
    seed: np.uint64
    exploring: float = 1.0


class ChainRule(Protocol):
    """How clicks and what follows them make a list."""

    def choose(self, chain: ChainStatistics, pool: Pool, k: int) -> tuple[Array, Array]:
        """(places int32[k] in the pool, first slot first; keys float64[n] of the whole pool); 1 <= k <= n. O(n)."""


class ChainPolicy:
    """Click arms, the chain behind them, a rule. Not to be ranked by two threads at once: it works in its own scratch."""

    def __init__(self, arms: BetaArms, chain: ChainStatistics, rule: ChainRule) -> None:
        self.arms, self.chain, self._rule = arms, chain, rule
        self._clicks = ThompsonRule()
        self._scratch = np.empty((4, 256))

    def rank(self, request: Request, candidates: Candidates, k: int, seed: int) -> Ranked:
        """The k best of the candidates by the rule. O(candidates) for the pool, O(k) behind it."""
        k = min(k, len(candidates.items))
        if k < 1:
            return Ranked(np.zeros(0, np.int32), np.zeros(0, np.float32))
        size = min(len(candidates.items), max(LEAST_POOL, POOL_LISTS * k))
        shown = self._clicks.choose(self.arms, request, candidates, size, np.uint64(seed))
        return self._chosen(shown, request, k, seed, 1.0)

    def greedy(self, request: Request, candidates: Candidates, k: int, seed: int) -> Ranked:
        """The list by posterior means, without a draw (but those of `conditional` behind the click); 1 <= k <= candidates."""
        size = min(len(candidates.items), max(LEAST_POOL, POOL_LISTS * k))
        shown = best_means(self.arms, request, candidates, size, np.uint64(seed))
        return self._chosen(shown, request, k, seed, 0.0)

    def means(self, request: Request, items: Array) -> Array:
        """Posterior means of clicks on `items` (int32[n]) for this reader: float64[n]."""
        means: Array = self.arms.gather(request, Candidates(items)).mean[: len(items)].copy()
        return means

    def _chosen(self, shown: Ranked, request: Request, k: int, seed: int, exploring: float) -> Ranked:
        size = len(shown.items)
        if size > self._scratch.shape[1]:
            self._scratch = np.empty((4, 2 * size))
        a, b, means, draws = (self._scratch[row, :size] for row in range(4))
        draws[:] = shown.scores
        counts, used = self.arms.readable()
        gather_means(
            counts, used, shown.items, request.segment_weights, self.arms.borrowed,
            self.arms.decay(request.occurred_ms), self.arms.prior_successes, self.arms.prior_failures, a, b, means,
        )  # fmt: skip
        pool = Pool(shown.items, draws, means, request, np.uint64(seed) ^ np.uint64(0x5DEECE66D), exploring)
        order, keys = self._rule.choose(self.chain, pool, k)
        return Ranked(shown.items[order], keys[order].astype(np.float32))

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


def _part(state: State, prefix: str) -> State:
    return {name[len(prefix) :]: array for name, array in state.items() if name.startswith(prefix)}
