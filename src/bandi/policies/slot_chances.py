"""How probable an item is in its slot under Thompson sampling: from the draws of the others, not from how often it was drawn.

The arms are independent. Given the draws of all others an item stands in slot s just where its own draw is between the s-th and the
(s + 1)-th best of theirs, whose probability its Beta distribution gives; the mean of that over draws has the same expectation as the
share of lists that show it there and never more variance (Rao and Blackwell), and is above 0 where a share of draws would be 0.
Gelfand and Smith (1990), "Sampling-based approaches to calculating marginal densities", section 2.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandi.model.records import Array
from bandi.policies._beta_top_k import Scratch
from bandi.policies._slot_chances import chances_of_slots
from bandi.policies.bernoulli import BernoulliPolicy
from bandi.policies.protocol import Candidates, Policy, Request
from bandi.policies.thompson import ThompsonRule


class SlotChances(NamedTuple):
    """chances: float64[k], of each item in its slot; lists: int32[draws, k], the lists drawn."""

    chances: Array
    lists: Array


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
