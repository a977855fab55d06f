"""What the policies that look beyond the click share: click arms, the chain behind a start, and a rule that weighs both.

Lists are chosen from a pool of titles, each with a drawn click rate: those that Thompson sampling would show first, and those
that may bring most coins by what was known when the chain was last learned anew (_pool_kernels.py). The rule says what a
start of each is worth and in which order they stand. The rules have a file each.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

from bandi.model.records import Array
from bandi.policies._pool_kernels import BINS, draw_pool, extend_pool
from bandi.policies.arms import BetaArms
from bandi.policies.bernoulli import best_means
from bandi.policies.cascade import SlotModel
from bandi.policies.chain import ChainStatistics
from bandi.policies.protocol import Candidates, ContentPriors, Outcomes, Posterior, Ranked, Request, State
from bandi.policies.thompson import ThompsonRule


class Pool(NamedTuple):
    """Titles to choose from. items: int32[n]; draws, means: float64[n], click rates; seed: for what is drawn besides.

    slots: float64[k], how likely each slot of the list is looked at. exploring: 1, or 0 where the draws are the means and what a
    start is worth is to be what is expected.
    """

    items: Array
    draws: Array
    means: Array
    request: Request
    seed: np.uint64
    slots: Array
    exploring: float = 1.0


class ChainRule(Protocol):
    """How clicks and what follows them make a list."""

    def pool(self, k: int) -> tuple[int, int]:
        """How many titles it looks at for a list of k: those of the highest drawn click rates, and those worth most besides."""

    def choose(self, chain: ChainStatistics, pool: Pool, k: int) -> tuple[Array, Array]:
        """(places int32[k] in the pool, first slot first; keys float64[n] of the whole pool); 1 <= k <= n. O(n)."""


class ChainPolicy:
    """Click arms, the chain behind them, a rule. Not to be ranked by two threads at once: it works in its own scratch."""

    def __init__(
        self, arms: BetaArms, chain: ChainStatistics, rule: ChainRule, examination: SlotModel | None = None
    ) -> None:
        """examination: by which impressions and slots are weighed, None: impressions count whole, slots by a fixed discount."""
        self.arms, self.chain, self._rule, self.examination = arms, chain, rule, examination
        self._clicks = ThompsonRule()
        self._reserve(256)

    def rank(self, request: Request, candidates: Candidates, k: int, seed: int) -> Ranked:
        """The k best of the candidates by the rule. O(candidates) for the pool, O(k) behind it."""
        k = min(k, len(candidates.items))
        if k < 1:
            return Ranked(np.zeros(0, np.int32), np.zeros(0, np.float32))
        return self._chosen(request, candidates, k, seed, 1.0)

    def greedy(self, request: Request, candidates: Candidates, k: int, seed: int) -> Ranked:
        """The list by posterior means, without a draw (but those of `conditional` behind the click); 1 <= k <= candidates."""
        return self._chosen(request, candidates, k, seed, 0.0)

    def means(self, request: Request, candidates: Candidates) -> Array:
        """Posterior means of clicks on the candidates for this reader: float64[n]."""
        means: Array = self.arms.gather(request, candidates).mean[: len(candidates.items)].copy()
        return means

    def _chosen(self, request: Request, candidates: Candidates, k: int, seed: int, exploring: float) -> Ranked:
        drawn = self._draw_pool(request, candidates, k, np.uint64(seed), exploring)
        items = candidates.items[self._places[:drawn]]
        slots = discount(k) if self.examination is None else self.examination.of_first(k)
        if request.shown:
            slots = slots.copy()
            slots[request.shown :] = 0.0  # ranked for whoever sorts the list again, but not shown
        pool = Pool(
            items,
            self._draws[:drawn],
            self._means[:drawn],
            request,
            np.uint64(seed ^ 0x5DEECE66D),
            slots,
            exploring,
        )
        order, keys = self._rule.choose(self.chain.believing(candidates.step_priors), pool, k)
        return Ranked(items[order], keys[order].astype(np.float32))

    def _draw_pool(self, request: Request, candidates: Candidates, k: int, seed: np.uint64, exploring: float) -> int:
        """Fill places, draws and means with the pool; how many they are."""
        n = len(candidates.items)
        if n > len(self._draws):
            self._reserve(2 * n)
        foremost, worth_most = self._rule.pool(k)
        foremost = min(foremost, n)
        size = min(max(foremost + worth_most, k), n)
        if foremost:
            choose = self._clicks.choose if exploring else best_means
            shown = choose(self.arms, request, candidates, foremost, seed)
            self._places[:foremost] = np.searchsorted(candidates.items, shown.items)
            self._draws[:foremost] = shown.scores
        clicks, (worths, usual) = self.arms.gather(request, candidates), self.chain.known_worths()
        if foremost:
            extend_pool(
                candidates.items, clicks.a, clicks.b, worths, usual, foremost, size, seed, exploring, self._keys, self._counts,
                self._places, self._draws, self._means,
            )  # fmt: skip
        else:
            draw_pool(
                candidates.items, clicks.a, clicks.b, worths, usual, size, seed, exploring, self._keys, self._counts,
                self._places, self._draws, self._means,
            )  # fmt: skip
        return size

    def _reserve(self, capacity: int) -> None:
        self._keys, self._counts = np.empty(capacity, np.float32), np.empty(BINS, np.int32)
        self._draws, self._means, self._places = (
            np.empty(capacity),
            np.empty(capacity),
            np.empty(capacity + 1, np.int32),
        )

    def update(self, outcomes: Outcomes) -> None:
        """Add outcomes: impressions and clicks to the arms, later steps to the chain. O(rows)."""
        if outcomes.steps is None:
            self.arms.update(outcomes if self.examination is None else self.examination.weigh(outcomes))
        else:
            self.chain.update(outcomes)

    def posterior(self, items: Array, segment: int, now_ms: int, priors: ContentPriors | None = None) -> Posterior:
        """Belief about clicks on `items`. priors: what arms start from; None: as configured."""
        return self.arms.posterior(items, segment, now_ms, priors)

    def most_tried(self, limit: int) -> Array:
        """Up to `limit` items with most impressions."""
        return self.arms.most_tried(limit)

    def merge(self, other: State) -> None:
        """Add the statistics of another shard."""
        self.arms.merge(_part(other, "clicks/"))
        self.chain.merge(_part(other, "chain/"))
        if self.examination is not None:
            self.examination.merge(other)

    def dump(self) -> State:
        """Copy of the statistics."""
        return {
            **{f"clicks/{name}": array for name, array in self.arms.dump().items()},
            **{f"chain/{name}": array for name, array in self.chain.dump().items()},
            **({} if self.examination is None else self.examination.dump()),
        }

    def load(self, state: State) -> None:
        """Replace the statistics by those of `dump`."""
        self.arms.load(_part(state, "clicks/"))
        self.chain.load(_part(state, "chain/"))
        if self.examination is not None:
            self.examination.load(state)


_DISCOUNT: Array = 1.0 / np.log2(2.0 + np.arange(16_384))


def discount(k: int) -> Array:
    """How much a slot counts where none is learned: 1 / log2(2 + slot) (Jarvelin and Kekalainen 2002): float64[k]."""
    weights: Array = _DISCOUNT[:k]
    return weights


def _part(state: State, prefix: str) -> State:
    return {name[len(prefix) :]: array for name, array in state.items() if name.startswith(prefix)}
