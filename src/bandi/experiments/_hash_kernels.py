"""XXH64 over bytes (Collet 2012; specification XXH64 of xxHash 0.8, seed 0), and buckets made of it.

The hash is the published one, so any language's xxHash library gives the same numbers.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from bandi.model.records import Array

_P1 = np.uint64(0x9E3779B185EBCA87)
_P2 = np.uint64(0xC2B2AE3D27D4EB4F)
_P3 = np.uint64(0x165667B19E3779F9)
_P4 = np.uint64(0x85EBCA77C2B2AE63)
_P5 = np.uint64(0x27D4EB2F165667C5)
_SUM_P1_P2 = np.uint64((0x9E3779B185EBCA87 + 0xC2B2AE3D27D4EB4F) % (1 << 64))
_MINUS_P1 = np.uint64((1 << 64) - 0x9E3779B185EBCA87)
_BITS = np.uint64(64)
_8, _11, _16, _24, _32, _40, _48, _56 = (np.uint64(n) for n in (8, 11, 16, 24, 32, 40, 48, 56))
_UNIT = 2.0**-53


@njit(cache=True, nogil=True, inline="always")
def _turn(x: np.uint64, bits: int) -> np.uint64:
    left = np.uint64(bits)
    return np.uint64((x << left) | (x >> (_BITS - left)))


@njit(cache=True, nogil=True, inline="always")
def _word(data: Array, at: int) -> np.uint64:
    return np.uint64(
        np.uint64(data[at])
        | np.uint64(data[at + 1]) << _8
        | np.uint64(data[at + 2]) << _16
        | np.uint64(data[at + 3]) << _24
        | np.uint64(data[at + 4]) << _32
        | np.uint64(data[at + 5]) << _40
        | np.uint64(data[at + 6]) << _48
        | np.uint64(data[at + 7]) << _56
    )


@njit(cache=True, nogil=True, inline="always")
def _half_word(data: Array, at: int) -> np.uint64:
    return np.uint64(
        np.uint64(data[at])
        | np.uint64(data[at + 1]) << _8
        | np.uint64(data[at + 2]) << _16
        | np.uint64(data[at + 3]) << _24
    )


@njit(cache=True, nogil=True, inline="always")
def _round(lane: np.uint64, word: np.uint64) -> np.uint64:
    return np.uint64(_turn(lane + word * _P2, 31) * _P1)


@njit(cache=True, nogil=True, inline="always")
def _joined(x: np.uint64, lane: np.uint64) -> np.uint64:
    return np.uint64((x ^ _round(np.uint64(0), lane)) * _P1 + _P4)


@njit(cache=True, nogil=True)
def xxh64(data: Array, length: int) -> np.uint64:
    """The hash of `data[:length]`. data: uint8[n]. O(length)."""
    at = 0
    if length >= 32:
        a, b, c, d = _SUM_P1_P2, _P2, np.uint64(0), _MINUS_P1
        while at + 32 <= length:
            a = _round(a, _word(data, at))
            b = _round(b, _word(data, at + 8))
            c = _round(c, _word(data, at + 16))
            d = _round(d, _word(data, at + 24))
            at += 32
        x = _turn(a, 1) + _turn(b, 7) + _turn(c, 12) + _turn(d, 18)
        x = _joined(_joined(_joined(_joined(x, a), b), c), d)
    else:
        x = _P5
    x += np.uint64(length)
    while at + 8 <= length:
        x = _turn(x ^ _round(np.uint64(0), _word(data, at)), 27) * _P1 + _P4
        at += 8
    if at + 4 <= length:
        x = _turn(x ^ (_half_word(data, at) * _P1), 23) * _P2 + _P3
        at += 4
    while at < length:
        x = _turn(x ^ (np.uint64(data[at]) * _P5), 11) * _P1
        at += 1
    x = (x ^ (x >> np.uint64(33))) * _P2
    x = (x ^ (x >> np.uint64(29))) * _P3
    return np.uint64(x ^ (x >> _32))


@njit(cache=True, nogil=True)
def fill_buckets(salt: Array, data: Array, offsets: Array, buckets: Array) -> None:
    """The bucket of each unit behind the salt.

    salt: uint8[s], with the zero byte that ends it; data: uint8[offsets[n]]; offsets: int64[n + 1]; buckets: float64[n].
    """
    longest = 0
    for i in range(len(buckets)):
        longest = max(longest, offsets[i + 1] - offsets[i])
    front = len(salt)
    scratch = np.empty(front + longest, np.uint8)
    scratch[:front] = salt
    for i in range(len(buckets)):
        length = offsets[i + 1] - offsets[i]
        for j in range(length):
            scratch[front + j] = data[offsets[i] + j]
        buckets[i] = np.float64(xxh64(scratch, front + length) >> _11) * _UNIT
