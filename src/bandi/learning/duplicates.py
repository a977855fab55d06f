"""Recognising events that were sent twice: a bounded set of 128-bit event ids.

Two generations: when the newer one holds `horizon` ids it becomes the older one, and the one before is forgotten. So at
least the last `horizon` ids are recognised, and at most twice as many are kept: 24 bytes each in a full table,
48 in one that has just doubled.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from bandi.learning._table_kernels import find, insert, read_only, rebuild
from bandi.model.records import Array

_FIRST_SLOTS = 1_024


class _Generation:
    """One arena of ids with its index."""

    def __init__(self, capacity: int = _FIRST_SLOTS // 2) -> None:
        slots = _FIRST_SLOTS
        while slots < 2 * capacity:
            slots *= 2
        self.count = 0
        self.hi = np.zeros(slots // 2, np.uint64)
        self.lo = np.zeros(slots // 2, np.uint64)
        self.index = np.full(slots, -1, np.int32)

    def reserve(self, extra: int) -> None:
        """Room for `extra` more ids."""
        slots = len(self.index)
        while slots < 2 * (self.count + extra):
            slots *= 2
        if slots > len(self.index):
            grown = _Generation(slots // 2)
            grown.fill(self.hi[: self.count], self.lo[: self.count])
            self.hi, self.lo, self.index = grown.hi, grown.lo, grown.index

    def fill(self, hi: Array, lo: Array) -> None:
        """Replace all ids by these, which differ from each other."""
        self.count = len(hi)
        self.hi[: self.count], self.lo[: self.count] = hi, lo
        rebuild(self.index, self.hi, self.lo, self.count)


class SeenEvents:
    """The last `horizon` to `2 * horizon` event ids. hi, lo: uint64[n], the halves of the ids."""

    def __init__(self, horizon: int) -> None:
        if horizon < 1:
            raise ValueError(f"horizon: expected at least 1, found {horizon}")
        self.horizon = horizon
        self._new = _Generation()
        self._old = _Generation()

    def __len__(self) -> int:
        return self._new.count + self._old.count

    def duplicates(self, hi: Array, lo: Array) -> Array:
        """bool[n]: seen before, or earlier in this batch. Inserts nothing. O(n)."""
        hi, lo = read_only(hi), read_only(lo)
        batch = _Generation(len(hi))
        found = np.zeros(len(hi), np.bool_)
        new, old = self._new, self._old
        _mark(
            hi, lo, found, batch.index, batch.hi, batch.lo,
            new.index, new.hi, new.lo, old.index, old.hi, old.lo,
        )  # fmt: skip
        return found

    def add(self, hi: Array, lo: Array) -> None:
        """Remember ids, in order; those already known change nothing. O(n)."""
        hi, lo = read_only(hi), read_only(lo)
        done = 0
        while done < len(hi):
            room = self.horizon - self._new.count
            if room <= 0:
                self._old, self._new = self._new, _Generation()
                continue
            step = min(room, len(hi) - done)
            self._new.reserve(step)
            new, old = self._new, self._old
            part = slice(done, done + step)
            new.count = _insert(hi[part], lo[part], new.count, new.index, new.hi, new.lo, old.index, old.hi, old.lo)
            done += step

    def resized(self, horizon: int) -> SeenEvents:
        """The same ids under another horizon."""
        if horizon == self.horizon:
            return self
        other = SeenEvents(horizon)
        for generation in (self._old, self._new):
            other.add(generation.hi[: generation.count], generation.lo[: generation.count])
        return other

    def dump(self) -> dict[str, Array]:
        """Plain arrays, the same bytes for the same history."""
        arrays: dict[str, Array] = {"horizon": np.array([self.horizon], np.int64)}
        for name, generation in (("new", self._new), ("old", self._old)):
            arrays[f"{name}/hi"] = generation.hi[: generation.count].copy()
            arrays[f"{name}/lo"] = generation.lo[: generation.count].copy()
        return arrays

    def load(self, arrays: dict[str, Array]) -> None:
        """Replace everything by what `dump` gave."""
        self.horizon = int(arrays["horizon"][0])
        for name in ("new", "old"):
            hi, lo = arrays[f"{name}/hi"], arrays[f"{name}/lo"]
            if len(hi) != len(lo):
                raise ValueError("halves of event ids are not of one length")
            generation = _Generation(len(hi))
            generation.fill(hi, lo)
            setattr(self, f"_{name}", generation)


@njit(cache=True, nogil=True)
def _mark(
    hi: Array, lo: Array, found: Array, index: Array, own_hi: Array, own_lo: Array,
    new_index: Array, new_hi: Array, new_lo: Array, old_index: Array, old_hi: Array, old_lo: Array,
) -> None:  # fmt: skip
    # the batch gets a table of its own: what is only asked about is not remembered
    count = 0
    for i in range(len(hi)):
        a, b = hi[i], lo[i]
        if find(new_index, new_hi, new_lo, a, b) >= 0 or find(old_index, old_hi, old_lo, a, b) >= 0:
            found[i] = True
            continue
        place = find(index, own_hi, own_lo, a, b)
        if place >= 0:
            found[i] = True
            continue
        insert(index, own_hi, own_lo, place, count, a, b)
        count += 1


@njit(cache=True, nogil=True)
def _insert(
    hi: Array, lo: Array, count: int,
    index: Array, own_hi: Array, own_lo: Array, old_index: Array, old_hi: Array, old_lo: Array,
) -> int:  # fmt: skip
    for i in range(len(hi)):
        a, b = hi[i], lo[i]
        if find(old_index, old_hi, old_lo, a, b) >= 0:
            continue
        place = find(index, own_hi, own_lo, a, b)
        if place < 0:
            insert(index, own_hi, own_lo, place, count, a, b)
            count += 1
    return count
