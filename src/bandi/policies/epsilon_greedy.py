"""Epsilon-greedy: the best means so far, and in a share of the slots a candidate at random.

Each slot, first to last: with probability epsilon a candidate drawn uniformly from those not yet in the list, else the
one with the highest posterior mean. Sutton and Barto (2018), "Reinforcement Learning", section 2.2. It goes on spending
epsilon of its slots on arms that cannot win, however much is known: the baseline that the talk compares with. Equal
means are ordered by a seeded hash.

>>> import numpy as np
>>> from bandi.model.policy_config import EpsilonGreedy
>>> from bandi.policies.protocol import Candidates, Ranked, Request, Request
>>> from bandi.policies.registry import make_policy
>>> policy = make_policy(EpsilonGreedy(epsilon=0.2), segments=1)
>>> len(policy.rank(Request(np.ones(1, np.float32), 0), Candidates(np.arange(5, dtype=np.int32)), k=2, seed=1).items)
2
"""

from __future__ import annotations

import numpy as np
from numba import njit

from bandi.model.records import Array
from bandi.policies._random import draw, mix
from bandi.policies._ranking import best
from bandi.policies.arms import BetaArms
from bandi.policies.protocol import Candidates, Ranked, Request


class EpsilonGreedyRule:
    """Scores are posterior means, of explored slots too. epsilon: 0 to 1, share of slots explored."""

    def __init__(self, epsilon: float) -> None:
        self._epsilon = epsilon
        self._greedy_values = np.empty(0)
        self._greedy_places = np.empty(0, np.int32)

    def choose(self, arms: BetaArms, request: Request, candidates: Candidates, k: int, seed: np.uint64) -> Ranked:
        """O(candidates)."""
        posterior = arms.gather(request, candidates)
        n = len(candidates.items)
        if len(self._greedy_values) < k:
            self._greedy_values, self._greedy_places = np.empty(k), np.empty(k, np.int32)
        best(posterior.mean, n, k, seed, self._greedy_values, self._greedy_places)
        explore(
            posterior.mean, n, k, self._epsilon, seed,
            self._greedy_places, posterior.flags, posterior.values, posterior.places,
        )  # fmt: skip
        return posterior.ranked(candidates, k)


@njit(cache=True, nogil=True)
def explore(
    mean: Array, n: int, k: int, epsilon: float, seed: np.uint64,
    greedy: Array, chosen: Array, values: Array, places: Array,
) -> None:  # fmt: skip
    """Fill k slots from `greedy` (best first), each with probability epsilon by a random arm not yet chosen."""
    chosen[:n] = 0
    state = mix(seed + np.uint64(1))
    following = 0
    for slot in range(k):
        state, u = draw(state)
        if u < epsilon:
            while True:
                state, u = draw(state)
                arm = min(int(u * n), n - 1)
                if not chosen[arm]:
                    break
        else:
            while chosen[greedy[following]]:
                following += 1
            arm = greedy[following]
        chosen[arm] = 1
        values[slot], places[slot] = mean[arm], arm
