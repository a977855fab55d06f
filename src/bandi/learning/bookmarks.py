"""Where each reader stands in the titles they read last: a fold over the log, 64 bytes a reader.

A read or a purchase opens a bookmark or moves it on, a click keeps it fresh, a dismissal takes it out. Of a reader's titles
the `KEPT` latest stay; one that was read before all of them finds no room. An episode that events do not name is the next.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from bandi.learning._journey_facts import CLICK, PURCHASE, READ
from bandi.learning._table_kernels import read_only
from bandi.model.records import Array

KEPT = 4
"""Titles of one reader."""
_DISMISS = 5
MARK = np.dtype([("read_ms", "<i8"), ("item", "<i4"), ("episode", "<i4")])
"""One bookmark; 16 bytes. read_ms: the latest read, click or purchase; item: -1: none; episode: the highest reached."""


class Bookmarks:
    """rows: MARK[readers, KEPT], by the reader's dense id."""

    def __init__(self) -> None:
        self._rows = _empty(0)
        self._users = 0

    def fold(self, rows: Array) -> None:
        """Apply EVENT[n] in log order. O(n KEPT)."""
        kinds = rows["kind"]
        taken = (kinds >= CLICK) & (kinds <= _DISMISS) & (rows["user"] >= 0) & (rows["item"] >= 0)
        if not taken.any():
            return
        events = read_only(rows[taken])
        users = int(events["user"].max()) + 1
        if users > len(self._rows):
            grown = _empty(max(users, len(self._rows) * 3 // 2, 64))
            grown[: self._users] = self._rows[: self._users]
            self._rows = grown
        self._users = max(self._users, users)
        mark(events, self._rows)

    def rows(self) -> Array:
        """All bookmarks: MARK[readers, KEPT]. The fold's own memory: to be read between two folds, and not to be changed."""
        return self._rows[: self._users]

    def of(self, user: int) -> Array:
        """The bookmarks of one reader, latest first: MARK[m], a copy; of a reader unknown (-1 or beyond) none."""
        if not 0 <= user < self._users:
            return _empty(0).reshape(0)
        own = self._rows[user]
        own = own[own["item"] >= 0]
        found: Array = own[np.argsort(-own["read_ms"], kind="stable")]
        return found

    def forget(self, user: int) -> None:
        """The reader was taken out of the catalogue: their bookmarks go with them. O(1)."""
        if 0 <= user < self._users:
            self._rows[user] = _empty(1)[0]

    def dump(self) -> dict[str, Array]:
        """Plain arrays, the same bytes for the same history."""
        own = self._rows[: self._users]
        return {field: np.ascontiguousarray(own[field]) for field in MARK.names or ()}

    def load(self, arrays: dict[str, Array]) -> None:
        """Replace everything by what `dump` gave. Raises ValueError where it does not fit."""
        made = _empty(len(arrays["item"]))
        for field in MARK.names or ():
            if arrays[field].shape != made[field].shape:
                raise ValueError(f"{field}: expected {list(made[field].shape)}, found {list(arrays[field].shape)}")
            made[field] = arrays[field]
        self._rows, self._users = made, len(made)


def _empty(readers: int) -> Array:
    rows = np.zeros((readers, KEPT), MARK)
    rows["item"] = -1
    return rows


@njit(cache=True, nogil=True)
def mark(events: Array, rows: Array) -> None:
    """Apply events one after another."""
    for i in range(len(events)):
        event = events[i]
        marks, kind = rows[event["user"]], event["kind"]
        at, oldest = -1, 0
        for place in range(KEPT):
            if marks[place]["item"] == event["item"]:
                at = place
            if marks[oldest]["item"] >= 0 and (
                marks[place]["item"] < 0 or marks[place]["read_ms"] < marks[oldest]["read_ms"]
            ):
                oldest = place
        if kind == _DISMISS:
            if at >= 0:
                marks[at]["item"], marks[at]["episode"], marks[at]["read_ms"] = -1, 0, 0
            continue
        if at < 0:
            free = marks[oldest]["item"] < 0
            if kind == CLICK or not (free or event["occurred_ms"] >= marks[oldest]["read_ms"]):
                continue
            at = oldest
            marks[at]["item"], marks[at]["episode"] = event["item"], 0
            marks[at]["read_ms"] = event["occurred_ms"]
        marks[at]["read_ms"] = max(marks[at]["read_ms"], event["occurred_ms"])
        if kind == READ or kind == PURCHASE:  # noqa: PLR1714, SIM109
            named = event["episode"]
            if named == 0 and kind == READ:
                named = marks[at]["episode"] + 1
            marks[at]["episode"] = max(marks[at]["episode"], named)
