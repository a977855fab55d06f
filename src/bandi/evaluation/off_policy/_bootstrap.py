"""Kernel: weighted sums under Poisson(1) counts, many resamples in one pass over the rows."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from bandi.model.records import Array

TILE = 1_024
"""Rows whose counts are drawn at a time: they and their columns stay in the processor's nearest caches."""


def _steps() -> Array:
    """uint16[8]: a count is how many of these a uniform 16-bit number reaches. P(count > 8) = 1e-6 is left out."""
    chances = [math.exp(-1.0) / math.factorial(k) for k in range(8)]
    return np.minimum(np.round(65_536 * np.cumsum(chances)), 65_535).astype(np.uint16)


STEPS = _steps()


@njit(cache=True, nogil=True)
def _mixed(state: np.uint64) -> np.uint64:
    """SplitMix64's output function (Steele, Lea and Flood 2014)."""
    z = np.uint64(state)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def add_resamples(columns: Array, first_tile: int, seed: np.uint64, steps: Array, first: int, sums: Array) -> None:
    """Add to sums[b, c] what resample first + b takes of column c, and to sums[b, -1] its number of rows.

    columns: float64[c, n]; first_tile: how many tiles came before these rows; seed: uint64; steps: uint16[8]; sums:
    float64[resamples, c + 1]. A tile's counts depend on seed, resample and tile alone, not on who draws them or when.
    """
    gamma = np.uint64(0x9E3779B97F4A7C15)
    drawn = np.empty(TILE, np.uint16)
    counts = np.empty(TILE, np.float64)
    width, rows = columns.shape
    for tile in range((rows + TILE - 1) // TILE):
        start = tile * TILE
        size = min(TILE, rows - start)
        for b in range(sums.shape[0]):
            key = _mixed(np.uint64(seed) + gamma * np.uint64(first + b + 1))
            state = _mixed(key + gamma * np.uint64(first_tile + tile + 1))
            for group in range(TILE // 4):
                bits = _mixed(state + gamma * np.uint64(group))
                drawn[4 * group] = bits & np.uint64(0xFFFF)
                drawn[4 * group + 1] = (bits >> np.uint64(16)) & np.uint64(0xFFFF)
                drawn[4 * group + 2] = (bits >> np.uint64(32)) & np.uint64(0xFFFF)
                drawn[4 * group + 3] = bits >> np.uint64(48)
            for i in range(size):
                count = np.uint16(0)
                for k in range(8):
                    count += np.uint16(drawn[i] >= steps[k])
                counts[i] = count
            total = 0.0
            for i in range(size):
                total += counts[i]
            sums[b, width] += total
            for c in range(width):
                total = 0.0
                for i in range(size):
                    total += counts[i] * columns[c, start + i]
                sums[b, c] += total
