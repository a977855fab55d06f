"""Choosing the list from a pool: caps by field, quotas of sources, maximal marginal relevance.

A pool is `entries`: pinned titles first, then candidates, best first. All of it costs O(n) for what stays in order of
scores and O(length n d) for MMR, and at most O(length n) more where caps have to give way.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from bandi.arrangement._quota_kernels import charge
from bandi.model.records import Array

_EPSILON = 1e-9
"""A share times a length is rounded after this, so that 0.29 of 100 is 29."""
_LONGEST_SQUARE = np.float32(1.1)
_TILE = 1_024
"""Candidates whose similarities are summed together: they stay in the nearest cache."""


@njit(cache=True, nogil=True)
def choose(
    entries: Array, pinned: int, values: Array, length: int,
    codes: Array, shares: Array, sources: Array, least_shares: Array, most_shares: Array,
    vectors: Array, trade_off: float, chosen: Array,
) -> None:  # fmt: skip
    """Which candidates fill the slots that are not pinned: `chosen`: int64[length - pinned], their places in `entries`.

    entries: int32[n] items; values: float32[n], not rising from `pinned` on; codes: int32[caps, items] by item (0: no value)
    and shares: float64[caps]; sources: uint8[n], least_shares and most_shares: float64[s]; vectors: float32[items, d] by
    item, d = 0: no MMR. Greedy: each slot takes the best candidate that keeps every cap and quota.
    """
    n, wanted = len(entries), len(chosen)
    limits = np.empty(len(shares), np.int64)
    for cap in range(len(shares)):
        limits[cap] = max(1, int(np.floor(shares[cap] * length + _EPSILON)))
    room = 16
    while room < 2 * length:
        room *= 2
    seen = np.zeros((len(shares), 2, room), np.int32)

    quotas = len(least_shares)
    least, most, free = np.empty(quotas, np.int64), np.empty(quotas, np.int64), np.zeros(2, np.int64)
    free[1] = length
    for source in range(quotas):
        least[source] = int(np.ceil(least_shares[source] * length - _EPSILON))
        most[source] = max(1, least[source], int(np.floor(most_shares[source] * length + _EPSILON)))
        free[1] -= least[source]
    per_source, links = np.zeros(quotas, np.int64), np.zeros((quotas, quotas), np.int64)
    charged = np.zeros((256 if quotas else 0, quotas), np.int64)
    closed = np.zeros(256, np.bool_)  # titles of these bits fit no quota any more

    taken = np.zeros(n, np.bool_)
    for place in range(pinned):
        taken[place] = True
        _count(entries[place], codes, seen)
        if quotas:
            charge(sources[place], least, most, per_source, charged, links, free)

    by_relevance = vectors.shape[1] > 0
    if by_relevance:
        turned, nearest = _turn(vectors, entries), np.full(n, np.float32(-1.0))
        relevance = _relevance(values, pinned, trade_off)
        for place in range(pinned):
            _come_near(turned, place, nearest)
    else:
        turned, nearest, relevance = np.empty((0, 0), np.float32), np.empty(0, np.float32), values

    slack = 0
    start = pinned
    found = 0
    while found < wanted:
        place = -1
        if by_relevance:
            place = _most_marginal(
                relevance, nearest, 1.0 - trade_off, pinned, entries, taken, codes, seen, limits, slack,
                closed, sources, quotas,
            )  # fmt: skip
        else:
            while start < n:
                if _open(start, entries, taken, codes, seen, limits, slack, closed, sources, quotas):
                    place = start
                    break
                start += 1
        if place < 0:
            more = _least_slack(pinned, entries, taken, codes, seen, limits, closed, sources, quotas)
            if more >= 0:
                slack = more
            else:
                closed[:] = False  # no candidate fits the quotas: they are given up for what is left of the list
                quotas = 0
            start = pinned
            continue
        if quotas and not charge(sources[place], least, most, per_source, charged, links, free):
            closed[sources[place]] = True
            continue
        taken[place] = True
        _count(entries[place], codes, seen)
        chosen[found] = place
        found += 1
        if by_relevance and found < wanted:
            _come_near(turned, place, nearest)
    if not by_relevance:
        at = 0
        for place in range(pinned, n):
            if taken[place]:
                chosen[at] = place
                at += 1


@njit(cache=True, nogil=True)
def _code(codes: Array, item: int) -> int:
    return codes[item] if item < len(codes) else 0


@njit(cache=True, nogil=True)
def _find(keys: Array, code: int) -> int:
    """Where a code stands in a table of open addresses, or would stand. keys: int32[a power of two], 0: free."""
    last = np.uint64(len(keys) - 1)
    at = (np.uint64(code) * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(32)) & last
    while keys[at] != 0 and keys[at] != code:
        at = (at + np.uint64(1)) & last
    return int(at)


@njit(cache=True, nogil=True)
def _count(item: int, codes: Array, seen: Array) -> None:
    """Count a title that is shown. seen: int32[caps, 2, room]: the codes that are in the list, and how often."""
    for cap in range(len(codes)):
        code = _code(codes[cap], item)
        if code > 0:
            at = _find(seen[cap, 0], code)
            seen[cap, 0, at] = code
            seen[cap, 1, at] += 1


@njit(cache=True, nogil=True)
def _excess(item: int, codes: Array, seen: Array, limits: Array) -> int:
    """By how much caps would be exceeded if the title were shown; 0 or less: by nothing."""
    most = 0
    for cap in range(len(limits)):
        code = _code(codes[cap], item)
        if code > 0:
            most = max(most, seen[cap, 1, _find(seen[cap, 0], code)] + 1 - limits[cap])
    return most


@njit(cache=True, nogil=True)
def _open(
    place: int, entries: Array, taken: Array, codes: Array, seen: Array, limits: Array, slack: int,
    closed: Array, sources: Array, quotas: int,
) -> bool:  # fmt: skip
    """Whether a candidate may be taken as far as caps go, raised by `slack`, and its quota is not known to be full."""
    if taken[place] or (quotas > 0 and closed[sources[place]]):
        return False
    return _excess(entries[place], codes, seen, limits) <= slack


@njit(cache=True, nogil=True)
def _least_slack(
    pinned: int, entries: Array, taken: Array, codes: Array, seen: Array, limits: Array,
    closed: Array, sources: Array, quotas: int,
) -> int:  # fmt: skip
    """By how much all caps must be raised until some candidate fits; -1: quotas alone are in the way."""
    best = -1
    for place in range(pinned, len(taken)):
        if not taken[place] and not (quotas > 0 and closed[sources[place]]):
            needed = _excess(entries[place], codes, seen, limits)
            if best < 0 or needed < best:
                best = needed
    return best


@njit(cache=True, nogil=True)
def _relevance(values: Array, pinned: int, trade_off: float) -> Array:
    """trade_off times the candidates' scores brought to 0..1 (all equal: 0): float32[n]."""
    relevance, scale = np.zeros(len(values), np.float32), np.float32(trade_off)
    if pinned < len(values):
        high, low = values[pinned], values[-1]
        for place in range(pinned, len(values)):
            if high > low:
                relevance[place] = scale * ((values[place] - low) / (high - low))
    return relevance


