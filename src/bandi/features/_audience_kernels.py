"""Readers' vectors: what they read last, summed with fading weights and scaled to length 1."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from bandi.model.records import Array

_F = np.float32
_SHORTEST = _F(1e-12)
"""Squared length below which opposite titles have cancelled and nothing is known."""


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz", "arcp"}, error_model="numpy")
def blend(recent: Array, titles: Array, fade: float, vector: Array) -> None:
    """vector = sum over places p of fade**p * titles[recent[p]], scaled to length 1; zeros where nothing is known.

    recent: int32[m], newest first; titles: float32[items, d]; vector: float32[d], written over.
    """
    squares = _sum(recent, titles, _F(fade), vector)
    if not math.isfinite(squares):
        squares = _sum_finite(recent, titles, _F(fade), vector)
    if squares < _SHORTEST:
        vector[:] = _F(0.0)
        return
    scale = _F(1.0) / _F(math.sqrt(squares))
    for j in range(len(vector)):
        vector[j] *= scale


@njit(cache=True, nogil=True)
def blend_rows(recent: Array, titles: Array, fade: float, vectors: Array, first: int, stop: int) -> None:
    """`blend` for rows first to before stop of recent: int32[n, m] into vectors: float32[n, d]."""
    for row in range(first, stop):
        blend(recent[row], titles, fade, vectors[row])


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz", "arcp"}, error_model="numpy")
def _sum(recent: Array, titles: Array, fade: np.float32, vector: Array) -> np.float32:
    """The weighted sum; gives its squared length."""
    vector[:] = _F(0.0)
    weight = _F(1.0)
    for place in range(len(recent)):
        item = recent[place]
        if 0 <= item < len(titles):
            title = titles[item]
            for j in range(len(vector)):
                vector[j] += weight * title[j]
        weight *= fade
    return _squared_length(vector)


@njit(cache=True, nogil=True)
def _sum_finite(recent: Array, titles: Array, fade: np.float32, vector: Array) -> np.float32:
    """`_sum` without titles of no finite length: looked for only after a sum has gone wrong."""
    vector[:] = _F(0.0)
    weight = _F(1.0)
    for place in range(len(recent)):
        item = recent[place]
        if 0 <= item < len(titles) and math.isfinite(_squared_length(titles[item])):
            title = titles[item]
            for j in range(len(vector)):
                vector[j] += weight * title[j]
        weight *= fade
    squares = _squared_length(vector)
    return squares if math.isfinite(squares) else _F(0.0)


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz", "arcp"}, error_model="numpy")
def _squared_length(vector: Array) -> np.float32:
    squares = _F(0.0)
    for j in range(len(vector)):
        squares += vector[j] * vector[j]
    return squares
