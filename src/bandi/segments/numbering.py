"""Stable numbers: a segment keeps its number from one training to the next, so that what arms have learned stays theirs.

After a training the space itself has turned (factors are only known up to a rotation), so centres cannot be compared.
Readers can: the same readers have weights in the old and in the new segments, and new segment j should have the number of
the old segment whose readers it has. All numbers are given at once, by the assignment of highest total agreement.
"""

from __future__ import annotations

import numpy as np

from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array


def match_numbering(old_memberships: Array, new_memberships: Array) -> Array:
    """numbers[j], the number that new segment j shall have: int32[k_new], a permutation of 0 to k_new - 1. O(n k**2 + k**3).

    old_memberships: float32[n, k_old], new_memberships: float32[n, k_new], rows of the same readers. The agreement of old i
    with new j is the covariance of their weights: products alone would only pair large segments with large ones where
    weights are soft. With fewer new segments than old ones, numbers from k_new on are given up; with more, the further
    numbers go to the unmatched ones, largest first. Without readers all numbers stay. Raises InvalidInputError.
    """
    old, new = np.asarray(old_memberships), np.asarray(new_memberships)
    if old.ndim != 2 or new.ndim != 2 or len(old) != len(new):
        found = f"{list(old.shape)} and {list(new.shape)}"
        raise InvalidInputError(Problem("memberships", found, "two matrices with a row for each of the same readers"))
    k = new.shape[1]
    agreement = np.zeros((k, k))
    if len(old):
        carried = old[:, :k].astype(np.float64)
        carried -= carried.mean(axis=0)
        wide = new.astype(np.float64)
        agreement[: carried.shape[1]] = carried.T @ (wide - wide.mean(axis=0)) / len(old)
    holder = assign(-agreement)
    numbers = np.empty(k, np.int32)
    numbers[holder] = np.arange(k, dtype=np.int32)
    spare = np.sort(holder[old.shape[1] :])  # what has no old number: by size
    if len(old) and len(spare):
        spare = spare[np.argsort(-new[:, spare].sum(axis=0, dtype=np.float64), kind="stable")]
    numbers[spare] = np.arange(k - len(spare), k, dtype=np.int32)
    return numbers


def largest_first(shares: Array) -> Array:
    """numbers[j], the rank of segment j by its share, the largest 0: int32[k]; equal shares in their order."""
    numbers = np.empty(len(shares), np.int32)
    numbers[np.argsort(-shares, kind="stable")] = np.arange(len(shares), dtype=np.int32)
    return numbers


def assign(costs: Array) -> Array:
    """The column of each row, all different, with the least sum of costs (float64[k, k], finite): int64[k]. O(k**3).

    The Hungarian method by shortest augmenting paths (Jonker and Volgenant 1987), rows entering one after another; row_price
    and column_price are the dual solution, under which every reduced cost stays at least 0.
    """
    k = len(costs)
    row_price, column_price = np.zeros(k), np.zeros(k + 1)
    row_of = np.full(k + 1, -1, np.int64)  # the row that holds each column; column k is where a path begins
    for row in range(k):
        row_of[k] = row
        column = k
        reach, before, seen = np.full(k, np.inf), np.full(k, k, np.int64), np.zeros(k + 1, np.bool_)
        while row_of[column] >= 0:
            seen[column] = True
            at = row_of[column]
            reduced = costs[at] - row_price[at] - column_price[:k]
            nearer = ~seen[:k] & (reduced < reach)
            reach[nearer], before[nearer] = reduced[nearer], column
            open_reach = np.where(seen[:k], np.inf, reach)
            following = int(np.argmin(open_reach))
            step = open_reach[following]
            row_price[row_of[seen]] += step
            column_price[seen] -= step
            reach[~seen[:k]] -= step
            column = following
        while column != k:
            row_of[column] = row_of[before[column]]
            column = before[column]
    columns = np.empty(k, np.int64)
    columns[row_of[:k]] = np.arange(k)
    return columns
