"""Symmetric matrices of d rows packed by their lower triangles, row after row: d (d + 1) / 2 numbers.

Half the memory of a square, and x' M x becomes one long dot product with the packed x x'. No sum is reordered by the
compiler: its order is written here, so that the same state gives the same numbers on any machine.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from bandi.model.records import Array

_U = np.uint64


@njit(cache=True, nogil=True)
def dot(a: Array, b: Array) -> Any:
    """The sum of a[i] * b[i] in the arrays' own precision, in eight lanes; signed places would not be vectorised."""
    n = _U(len(a))
    zero = a.dtype.type(0)
    s0, s1, s2, s3, s4, s5, s6, s7 = zero, zero, zero, zero, zero, zero, zero, zero
    i, whole = _U(0), n - n % _U(8)
    while i < whole:
        s0 += a[i] * b[i]
        s1 += a[i + _U(1)] * b[i + _U(1)]
        s2 += a[i + _U(2)] * b[i + _U(2)]
        s3 += a[i + _U(3)] * b[i + _U(3)]
        s4 += a[i + _U(4)] * b[i + _U(4)]
        s5 += a[i + _U(5)] * b[i + _U(5)]
        s6 += a[i + _U(6)] * b[i + _U(6)]
        s7 += a[i + _U(7)] * b[i + _U(7)]
        i += _U(8)
    while i < n:
        s0 += a[i] * b[i]
        i += _U(1)
    return ((s0 + s4) + (s1 + s5)) + ((s2 + s6) + (s3 + s7))


@njit(cache=True, nogil=True)
def pack_square(x: Array, packed: Array) -> None:
    """packed: x x' with its off-diagonal entries doubled, so that dot(M, packed) is x' M x."""
    at = 0
    for i in range(len(x)):
        for j in range(i):
            packed[at + j] = x.dtype.type(2) * x[i] * x[j]
        packed[at + i] = x[i] * x[i]
        at += i + 1


@njit(cache=True, nogil=True)
def times(matrix: Array, x: Array, product: Array) -> None:
    """product = M x. O(d**2)."""
    at = 0
    for i in range(len(x)):
        row = matrix[at : at + i + 1]
        product[i] = dot(row, x[: i + 1])
        for j in range(i):
            product[j] += x[i] * row[j]
        at += i + 1


@njit(cache=True, nogil=True)
def add_square(matrix: Array, x: Array, amount: float) -> None:
    """M += amount * x x'. O(d**2)."""
    at = 0
    for i in range(len(x)):
        row = matrix[at : at + i + 1]
        scaled = matrix.dtype.type(amount * x[i])
        for j in range(i + 1):
            row[j] += scaled * x[j]
        at += i + 1


@njit(cache=True, nogil=True)
def factor(matrix: Array, ridge: float, lower: Array) -> bool:
    """lower: float64[d, d], the Cholesky factor of M + ridge * I. False where that is not positive definite. O(d**3)."""
    d = len(lower)
    for i in range(d):
        for j in range(i + 1):
            total = matrix[i * (i + 1) // 2 + j]
            if i == j:
                total += ridge
            total -= dot(lower[i, :j], lower[j, :j])
            if i > j:
                lower[i, j] = total / lower[j, j]
            elif total > 0.0 and math.isfinite(total):
                lower[i, i] = math.sqrt(total)
            else:
                return False
    return True


@njit(cache=True, nogil=True)
def invert(matrix: Array, ridge: float, inverse: Array) -> bool:
    """inverse: float64, packed: of M + ridge * I. False, and nothing written, where it is not positive definite. O(d**3)."""
    d = int((math.sqrt(8.0 * len(matrix) + 1.0) - 1.0) / 2.0 + 0.5)
    lower = np.zeros((d, d))
    if not factor(matrix, ridge, lower):
        return False
    columns = np.zeros((d, d))  # row j: column j of the inverse of `lower`
    for j in range(d):
        columns[j, j] = 1.0 / lower[j, j]
        for i in range(j + 1, d):
            columns[j, i] = -dot(lower[i, j:i], columns[j, j:i]) / lower[i, i]
    for i in range(d):
        for j in range(i + 1):
            inverse[i * (i + 1) // 2 + j] = dot(columns[i, i:], columns[j, i:])
    return True


@njit(cache=True, nogil=True)
def largest_eigenvalue_bound(matrix: Array, d: int) -> float:
    """A number not below the largest eigenvalue of a positive M, and at most d**(1/8) times it: |M**4|**(1/4), Frobenius.

    O(d**3).
    """
    once, twice = np.empty((d, d)), np.empty((d, d))
    scale = 0.0
    for i in range(d):
        scale = max(scale, matrix[i * (i + 1) // 2 + i])
    if scale <= 0.0:
        return 0.0
    for i in range(d):
        for j in range(i + 1):
            once[i, j] = once[j, i] = matrix[i * (i + 1) // 2 + j] / scale
    for i in range(d):
        for j in range(i + 1):
            twice[i, j] = twice[j, i] = dot(once[i], once[j])
    squares = 0.0
    for i in range(d):
        for j in range(d):
            entry = dot(twice[i], twice[j])
            squares += entry * entry
    bound: float = scale * squares**0.125 * (1.0 + 1e-6)
    return bound
