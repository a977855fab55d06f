"""What each reader read last: a fold over the log, of bounded size.

A click, a read and a purchase count alike: where a service reports no reads, its clicks say what was opened. Only the
latest `KEPT` distinct titles of a reader are kept, newest first.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from bandi.model.events import EventKind
from bandi.model.records import Array

KEPT = 32
_EMPTY = np.zeros(0, np.int32)


class Histories:
    """recent: int32[users, KEPT], newest first, -1 where there is none; 128 bytes a reader."""

    def __init__(self) -> None:
        self._recent = np.zeros((0, KEPT), np.int32)
        self._users = 0

    def fold(self, rows: Array) -> None:
        """Apply EVENT[n] in log order. O(n * KEPT)."""
        if not len(rows):
            return
        kinds = rows["kind"]
        taken = (kinds >= EventKind.CLICK) & (kinds <= EventKind.PURCHASE) & (rows["user"] >= 0) & (rows["item"] >= 0)
        if not taken.any():
            return
        users, items = np.ascontiguousarray(rows["user"][taken]), np.ascontiguousarray(rows["item"][taken])
        self._grow(int(users.max()) + 1)
        remember(self._recent, users, items)

    def recent(self, user: int) -> Array:
        """The reader's latest titles, newest first: int32[m], a copy. Empty for readers unknown or without a history."""
        recent = self._recent
        if not 0 <= user < min(self._users, len(recent)):
            return _EMPTY
        row: Array = recent[user].copy()
        return row[: int((row >= 0).sum())]

    def rows(self, users: Array) -> Array:
        """`recent` of several readers, padded with -1: int32[n, KEPT]. users: int[n], -1 or beyond: no history."""
        recent, known = self._recent, (users >= 0) & (users < min(self._users, len(self._recent)))
        found = np.full((len(users), KEPT), -1, np.int32)
        found[known] = recent[users[known]]
        return found

    def forget(self, user: int) -> None:
        """The reader was taken out of the catalogue: their history goes with them."""
        if 0 <= user < self._users:
            self._recent[user] = -1

    def dump(self) -> dict[str, Array]:
        """Plain arrays, the same bytes for the same history."""
        return {"recent": self._recent[: self._users].copy()}

    def load(self, arrays: dict[str, Array]) -> None:
        """Replace everything by what `dump` gave."""
        recent = np.array(arrays["recent"], np.int32)
        if recent.ndim != 2 or recent.shape[1] != KEPT:
            raise ValueError(f"recent: expected int32[users, {KEPT}], found {list(recent.shape)}")
        self._recent, self._users = recent, len(recent)

    def _grow(self, users: int) -> None:
        if users > len(self._recent):
            grown = np.full((max(users, len(self._recent) * 3 // 2, 64), KEPT), -1, np.int32)
            grown[: self._users] = self._recent[: self._users]
            self._recent = grown
        self._users = max(self._users, users)


@njit(cache=True, nogil=True)
def remember(recent: Array, users: Array, items: Array) -> None:
    """Move each item to the front of its reader's row."""
    for i in range(len(users)):
        row = recent[users[i]]
        last = len(row) - 1
        for at in range(len(row)):
            if row[at] == items[i] or row[at] < 0:
                last = at
                break
        for at in range(last, 0, -1):
            row[at] = row[at - 1]
        row[0] = items[i]
