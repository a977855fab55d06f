"""Kernels of credit.py: refunds against purchases, and purchases against the touches before them."""

from __future__ import annotations

import numpy as np
from numba import njit

from bandi.model.records import Array

LAST_PURCHASES, LAST_COINS, WEIGHTED_PURCHASES, WEIGHTED_COINS = 0, 1, 2, 3
"""Columns of sums."""


@njit(cache=True, nogil=True)
def take_back(pairs: Array, refunds: Array, episodes: Array, coins: Array, left: Array) -> float:
    """Refunds take coins from earlier purchases of their pair; gives what was left over of the refunds.

    pairs: int64[n], ascending, and within one by time; refunds: bool[n]; episodes: int32[n]; coins: float64[n]. left:
    float64[n], written: what remains of each purchase, 0 for refunds. Of a refund's own episode the latest purchase gives
    first, then the latest of the others. O(n) but for refunds, each O(purchases before it in its pair).
    """
    unmatched, first = 0.0, 0
    for n in range(len(pairs)):
        if n and pairs[n] != pairs[n - 1]:
            first = n
        if not refunds[n]:
            left[n] = coins[n]
            continue
        left[n], due = 0.0, coins[n]
        for own in (True, False):
            if own and episodes[n] == 0:
                continue
            for m in range(n - 1, first - 1, -1):
                if due <= 0.0:
                    break
                if refunds[m] or (own and episodes[m] != episodes[n]):
                    continue
                taken = min(left[m], due)
                left[m] -= taken
                due -= taken
        unmatched += max(due, 0.0)
    return unmatched


@njit(cache=True, nogil=True)
def share_out(
    pairs: Array, bought_ms: Array, coins: Array, touch_pairs: Array, touched_ms: Array, groups: Array, covered: Array,
    window_ms: int, first_weight: float, last_weight: float, sums: Array, last: Array, part: Array,
) -> None:  # fmt: skip
    """Credit each purchase to the touches of its pair within the window before it. O(purchases + touches in their windows).

    pairs, bought_ms: int64[n] and touch_pairs, touched_ms: int64[m], ascending by pair, then time. groups: int32[m], the row
    of `sums` that a touch counts for; covered: bool[m]. sums: float64[groups + 1, 4], added to, organic purchases in the last
    row. last: int64[n], written: the latest touch, -1 of an organic purchase; part: float64[n], written: position-weighted
    share of the touches that are covered.
    """
    organic, low = len(sums) - 1, 0
    for n in range(len(pairs)):
        while low < len(touch_pairs) and (
            touch_pairs[low] < pairs[n] or (touch_pairs[low] == pairs[n] and touched_ms[low] < bought_ms[n] - window_ms)
        ):
            low += 1
        high = low
        while high < len(touch_pairs) and touch_pairs[high] == pairs[n] and touched_ms[high] <= bought_ms[n]:
            high += 1
        count, part[n] = high - low, 0.0
        if count == 0:
            last[n] = -1
            for row, amount in ((LAST_PURCHASES, 1.0), (LAST_COINS, coins[n])):
                sums[organic, row] += amount
                sums[organic, row + 2] += amount
            continue
        last[n] = high - 1
        sums[groups[high - 1], LAST_PURCHASES] += 1.0
        sums[groups[high - 1], LAST_COINS] += coins[n]
        for touch in range(low, high):
            weight = position_weight(touch - low, count, first_weight, last_weight)
            sums[groups[touch], WEIGHTED_PURCHASES] += weight
            sums[groups[touch], WEIGHTED_COINS] += weight * coins[n]
            if covered[touch]:
                part[n] += weight


@njit(cache=True, nogil=True)
def position_weight(place: int, count: int, first_weight: float, last_weight: float) -> float:
    """Share of touch `place` (0: the first) of `count`; all shares sum to 1.

    The first and the last get their weights, those between share the rest evenly; where there are none between, the two
    share all in the ratio of their weights, or evenly where both are 0.
    """
    if count == 1:
        return 1.0
    ends = first_weight + last_weight
    if count == 2:
        if ends <= 0.0:
            return 0.5
        return first_weight / ends if place == 0 else last_weight / ends
    if place == 0:
        return first_weight
    if place == count - 1:
        return last_weight
    return (1.0 - ends) / (count - 2)


def position_weights(count: int, first_weight: float, last_weight: float) -> Array:
    """Shares of `count` touches in their order: float64[count]."""
    return np.array([position_weight(place, count, first_weight, last_weight) for place in range(count)])
