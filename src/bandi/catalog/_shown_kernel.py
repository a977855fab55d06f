"""Numba kernel of `items`: which titles may be shown, and for how long that is the answer."""

from __future__ import annotations

import numpy as np
from numba import njit

from bandi.model.records import Array

ALWAYS, NEVER = int(np.iinfo(np.int64).min), int(np.iinfo(np.int64).max)


@njit(cache=True, nogil=True)
def look(active: Array, launched_ms: Array, ends_ms: Array, now_ms: int, shown: Array) -> tuple[int, int, int]:
    """Fill shown: bool[size]; returns how many are, the latest change until now and the next one after it. One pass."""
    count, since, until = 0, ALWAYS, NEVER
    for i in range(len(active)):
        shown[i] = active[i] and launched_ms[i] <= now_ms < ends_ms[i]
        count += shown[i]
        if active[i]:
            for moment in (launched_ms[i], ends_ms[i]):
                if moment <= now_ms:
                    since = max(since, moment)
                else:
                    until = min(until, moment)
    return count, since, until


@njit(cache=True, nogil=True)
def places(shown: Array, items: Array) -> None:
    """The places that are true: items: int32[how many are], ascending."""
    at = 0
    for i in range(len(shown)):
        if shown[i] and at < len(items):
            items[at] = i
            at += 1
