"""The earning dial: Thompson sampling on clicks that gives up a stated share of them for coins.

Each title of the pool has a drawn click rate and the coins that a start is expected to bring (chain.py: one posterior for
the whole chain, with delay, rarity and readers in view). Shown is the list with the greatest sum of clicks + rate * coins:
the Lagrangian of coins subject to clicks (_earning_kernels.trade; Agarwal, Chen, Elango and Wang 2011, "Click shaping to
optimize multiple objectives", state it as a program over a page's traffic). One rate of exchange for all readers earns most
for the clicks that all give up (Everett 1963): a reader of factor f brings f times the coins, so trades at f times the rate,
and gives up more than one who does not pay. The rate is the one at which readers as they were met (their factors, weighed by
how much they read), shown lists of this pool, lose `give_up` of their expected clicks together.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from bandi.model.policy_config import Earning
from bandi.model.records import Array
from bandi.policies._earning_kernels import trade
from bandi.policies.chain_policy import Pool


class Worth(Protocol):
    """What the dial asks of the chain (chain.ChainStatistics)."""

    @property
    def reader_shares(self) -> Array:
        """Part of the reading that readers of each of `FACTORS` do: float64[21]."""

    def values_of(self, items: Array, now_ms: int, explore: float, seed: np.uint64) -> Array:
        """Coins that a start of each title is expected to bring, to an average reader: float64[n]."""

    def factor_of(self, user: int) -> float:
        """How much likelier than average a reader pays."""


class EarningRule:
    """Most coins for `give_up` of all readers' expected clicks."""

    def __init__(self, config: Earning) -> None:
        self._config = config

    def pool(self, k: int) -> tuple[int, int]:
        """Titles with many clicks and titles with many coins: the dial goes from those to these."""
        return max(48, 3 * k), max(48, 3 * k)

    def choose(self, chain: Worth, pool: Pool, k: int) -> tuple[Array, Array]:
        """The list; keys are drawn click rates weighed by coins."""
        request = pool.request
        values = chain.values_of(pool.items, request.occurred_ms, self._config.explore * pool.exploring, pool.seed)
        give_up = self._config.give_up if request.give_up is None else request.give_up
        order, keys = np.empty(k, np.int32), np.empty(len(pool.items))
        factor = chain.factor_of(request.user)
        trade(pool.draws, pool.means, values, pool.slots, give_up, factor, chain.reader_shares, keys, order)
        return order, keys
