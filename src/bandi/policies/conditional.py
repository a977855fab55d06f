"""The talk's chain of bandits, as it was: one Beta bandit for each step, their draws multiplied.

First bandit: click given an impression. Then for each later step a bandit of its own, Beta(successes + 1 * rate, failures +
1 * (1 - rate)) over starts, that knows nothing of delay, of other titles, or of readers: a start that has not paid yet is a
failure. With payments in a thousandth of starts the last bandit does not converge: its draws are noise for longer than
titles live. It is here to be compared with; `value` and `earning` are the chain with one posterior.
"""

from __future__ import annotations

import numpy as np

from bandi.model.records import Array
from bandi.policies._earning_kernels import best_products, draw_steps
from bandi.policies.chain import ChainStatistics
from bandi.policies.chain_policy import Pool


class ConditionalRule:
    """Highest product of independent draws."""

    def pool(self, k: int) -> tuple[int, int]:
        """All there are: the talk's bandits did not choose first."""
        return 0, 1 << 30

    def choose(self, chain: ChainStatistics, pool: Pool, k: int) -> tuple[Array, Array]:
        """The list; keys are products of draws."""
        keys, order = np.empty(len(pool.items)), np.empty(k, np.int32)
        used = min(chain.items, len(chain.trials))
        draw_steps(pool.items, chain.trials, chain.rewards, chain.prior_rates, used, pool.seed, keys)
        best_products(pool.draws, keys, order)
        return order, keys
