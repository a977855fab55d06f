"""Numba kernels of the open-addressing indexes of `duplicates` and `attribution`.

A table is a dense arena of rows in order of insertion plus `index`: int32[2**b], b at least 5; a slot is -1 or a row
number (its lower b - 1 bits) under a tag, bits of the key's hash by which most other keys are told apart without a look
at the arena. Keys are two uint64 columns. Only the arena is state; an index can always be built again from it.

`find` probes linearly. `find_near` first looks where all keys of one `a` belong, a line of memory of 16 slots: the
items of one list then cost one miss. A table uses one of the two throughout.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from bandi.model.records import Array

_LINE = 16


def read_only(array: Array) -> Array:
    """A read-only, contiguous view: Numba compiles a kernel anew for every mix of writable and read-only arguments."""
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view


@njit(cache=True, nogil=True, inline="always")
def _mixed(x: np.uint64) -> np.uint64:
    """SplitMix64's finaliser (Steele, Lea and Flood 2014)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@njit(cache=True, nogil=True, inline="always")
def _hash(a: np.uint64, b: np.uint64) -> np.uint64:
    return _mixed(a * np.uint64(0x9E3779B97F4A7C15) + b)


@njit(cache=True, nogil=True, inline="always")
def _tag(index: Array, hashed: np.uint64) -> np.int64:
    """31 bits of the hash, less those that hold the row number."""
    return np.int64(hashed >> np.uint64(33)) & ~np.int64((len(index) >> 1) - 1)


@njit(cache=True, nogil=True)
def find(index: Array, keys_a: Array, keys_b: Array, a: np.uint64, b: np.uint64) -> Any:
    """The row that holds the key, or -1 - slot where it would go."""
    mask = np.uint64(len(index) - 1)
    rows = np.int64((len(index) >> 1) - 1)
    hashed = _hash(a, b)
    tag = _tag(index, hashed)
    slot = hashed & mask
    while True:
        held = np.int64(index[slot])
        if held < 0:
            return np.int64(-1) - np.int64(slot)
        if (held & ~rows) == tag:
            row = held & rows
            if keys_a[row] == a and keys_b[row] == b:
                return row
        slot = (slot + np.uint64(1)) & mask


@njit(cache=True, nogil=True)
def find_near(index: Array, keys_a: Array, keys_b: Array, a: np.uint64, b: np.uint64) -> Any:
    """As `find`; nothing is ever taken out, so a free slot in the line of `a` ends the search."""
    rows = np.int64((len(index) >> 1) - 1)
    tag = _tag(index, _hash(a, b))
    line = _mixed(a) & np.uint64(len(index) - _LINE)
    for i in range(_LINE):
        slot = line | ((b + np.uint64(i)) & np.uint64(_LINE - 1))
        held = np.int64(index[slot])
        if held < 0:
            return np.int64(-1) - np.int64(slot)
        if (held & ~rows) == tag:
            row = held & rows
            if keys_a[row] == a and keys_b[row] == b:
                return row
    return find(index, keys_a, keys_b, a, b)


@njit(cache=True, nogil=True)
def insert(index: Array, keys_a: Array, keys_b: Array, place: int, row: int, a: np.uint64, b: np.uint64) -> None:
    """Put a new key into `row`; `place` is what the search for it has answered."""
    keys_a[row], keys_b[row] = a, b
    index[-1 - place] = _tag(index, _hash(a, b)) | row


@njit(cache=True, nogil=True)
def rebuild(index: Array, keys_a: Array, keys_b: Array, count: int) -> None:
    """Fill an index of `find` for the first `count` rows of an arena without equal keys."""
    index[:] = -1
    for row in range(count):
        a, b = keys_a[row], keys_b[row]
        insert(index, keys_a, keys_b, find(index, keys_a, keys_b, a, b), row, a, b)


@njit(cache=True, nogil=True)
def rebuild_near(index: Array, keys_a: Array, keys_b: Array, count: int) -> None:
    """The same for an index of `find_near`."""
    index[:] = -1
    for row in range(count):
        a, b = keys_a[row], keys_b[row]
        insert(index, keys_a, keys_b, find_near(index, keys_a, keys_b, a, b), row, a, b)
