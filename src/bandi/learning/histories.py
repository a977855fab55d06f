"""What each reader read last: a fold over the log, of bounded size.

A click, a read and a purchase count alike: where a service reports no reads, its clicks say what was opened. Only the
latest `KEPT` distinct titles of a reader are kept, newest first.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from bandi.model.events import EventKind
from bandi.model.records import Array, Events

KEPT = 32
TIMED = 8
"""Of so many of a reader's latest titles it is known when they were read: what came after an impression is no reason for it."""
_EMPTY = np.zeros(0, np.int32)


class Histories:
    """recent: int32[users, KEPT], newest first, -1 where there is none; read_s: uint32[users, TIMED], when the first of them
    were read, in seconds since 1970. 160 bytes a reader.
    """

    def __init__(self) -> None:
        self._recent = np.zeros((0, KEPT), np.int32)
        self._read_s = np.zeros((0, TIMED), np.uint32)
        self._users = 0

    def fold(self, rows: Array) -> None:
        """Apply EVENT[n] in log order. O(n * KEPT)."""
        self.fold_and_look(Events(np.arange(len(rows)), rows), *(np.zeros(0, np.int64) for _ in range(3)))

    def fold_and_look(self, events: Events, positions: Array, users: Array, before_ms: Array) -> Array:
        """`fold`, and on the way what was known of some readers at some positions: int32[m, KEPT], newest first, -1 padded.

        positions: int64[m], ascending; users: int[m], -1: nobody; before_ms: int64[m], titles read in or after its second
        are left out (as far as their times are kept). What is found does not depend on how the log is cut into calls. A
        title read again before and after `before_ms` is left out. O(n KEPT + m KEPT).
        """
        found = np.full((len(positions), KEPT), -1, np.int32)
        rows = events.rows
        kinds = rows["kind"]
        taken = (kinds >= EventKind.CLICK) & (kinds <= EventKind.PURCHASE) & (rows["user"] >= 0) & (rows["item"] >= 0)
        if not taken.any() and not len(positions):
            return found
        readers, items = np.ascontiguousarray(rows["user"][taken]), np.ascontiguousarray(rows["item"][taken])
        self._grow(int(readers.max(initial=-1)) + 1)
        remember_and_look(
            self._recent, self._read_s, events.positions[taken], readers, items, rows["occurred_ms"][taken],
            positions.astype(np.int64), users.astype(np.int32), before_ms.astype(np.int64), found,
        )  # fmt: skip
        return found

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

    def has(self, user: int) -> bool:
        """Whether a reader has a history. O(1)."""
        return 0 <= user < min(self._users, len(self._recent)) and bool(self._recent[user, 0] >= 0)

    def opened(self) -> Array:
        """Who has a history at all: bool[readers], by dense id. O(readers)."""
        found: Array = self._recent[: self._users, 0] >= 0
        return found

    def forget(self, user: int) -> None:
        """The reader was taken out of the catalogue: their history goes with them."""
        if 0 <= user < self._users:
            self._recent[user] = -1
            self._read_s[user] = 0

    def dump(self) -> dict[str, Array]:
        """Plain arrays, the same bytes for the same history."""
        return {"recent": self._recent[: self._users].copy(), "read_s": self._read_s[: self._users].copy()}

    def load(self, arrays: dict[str, Array]) -> None:
        """Replace everything by what `dump` gave."""
        recent = np.array(arrays["recent"], np.int32)
        if recent.ndim != 2 or recent.shape[1] != KEPT:
            raise ValueError(f"recent: expected int32[users, {KEPT}], found {list(recent.shape)}")
        read_s = np.array(arrays.get("read_s", np.zeros((len(recent), TIMED))), np.uint32)  # absent in early snapshots
        if read_s.shape != (len(recent), TIMED):
            raise ValueError(f"read_s: expected uint32[{len(recent)}, {TIMED}], found {list(read_s.shape)}")
        self._recent, self._read_s, self._users = recent, read_s, len(recent)

    def _grow(self, users: int) -> None:
        if users > len(self._recent):
            capacity = max(users, len(self._recent) * 3 // 2, 64)
            recent, read_s = np.full((capacity, KEPT), -1, np.int32), np.zeros((capacity, TIMED), np.uint32)
            recent[: self._users], read_s[: self._users] = self._recent[: self._users], self._read_s[: self._users]
            self._recent, self._read_s = recent, read_s
        self._users = max(self._users, users)


@njit(cache=True, nogil=True)
def remember_and_look(
    recent: Array, read_s: Array, positions: Array, users: Array, items: Array, occurred_ms: Array,
    asked_positions: Array, asked_users: Array, before_ms: Array, found: Array,
) -> None:  # fmt: skip
    """Move each item to the front of its reader's row; a question at position p sees what was read at positions below it."""
    at = 0
    for ask in range(len(asked_positions) + 1):
        stop = asked_positions[ask] if ask < len(asked_positions) else np.iinfo(np.int64).max
        while at < len(positions) and positions[at] < stop:
            _remember(recent[users[at]], read_s[users[at]], items[at], _seconds(occurred_ms[at]))
            at += 1
        if ask < len(asked_positions) and 0 <= asked_users[ask] < len(recent):
            row, times, kept = recent[asked_users[ask]], read_s[asked_users[ask]], 0
            for place in range(len(row)):
                if row[place] < 0:
                    break
                if place >= len(times) or times[place] < _seconds(before_ms[ask]):
                    found[ask, kept] = row[place]
                    kept += 1


@njit(cache=True, nogil=True)
def _seconds(ms: int) -> int:
    return min(max(ms // 1_000, 0), 0xFFFFFFFF)


@njit(cache=True, nogil=True)
def _remember(row: Array, times: Array, item: int, read_s: int) -> None:
    last = len(row) - 1
    for at in range(len(row)):
        if row[at] == item or row[at] < 0:
            last = at
            break
    for at in range(last, 0, -1):
        row[at] = row[at - 1]
        if at < len(times):
            times[at] = times[at - 1]
    row[0] = item
    times[0] = read_s
