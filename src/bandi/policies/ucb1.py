"""UCB1: the mean so far plus a bonus that shrinks as an arm is tried.

Score of candidate i: mean_i + c * sqrt(2 ln N / n_i), with n_i = a_i + b_i the arm's trials, the prior's strength
counted among them (so no arm has none), and N the sum of n_i over the candidates. Auer, Cesa-Bianchi and Fischer (2002),
"Finite-time analysis of the multiarmed bandit problem", figure 1 (c = 1). Equal scores are ordered by a seeded hash, so
that a cold catalogue is not always shown in the order of its ids.

>>> import numpy as np
>>> from bandi.model.policy_config import Ucb1
>>> from bandi.policies.protocol import Candidates, Ranked, Request, Request
>>> from bandi.policies.registry import make_policy
>>> policy = make_policy(Ucb1(), segments=1)
>>> len(policy.rank(Request(np.ones(1, np.float32), 0), Candidates(np.arange(5, dtype=np.int32)), k=2, seed=1).items)
2
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from bandi.model.records import Array
from bandi.policies._ranking import best
from bandi.policies.arms import BetaArms
from bandi.policies.protocol import Candidates, Ranked, Request


class Ucb1Rule:
    """The k highest upper confidence bounds. exploration: c, at least 0."""

    def __init__(self, exploration: float) -> None:
        self._exploration = exploration

    def choose(self, arms: BetaArms, request: Request, candidates: Candidates, k: int, seed: np.uint64) -> Ranked:
        """O(candidates)."""
        posterior = arms.gather(request, candidates)
        n = len(candidates.items)
        upper_bounds(posterior.a, posterior.b, posterior.mean, n, self._exploration)
        best(posterior.mean, n, k, seed, posterior.values, posterior.places)
        return posterior.ranked(candidates, k)


@njit(cache=True, nogil=True)
def upper_bounds(a: Array, b: Array, mean: Array, n: int, exploration: float) -> None:
    """mean[i] becomes the upper bound of arm i."""
    total = 0.0
    for i in range(n):
        total += a[i] + b[i]
    numerator = 2.0 * math.log(max(total, 1.0))
    for i in range(n):
        mean[i] += exploration * math.sqrt(numerator / (a[i] + b[i]))
