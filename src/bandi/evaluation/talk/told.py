"""The dial told a part of the truth: what it would earn if it knew titles, or readers, from the first day.

What is left to the oracle then is what the other part is worth. Evaluation alone can tell; no policy gets here.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from bandi.evaluation.worlds.funnel.truth import FunnelWorld
from bandi.model.policy_config import Earning
from bandi.model.records import Array
from bandi.policies._chain_kernels import FACTORS
from bandi.policies.chain import ChainStatistics
from bandi.policies.chain_policy import ChainPolicy, Pool
from bandi.policies.earning import EarningRule, Worth

Told = Literal["titles", "readers"]
_ALL = 1 << 30


class ToldTitles:
    """The chain, but that a start's coins are what the population brings in truth."""

    def __init__(self, chain: Worth, values: Array) -> None:
        self._chain, self._values = chain, values

    @property
    def reader_shares(self) -> Array:
        """As the chain knows them."""
        return self._chain.reader_shares

    def values_of(self, items: Array, now_ms: int, explore: float, seed: np.uint64) -> Array:
        """The truth."""
        return np.asarray(self._values[items])

    def factor_of(self, user: int) -> float:
        """As the chain knows it."""
        return self._chain.factor_of(user)


class ToldReaders:
    """The chain, but that a reader's factor is purchasing power as a multiple of the mean (not whether they have paid before)."""

    def __init__(self, chain: Worth, factors: Array, shares: Array) -> None:
        self._chain, self._factors, self._shares = chain, factors, shares

    @property
    def reader_shares(self) -> Array:
        """The truth, each reader counted once."""
        return self._shares

    def values_of(self, items: Array, now_ms: int, explore: float, seed: np.uint64) -> Array:
        """As the chain knows them."""
        return self._chain.values_of(items, now_ms, explore, seed)

    def factor_of(self, user: int) -> float:
        """The truth."""
        return float(self._factors[user])


class ToldRule:
    """The dial with a part of the truth in the chain's place; all titles are in its pool."""

    def __init__(self, config: Earning, world: FunnelWorld, told: Told) -> None:
        self._rule, self._told = EarningRule(config), told
        self._values, self._factors = world.population_values(), world.power / world.power.mean()
        places = 2.0 * np.log2(np.maximum(self._factors, FACTORS[0]) / FACTORS[0])
        counts = np.bincount(np.rint(places).astype(np.int64).clip(max=len(FACTORS) - 1), minlength=len(FACTORS))
        self._shares: Array = counts / counts.sum()

    def pool(self, k: int) -> tuple[int, int]:
        """Those with many clicks, and all others."""
        return self._rule.pool(k)[0], _ALL

    def choose(self, chain: ChainStatistics, pool: Pool, k: int) -> tuple[Array, Array]:
        """As `EarningRule`."""
        if self._told == "titles":
            return self._rule.choose(ToldTitles(chain, self._values), pool, k)
        return self._rule.choose(ToldReaders(chain, self._factors, self._shares), pool, k)


def tell(policy: ChainPolicy, config: Earning, world: FunnelWorld, told: Told) -> ChainPolicy:
    """The same policy, statistics and all, with a rule that was told."""
    return ChainPolicy(policy.arms, policy.chain, ToldRule(config, world, told), policy.examination)
