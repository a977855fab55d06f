"""The earning dial: Thompson sampling on clicks that gives up a stated share of them for coins.

Each title of the pool has a drawn click rate and the coins that a start is expected to bring (chain.py: one posterior for
the whole chain, with delay, rarity and readers in view). Shown is the list that earns most while its expected clicks stay
within `give_up` of those of the list with most: the Lagrangian of coins subject to clicks (_earning_kernels.trade; Agarwal,
Chen, Elango and Wang 2011, "Click shaping to optimize multiple objectives", state it as a program over a page's traffic). A
reader who is likelier to pay gives up more clicks than one who is not, by the square of the factor: near the optimum a list
that trades at rate x loses clicks by x**2 and gains coins by factor * x, so one rate for all readers, weighed by what each
pays, means shares that go with the square.
"""

from __future__ import annotations

import numpy as np

from bandi.model.policy_config import Earning
from bandi.model.records import Array
from bandi.policies._chain_kernels import READER_SHAPE, SPREAD, STARTS, reader_factor
from bandi.policies._earning_kernels import trade
from bandi.policies.chain import ChainStatistics
from bandi.policies.chain_policy import Pool

MOST_FACTOR = 10.0
"""A reader gives up at most so many times the mean share."""


class EarningRule:
    """Most coins among lists that give up at most `give_up` of the expected clicks."""

    def __init__(self, config: Earning) -> None:
        self._config = config

    def choose(self, chain: ChainStatistics, pool: Pool, k: int) -> tuple[Array, Array]:
        """The list; keys are drawn click rates weighed by coins."""
        values = chain.values_of(pool.items, pool.request.occurred_ms, self._config.explore * pool.exploring, pool.seed)
        order, keys = np.empty(k, np.int32), np.empty(len(pool.items))
        trade(
            pool.draws,
            pool.means,
            values,
            pool.slots,
            self._budget(chain, pool.request.user, pool.request.give_up),
            keys,
            order,
        )
        return order, keys

    def _budget(self, chain: ChainStatistics, user: int, dial: float | None = None) -> float:
        """Share of this reader's expected clicks that may be given up. dial: instead of the configured one."""
        starts = float(chain.globals_[STARTS])
        give_up = self._config.give_up if dial is None else dial
        if not 0.0 < give_up < 1.0 or starts < 1.0:
            return give_up
        factor = reader_factor(chain.readers, user, chain.globals_[READER_SHAPE])
        return float(min(give_up * min(factor * factor * starts / chain.globals_[SPREAD], MOST_FACTOR), 1.0))
