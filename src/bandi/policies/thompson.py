"""Thompson sampling: draw a rate from each arm's posterior, show the highest draws.

An arm is shown as often as it may be the best: often while little is known of it, hardly ever once it is known to be
poor. Score of candidate i: theta_i ~ Beta(a_i, b_i), drawn anew for each request, with a_i = prior successes + sum over
segments s of w_s * successes and b_i likewise with failures. Thompson (1933), "On the likelihood that one unknown
probability exceeds another"; for lists Komiyama, Honda and Nakagawa (2015). The draws are exact, but only arms that can
reach the list are drawn (_beta_top_k.py). What a reader's own segments have not seen is borrowed from the others, up to
`borrow` trials (a power prior: Ibrahim and Chen 2000). The prior is the configured one, or the item's own where the
candidates bring priors (learning.content_priors).

>>> import numpy as np
>>> from bandi.model.policy_config import Thompson
>>> from bandi.policies.protocol import Candidates, Request
>>> from bandi.policies.registry import make_policy
>>> policy = make_policy(Thompson(), segments=1)
>>> ranked = policy.rank(Request(np.ones(1, np.float32), 0), Candidates(np.arange(5, dtype=np.int32)), k=2, seed=1)
>>> len(ranked.items)
2
"""

from __future__ import annotations

import numpy as np
from numba import njit

from bandi.model.records import Array
from bandi.policies._arm_kernels import gather, start_from
from bandi.policies._beta_top_k import Scratch, top_k
from bandi.policies.arms import BetaArms
from bandi.policies.protocol import Candidates, Ranked, Request


class ThompsonRule:
    """The k highest of independent posterior draws; scores are the draws, 0 to 1."""

    def __init__(self) -> None:
        self._reserve(256)

    def choose(self, arms: BetaArms, request: Request, candidates: Candidates, k: int, seed: np.uint64) -> Ranked:
        """O(candidates): straight arithmetic for all, a draw for the few that can reach the list."""
        if len(candidates.items) > self._posterior.shape[1]:
            self._reserve(2 * len(candidates.items))
        counts, used = arms.readable()
        items, scores = np.empty(k, np.int32), np.empty(k, np.float32)
        work = self._scratch
        if candidates.priors is None:  # arguments written out twice: to unpack a tuple of them costs 0.1 µs
            sample_best(
                counts, used, candidates.items, request.segment_weights, arms.borrowed, arms.decay(request.occurred_ms),
                arms.prior_successes, arms.prior_failures, seed,
                self._posterior, work.values, work.places, work.narrow, work.block, items, scores,
            )  # fmt: skip
        else:
            sample_best_from(
                counts, used, candidates.items, request.segment_weights, arms.borrowed, arms.decay(request.occurred_ms),
                arms.prior_successes, arms.prior_failures, candidates.priors.successes, candidates.priors.failures, seed,
                self._posterior, work.values, work.places, work.narrow, work.block, items, scores,
            )  # fmt: skip
        return Ranked(items, scores)

    def _reserve(self, capacity: int) -> None:
        self._posterior = np.empty((2, capacity))
        self._scratch = Scratch(capacity)


@njit(cache=True, nogil=True)
def sample_best(
    counts: Array, used: int, items: Array, weights: Array, borrowed: float, decay: float, prior_a: float,
    prior_b: float, seed: np.uint64, posterior: Array, values: Array, places: Array, narrow: Array, block: Array,
    chosen: Array, scores: Array,
) -> None:  # fmt: skip
    """Gather the posteriors of `items` and sample the len(chosen) best: one kernel, for each call costs half a µs.

    chosen: int32[k], scores: float32[k], the outcome. Scratch: posterior: float64[2, n], the others as in `top_k`.
    """
    a, b = posterior[0], posterior[1]
    gather(counts, used, items, weights, borrowed, decay, prior_a, prior_b, a, b)
    top_k(a, b, len(items), len(chosen), seed, values, places, narrow, block)
    for slot in range(len(chosen)):
        chosen[slot], scores[slot] = items[places[0, slot]], values[0, slot]


@njit(cache=True, nogil=True)
def sample_best_from(
    counts: Array, used: int, items: Array, weights: Array, borrowed: float, decay: float, prior_a: float,
    prior_b: float, successes: Array, failures: Array, seed: np.uint64, posterior: Array, values: Array, places: Array,
    narrow: Array, block: Array, chosen: Array, scores: Array,
) -> None:  # fmt: skip
    """`sample_best` of arms that start from priors of their own: successes, failures as in protocol.ContentPriors."""
    a, b = posterior[0], posterior[1]
    gather(counts, used, items, weights, borrowed, decay, prior_a, prior_b, a, b)
    start_from(items, weights, prior_a, prior_b, successes, failures, a, b)
    top_k(a, b, len(items), len(chosen), seed, values, places, narrow, block)
    for slot in range(len(chosen)):
        chosen[slot], scores[slot] = items[places[0, slot]], values[0, slot]
