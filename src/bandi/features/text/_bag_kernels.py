"""Loops over bags of terms: equal terms summed, TF-IDF, products with dense matrices."""

from __future__ import annotations

import numpy as np
from numba import njit

from bandi.model.records import Array

_F = np.float32


@njit(cache=True, nogil=True)
def sum_equal(starts: Array, terms: Array, weights: Array) -> tuple[Array, Array, Array]:
    """Sort each row's terms and sum the weights of equal ones: starts, terms and weights anew. starts: int64[rows + 1]."""
    rows = len(starts) - 1
    new_starts = np.zeros(rows + 1, np.int64)
    new_terms = np.empty(len(terms), np.int32)
    new_weights = np.empty(len(terms), _F)
    at = 0
    for row in range(rows):
        first = starts[row]
        order = np.argsort(terms[first : starts[row + 1]])
        begin = at
        for k in order:
            term = terms[first + k]
            if at > begin and new_terms[at - 1] == term:
                new_weights[at - 1] += weights[first + k]
            else:
                new_terms[at], new_weights[at] = term, weights[first + k]
                at += 1
        new_starts[row + 1] = at
    return new_starts, new_terms[:at].copy(), new_weights[:at].copy()


@njit(cache=True, nogil=True)
def weigh_rows(starts: Array, terms: Array, counts: Array, idf: Array) -> Array:
    """TF-IDF: (1 + ln count) idf for counts from 1 up, count idf below, each row then of length 1: float32[entries]."""
    values = np.empty(len(terms), _F)
    for row in range(len(starts) - 1):
        total = 0.0
        for j in range(starts[row], starts[row + 1]):
            count = counts[j]
            value = (1.0 + np.log(count) if count > 1.0 else count) * idf[terms[j]]
            values[j] = value
            total += value * value
        if total > 0.0:
            scale = 1.0 / np.sqrt(total)
            for j in range(starts[row], starts[row + 1]):
                values[j] *= scale
    return values


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz", "arcp"}, error_model="numpy")
def times_dense(starts: Array, terms: Array, values: Array, dense: Array, product: Array) -> None:
    """product = A dense. dense: float32[terms, k]; product: float32[rows, k]. O(entries * k)."""
    width = dense.shape[1]
    for row in range(len(starts) - 1):
        into = product[row]
        for k in range(width):
            into[k] = _F(0.0)
        for j in range(starts[row], starts[row + 1]):
            value = values[j]
            source = dense[terms[j]]
            for k in range(width):
                into[k] += value * source[k]


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz", "arcp"}, error_model="numpy")
def transposed_times_dense(starts: Array, terms: Array, values: Array, dense: Array, product: Array) -> None:
    """product = A' dense. dense: float32[rows, k]; product: float32[terms, k]. O(entries * k)."""
    width = dense.shape[1]
    product[:, :] = _F(0.0)
    for row in range(len(starts) - 1):
        source = dense[row]
        for j in range(starts[row], starts[row + 1]):
            value = values[j]
            into = product[terms[j]]
            for k in range(width):
                into[k] += value * source[k]
