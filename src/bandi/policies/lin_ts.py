"""Linear Thompson sampling: draw each title's expected reward for this reader from its posterior, show the highest draws.

Score of candidate a for reader x: x'theta_a with theta_a ~ N(mu_a, s**2 A_a^-1), drawn anew for each request. Agrawal and
Goyal (2013), "Thompson sampling for contextual bandits with linear payoffs", algorithm 1, with weights of each title's
own. x'theta_a is N(x'mu_a, s**2 x'A_a^-1 x), and titles are independent, so the score itself is drawn, and only where it
can reach the list (_linear_kernels.draw_best).

>>> import numpy as np
>>> from bandi.model.policy_config import LinTs
>>> from bandi.policies.protocol import Candidates, Request
>>> from bandi.policies.registry import make_policy
>>> policy = make_policy(LinTs(dimensions=3), segments=1)
>>> reader = Request(np.ones(1, np.float32), 0, vector=np.array([1.0, 0.6, 0.8], np.float32))
>>> len(policy.rank(reader, Candidates(np.arange(5, dtype=np.int32)), k=2, seed=1).items)
2
"""

from __future__ import annotations

import numpy as np

from bandi.model.records import Array
from bandi.policies._linear_kernels import draw_best
from bandi.policies.linear_titles import LinearTitles
from bandi.policies.protocol import Candidates, Ranked


class LinTsRule:
    """The k highest of independent draws; scores are the draws. spread: s, standard deviation of one reward."""

    def __init__(self, spread: float) -> None:
        self._spread = spread
        self._scratch = np.empty((2, 256))

    def choose(
        self, titles: LinearTitles, x: Array, now_ms: int, candidates: Candidates, k: int, seed: np.uint64
    ) -> Ranked:
        """O(candidates d), and O(d**2) for those that can reach the list."""
        if len(candidates.items) > self._scratch.shape[1]:
            self._scratch = np.empty((2, 2 * len(candidates.items)))
        values, places = np.empty(k), np.empty(k, np.int32)
        draw_best(
            titles.rows, titles.row_of, titles.used, candidates.items, x, titles.prior_mean, titles.ridge,
            titles.decay(now_ms), titles.half_life_ms, self._spread, seed, self._scratch[0], self._scratch[1],
            values, places,
        )  # fmt: skip
        return Ranked(candidates.items[places], values.astype(np.float32))
