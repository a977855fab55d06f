"""How tired readers are of titles: a hash table of (reader, title) with open addressing, for most pairs never meet.

Forgetting is forward decay (Cormode, Shkapenyuk, Srivastava and Xu 2009): a showing at time t adds 2**(t / half-life), so an
entry needs no time of its own. Days count from the run's first; up to 1,000 half-lives fit a float64.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from bandi.model.records import Array
from bandi.policies._random import mix

NOBODY = -1


@njit(cache=True, nogil=True, inline="always")
def place_of(keys: Array, key: int) -> int:
    """Where the key is, or where it would go. keys: int64[2**n], NOBODY where free; one place at least is free."""
    last = len(keys) - 1
    place = np.int64(mix(np.uint64(key)) & np.uint64(last))
    while keys[place] != key and keys[place] != NOBODY:
        place = (place + 1) & last
    return place  # type: ignore[return-value]  # a plain int where it is compiled


@njit(cache=True, nogil=True)
def move_all(keys: Array, levels: Array, new_keys: Array, new_levels: Array) -> None:
    """Put every entry into a larger table."""
    for old in range(len(keys)):
        if keys[old] != NOBODY:
            place = place_of(new_keys, keys[old])
            new_keys[place], new_levels[place] = keys[old], levels[old]


class Fatigue:
    """The table. keys: int64[2**n]; levels: float64[2**n], decayed forward; used: int64[1], entries."""

    def __init__(self, room: int = 1 << 16) -> None:
        self.keys = np.full(room, NOBODY, np.int64)
        self.levels = np.zeros(room)
        self.used = np.zeros(1, np.int64)

    def reserve(self, more: int) -> None:
        """Room for `more` entries at a load of a half at most. Amortised O(1) an entry."""
        while 2 * (int(self.used[0]) + more) > len(self.keys):
            keys, levels = np.full(2 * len(self.keys), NOBODY, np.int64), np.zeros(2 * len(self.keys))
            move_all(self.keys, self.levels, keys, levels)
            self.keys, self.levels = keys, levels
