"""The titles with the highest inner product or cosine with a vector: exact, or approximate above some size.

Two parts, asked one after another. The longest rows (the titles most read) are kept apart, longest first, and looked at until
their lengths prove that no further one can be among the best (`_search_kernels.scan_by_length`): with factors of reads most
requests end here, and exactly. The rest is a graph index (HNSW: Malkov and Yashunin 2018) of the usearch library, on cosines.
Inner products become cosines by one more coordinate, sqrt(max |y|**2 - |y|**2), which is 0 in the query (Bachrach et al. 2014,
"Speeding up the Xbox recommender system", eq. 6); few very long rows would make all others nearly equal to that coordinate,
another reason to keep them apart. The graph holds bytes instead of floats: a quarter of the memory, and quicker to walk.
What it names is scored again exactly, so only what it misses is lost.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from bandi.features.factors._search_kernels import order, scan_all, scan_by_length, scan_some
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array

CONNECTIVITY, BUILD_WIDTH, SEARCH_WIDTH = 32, 128, 256
APART_SHARE = 0.06
"""The rows kept apart of the graph, where some are much longer than the others."""
_MUCH_LONGER = 1.5
_ASKED_MORE = (1.2, 5.0)
"""How many more titles than wanted the graph is asked for, at the first time and where filters left too few."""
_WIDEST = 4_096
"""Titles asked of the graph at most: further down, looking at all that are allowed is quicker."""


class Neighbours:
    """An index over the rows of a matrix. Build it with `build`; `data` goes into an artifact beside the matrix."""

    def __init__(self, data: Array, vectors: Array) -> None:
        """data: uint8[n], as `data` gave it for `vectors` (float32[m, f]). Raises InvalidInputError without usearch, or where damaged."""
        kind = _index_kind()
        squares = _squares(vectors)
        rows = _apart(squares)
        self.data = data
        self._graph = _restored(kind, data, vectors.shape[1] + 1) if len(data) else None
        in_graph = int(np.count_nonzero(squares)) - len(rows)
        if in_graph > (0 if self._graph is None else len(self._graph)):
            found = f"{0 if self._graph is None else len(self._graph)} rows"
            raise InvalidInputError(Problem("index", found, f"at least {in_graph}", "train again"))
        self._vectors = vectors
        self._rows = rows
        self._apart_vectors = vectors[rows]
        self._lengths = np.sqrt(squares[rows]).astype(np.float32)
        self._apart = np.zeros(len(vectors), np.bool_)
        self._apart[rows] = True

    def find(self, query: Array, n: int, allowed: Array, without: Array) -> Array:
        """About the n rows with the highest inner product with `query` (float32[f]), above 0, best first: int64[<= n].

        allowed: bool[size], rows at or above size are not named; without: int32[l], what else is not. Where filters
        leave too little of what the graph names, all rows are looked at.
        """
        query, without = np.ascontiguousarray(query, np.float32), np.sort(without)
        scores, best = np.empty(n, np.float32), np.empty(n, np.int64)
        length = np.float32(np.sqrt(np.dot(query, query)))
        held, proven = scan_by_length(
            self._apart_vectors, self._rows, self._lengths, query, length, allowed, without, scores, best, 0
        )
        if not proven and self._graph is not None:
            found = self._walk(query, n, allowed, without, (scores.copy(), best.copy(), held))
            if found is None:
                return search_all(self._vectors, query, n, allowed, without)
            scores, best, held = found
        order(scores, best, held)
        return best[:held]

    def _walk(
        self, query: Array, n: int, allowed: Array, without: Array, heap: tuple[Array, Array, int]
    ) -> tuple[Array, Array, int] | None:
        """The heap with what the graph adds, or None where more than it names may be needed.

        It is complete where what the graph named last, the farthest, scores no higher than the least one held.
        """
        assert self._graph is not None
        share = np.count_nonzero(allowed) / max(len(allowed), 1)
        longer = np.append(query, np.float32(0.0))
        for more in _ASKED_MORE:
            asked = int((n * more + len(without)) / max(share, 1e-9)) + 1
            if asked > _WIDEST:
                return None
            named = self._graph.search(longer, asked, threads=1).keys.astype(np.int64)
            scores, best, held = heap[0].copy(), heap[1].copy(), heap[2]
            held = scan_some(self._vectors, named, self._apart, query, allowed, without, scores, best, held)
            all_named = len(named) >= len(self._graph)
            if all_named or (len(named) and self._least(scores, held, n) >= self._vectors[named[-1]] @ query):
                return scores, best, held
        return None

    @staticmethod
    def _least(scores: Array, held: int, n: int) -> float:
        """The score to beat: 0 while fewer than n are held, for only what scores above 0 is named."""
        return float(scores[0]) if held == n else 0.0


def search_all(vectors: Array, query: Array, n: int, allowed: Array, without: Array) -> Array:
    """The n rows with the highest inner product with `query`, above 0, best first: int64[<= n]. O(allowed rows * f)."""
    scores, best = np.empty(n, np.float32), np.empty(n, np.int64)
    query = np.ascontiguousarray(query, np.float32)
    held = scan_all(vectors, query, allowed, np.sort(without), scores, best, 0)
    order(scores, best, held)
    return best[:held]


def build(vectors: Array, threads: int = 0) -> Neighbours:
    """Index the rows of float32[m, f]. Some 100 µs a row and core. Raises InvalidInputError without usearch."""
    kind = _index_kind()
    squares = _squares(vectors)
    rows = np.flatnonzero(squares > 0)  # what was never read is 0, scores 0, and would be a heap of equal points
    rows = np.setdiff1d(rows, _apart(squares))
    if not len(rows):
        return Neighbours(np.zeros(0, np.uint8), vectors)
    more = np.sqrt(squares[rows].max() - squares[rows]).astype(np.float32)
    index = kind(
        ndim=vectors.shape[1] + 1, metric="cos", dtype="i8",
        connectivity=CONNECTIVITY, expansion_add=BUILD_WIDTH, expansion_search=SEARCH_WIDTH,
    )  # fmt: skip
    index.add(rows, np.hstack([vectors[rows], more[:, None]]), threads=threads or os.cpu_count() or 1)
    return Neighbours(np.frombuffer(index.save(), np.uint8), vectors)


def warm() -> None:
    """Compile the kernels of searching (or load them from the cache) before the first request needs them."""
    vectors, nothing = np.eye(2, dtype=np.float32), np.zeros(0, np.int32)
    rows, allowed = np.arange(2), np.ones(2, np.bool_)
    scores, best = np.empty(1, np.float32), np.empty(1, np.int64)
    query, length = vectors[0], np.float32(1.0)
    held, _ = scan_by_length(vectors, rows, scores[[0, 0]], query, length, allowed, nothing, scores, best, 0)
    scan_some(vectors, rows, ~allowed, query, allowed, nothing, scores, best, held)
    search_all(vectors, query, 1, allowed, nothing)


def _restored(kind: Any, data: Array, width: int) -> Any:
    try:
        index = kind.restore(data.tobytes())
    except ValueError as error:
        raise InvalidInputError(Problem("index", str(error), "a usearch index", "train again")) from None
    if index is None or index.ndim != width:
        raise InvalidInputError(Problem("index", "another shape", f"vectors of {width - 1}", "train again"))
    index.expansion_search = SEARCH_WIDTH
    return index


def _squares(vectors: Array) -> Array:
    squares: Array = np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64)
    return squares


def _apart(squares: Array) -> Array:
    """The longest APART_SHARE of the rows, longest first, where the longest is much longer than the rest, else none: int64[l]."""
    if not len(squares):
        return np.zeros(0, np.int64)
    bar = float(np.quantile(squares, 1.0 - APART_SHARE))
    if squares.max() <= bar * _MUCH_LONGER**2:
        return np.zeros(0, np.int64)
    rows = np.flatnonzero(squares > bar)
    longest: Array = rows[np.lexsort((rows, -squares[rows]))]
    return longest


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
