"""The titles with the highest inner product or cosine with a vector: approximate search above some size.

A graph index (HNSW: Malkov and Yashunin 2018) of the usearch library, on cosines. Inner products become cosines by one more
coordinate, sqrt(max |y|**2 - |y|**2), which is 0 in the query (Bachrach et al. 2014, "Speeding up the Xbox recommender
system", eq. 6). What the index names is scored again exactly by the caller, so only what it misses is lost.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array

CONNECTIVITY, BUILD_WIDTH, SEARCH_WIDTH = 32, 128, 512


class Neighbours:
    """An index over the rows of a matrix. Build it with `build`; `data` goes into an artifact."""

    def __init__(self, data: Array, columns: int) -> None:
        """data: uint8[n], as `data` gave it; columns: of the matrix. Raises InvalidInputError without usearch, or where damaged."""
        kind = _index_kind()
        try:
            self._index = kind.restore(data.tobytes())
        except ValueError as error:
            raise InvalidInputError(Problem("index", str(error), "a usearch index", "train again")) from None
        if self._index is None or self._index.ndim != columns + 1:
            raise InvalidInputError(Problem("index", "another shape", f"vectors of {columns}", "train again"))
        self._index.expansion_search = SEARCH_WIDTH
        self.data = data

    def __len__(self) -> int:
        return len(self._index)

    def find(self, query: Array, n: int) -> Array:
        """About the n rows with the highest inner product with `query` (float32[f]), in no order: int64[<= n]."""
        matches = self._index.search(np.append(query, np.float32(0.0)), n, threads=1)
        found: Array = matches.keys.astype(np.int64)
        return found


def build(vectors: Array, threads: int = 0) -> Neighbours:
    """Index the rows of float32[m, f]. About 100 µs a row and core. Raises InvalidInputError without usearch."""
    kind = _index_kind()
    squares = (vectors.astype(np.float64) ** 2).sum(axis=1)
    more = np.sqrt(np.maximum(squares.max(initial=0.0) - squares, 0.0)).astype(np.float32)
    wide = np.hstack([vectors, more[:, None]])
    index = kind(
        ndim=wide.shape[1], metric="cos", dtype="f16",
        connectivity=CONNECTIVITY, expansion_add=BUILD_WIDTH, expansion_search=SEARCH_WIDTH,
    )  # fmt: skip
    known = np.flatnonzero(squares > 0)  # what was never read is 0, scores 0, and would be a heap of equal points
    index.add(known, wide[known], threads=threads or os.cpu_count() or 1)
    return Neighbours(np.frombuffer(index.save(), np.uint8), vectors.shape[1])


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
