"""Sums of products of one, two and three columns over readers at each look, of values that grow: each cell moves them by what it adds."""

from __future__ import annotations

import numpy as np
from numba import njit

from bandi.model.records import Array


@njit(cache=True, nogil=True)
def _grow_cubes(cubes: Array, row: Array, column: int, value: float) -> None:
    """What cubes float64[w, w, w] gain when value is added to a column of the row float64[w], which stays as it was. O(w^2)."""
    before = row[column]
    for a in range(len(row)):
        if a != column:
            twice = row[a] * value * (2.0 * before + value)
            cubes[column, column, a] += twice
            cubes[column, a, column] += twice
            cubes[a, column, column] += twice
            for b in range(len(row)):
                if b != column:
                    once = value * row[a] * row[b]
                    cubes[column, a, b] += once
                    cubes[a, column, b] += once
                    cubes[a, b, column] += once
    cubes[column, column, column] += value * (3.0 * before * (before + value) + value * value)


@njit(cache=True, nogil=True)
def growing_totals(
    entries: Array, entered: Array, groups: Array, covariates: Array,
    order: Array, ends: Array, rows: Array, which: Array, values: Array,
    so_far: Array, readers: Array, sums: Array, products: Array, cubes: Array,
) -> None:  # fmt: skip
    """Totals at each look, by group, written.

    entries: int32[rows], rows by their first look, entered: int64[looks], how many of them are in by each; groups: int16[rows];
    covariates: float64[rows, c]. Cells: order: int64[cells], by look, ends: int64[looks], how many of them are in by each; of each
    rows, which (the column, below m) and values. so_far: float64[rows, m], zeros, scratch. readers: float64[looks, groups], sums:
    float64[looks, groups, m + c], products: float64[looks, groups, m + c, m + c], cubes: float64[looks, groups, m + c, m + c, m + c].
    A square grows by 2 v y + v^2 when v is added to y, a cube by 3 v y (y + v) + v^3, so within a look any order will do.
    O(rows c^3 + cells (m + c)^2 + looks groups (m + c)^3).
    """
    looks, m, c = len(ends), so_far.shape[1], covariates.shape[1]
    full = np.empty(m + c)
    entry, cell = 0, 0
    for look in range(looks):
        if look:
            readers[look], sums[look], products[look] = readers[look - 1], sums[look - 1], products[look - 1]
            cubes[look] = cubes[look - 1]
        while entry < entered[look]:
            row = entries[entry]
            group = groups[row]
            readers[look, group] += 1.0
            for a in range(c):
                sums[look, group, m + a] += covariates[row, a]
                for b in range(c):
                    product = covariates[row, a] * covariates[row, b]
                    products[look, group, m + a, m + b] += product
                    for d in range(c):
                        cubes[look, group, m + a, m + b, m + d] += product * covariates[row, d]
            entry += 1
        while cell < ends[look]:
            row, column, value = rows[order[cell]], which[order[cell]], values[order[cell]]
            group = groups[row]
            sums[look, group, column] += value
            for other in range(m):
                if other == column:
                    products[look, group, column, column] += value * (2.0 * so_far[row, column] + value)
                else:
                    products[look, group, column, other] += value * so_far[row, other]
                    products[look, group, other, column] += value * so_far[row, other]
            for a in range(c):
                products[look, group, column, m + a] += value * covariates[row, a]
                products[look, group, m + a, column] += value * covariates[row, a]
            full[:m], full[m:] = so_far[row], covariates[row]
            _grow_cubes(cubes[look, group], full, column, value)
            so_far[row, column] += value
            cell += 1


@njit(cache=True, nogil=True)
def daily_totals(
    groups: Array, order: Array, ends: Array, rows: Array, which: Array, values: Array,
    so_far: Array, sums: Array, products: Array,
) -> None:  # fmt: skip
    """As growing_totals without covariates and cubes, but what a reader did on each day stands by itself: sums float64[days, groups, m]."""
    m, cell = so_far.shape[1], 0
    for day in range(len(ends)):
        first = cell
        while cell < ends[day]:
            row, column, value = rows[order[cell]], which[order[cell]], values[order[cell]]
            group = groups[row]
            sums[day, group, column] += value
            for other in range(m):
                if other == column:
                    products[day, group, column, column] += value * (2.0 * so_far[row, column] + value)
                else:
                    products[day, group, column, other] += value * so_far[row, other]
                    products[day, group, other, column] += value * so_far[row, other]
            so_far[row, column] += value
            cell += 1
        for i in range(first, cell):
            for column in range(m):
                so_far[rows[order[i]], column] = 0.0
