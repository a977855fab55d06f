"""Who read what, and how much: a sparse matrix held by readers and by titles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array


@dataclass(frozen=True, slots=True)
class Rows:
    """One side of the matrix. starts: int64[rows + 1]; columns: int32[entries], ascending in a row; weights: float32."""

    starts: Array
    columns: Array
    weights: Array

    def row(self, number: int) -> tuple[Array, Array]:
        """Columns and weights of one row."""
        part = slice(self.starts[number], self.starts[number + 1])
        return self.columns[part], self.weights[part]


@dataclass(frozen=True, slots=True)
class Interactions:
    """A readers x titles matrix of weights above 0 (1: read once), stored both ways."""

    by_user: Rows
    by_item: Rows

    @property
    def users(self) -> int:
        """Rows: readers."""
        return len(self.by_user.starts) - 1

    @property
    def items(self) -> int:
        """Columns: titles."""
        return len(self.by_item.starts) - 1

    @property
    def entries(self) -> int:
        """Pairs of a reader and a title."""
        return len(self.by_user.columns)


def gather_interactions(users: Array, items: Array, weights: Array, shape: tuple[int, int]) -> Interactions:
    """The matrix of rows (users[i], items[i], weights[i]); weights of equal pairs are summed. O(rows log rows).

    users, items: int[n] within `shape`; weights: float[n], finite and above 0. Raises InvalidInputError.
    """
    users, items = np.asarray(users, np.int64), np.asarray(items, np.int64)
    weights = np.asarray(weights, np.float32)
    _check(users, items, weights, shape)
    pairs, place = np.unique(users * max(shape[1], 1) + items, return_inverse=True)
    summed = np.bincount(place, weights, len(pairs)).astype(np.float32)
    rows, columns = np.divmod(pairs, max(shape[1], 1))
    turned = np.lexsort((rows, columns))
    return Interactions(
        _rows(rows, columns, summed, shape[0]),
        _rows(columns[turned], rows[turned], summed[turned], shape[1]),
    )


def _rows(rows: Array, columns: Array, weights: Array, count: int) -> Rows:
    starts = np.zeros(count + 1, np.int64)
    np.cumsum(np.bincount(rows, minlength=count), out=starts[1:])
    return Rows(starts, columns.astype(np.int32), np.ascontiguousarray(weights))


def _check(users: Array, items: Array, weights: Array, shape: tuple[int, int]) -> None:
    if not len(users) == len(items) == len(weights):
        found = f"{len(users)} users, {len(items)} items, {len(weights)} weights"
        raise InvalidInputError(Problem("interactions", found, "as many of each"))
    for name, ids, count in (("users", users, shape[0]), ("items", items, shape[1])):
        wrong = np.flatnonzero((ids < 0) | (ids >= count))
        if len(wrong):
            raise InvalidInputError(Problem(f"{name}[{wrong[0]}]", str(ids[wrong[0]]), f"0 to {count - 1}"))
    wrong = np.flatnonzero(~(np.isfinite(weights) & (weights > 0)))
    if len(wrong):
        raise InvalidInputError(Problem(f"weights[{wrong[0]}]", str(weights[wrong[0]]), "a finite number above 0"))
