"""How promising each title is in each segment: what a segment's readers turn to, believed the more the more is known.

The share of a segment's readers who read a title has the posterior Beta(n + m p, N - n + m (1 - p)): n of the N readers of the
segment, counted by their weights, and m readers' worth of the whole population's share p (an empirical Bayes prior:
Efron and Morris 1975). The promise is the posterior's mean plus one standard deviation: a title of which little is known yet
may be better than it looks.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from bandi.model.records import Array

PRIOR_READERS = 20.0
LEADING = 1_000


def promise(memberships: Array, recent: Array, items: int) -> Array:
    """float32[k, items]. memberships: float32[n, k]; recent: int32[n, m], distinct titles of a reader, -1: none. O(n m k + k items)."""
    counts = np.zeros((items, memberships.shape[1]), np.float64)
    count_readers(np.ascontiguousarray(recent), np.ascontiguousarray(memberships), counts)
    readers = memberships.sum(axis=0, dtype=np.float64)
    population = counts.sum(axis=1) / max(readers.sum(), 1.0)
    a = counts + PRIOR_READERS * population[:, None]
    total = readers + PRIOR_READERS
    mean = a / total
    deviation = np.sqrt(np.maximum(mean * (1.0 - mean), 0.0) / (total + 1.0))
    return np.ascontiguousarray((mean + deviation).T, np.float32)


def leading(promises: Array, most: int = LEADING) -> Array:
    """The most promising titles of each segment, best first: int32[k, min(most, items)], -1 behind those with a promise above 0."""
    most = min(most, promises.shape[1])
    places = np.argsort(-promises, axis=1, kind="stable")[:, :most]
    held = np.take_along_axis(promises, places, axis=1) > 0
    return np.where(held, places, -1).astype(np.int32)


@njit(cache=True, nogil=True)
def count_readers(recent: Array, memberships: Array, counts: Array) -> None:
    """Add each reader's weights to the rows of the titles that they read. counts: float64[items, k]."""
    for reader in range(len(recent)):
        for place in range(recent.shape[1]):
            item = recent[reader, place]
            if 0 <= item < len(counts):
                for segment in range(memberships.shape[1]):
                    counts[item, segment] += memberships[reader, segment]
