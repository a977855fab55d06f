"""Numba kernels of the open-addressing index that `duplicates` and `attribution` share.

A table is a dense arena of rows in order of insertion plus `index`: int32[2**b], -1 or a row number, probed linearly.
Keys are two uint64 columns. Only the arena is state; an index can always be built again from it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from bandi.model.records import Array


def read_only(array: Array) -> Array:
    """A read-only, contiguous view: Numba compiles a kernel anew for every mix of writable and read-only arguments."""
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view


@njit(cache=True, nogil=True, inline="always")
def _slot(a: np.uint64, b: np.uint64, mask: np.uint64) -> np.uint64:
    """SplitMix64's finaliser (Steele, Lea and Flood 2014) over both halves of the key."""
    x = a * np.uint64(0x9E3779B97F4A7C15) + b
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (x ^ (x >> np.uint64(31))) & mask


@njit(cache=True, nogil=True)
def find(index: Array, keys_a: Array, keys_b: Array, a: np.uint64, b: np.uint64) -> Any:
    """The row that holds the key, or -1 - slot where it would go."""
    mask = np.uint64(len(index) - 1)
    slot = _slot(a, b, mask)
    while True:
        row = index[slot]
        if row < 0:
            return np.int64(-1) - np.int64(slot)
        if keys_a[row] == a and keys_b[row] == b:
            return np.int64(row)
        slot = (slot + np.uint64(1)) & mask


@njit(cache=True, nogil=True)
def rebuild(index: Array, keys_a: Array, keys_b: Array, count: int) -> None:
    """Fill an index for the first `count` rows of an arena without equal keys."""
    index[:] = -1
    for row in range(count):
        index[-1 - find(index, keys_a, keys_b, keys_a[row], keys_b[row])] = row
