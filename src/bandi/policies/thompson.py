"""Thompson sampling: draw a rate from each arm's posterior, show the highest draws.

An arm is shown as often as it may be the best: often while little is known of it, hardly ever once it is known to be
poor. Score of candidate i: theta_i ~ Beta(a_i, b_i), drawn anew for each request, with a_i = prior successes + sum over
segments s of w_s * successes and b_i likewise with failures. Thompson (1933), "On the likelihood that one unknown
probability exceeds another"; for lists Komiyama, Honda and Nakagawa (2015). The draws are exact, but only arms that can
reach the list are drawn (_beta_top_k.py).

>>> import numpy as np
>>> from bandi.model.config import Thompson
>>> from bandi.policies.protocol import Candidates, Request
>>> from bandi.policies.registry import make_policy
>>> policy = make_policy(Thompson(), segments=1)
>>> ranked = policy.rank(Request(np.ones(1, np.float32), 0), Candidates(np.arange(5, dtype=np.int32)), k=2, seed=1)
>>> len(ranked.items)
2
"""

from __future__ import annotations

import numpy as np

from bandi.policies._beta_top_k import BLOCK, top_k
from bandi.policies.arms import Scratch
from bandi.policies.protocol import Candidates


class ThompsonRule:
    """The k highest of independent posterior draws; scores are the draws, 0 to 1."""

    def __init__(self) -> None:
        self._work = np.empty((2, BLOCK))
        self._bits = self._work.view(np.int64)
        self._keep = np.zeros(BLOCK, np.uint8)

    def choose(self, posterior: Scratch, candidates: Candidates, k: int, seed: np.uint64) -> None:
        """O(candidates): straight arithmetic for all, a draw for the few that can reach the list."""
        top_k(
            posterior.a, posterior.b, posterior.mean, len(candidates.items), k, seed,
            posterior.values, posterior.places, posterior.flags, self._work, self._bits, self._keep,
        )  # fmt: skip
