"""The titles with the highest inner product or cosine with a vector: approximate search above some size.

A graph index (HNSW: Malkov and Yashunin 2018) of the usearch library, on cosines. Inner products become cosines by one more
coordinate, sqrt(max |y|**2 - |y|**2), which is 0 in the query (Bachrach et al. 2014, "Speeding up the Xbox recommender
system", eq. 6). A few very long vectors (the most read titles) would make all others nearly equal to that coordinate: they
stay out of the graph and are looked at one by one. What is named is scored again exactly by the caller, so only what the graph
misses is lost.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array

CONNECTIVITY, BUILD_WIDTH, SEARCH_WIDTH = 32, 128, 512
LONG_SHARE = 0.02
"""Rows that stay out of the graph at most."""
_MUCH_LONGER = 1.5


class Neighbours:
    """An index over the rows of a matrix. Build it with `build`; `data` goes into an artifact beside the matrix."""

    def __init__(self, data: Array, vectors: Array) -> None:
        """data: uint8[n], as `data` gave it for `vectors` (float32[m, f]). Raises InvalidInputError without usearch, or where damaged."""
        kind = _index_kind()
        try:
            self._index = kind.restore(data.tobytes())
        except ValueError as error:
            raise InvalidInputError(Problem("index", str(error), "a usearch index", "train again")) from None
        if self._index is None or self._index.ndim != vectors.shape[1] + 1:
            raise InvalidInputError(Problem("index", "another shape", f"vectors of {vectors.shape[1]}", "train again"))
        self._index.expansion_search = SEARCH_WIDTH
        self._long = _long_rows(_squares(vectors))
        self._long_vectors = vectors[self._long]
        self.data = data

    def find(self, query: Array, n: int) -> Array:
        """About the n rows with the highest inner product with `query` (float32[f]), and some more: distinct, int64[<= 2 n]."""
        matches = self._index.search(np.append(query, np.float32(0.0)), n, threads=1)
        long = self._long
        if n < len(long):
            long = long[np.argpartition(-(self._long_vectors @ query), n)[:n]]
        return np.concatenate([matches.keys.astype(np.int64), long])


def build(vectors: Array, threads: int = 0) -> Neighbours:
    """Index the rows of float32[m, f]. Some 200 µs a row and core. Raises InvalidInputError without usearch."""
    kind = _index_kind()
    squares = _squares(vectors)
    rows = np.flatnonzero(squares > 0)  # what was never read is 0, scores 0, and would be a heap of equal points
    rows = np.setdiff1d(rows, _long_rows(squares))
    more = np.sqrt(squares[rows].max(initial=0.0) - squares[rows]).astype(np.float32)
    index = kind(
        ndim=vectors.shape[1] + 1, metric="cos", dtype="f32",
        connectivity=CONNECTIVITY, expansion_add=BUILD_WIDTH, expansion_search=SEARCH_WIDTH,
    )  # fmt: skip
    index.add(rows, np.hstack([vectors[rows], more[:, None]]), threads=threads or os.cpu_count() or 1)
    return Neighbours(np.frombuffer(index.save(), np.uint8), vectors)


def _squares(vectors: Array) -> Array:
    squares: Array = np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64)
    return squares


def _long_rows(squares: Array) -> Array:
    """The longest LONG_SHARE of the rows where they are much longer than the rest, else none: int64[l]."""
    if not len(squares):
        return np.zeros(0, np.int64)
    bar = float(np.quantile(squares, 1.0 - LONG_SHARE))
    return np.flatnonzero(squares > bar) if squares.max() > bar * _MUCH_LONGER**2 else np.zeros(0, np.int64)


def available() -> bool:
    """Whether usearch is installed."""
    try:
        _index_kind()
    except InvalidInputError:
        return False
    return True


def _index_kind() -> Any:
    try:
        from usearch.index import Index  # noqa: PLC0415  an extra
    except ImportError:
        problem = Problem("usearch", "not installed", "the extra `search`", "pip install 'bandi[search]'")
        raise InvalidInputError(problem) from None
    return Index
