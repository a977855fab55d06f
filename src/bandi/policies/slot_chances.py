"""How probable an item is in its slot under Thompson sampling: from the draws of the others, not from how often it was drawn.

The arms are independent. Given the draws of all others an item stands in slot s just where its own draw is between the s-th and the
(s + 1)-th best of theirs, whose probability its Beta distribution gives; the mean of that over draws has the same expectation as the
share of lists that show it there and never more variance (Rao and Blackwell), and is above 0 where a share of draws would be 0.
Gelfand and Smith (1990), "Sampling-based approaches to calculating marginal densities", section 2.

Whoever divides by it must count the list that was shown in. Let q_0 be the conditional probability in that list's own draw, q_1 to q_m
those of fresh draws, and p their mean. Then the mean of 1[shown] / p is that of q_0 / p, and as q_0 to q_m are exchangeable, it is 1:
inverse propensities are unbiased, whatever m is. With q_1 to q_m alone an item that is shown in rare draws only would now and then weigh
millions.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandi.model.records import Array
from bandi.policies._beta_top_k import Scratch
from bandi.policies._slot_chances import chances_of_slots, own_chances
from bandi.policies.bernoulli import BernoulliPolicy
from bandi.policies.protocol import Candidates, Policy, Request
from bandi.policies.thompson import ThompsonRule


class SlotChances(NamedTuple):
    """chances: float64[k], of each item in its slot; lists: int32[draws, k], the lists drawn."""

    chances: Array
    lists: Array


def shown_chances(
    policy: Policy, request: Request, candidates: Candidates, items: Array, draws: int, seed: int, own_seed: int
) -> SlotChances | None:
    """`slot_chances` of the list that the policy drew with `own_seed`, that draw counted in: what inverse propensities need.

    None also where that seed draws another list.
    """
    found = slot_chances(policy, request, candidates, items, draws, seed)
    if found is None or not isinstance(policy, BernoulliPolicy):
        return None
    if not np.array_equal(policy.rank(request, candidates, len(items), own_seed).items, items):
        return None
    posterior, n = policy.arms.gather(request, candidates), len(candidates.items)
    work, left, own = Scratch(n), np.empty((2, n)), np.zeros(len(items))
    own_chances(
        posterior.a, posterior.b, n, len(items), np.uint64(own_seed), np.uint64(seed), work.values, work.places, work.narrow,
        work.block, left[0], left[1], own,
    )  # fmt: skip
    return SlotChances((draws * found.chances + own) / (draws + 1.0), found.lists)


def slot_chances(
    policy: Policy, request: Request, candidates: Candidates, items: Array, draws: int, seed: int
) -> SlotChances | None:  # fmt: skip
    """Of `items` (int32[k], a list of 1 <= k <= candidates) under `draws` draws; None of a policy that is not Thompson sampling.

    An item that is no candidate has chance 0. O(draws (candidates + k)): the posteriors are gathered once.
    """
    if not isinstance(policy, BernoulliPolicy) or not isinstance(policy.rule, ThompsonRule):
        return None
    n, k = len(candidates.items), len(items)
    if not 1 <= k <= n:
        return None
    posterior = policy.arms.gather(request, candidates)
    place = np.searchsorted(candidates.items, items).clip(max=n - 1)
    shown = np.where(candidates.items[place] == items, place, -1).astype(np.int32)
    work = Scratch(n)
    chances, lists = np.zeros(k), np.empty((draws, k), np.int32)
    chances_of_slots(
        posterior.a,
        posterior.b,
        n,
        shown,
        np.uint64(seed),
        work.values,
        work.places,
        work.narrow,
        work.block,
        chances,
        lists,
    )
    return SlotChances(chances, candidates.items[lists])
