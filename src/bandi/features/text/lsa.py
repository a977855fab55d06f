"""Latent semantic analysis: TF-IDF, then the best few dimensions of it by a randomised singular value decomposition.

Deerwester, Dumais, Furnas, Landauer and Harshman (1990), "Indexing by latent semantic analysis". A document's row of the
TF-IDF matrix A (n documents by m terms) is multiplied with the first right singular vectors V of A: in the d dimensions A V
the inner products of documents are as near those of A as d dimensions allow. Term weights: (1 + ln count) * idf with
idf = 1 + ln((1 + n) / (1 + documents of the term)), rows of length 1 (Manning, Raghavan and Schütze 2008, section 6.4).

V comes from a random start: Halko, Martinsson and Tropp (2011), "Finding structure with randomness", algorithm 4.4
(subspace iteration, made orthonormal after every product) and algorithm 5.1 (the decomposition from the range).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bandi.features.text._bag_kernels import times_dense, transposed_times_dense, weigh_rows
from bandi.features.text.bag import Bag, Vocabulary
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array

MAX_DIMENSIONS = 1_024
_LEAST_OVERSAMPLING = 10
_ITERATIONS = 6
"""Of the subspace, with half as many directions again as asked for: singular values of text fall slowly."""


@dataclass(frozen=True, slots=True)
class Lsa:
    """What was learned. idf: float32[terms]; terms: float32[terms, d], orthonormal columns (0 beyond the rank)."""

    idf: Array
    terms: Array
    variance_kept: float
    """Share of the squared weights of A that d dimensions hold: 0 to 1."""

    def encode(self, bag: Bag) -> Array:
        """Vectors of documents: float32[documents, d], of length 1, or 0 without a known term. O(entries * d)."""
        vectors = np.empty((len(bag), self.terms.shape[1]), np.float32)
        values = weigh_rows(bag.starts, bag.terms, bag.counts, self.idf)
        times_dense(bag.starts, bag.terms, values, self.terms, vectors)
        return unit_rows(vectors)


def fit_lsa(bag: Bag, vocabulary: Vocabulary, dimensions: int, seed: int) -> Lsa:
    """Learn from a collection. O(iterations * entries * d + (documents + terms) * d**2).

    Where documents or terms are fewer than `dimensions` (1 to 1,024), the dimensions beyond are 0. Raises InvalidInputError.
    """
    if not 1 <= dimensions <= MAX_DIMENSIONS:
        raise InvalidInputError(Problem("text.dimensions", repr(dimensions), f"1 to {MAX_DIMENSIONS}"))
    idf = inverse_document_frequencies(vocabulary)
    values = weigh_rows(bag.starts, bag.terms, bag.counts, idf)
    right = np.zeros((bag.width, dimensions), np.float32)
    total = float(np.sum(values.astype(np.float64) ** 2))
    if total == 0.0:
        return Lsa(idf, right, 0.0)
    singular, vectors = _right_singular(
        bag, values, min(dimensions + max(_LEAST_OVERSAMPLING, dimensions // 2), len(bag), bag.width), seed
    )
    found = min(dimensions, len(singular))
    found = int(np.count_nonzero(singular[:found] > 1e-6 * singular[0]))
    right[:, :found] = vectors[:, :found]
    return Lsa(idf, right, min(float(np.sum(singular[:found] ** 2)) / total, 1.0))


def inverse_document_frequencies(vocabulary: Vocabulary) -> Array:
    """float32[terms], at least 1: rare terms weigh more."""
    idf: Array = 1.0 + np.log((1.0 + vocabulary.size) / (1.0 + vocabulary.documents))
    return idf.astype(np.float32)


def unit_rows(vectors: Array) -> Array:
    """float32[n, d], each row of length 1; rows that are 0, or as good as, become 0."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.where(lengths > 1e-6, vectors / np.maximum(lengths, np.float32(1e-6)), np.float32(0.0))


def _right_singular(bag: Bag, values: Array, rank: int, seed: int) -> tuple[Array, Array]:
    """Singular values (descending, float64[rank]) and right singular vectors (float32[terms, rank], signs settled)."""
    rows = np.empty((len(bag), rank), np.float32)
    columns = np.random.default_rng(seed).standard_normal((bag.width, rank)).astype(np.float32)
    small = np.zeros((rank, rank), np.float32)
    for _ in range(_ITERATIONS + 1):
        times_dense(bag.starts, bag.terms, values, columns, rows)
        rows = np.ascontiguousarray(np.linalg.qr(rows)[0])
        transposed_times_dense(bag.starts, bag.terms, values, rows, columns)
        basis, small = np.linalg.qr(columns)
        columns = np.ascontiguousarray(basis)
    # columns' last value before the QR was A' Q = basis small, so A is near Q small' basis'
    turn, singular, _ = np.linalg.svd(small.astype(np.float64))
    vectors = columns @ turn.astype(np.float32)
    strongest = np.abs(vectors).argmax(axis=0)
    signs = np.where(vectors[strongest, np.arange(vectors.shape[1])] < 0, np.float32(-1.0), np.float32(1.0))
    return singular, vectors * signs
