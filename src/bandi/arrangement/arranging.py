"""From a ranked pool to the list that is shown, and which rule acted on each slot.

The order of things: what is blocked never enters the pool (`InForce.allowed`); boosts and buries re-order it; diversity chooses;
pins take their slots and the others move down. A pinned title counts towards caps, quotas and similarity.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandi.arrangement._arrangement_kernels import arrange_list
from bandi.arrangement.diversity import Diversity
from bandi.arrangement.rules import InForce, PinFate
from bandi.model.records import Array
from bandi.policies.protocol import Ranked

MAX_POOL = 10_000
BOOSTED_POOL = 2_000


class Arranged(NamedTuple):
    """The list, first slot first. items: int32[m]; scores: float32[m], the policy's own, before any factor.

    rules: int32[m], the number of the rule that acted on the slot: its pin, or the boost or bury of its title; -1: none. A
    pinned title that the pool does not hold has score 0. fates: uint8[p], a `PinFate` for each of the pins in force.
    """

    items: Array
    scores: Array
    rules: Array
    fates: Array


def pool_size(k: int, candidates: int, rules: InForce, diversity: Diversity) -> int:
    """How many titles the policy should rank for a list of k.

    k, where nothing re-orders; else 4 k, at least k + 50: deep enough to mix from; and at least BOOSTED_POOL where titles are
    boosted, for one from further down may rise: what the policy ranks below that is not lifted.
    """
    if not diversity.asks and not len(rules.acting):
        return min(candidates, k + len(rules.pin_items))
    wanted = max(4 * k, k + 50, BOOSTED_POOL if rules.boosts else 0)
    return min(candidates, wanted, MAX_POOL)


def arrange(
    pool: Ranked,
    k: int,
    rules: InForce,
    diversity: Diversity,
    sources: Array | None = None,
    eligible: Array | None = None,
) -> Arranged:
    """The list of m = min(k, titles of the pool and pins) slots.

    pool: items int32[n], distinct, best first, n at most MAX_POOL, with finite scores float32[n]; sources: uint8[n], who named
    each (needed for quotas); eligible: bool[p], which of `rules.pin_items` may be shown to this reader (absent: all). A pin
    stands at just its slot, in a list shorter than that at its end. Cost as `diversify`, and O(a log a) for a boosted
    or buried titles. Raises ValueError for a pool above MAX_POOL.
    """
    if len(pool.items) > MAX_POOL:
        raise ValueError(f"a pool of {len(pool.items)} titles: expected at most {MAX_POOL}")
    fates = np.full(len(rules.pin_slots), PinFate.SHOWN, np.uint8)
    slots, items, numbers = rules.pin_slots, rules.pin_items, rules.pin_rules
    if len(slots):
        fates[slots >= k] = PinFate.BEYOND_LIST
        if eligible is not None:
            fates[~eligible] = PinFate.NOT_ELIGIBLE
        by_item = np.argsort(items)
        shown = by_item[fates[by_item] == PinFate.SHOWN]
        slots, items, numbers = slots[shown], items[shown], numbers[shown]
    elif not len(rules.acting) and not diversity.asks:
        none = np.full(min(k, len(pool.items)), -1, np.int32)
        return Arranged(pool.items[:k], pool.scores[:k], none, fates)
    (codes, shares), (least, most), (vectors, trade_off) = diversity.caps, diversity.quotas, diversity.mmr
    bits = np.zeros(len(pool.items) if len(least) else 0, np.uint8) if sources is None else sources
    found, scores, acted = arrange_list(
        pool.items, pool.scores, k, slots, items, numbers, rules.acting, rules.factors,
        codes, shares, bits, least, most, vectors, trade_off,
    )  # fmt: skip
    return Arranged(found, scores, acted, fates)
