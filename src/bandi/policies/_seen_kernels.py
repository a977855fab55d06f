"""Kernels of `seen`: who was shown what how often, what that does to clicks, and a list sorted again by it.

Pairs (reader, title) live in sets of `WAYS` places: a pair is looked for in its set alone, a click frees its place, and a
full set forgets its oldest. So what is remembered depends on the rows and their order, never on how they were cut.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from bandi.model.records import Array
from bandi.policies._matched_kernels import all_sums, count, fit_is_due, stratum_key
from bandi.policies._random import mix

PAIR = np.dtype([("last_ms", "<i8"), ("user", "<i4"), ("item", "<i4"), ("shown", "<f4"), ("spare", "<i4")])
"""A reader and a title: showings without a click, decayed to the time of the last; 24 bytes."""
WAYS = 8
BUCKETS = 6
"""Showings before: 0, 1, 2, 3 to 4, 5 to 8, 9 and more."""
LEARNED = -1.0
"""The strength that stands for ratios learned from clicks."""
_WORTH = 10.0
"""Clicks that the belief in no effect is worth in each bucket."""


@njit(cache=True, nogil=True, inline="always")
def bucket_of(shown: float) -> int:
    """The bucket of a decayed number of showings."""
    if shown < 0.5:
        return 0
    if shown < 1.5:
        return 1
    if shown < 2.5:
        return 2
    if shown < 4.5:
        return 3
    return 4 if shown < 8.5 else 5


@njit(cache=True, nogil=True)
def find(pairs: Array, user: int, item: int) -> tuple[Any, Any]:
    """(place of the pair, -1: not there; place that it would take)."""
    sets = np.uint64(len(pairs) // WAYS)
    first: Any = np.int64(mix(np.uint64(user) << np.uint64(32) | np.uint64(item)) & (sets - np.uint64(1))) * WAYS
    free: Any = np.int64(-1)
    oldest: Any = first
    for place in range(first, first + WAYS):
        if pairs[place]["user"] == user and pairs[place]["item"] == item:
            return place, place
        if pairs[place]["user"] < 0:
            free = place if free < 0 else free
        elif pairs[place]["last_ms"] < pairs[oldest]["last_ms"]:
            oldest = place
    return np.int64(-1), free if free >= 0 else oldest


@njit(cache=True, nogil=True)
def remember(
    pairs: Array, used: Array, user: int, item: int, shown: float, last_ms: int, half_life_ms: float
) -> None:  # fmt: skip
    """Add showings to a pair; a full set forgets its oldest pair, and takes in nothing older than all it holds."""
    place, goes = find(pairs, user, item)
    pair = pairs[goes]
    if place >= 0:
        later = max(pair["last_ms"], last_ms)
        mine = pair["shown"] * 2.0 ** -(float(later - pair["last_ms"]) / half_life_ms)
        pair["shown"] = mine + shown * 2.0 ** -(float(later - last_ms) / half_life_ms)
        pair["last_ms"] = later
        return
    if pair["user"] >= 0:
        if last_ms < pair["last_ms"]:
            return
    else:
        used[0] += 1
    pair["user"], pair["item"], pair["shown"], pair["last_ms"] = user, item, shown, last_ms


@njit(cache=True, nogil=True)
def move_all(old: Array, pairs: Array, used: Array, half_life_ms: float) -> None:
    """Put all pairs of one table into another."""
    for place in range(len(old)):
        pair = old[place]
        if pair["user"] >= 0:
            remember(pairs, used, pair["user"], pair["item"], pair["shown"], pair["last_ms"], half_life_ms)


@njit(cache=True, nogil=True)
def _before(pairs: Array, user: int, item: int, at_ms: int, trials: float, half_life_ms: float) -> float:
    """How often the title had been shown when the row's impression came.

    A row with a trial is the impression itself, or takes one back; one without is the click of an impression that is
    counted already: the last one, or the one before it, by its time.
    """
    place, _ = find(pairs, user, item)
    if place < 0:
        return 0.0
    pair = pairs[place]
    age = float(at_ms - pair["last_ms"])
    if trials > 0.0:
        return float(pair["shown"] * 2.0 ** -(max(age, 0.0) / half_life_ms))
    earlier = float(pair["shown"]) - 1.0
    return earlier if age >= 0.0 else earlier * 2.0 ** min(-age / half_life_ms, 60.0) - 1.0


@njit(cache=True, nogil=True)
def fit_ratios(sums: Array, ratios: Array) -> None:
    """Ratio of each bucket's click rate to that of titles not shown before: float64[6], written; 1 first, never rising.

    The Mantel-Haenszel ratio R / S of bucket n against bucket 0 is worth m = S**2 / V clicks, and is drawn towards 1 by
    `_WORTH` of them: (m R / S + worth) / (m + worth). Then the isotonic fit with these weights (pool adjacent violators:
    Barlow, Bartholomew, Bremner and Brunk 1972), bounded by 1.
    """
    weights, sizes = np.empty(BUCKETS), np.empty(BUCKETS, np.int64)
    levels = np.empty(BUCKETS)
    blocks = 0
    for bucket in range(1, BUCKETS):
        observed, expected, variance = sums[bucket, 0, 0], sums[0, bucket, 0], sums[bucket, 0, 1]
        clicks, worth = 0.0, 0.0
        if variance > 1e-9:
            clicks, worth = observed * expected / variance, expected * expected / variance
        level, weight, size = (clicks + _WORTH) / (worth + _WORTH), worth + _WORTH, 1
        while blocks > 0 and levels[blocks - 1] < level:
            blocks -= 1
            level = (levels[blocks] * weights[blocks] + level * weight) / (weights[blocks] + weight)
            weight += weights[blocks]
            size += sizes[blocks]
        levels[blocks], weights[blocks], sizes[blocks] = level, weight, size
        blocks += 1
    ratios[0] = 1.0
    bucket = 1
    for block in range(blocks):
        for _ in range(sizes[block]):
            ratios[bucket] = min(levels[block], 1.0)
            bucket += 1


@njit(cache=True, nogil=True, inline="always")
def factor(shown: float, strength: float, ratios: Array) -> float:
    """What a score is multiplied by after so many showings."""
    if strength == LEARNED:
        return float(ratios[bucket_of(shown)])
    return float((1.0 - strength) ** max(shown, 0.0))


@njit(cache=True, nogil=True)
def take_rows(
    first: int, items: Array, segments: Array, trials: Array, rewards: Array, occurred_ms: Array, users: Array,
    slots: Array, half_life_ms: float, strength: float, pairs: Array, used: Array, most: int, owners: Array,
    cells: Array, pooled: Array, clock: Array, ratios: Array, weighed: Array,
) -> int:  # fmt: skip
    """Take rows one after another from `first` on; returns how far it came: it stops where the table has to grow.

    weighed: float32[rows], written: trials by what earlier showings left of them.
    """
    for r in range(first, len(items)):
        user, item, at_ms = users[r], items[r], occurred_ms[r]
        weighed[r] = trials[r]
        if user < 0:
            continue
        if 3 * used[0] > len(pairs) and len(pairs) < most:
            return r
        shown = max(_before(pairs, user, item, at_ms, trials[r], half_life_ms), 0.0)
        weighed[r] = np.float32(trials[r] * factor(shown, strength, ratios))
        if strength == LEARNED:
            key = stratum_key(item, segments[r], slots[r] + 1)
            count(owners, cells, pooled, clock, key, bucket_of(shown), at_ms, trials[r], rewards[r])
            if fit_is_due(clock):
                fit_ratios(all_sums(owners, cells, pooled), ratios)
        place, _ = find(pairs, user, item)
        if rewards[r] > 0.0:
            if place >= 0:
                pairs[place]["user"] = -1
                used[0] -= 1
        elif trials[r] > 0.0:
            remember(pairs, used, user, item, trials[r], at_ms, half_life_ms)
        elif trials[r] < 0.0 and place >= 0:
            age = max(float(pairs[place]["last_ms"] - at_ms), 0.0)
            pairs[place]["shown"] = max(pairs[place]["shown"] + trials[r] * 2.0 ** -(age / half_life_ms), 0.0)
    return len(items)


@njit(cache=True, nogil=True)
def sort_again(
    items: Array, scores: Array, user: int, now_ms: int, half_life_ms: float, strength: float, pairs: Array,
    ratios: Array, keys: Array, order: Array,
) -> None:  # fmt: skip
    """Order of a ranked pool after earlier showings: float64[n] keys, descending along `order`, int64[n].

    A title's key is the score that belongs to its rank (the highest scores first) times its factor where that score is above
    0; a factor of 0 puts it last; equal keys stay in the pool's order.
    """
    keys[:] = -np.sort(-scores.astype(np.float64))
    for i in range(len(items)):
        place, _ = find(pairs, user, items[i])
        if place >= 0:
            age = max(float(now_ms - pairs[place]["last_ms"]), 0.0)
            share = factor(float(pairs[place]["shown"]) * 2.0 ** -(age / half_life_ms), strength, ratios)
            if share <= 0.0:
                keys[i] = -np.inf
            elif keys[i] > 0.0:
                keys[i] *= share
    order[:] = np.argsort(-keys, kind="mergesort")
