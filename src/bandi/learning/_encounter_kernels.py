"""Numba kernels of `encounters`: readers' extents of one pool.

A reader with c titles has an extent of `capacity(c)` places, a power of two, so a pair costs at most two places; a reader who
outgrows an extent moves to one of twice the size, and the old one goes to the free list of its size: `free[b]` is 1 + the half
of the start of the first free extent of 2**b places (0: none), and the first place of a free extent holds the next.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from bandi.model.records import Array

FEWEST = 2
"""Places of the smallest extent; starts are even, so half of one fits int32 for 4 thousand million places."""


@njit(cache=True, nogil=True, inline="always")
def capacity(count: int) -> int:
    """Places of the extent of a reader with `count` titles."""
    places = FEWEST
    while places < count:
        places *= 2
    return places


@njit(cache=True, nogil=True, inline="always")
def _bin(places: int) -> int:
    at = 0
    while places > 1:
        places >>= 1
        at += 1
    return at


@njit(cache=True, nogil=True)
def meet(
    users: Array, items: Array, kinds: Array, first: int, most: int,
    starts: Array, counts: Array, pool_items: Array, pool_kinds: Array, free: Array, used: Array,
) -> int:  # fmt: skip
    """Add encounters from `first` on, one after another; returns how far it came before the pool was full.

    users, items: int32[n]; kinds: uint8[n]. starts: int64[readers]; counts: int32[readers]; used: int64[1], places given out.
    """
    for i in range(first, len(users)):
        user, item = users[i], items[i]
        count = counts[user]
        start = starts[user]
        at = start + count - 1
        while at >= start and pool_items[at] != item:  # what was met last is met again soonest
            at -= 1
        if at >= start:
            pool_kinds[at] |= kinds[i]
            continue
        if count == most:
            for place in range(start, start + count - 1):
                pool_items[place] = pool_items[place + 1]
                pool_kinds[place] = pool_kinds[place + 1]
            pool_items[start + count - 1] = item
            pool_kinds[start + count - 1] = kinds[i]
            continue
        if count == 0 or count == capacity(count):
            moved = _taken(capacity(count + 1), pool_items, free, used)
            if moved < 0:
                return i
            for place in range(count):
                pool_items[moved + place] = pool_items[start + place]
                pool_kinds[moved + place] = pool_kinds[start + place]
            if count:
                release(start, count, pool_items, free)
            start = moved
            starts[user] = start
        pool_items[start + count] = item
        pool_kinds[start + count] = kinds[i]
        counts[user] = count + 1
    return len(users)


@njit(cache=True, nogil=True)
def _taken(places: int, pool_items: Array, free: Array, used: Array) -> int:
    """The start of a free extent of so many places, or -1."""
    size = _bin(places)
    if free[size] > 0:
        start = (int(free[size]) - 1) * 2
        free[size] = pool_items[start]
        return start
    start = int(used[0])
    if start + places > len(pool_items):
        return -1
    used[0] += places
    return start


@njit(cache=True, nogil=True)
def release(start: int, count: int, pool_items: Array, free: Array) -> None:
    """Give back the extent of a reader with `count` titles, at least one."""
    size = _bin(capacity(count))
    pool_items[start] = free[size]
    free[size] = start // 2 + 1


@njit(cache=True, nogil=True)
def lay_out(counts: Array, starts: Array) -> int:
    """Extents side by side for all readers: fills starts: int64[readers]; returns the places they take."""
    used = 0
    for user in range(len(counts)):
        starts[user] = used
        if counts[user] > 0:
            used += capacity(counts[user])
    return used


@njit(cache=True, nogil=True)
def spread(items: Array, kinds: Array, counts: Array, starts: Array, pool_items: Array, pool_kinds: Array) -> bool:
    """Pairs that stand reader by reader into their extents; False where a reader has a title twice."""
    at = 0
    for user in range(len(counts)):
        stop = at + counts[user]
        if counts[user] > 1:
            ordered = np.sort(items[at:stop])
            for i in range(1, len(ordered)):
                if ordered[i] == ordered[i - 1]:
                    return False
        place = starts[user]
        while at < stop:
            pool_items[place] = items[at]
            pool_kinds[place] = kinds[at]
            place += 1
            at += 1
    return True


@njit(cache=True, nogil=True)
def gather(counts: Array, starts: Array, pool_items: Array, pool_kinds: Array, items: Array, kinds: Array) -> None:
    """The other way: out of the extents, reader by reader."""
    at = 0
    for user in range(len(counts)):
        for place in range(starts[user], starts[user] + counts[user]):
            items[at] = pool_items[place]
            kinds[at] = pool_kinds[place]
            at += 1
