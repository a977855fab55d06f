"""Clicks weighed by how many readers a title keeps: the talk's third experiment.

A title's continuation is the share of starts that reach the step (say, episode four), of those that would have reached it by
now: starts are censored by their age, as in survival analysis (Kaplan and Meier 1958; a mixture cure model, for many never
continue: Boag 1949), and the share is shrunk to the mean of all titles (chain.py). Key: click rate's draw times
1 + strength * (continuation / mean - 1).
"""

from __future__ import annotations

import numpy as np

from bandi.model.policy_config import Retention
from bandi.model.records import Array
from bandi.policies._earning_kernels import best_products
from bandi.policies.chain import ChainStatistics
from bandi.policies.chain_policy import Pool


class RetentionRule:
    """Click rate's draw, raised for titles that keep their readers."""

    def __init__(self, config: Retention) -> None:
        self._strength = config.strength

    def pool(self, k: int) -> tuple[int, int]:
        """Titles with many clicks."""
        return max(64, 6 * k), 0

    def choose(self, chain: ChainStatistics, pool: Pool, k: int) -> tuple[Array, Array]:
        """The list; keys are click rates weighed by continuation."""
        kept = chain.factors_of(pool.items, 0, pool.request.occurred_ms)
        keys = np.maximum(1.0 + self._strength * (kept - 1.0), 0.0)
        order = np.empty(k, np.int32)
        best_products(pool.draws, keys, order)
        return order, keys
