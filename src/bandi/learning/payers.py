"""How far each reader got and what they paid: a fold over the log, 80 bytes a reader.

A *start* is a click or a read of a title that is none of the `NEARBY` that the reader started last: a title taken up again
after that many others counts again. A purchase of no coins is no payment. A refund takes its coins off, never below zero;
who has none left has not paid. Refunds count in log order, everything else in any.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from bandi.learning._journey_facts import CLICK, LONG_AGO, PURCHASE, READ, REFUND
from bandi.learning._table_kernels import read_only
from bandi.model.records import Array

NEARBY = 8
"""Titles by which a repeated start is known."""

PAYER = np.dtype(
    [
        ("coins", "<f8"),
        ("paid_ms", "<i8"),  # the latest payment; LONG_AGO: none
        ("starts", "<i4"),
        ("payments", "<i4"),
        ("deepest", "<i4"),  # the highest episode read of any title, or the reads of one where events name none
        ("place", "<i4"),  # where the next started title goes
        ("titles", "<i4", (NEARBY,)),  # -1: none
        ("reads", "<u2", (NEARBY,)),  # reads without an episode
    ]
)
"""One reader; 80 bytes."""


class Payers:
    """rows: PAYER[readers], by the reader's dense id."""

    def __init__(self) -> None:
        self._rows = _nobody(0)
        self._users = 0

    def fold(self, rows: Array) -> None:
        """Apply EVENT[n] in log order. O(n)."""
        kinds = rows["kind"]
        taken = (kinds >= CLICK) & (kinds <= REFUND) & (rows["user"] >= 0) & (rows["item"] >= 0)
        if not taken.any():
            return
        events = read_only(rows[taken])
        users = int(events["user"].max()) + 1
        if users > len(self._rows):
            grown = _nobody(max(users, len(self._rows) * 3 // 2, 64))
            grown[: self._users] = self._rows[: self._users]
            self._rows = grown
        self._users = max(self._users, users)
        count(events, self._rows)

    def rows(self, users: Array) -> Array:
        """What is known of readers: PAYER[n], a copy; of those unknown (-1 or beyond) nothing has happened. users: int[n]."""
        known = (users >= 0) & (users < min(self._users, len(self._rows)))
        found = _nobody(len(users))
        found[known] = self._rows[users[known]]
        return found

    def known(self) -> Array:
        """All readers: PAYER[readers], by dense id. The fold's own memory: not to be changed."""
        return self._rows[: self._users]

    def forget(self, user: int) -> None:
        """The reader was taken out of the catalogue: what they did goes with them. O(1)."""
        if 0 <= user < self._users:
            self._rows[user] = _nobody(1)[0]

    def dump(self) -> dict[str, Array]:
        """Plain arrays, the same bytes for the same history."""
        own = self._rows[: self._users]
        return {field: np.ascontiguousarray(own[field]) for field in PAYER.names or ()}

    def load(self, arrays: dict[str, Array]) -> None:
        """Replace everything by what `dump` gave. Raises ValueError where it does not fit."""
        made = _nobody(len(arrays["coins"]))
        for field in PAYER.names or ():
            if arrays[field].shape != made[field].shape:
                raise ValueError(f"{field}: expected {list(made[field].shape)}, found {list(arrays[field].shape)}")
            made[field] = arrays[field]
        self._rows, self._users = made, len(made)


def _nobody(readers: int) -> Array:
    rows = np.zeros(readers, PAYER)
    rows["paid_ms"], rows["titles"] = LONG_AGO, -1
    return rows


@njit(cache=True, nogil=True)
def count(events: Array, rows: Array) -> None:
    """Apply events one after another."""
    for i in range(len(events)):
        event = events[i]
        row = rows[event["user"]]
        kind = event["kind"]
        if kind == CLICK or kind == READ:  # noqa: PLR1714, SIM109
            _go_on(row, kind, event["item"], event["episode"])
        elif kind == PURCHASE and event["value"] > 0:
            row["payments"] += 1
            row["coins"] += event["value"]
            row["paid_ms"] = max(row["paid_ms"], event["occurred_ms"])
        elif kind == REFUND:
            left = row["coins"] - event["value"]
            row["coins"] = left if left > 1e-9 * row["coins"] else 0.0
            if row["coins"] == 0.0:
                row["payments"], row["paid_ms"] = 0, LONG_AGO


@njit(cache=True, nogil=True)
def _go_on(row: Any, kind: int, item: int, episode: int) -> None:
    """Start a title, or read on in it."""
    at = -1
    for place in range(NEARBY):
        if row["titles"][place] == item:
            at = place
    if at < 0:
        at = row["place"]
        row["titles"][at], row["reads"][at] = item, 0
        row["place"] = (at + 1) % NEARBY
        row["starts"] += 1
    if kind == READ:
        if episode == 0:
            row["reads"][at] = min(row["reads"][at] + 1, 65_535)
            episode = row["reads"][at]
        row["deepest"] = max(row["deepest"], episode)
