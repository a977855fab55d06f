"""The titles that a list is chosen from: some for their clicks, some for their coins, each with a drawn click rate."""

from __future__ import annotations

import numpy as np
from numba import njit

from bandi.model.records import Array
from bandi.policies._random import beta_draw, stream

BINS = 1_024
"""Bins below the largest key, each 0.8 % of a key wide: 2**-8 to 1 times the largest is told apart."""
_SHIFT = np.int32(16)
_F = np.float32
_ONE, _TWO = _F(1.0), _F(2.0)
_ODD, _MIX_1, _MIX_2 = np.uint32(0x9E3779B9), np.uint32(0x85EBCA6B), np.uint32(0xC2B2AE35)
_TRIES = 64
"""Draws until one below the bar is taken for granted."""
_FROM_24_BITS = _F(2.0**-24)


@njit(cache=True, nogil=True, error_model="numpy")
def _hopes(a: Array, b: Array, exploring: float, seed: np.uint64, keys: Array) -> None:
    """keys: float32[n], mean click rates and, times `exploring`, one to three posterior deviations, at random."""
    salt, spread = np.uint32(seed ^ (seed >> np.uint64(32))), _F(exploring)
    for i in range(len(keys)):
        # murmur3's finaliser, in 32 bits throughout so that the loop is vectorised
        h = np.uint32(np.uint32(i) * _ODD) ^ salt
        h = np.uint32((h ^ (h >> np.uint32(16))) * _MIX_1)
        h = np.uint32((h ^ (h >> np.uint32(13))) * _MIX_2)
        u = _F(np.int32((h ^ (h >> np.uint32(16))) >> np.uint32(8))) * _FROM_24_BITS
        total = _F(a[i]) + _F(b[i])
        mean = _F(a[i]) / total
        keys[i] = mean + spread * (_ONE + _TWO * u) * np.sqrt(mean * (_ONE - mean) / (total + _ONE))


@njit(cache=True, nogil=True)
def _foremost(keys: Array, size: int, start: int, counts: Array, places: Array) -> None:
    """The places of the `size` <= n largest keys, to within a bin, in places[:size]; their keys are set to -1.

    keys: float32[n], negative: not to be had; places: int32[size + 1] at least. Of equal ones those from `start` on come
    first, in a circle.
    """
    n = len(keys)
    bits = keys.view(np.int32)
    most = np.int32(0)
    for i in range(n):
        most = max(most, bits[i])
    top = most >> _SHIFT
    counts[:] = 0
    for i in range(n):
        counts[min(top - (bits[i] >> _SHIFT), BINS - 1)] += 1
    taken, bar = 0, 0
    while taken + counts[bar] <= size and bar < BINS - 1:
        taken += counts[bar]
        bar += 1
    found = 0
    for i in range(n):  # without a branch, so what comes behind the last is written too
        places[found] = i
        found += int(min(top - (bits[i] >> _SHIFT), BINS - 1) < bar)
    for step in range(n):
        if found == size:
            break
        i = start + step - (n if start + step >= n else 0)
        places[found] = i
        found += int(min(top - (bits[i] >> _SHIFT), BINS - 1) == bar and bits[i] >= 0)
    for j in range(size):
        keys[places[j]] = -_ONE


@njit(cache=True, nogil=True)
def _weigh(items: Array, worths: Array, usual: float, keys: Array) -> None:
    for i in range(len(items)):
        keys[i] *= _F(worths[items[i]] if items[i] < len(worths) else usual)


@njit(cache=True, nogil=True)
def draw_pool(
    items: Array, a: Array, b: Array, worths: Array, usual: float, size: int, seed: np.uint64, exploring: float, keys: Array,
    counts: Array, places: Array, draws: Array, means: Array,
) -> None:  # fmt: skip
    """The `size` <= n titles that may bring most coins at once, each with a drawn click rate.

    A title's key is its worth times its mean click rate and one to three posterior deviations more, at random, so that of titles
    of which little is known each has its turn. items: int32[n]; a, b: float64[n], Beta posteriors; worths: float64[known], coins
    of a start, `usual` of titles beyond. exploring: 0: keys are means, and draws too. Scratch: keys: float32[n]; counts:
    int32[BINS]. Written: places: int32[n + 1], of which the first `size` count; draws, means: float64[size]. O(n).
    """
    n = len(items)
    if size < n:
        _hopes(a[:n], b[:n], exploring, seed, keys[:n])
        _weigh(items, worths, usual, keys)
        _foremost(keys[:n], size, int(stream(seed, -3) % np.uint64(n)), counts, places)
    else:
        for i in range(n):
            places[i] = i
    again = stream(seed, -2)
    for j in range(size):
        i = places[j]
        means[j] = a[i] / (a[i] + b[i])
        draws[j] = beta_draw(a[i], b[i], stream(again, i))[1] if exploring > 0.0 else means[j]


@njit(cache=True, nogil=True)
def extend_pool(
    items: Array, a: Array, b: Array, worths: Array, usual: float, foremost: int, size: int, seed: np.uint64,
    exploring: float, keys: Array, counts: Array, places: Array, draws: Array, means: Array,
) -> None:  # fmt: skip
    """Add to the titles with the highest drawn click rates those that may bring most coins, up to `size` <= n in all.

    places, draws: of the `foremost` first; what they hold is left, and more is written behind. Titles that are not among
    them drew less than the least of them, so those added draw again until that holds: all draws together have the law of
    independent draws. Else as `draw_pool`. O(n), and by chance a little more.
    """
    n, bar = len(items), 1.0
    for j in range(foremost):
        bar = min(bar, draws[j])
    if size > foremost:
        _hopes(a[:n], b[:n], exploring, seed, keys[:n])
        _weigh(items, worths, usual, keys)
        for j in range(foremost):
            keys[places[j]] = -_ONE
        _foremost(keys[:n], size - foremost, int(stream(seed, -3) % np.uint64(n)), counts, places[foremost:])
    again = stream(seed, -2)
    for j in range(size):
        i = places[j]
        means[j] = a[i] / (a[i] + b[i])
        if j >= foremost:
            draws[j] = means[j]
            state = stream(again, i)
            for _ in range(_TRIES if exploring > 0.0 else 0):
                state, draws[j] = beta_draw(a[i], b[i], state)
                if draws[j] <= bar:
                    break
            draws[j] = min(draws[j], bar)
