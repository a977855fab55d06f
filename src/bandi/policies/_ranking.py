"""The k best by score, equal scores in seeded random order."""

from __future__ import annotations

import numpy as np
from numba import njit

from bandi.model.records import Array
from bandi.policies._heap import heapify, sift_down, sort_descending
from bandi.policies._random import stream, unit


@njit(cache=True, nogil=True)
def best(scores: Array, n: int, k: int, seed: np.uint64, values: Array, places: Array) -> None:
    """The k <= n largest of scores[:n], largest first, in values[:k] and places[:k].

    Arms whose score equals the k-th best are chosen among themselves by a seeded hash (reservoir of the largest hashes).
    """
    for i in range(k):
        values[i], places[i] = scores[i], i
    heapify(values, places, k)
    for i in range(k, n):
        if scores[i] > values[0]:
            values[0], places[0] = scores[i], i
            sift_down(values, places, k, 0)
    bar = values[0]
    above = 0
    for i in range(n):
        if scores[i] > bar:
            values[above], places[above] = scores[i], i
            above += 1
    ties = k - above
    # the largest hashes among the equals, kept as a heap behind those above
    size = 0
    for i in range(n):
        if scores[i] != bar:
            continue
        tie = unit(stream(seed, i))
        if size < ties:
            values[above + size], places[above + size] = tie, i
            size += 1
            if size == ties:
                heapify(values[above:], places[above:], ties)
        elif tie > values[above]:
            values[above], places[above] = tie, i
            sift_down(values[above:], places[above:], ties, 0)
    sort_descending(values[above:], places[above:], ties)
    values[above:k] = bar
    heapify(values, places, above)
    sort_descending(values, places, above)
    _mix_equals(values, places, above, seed)


@njit(cache=True, nogil=True)
def _mix_equals(values: Array, places: Array, size: int, seed: np.uint64) -> None:
    """Order runs of equal values by hash (insertion sort: runs are short but in a cold catalogue, where all tie above)."""
    for i in range(1, size):
        value, place = values[i], places[i]
        tie = stream(seed, place)
        j = i
        while j > 0 and values[j - 1] == value and stream(seed, places[j - 1]) < tie:
            places[j] = places[j - 1]
            j -= 1
        places[j] = place
