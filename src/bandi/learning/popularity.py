"""What is read most just now: decayed counts of clicks, reads and purchases, and the titles that lead.

Counts decay forwards (Cormode, Shkapenyuk, Srivastava and Xu 2009; see policies.arms): an event adds 2**((time - landmark)
/ half-life), so a title's rank rises only when it is read itself, and never falls but by others' rising. Hence the leaders
are kept in order by moving up the one title that was just read; the catalogue is never looked through.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from bandi.model.config_values import duration_ms
from bandi.model.events import EventKind
from bandi.model.records import Array

HALF_LIFE = "7d"
LEADERS = 2_000
"""Titles kept in order; a targeter asks for fewer, and some of these may not be shown just now."""
_HALF_LIFE_MS = float(duration_ms(HALF_LIFE))
_NO_LANDMARK = np.iinfo(np.int64).min
_MAX_HALF_LIVES = 60.0
_FIRST, _LAST = int(EventKind.CLICK), int(EventKind.PURCHASE)


class Popularity:
    """counts: float64[items]; order: int32[LEADERS], most read first, equal counts by id; 12 bytes an item."""

    def __init__(self) -> None:
        self._counts = np.zeros(0)
        self._slots = np.zeros(0, np.int32)
        self._order = np.full(LEADERS, -1, np.int32)
        self._facts = np.array([_NO_LANDMARK, 0], np.int64)  # landmark, how many leaders there are
        self._items = 0

    @property
    def leaders(self) -> Array:
        """Most read first: int32[<= LEADERS], a copy."""
        order: Array = self._order[: int(self._facts[1])].copy()
        return order

    def fold(self, rows: Array) -> None:
        """Apply EVENT[n] in log order. O(n) and the places that titles move up."""
        if len(rows):
            self._grow(int(rows["item"].max()) + 1)
            count(rows["kind"], rows["item"], rows["occurred_ms"], self._counts, self._slots, self._order, self._facts)

    def dump(self) -> dict[str, Array]:
        """Plain arrays, the same bytes for the same history."""
        return {"counts": self._counts[: self._items].copy(), "leaders": self.leaders, "facts": self._facts.copy()}

    def load(self, arrays: dict[str, Array]) -> None:
        """Replace everything by what `dump` gave. Raises ValueError where it does not fit."""
        counts, leaders = np.array(arrays["counts"], np.float64), np.array(arrays["leaders"], np.int32)
        if len(leaders) > LEADERS or (len(leaders) and not 0 <= leaders.min() <= leaders.max() < len(counts)):
            raise ValueError(f"leaders: expected at most {LEADERS} ids below {len(counts)}")
        self._counts, self._items = counts, len(counts)
        self._slots = np.full(len(counts), -1, np.int32)
        self._slots[leaders] = np.arange(len(leaders))
        self._order = np.full(LEADERS, -1, np.int32)
        self._order[: len(leaders)] = leaders
        self._facts = np.array(arrays["facts"], np.int64)

    def _grow(self, items: int) -> None:
        if items > len(self._counts):
            size = max(items, len(self._counts) * 3 // 2, 64)
            counts, slots = np.zeros(size), np.full(size, -1, np.int32)
            counts[: self._items], slots[: self._items] = self._counts[: self._items], self._slots[: self._items]
            self._counts, self._slots = counts, slots
        self._items = max(self._items, items)


@njit(cache=True, nogil=True)
def count(
    kinds: Array, items: Array, occurred_ms: Array, counts: Array, slots: Array, order: Array, facts: Array
) -> None:
    """Add events one after another; slots: the place of each leader, -1 of the others."""
    for i in range(len(kinds)):
        item = items[i]
        if not _FIRST <= kinds[i] <= _LAST or item < 0:
            continue
        if facts[0] == _NO_LANDMARK:
            facts[0] = occurred_ms[i]
        exponent = (occurred_ms[i] - facts[0]) / _HALF_LIFE_MS
        if exponent > _MAX_HALF_LIVES:
            steps = np.floor(exponent)
            scale = 2.0 ** -min(steps, 1_000.0)
            for other in range(len(counts)):
                counts[other] *= scale
            facts[0] += np.int64(steps * _HALF_LIFE_MS)
            exponent = (occurred_ms[i] - facts[0]) / _HALF_LIFE_MS
        counts[item] += 2.0 ** max(exponent, -500.0)
        _rise(item, counts, slots, order, facts)


@njit(cache=True, nogil=True)
def _rise(item: int, counts: Array, slots: Array, order: Array, facts: Array) -> None:
    """Move a title up to its place among the leaders, or in."""
    at = slots[item]
    if at < 0:
        if facts[1] < len(order):
            at = facts[1]
            facts[1] += 1
        else:
            at = len(order) - 1
            last = order[at]
            if counts[item] < counts[last] or (counts[item] == counts[last] and item > last):
                return
            slots[last] = -1
    while at > 0:
        above = order[at - 1]
        if counts[above] > counts[item] or (counts[above] == counts[item] and above < item):
            break
        order[at] = above
        slots[above] = at
        at -= 1
    order[at] = item
    slots[item] = at
