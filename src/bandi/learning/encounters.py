"""Which titles each reader has met, and how: clicked, read, bought, dismissed. A fold over the log, of bounded size.

A reader's titles stand in the order in which they were first met; of more than `KEPT` the one first met is forgotten, and
counts as new if it is met again.
"""

from __future__ import annotations

from enum import IntFlag
from typing import NamedTuple

import numpy as np

from bandi.learning._encounter_kernels import capacity, gather, lay_out, meet, release, spread
from bandi.model.events import EventKind
from bandi.model.records import Array

KEPT = 4_096
"""Titles kept for one reader."""
_SIZES = 13
"""Extents have 2, 4, ... KEPT places: one free list for each power of two."""
_EMPTY = np.zeros(0, np.int32)


class Met(IntFlag):
    """How a title was met; the stored bits."""

    CLICKED = 1
    READ = 2
    BOUGHT = 4
    DISMISSED = 8


ANY = Met.CLICKED | Met.READ | Met.BOUGHT | Met.DISMISSED


class _Arrays(NamedTuple):
    """What a request thread reads, exchanged as one. starts: int64[readers]; counts: int32[readers]; pools: int32, uint8[places]."""

    starts: Array
    counts: Array
    pool_items: Array
    pool_kinds: Array


class Encounters:
    """12 bytes a reader and 5 for each place of a reader's extent, some 7 to 9 bytes a pair (see bench.eligibility)."""

    def __init__(self) -> None:
        self._arrays = _empty(0, 0)
        self._free = np.zeros(_SIZES, np.int32)
        self._used = np.zeros(1, np.int64)
        self._users = 0

    def fold(self, rows: Array) -> None:
        """Apply EVENT[n] in log order. O(n) and the titles of each event's reader, looked through latest first."""
        kinds = rows["kind"]
        taken = (kinds >= EventKind.CLICK) & (kinds <= EventKind.DISMISS) & (rows["user"] >= 0) & (rows["item"] >= 0)
        users = np.ascontiguousarray(rows["user"][taken])
        if not len(users):
            return
        items = np.ascontiguousarray(rows["item"][taken])
        bits = np.left_shift(1, kinds[taken] - int(EventKind.CLICK)).astype(np.uint8)
        self._grow_readers(int(users.max()) + 1)
        done = 0
        while (done := meet(users, items, bits, done, KEPT, *self._arrays, self._free, self._used)) < len(users):
            self._grow_pool()

    def met(self, user: int, kinds: int = ANY) -> Array:
        """The reader's titles that were met in one of these ways, first met first: int32[m], a copy; O(titles).

        kinds: `Met` bits. Empty for readers unknown or without any. A call from another thread while `fold` is under way
        may give a mixture of before and after, never something out of bounds: the caller asks again (a sequence lock).
        """
        arrays = self._arrays
        if not 0 <= user < len(arrays.counts):
            return _EMPTY
        start, count = int(arrays.starts[user]), int(arrays.counts[user])
        items = arrays.pool_items[start : start + count]
        if kinds & ANY == ANY:
            return items.copy()
        found: Array = items[(arrays.pool_kinds[start : start + count] & np.uint8(kinds & ANY)) > 0]
        return found

    def forget(self, user: int) -> None:
        """The reader was taken out of the catalogue: what they met goes with them. O(1)."""
        if 0 <= user < self._users:
            arrays = self._arrays
            start, count = int(arrays.starts[user]), int(arrays.counts[user])
            arrays.counts[user] = 0
            if count:
                release(start, count, arrays.pool_items, self._free)

    def dump(self) -> dict[str, Array]:
        """Plain arrays, reader by reader, the same bytes for the same history however it was cut."""
        arrays = self._arrays
        counts = arrays.counts[: self._users].copy()
        pairs = int(counts.sum(dtype=np.int64))
        items, kinds = np.zeros(pairs, np.int32), np.zeros(pairs, np.uint8)
        gather(counts, arrays.starts, arrays.pool_items, arrays.pool_kinds, items, kinds)
        return {"counts": counts, "items": items, "kinds": kinds}

    def load(self, arrays: dict[str, Array]) -> None:
        """Replace everything by what `dump` gave. Raises ValueError where it does not fit."""
        counts, items = np.array(arrays["counts"], np.int32), np.array(arrays["items"], np.int32)
        kinds = np.array(arrays["kinds"], np.uint8)
        if counts.ndim != 1 or counts.min(initial=0) < 0 or counts.max(initial=0) > KEPT:
            raise ValueError(f"counts: expected 0 to {KEPT} titles a reader")
        if not int(counts.sum(dtype=np.int64)) == len(items) == len(kinds):
            raise ValueError("counts, items and kinds are not of one length")
        if items.min(initial=0) < 0 or kinds.min(initial=1) < 1 or kinds.max(initial=1) > ANY:
            raise ValueError("items or kinds: expected dense ids, and at least one way of meeting each")
        starts = np.zeros(len(counts), np.int64)
        used = lay_out(counts, starts)
        made = _Arrays(starts, counts, np.zeros(used, np.int32), np.zeros(used, np.uint8))
        if not spread(items, kinds, counts, starts, made.pool_items, made.pool_kinds):
            raise ValueError("items: a reader has a title twice")
        self._arrays, self._users = made, len(counts)
        self._free, self._used = np.zeros(_SIZES, np.int32), np.array([used], np.int64)

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        return sum(array.nbytes for array in self._arrays)

    def _grow_readers(self, users: int) -> None:
        old = self._arrays
        if users > len(old.counts):
            grown = _empty(max(users, len(old.counts) * 3 // 2, 64), 0)
            grown.starts[: self._users] = old.starts[: self._users]
            grown.counts[: self._users] = old.counts[: self._users]
            self._arrays = old._replace(starts=grown.starts, counts=grown.counts)
        self._users = max(self._users, users)

    def _grow_pool(self) -> None:
        old, used = self._arrays, int(self._used[0])
        grown = _empty(0, used + max(used // 4, capacity(KEPT)))
        grown.pool_items[:used] = old.pool_items[:used]
        grown.pool_kinds[:used] = old.pool_kinds[:used]
        self._arrays = old._replace(pool_items=grown.pool_items, pool_kinds=grown.pool_kinds)


def _empty(readers: int, places: int) -> _Arrays:
    return _Arrays(
        np.zeros(readers, np.int64), np.zeros(readers, np.int32), np.zeros(places, np.int32), np.zeros(places, np.uint8)
    )
