"""Readers as vectors: what they read last, the latest counting most. Nothing of an account is asked: no age, no gender.

A reader's vector is the sum over their latest titles, newest first, of 2**(-place / HALF_LIFE_TITLES) times the title's
vector, scaled to length 1: a direction in the titles' space, so a reader and the titles that suit them have a high cosine.
It is a function of the history alone: a new read needs no state, no training and no queue, only this sum again.

>>> import numpy as np
>>> titles = np.eye(3, dtype=np.float32)
>>> reader_vector(np.array([0, 2], np.int32), titles).astype(float).round(2).tolist()
[0.74, 0.0, 0.68]
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np

from bandi.features._audience_kernels import blend, blend_rows
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array

HALF_LIFE_TITLES = 8.0
"""A title read so many titles ago weighs half of the last one."""
FADE = 2.0 ** (-1.0 / HALF_LIFE_TITLES)
"""What each further place multiplies a title's weight by."""
_PARTS_A_THREAD = 8


def recency_weights(count: int) -> Array:
    """What a reader's latest titles weigh, newest first: float64[count], 2**(-place / HALF_LIFE_TITLES)."""
    weights: Array = 2.0 ** (-np.arange(count) / HALF_LIFE_TITLES)
    return weights


def reader_vector(recent: Array, titles: Array) -> Array:
    """The vector of one reader: float32[d], of length 1, or zeros where nothing is known of them. O(m d).

    recent: int32[m], newest first; titles: float32[items, d]. Places of titles that are not in the table (-1, newer than
    the table), or whose row is zeros or has no finite length, add nothing; the other places keep their weights.
    """
    vector = np.empty(titles.shape[1], np.float32)
    blend(recent, titles, FADE, vector)
    return vector


def reader_vectors(recent: Array, titles: Array, threads: int = 0) -> Array:
    """`reader_vector` of every row of recent: int32[n, m]; gives float32[n, d]. O(n m d).

    The same result whatever `threads` is (0: one for each core). Raises InvalidInputError for tables of other shapes.
    """
    for name, table in (("recent", recent), ("titles", titles)):
        if table.ndim != 2:
            raise InvalidInputError(Problem(name, f"{table.ndim} dimensions", "2"))
    recent = np.ascontiguousarray(recent, np.int32)
    titles = np.ascontiguousarray(titles, np.float32)
    vectors = np.empty((len(recent), titles.shape[1]), np.float32)
    threads = threads or os.cpu_count() or 1
    bounds = np.linspace(0, len(recent), _PARTS_A_THREAD * threads + 1).astype(np.int64).tolist()
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(blend_rows, recent, titles, FADE, vectors, *part) for part in pairwise(bounds)]:
            done.result()
    return vectors
