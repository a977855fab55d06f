"""The whole arrangement of one list in one call: factors, diversity, pins."""

from __future__ import annotations

import numpy as np
from numba import njit

from bandi.arrangement._diversity_kernels import choose
from bandi.model.records import Array

_BEYOND = np.iinfo(np.int32).max


@njit(cache=True, nogil=True)
def arrange_list(
    items: Array, scores: Array, k: int,
    pin_slots: Array, pin_items: Array, pin_rules: Array, acting: Array, factors: Array,
    codes: Array, shares: Array, sources: Array, least_shares: Array, most_shares: Array,
    vectors: Array, trade_off: float,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """items, scores and rules of the list: int32[m], float32[m], int32[m].

    items, scores, sources: the pool, best first; pins: those that are shown, by item, their slots below k. The other
    arguments as in `choose` and `InForce`.
    """
    pinned = len(pin_slots)
    entries, entry_scores, entry_sources, rules = _entries(
        items, scores, sources, pin_items, pin_rules, acting, len(least_shares)
    )
    values = _values(entry_scores, pinned)
    order = _order(values, rules, factors, pinned)
    entries, values, rules = entries[order], values[order], rules[order]
    entry_scores, entry_sources = entry_scores[order], entry_sources[order]

    length = min(k, len(entries))
    chosen = np.arange(pinned, length)
    if len(shares) or len(least_shares) or vectors.shape[1]:
        choose(
            entries, pinned, values, length, codes, shares, entry_sources, least_shares, most_shares, vectors,
            trade_off, chosen,
        )  # fmt: skip
    places = _place(pin_slots, chosen, length)
    return entries[places], entry_scores[places], rules[places]


@njit(cache=True, nogil=True)
def _entries(
    items: Array, scores: Array, sources: Array, pin_items: Array, pin_rules: Array, acting: Array, quotas: int
) -> tuple[Array, Array, Array, Array]:
    """Pinned titles, then the others of the pool: items, scores, sources, rules. A pinned title outside the pool scores 0."""
    pinned = len(pin_items)
    size = pinned + len(items)
    entries, entry_scores = np.empty(size, np.int32), np.zeros(size, np.float32)
    entry_sources, rules = np.zeros(size, np.uint8), np.full(size, -1, np.int32)
    entries[:pinned], rules[:pinned] = pin_items, pin_rules
    last_bits = np.uint64(
        0
    )  # of the pinned items' last six bits, which occur: most items are known by it not to be pinned
    for item in pin_items:
        last_bits |= np.uint64(1) << np.uint64(item & 63)
    at = pinned
    for place in range(len(items)):
        item, target = items[place], at
        if last_bits >> np.uint64(item & 63) & np.uint64(1):
            found = _find(pin_items, item)
            if found >= 0:
                target = found
        entry_scores[target] = scores[place]
        if quotas:
            entry_sources[target] = sources[place]
        if target == at:
            entries[at] = item
            if item < len(acting):
                rules[at] = acting[item]
            at += 1
    return entries[:at], entry_scores[:at], entry_sources[:at], rules[:at]


@njit(cache=True, nogil=True)
def _find(ascending: Array, item: int) -> int:
    """Where an item stands, -1: nowhere. By hand: numpy's search and sorts take Numba seconds to compile."""
    low, high = 0, len(ascending)
    while low < high:
        middle = (low + high) // 2
        if ascending[middle] < item:
            low = middle + 1
        else:
            high = middle
    return low if low < len(ascending) and ascending[low] == item else -1


@njit(cache=True, nogil=True)
def _values(scores: Array, pinned: int) -> Array:
    """What each candidate's place is worth: the greatest score from there on, for not every policy ranks by score alone."""
    values = scores.copy()
    for place in range(len(values) - 2, pinned - 1, -1):
        values[place] = max(values[place], values[place + 1])
    return values


@njit(cache=True, nogil=True)
def _order(values: Array, rules: Array, factors: Array, pinned: int) -> Array:
    """Multiply the values that a rule acts on, and give the order by value; equal values stay as they stood. O(n + a log a).

    A value below 0 is divided, so that a boost never lowers.
    """
    n = len(values)
    changed = np.empty(n, np.int64)
    size = 0
    for place in range(pinned, n):
        if rules[place] >= 0:
            factor = factors[rules[place]]
            values[place] = values[place] * factor if values[place] >= 0 else values[place] / factor
            changed[size] = place
            size += 1
    order = np.arange(n)
    if size == 0:
        return order
    moved = _by_value(changed[:size], values)
    at = pinned
    still = pinned
    for i in range(size):
        place = moved[i]
        while still < n:
            if rules[still] >= 0:
                still += 1
            elif values[still] > values[place] or (values[still] == values[place] and still < place):
                order[at] = still
                at += 1
                still += 1
            else:
                break
        order[at] = place
        at += 1
    while still < n:
        if rules[still] < 0:
            order[at] = still
            at += 1
        still += 1
    return order


@njit(cache=True, nogil=True)
def _by_value(places: Array, values: Array) -> Array:
    """The places by descending value, equal ones as they stood: a merge sort from runs of 1 upwards."""
    size, width = len(places), 1
    other = places.copy()
    while width < size:
        for first in range(0, size, 2 * width):
            middle, stop = min(first + width, size), min(first + 2 * width, size)
            left, right = first, middle
            for at in range(first, stop):
                if left < middle and (right == stop or values[places[left]] >= values[places[right]]):
                    other[at] = places[left]
                    left += 1
                else:
                    other[at] = places[right]
                    right += 1
        places, other = other, places
        width *= 2
    return places


@njit(cache=True, nogil=True)
def _place(pin_slots: Array, chosen: Array, length: int) -> Array:
    """The entry of each slot: int64[length]. Pins whose slot the list does not reach take the last slots that are free."""
    places = np.full(length, -1, np.int64)
    for pin in range(len(pin_slots)):
        if pin_slots[pin] < length:
            places[pin_slots[pin]] = pin
    last, latest = length - 1, _furthest(pin_slots, _BEYOND)
    while latest >= 0 and pin_slots[latest] >= length:
        while places[last] >= 0:
            last -= 1
        places[last] = latest
        latest = _furthest(pin_slots, pin_slots[latest])
    at = 0
    for slot in range(length):
        if places[slot] < 0:
            places[slot] = chosen[at]
            at += 1
    return places


@njit(cache=True, nogil=True)
def _furthest(pin_slots: Array, before: int) -> int:
    """The pin of the greatest slot below `before`, -1: none."""
    best = -1
    for pin in range(len(pin_slots)):
        if pin_slots[pin] < before and (best < 0 or pin_slots[pin] > pin_slots[best]):
            best = pin
    return best
