"""Thompson sampling on expected coins: the click rate's draw times a draw of what a start is worth.

What a start is worth has a zero-inflated posterior of heavy tail: a Gamma factor for each step that must be taken before
coins come (most starts bring none), times coins per payer, shrunk to the mean of all titles and capped (chain.py). Thompson
(1933) for the sampling; the product of steps is the fixed version of the talk's chain of bandits: one posterior for the
whole chain.
"""

from __future__ import annotations

import numpy as np

from bandi.model.records import Array
from bandi.policies._earning_kernels import best_products
from bandi.policies.chain import ChainStatistics
from bandi.policies.chain_policy import Pool


class ValueRule:
    """Highest product of drawn click rate and drawn coins per start."""

    def pool(self, k: int) -> tuple[int, int]:
        """Those worth most, clicks and all."""
        return 0, max(64, 4 * k)

    def choose(self, chain: ChainStatistics, pool: Pool, k: int) -> tuple[Array, Array]:
        """The list; keys are drawn coins per impression."""
        keys = chain.values_of(pool.items, pool.request.occurred_ms, pool.exploring, pool.seed)
        order = np.empty(k, np.int32)
        best_products(pool.draws, keys, order)
        return order, keys