@njit(cache=True, nogil=True)
def _turn(vectors: Array, entries: Array) -> Array:
    """The entries' vectors as columns, so that sums run over many candidates at once: float32[d, n].

    Columns are 0 where there is no vector, or one that is not of length 1 (NaN, infinite).
    """
    turned = np.zeros((vectors.shape[1], len(entries)), np.float32)
    for place in range(len(entries)):
        if entries[place] >= len(vectors):
            continue
        row, squares = vectors[entries[place]], np.float32(0.0)
        for i in range(len(row)):
            squares += row[i] * row[i]
        if squares < _LONGEST_SQUARE:
            for i in range(len(row)):
                turned[i, place] = row[i]
    return turned


@njit(cache=True, nogil=True)
def _come_near(turned: Array, place: int, nearest: Array) -> None:
    """Raise each entry's greatest similarity to what was chosen by that to `place`. O(n d).

    Each sum is made in the order of the dimensions, so it is the same on every machine.
    """
    d, n = turned.shape
    sums = np.empty(_TILE, np.float32)
    for first in range(0, n, _TILE):
        size = min(_TILE, n - first)
        sums[:size] = np.float32(0.0)
        for i in range(d):
            weight, row = turned[i, place], turned[i, first : first + size]
            for j in range(size):
                sums[j] += weight * row[j]
        near = nearest[first : first + size]
        for j in range(size):
            near[j] = max(near[j], sums[j])


@njit(cache=True, nogil=True)
def _most_marginal(
    relevance: Array, nearest: Array, weight: float, pinned: int, entries: Array, taken: Array, codes: Array, seen: Array,
    limits: Array, slack: int, closed: Array, sources: Array, quotas: int,
) -> int:  # fmt: skip
    """The open candidate of greatest relevance less weight times its greatest similarity; of equals the better ranked."""
    best, best_value, scale = -1, np.float32(-np.inf), np.float32(weight)
    for place in range(pinned, len(relevance)):
        value = relevance[place] - scale * nearest[place]
        if (best < 0 or value > best_value) and _open(
            place, entries, taken, codes, seen, limits, slack, closed, sources, quotas
        ):
            best, best_value = place, value
    return best
