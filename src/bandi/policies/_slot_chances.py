"""Kernels of `slot_chances`: the Beta distribution between two points, and many draws of the top k of the same arms."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from bandi.model.records import Array
from bandi.policies._beta_top_k import log_density, top_k
from bandi.policies._random import mix

_TINY = 1e-300
_MOST_TERMS = 20_000
_MOST_TRIES = 1_000
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@njit(cache=True, nogil=True)
def _fraction(a: float, b: float, x: float) -> float:
    """The continued fraction of the incomplete beta function (DLMF 8.17.22) by Lentz's method; O(sqrt(a + b)) terms."""
    c, d = 1.0, 1.0 - (a + b) * x / (a + 1.0)
    d = 1.0 / (d if abs(d) > _TINY else _TINY)
    value = d
    for m in range(1, _MOST_TERMS):
        term = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        d, c = 1.0 + term * d, 1.0 + term / c
        d = 1.0 / (d if abs(d) > _TINY else _TINY)
        c = c if abs(c) > _TINY else _TINY
        value *= d * c
        term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        d, c = 1.0 + term * d, 1.0 + term / c
        d = 1.0 / (d if abs(d) > _TINY else _TINY)
        c = c if abs(c) > _TINY else _TINY
        value *= d * c
        if abs(d * c - 1.0) < 1e-12:
            break
    return value


@njit(cache=True, nogil=True)
def beta_below(x: float, a: float, b: float) -> float:
    """P(X <= x) of X ~ Beta(a, b), a, b > 0, to about 1e-10 of its size where it is small."""
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    front = math.exp(log_density(x, a, b)) * x * (1.0 - x)
    if x < (a + 1.0) / (a + b + 2.0):
        return front * _fraction(a, b, x) / a
    return 1.0 - front * _fraction(b, a, 1.0 - x) / b


@njit(cache=True, nogil=True)
def beta_above(x: float, a: float, b: float) -> float:
    """P(X > x), as exactly where it is small."""
    if x <= 0.0:
        return 1.0
    if x >= 1.0:
        return 0.0
    front = math.exp(log_density(x, a, b)) * x * (1.0 - x)
    if x < (a + 1.0) / (a + b + 2.0):
        return 1.0 - front * _fraction(a, b, x) / a
    return front * _fraction(b, a, 1.0 - x) / b


@njit(cache=True, nogil=True)
def beta_between(low: float, high: float, a: float, b: float) -> float:
    """P(low < X <= high), from the tail that is the smaller."""
    if low > a / (a + b):
        return max(beta_above(low, a, b) - beta_above(high, a, b), 0.0)
    return max(beta_below(high, a, b) - beta_below(low, a, b), 0.0)


@njit(cache=True, nogil=True)
def chances_of_slots(
    a: Array, b: Array, n: int, shown: Array, seed: np.uint64, values: Array, places: Array, narrow: Array, block: Array,
    chances: Array, lists: Array,
) -> None:  # fmt: skip
    """chances: float64[k], of arm shown[s] in slot s (0 where it is -1); lists: int32[draws, k], arms of each drawn list.

    Draws the k + 1 best of n arms, 1 <= k <= n; the other arrays are those of a `Scratch` for n arms. The chance of an arm given the
    draws of all others is that of its own draw between two of theirs, and the mean of these over draws is taken.
    """
    draws, k = lists.shape
    drawn = min(k + 1, n)
    chances[:] = 0.0
    for draw in range(draws):
        top_k(a, b, n, drawn, mix(seed + np.uint64(draw + 1) * _GOLDEN), values, places, narrow, block)
        for slot in range(k):
            lists[draw, slot] = places[0, slot]
        for slot in range(k):
            arm = shown[slot]
            if arm < 0:
                continue
            at = drawn
            for i in range(drawn):
                if places[0, i] == arm:
                    at = i
                    break
            above = 1.0
            if slot > 0:
                above = values[0, slot - 1] if slot - 1 < at else values[0, slot]
            below_place = slot if slot < at else slot + 1
            below = values[0, below_place] if below_place < drawn else 0.0
            chances[slot] += beta_between(below, above, a[arm], b[arm])
    chances /= draws


@njit(cache=True, nogil=True)
def own_chances(
    a: Array, b: Array, n: int, k: int, seed: np.uint64, fresh: np.uint64, values: Array, places: Array, narrow: Array,
    block: Array, left_a: Array, left_b: Array, chances: Array,
) -> None:  # fmt: skip
    """chances: float64[k], of each arm of the list that `seed` draws in its slot, given what it drew of the others.

    Below the last slot it drew nothing: the best of the arms left is drawn anew, from `fresh`, until it is below the last one,
    which is its law given the list. left_a, left_b: float64[n], scratch.
    """
    top_k(a, b, n, k, seed, values, places, narrow, block)
    drawn, arms = values[0, :k].copy(), places[0, :k].copy()
    for slot in range(k):
        above = drawn[slot - 1] if slot > 0 else 1.0
        if slot + 1 < k:
            chances[slot] = beta_between(drawn[slot + 1], above, a[arms[slot]], b[arms[slot]])
    left = 0
    for arm in range(n):
        listed = False
        for slot in range(k):
            listed |= arms[slot] == arm
        if not listed:
            left_a[left], left_b[left] = a[arm], b[arm]
            left += 1
    below = 0.0
    if left > 0:
        for attempt in range(_MOST_TRIES):
            top_k(left_a, left_b, left, 1, mix(fresh + np.uint64(attempt + 1) * _GOLDEN), values, places, narrow, block)
            if values[0, 0] < drawn[k - 1]:
                below = values[0, 0]
                break
    above = drawn[k - 2] if k > 1 else 1.0
    chances[k - 1] = beta_between(below, above, a[arms[k - 1]], b[arms[k - 1]])
