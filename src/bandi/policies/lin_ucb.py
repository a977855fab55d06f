"""LinUCB: each title's expected reward for this reader plus a bonus for what is not known of it.

Score of candidate a for reader x: x'mu_a + alpha * sqrt(x'A_a^-1 x). Li, Chu, Langford and Schapire (2010), "A
contextual-bandit approach to personalized news article recommendation", algorithm 1. Equal scores are ordered by a seeded
hash, so that a cold catalogue is not always shown in the order of its ids.

>>> import numpy as np
>>> from bandi.model.policy_config import LinUcb
>>> from bandi.policies.protocol import Candidates, Request
>>> from bandi.policies.registry import make_policy
>>> policy = make_policy(LinUcb(dimensions=3), segments=1)
>>> len(policy.rank(Request(np.ones(1, np.float32), 0), Candidates(np.arange(5, dtype=np.int32)), k=2, seed=1).items)
2
"""

from __future__ import annotations

import numpy as np

from bandi.model.records import Array
from bandi.policies._linear_kernels import beliefs
from bandi.policies._ranking import best
from bandi.policies.linear_titles import LinearTitles
from bandi.policies.protocol import Candidates, Ranked


class LinUcbRule:
    """The k highest upper bounds. exploration: alpha, at least 0."""

    def __init__(self, exploration: float) -> None:
        self._exploration = exploration

    def choose(
        self, titles: LinearTitles, x: Array, now_ms: int, candidates: Candidates, k: int, seed: np.uint64
    ) -> Ranked:
        """O(candidates d**2)."""
        n = len(candidates.items)
        means, variances = np.empty(n), np.empty(n)
        beliefs(
            titles.rows, titles.row_of, titles.used, candidates.items, x, titles.prior_mean, titles.ridge,
            titles.decay(now_ms), titles.half_life_ms, means, variances,
        )  # fmt: skip
        means += self._exploration * np.sqrt(variances)
        values, places = np.empty(k), np.empty(k, np.int32)
        best(means, n, k, seed, values, places)
        return Ranked(candidates.items[places], values.astype(np.float32))
