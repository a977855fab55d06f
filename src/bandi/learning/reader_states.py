"""Where a reader stands between the first visit and paying again and again: a pure function of what they did."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from bandi.model.config_values import duration_ms
from bandi.model.records import Array

HOOKED_EPISODES = 4
"""Who read so many episodes of some title is hooked."""
LAPSED_AFTER = "30d"
"""Who paid once, but not for so long, has lapsed."""
_LAPSED_MS = duration_ms(LAPSED_AFTER)


class ReaderState(IntEnum):
    """The stored code of each state."""

    NEW = 0
    """Nothing opened yet."""
    FREE = 1
    """Reads, but neither far nor for coins."""
    HOOKED = 2
    """Read `HOOKED_EPISODES` of some title, never paid."""
    FIRST_PAYMENT = 3
    """Paid once, lately."""
    PAYING = 4
    """Paid at least twice, and lately."""
    LAPSED = 5
    """Paid, but nothing for `LAPSED_AFTER`."""


def reader_states(payers: Array, recent: Array, now_ms: int) -> Array:
    """The `ReaderState` of each reader: int8[n]. O(n).

    payers: PAYER[n] (`Payers.rows`); recent: int32[n, m], their latest titles, -1: none (`Histories.rows`).
    """
    opened = (payers["starts"] > 0) | (recent >= 0).any(axis=1)
    states = np.where(opened, ReaderState.FREE, ReaderState.NEW).astype(np.int8)
    states[payers["deepest"] >= HOOKED_EPISODES] = ReaderState.HOOKED
    states[payers["payments"] == 1] = ReaderState.FIRST_PAYMENT
    states[payers["payments"] > 1] = ReaderState.PAYING
    states[(payers["payments"] > 0) & (payers["paid_ms"] < now_ms - _LAPSED_MS)] = ReaderState.LAPSED
    return states
