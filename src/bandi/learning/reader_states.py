"""Where a reader stands between the first visit and paying again and again: a pure function of what they did."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np
from numba import njit

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
    opened = np.asarray((recent >= 0).any(axis=1))
    return states_of(payers, opened, now_ms)


def states_of(payers: Array, opened: Array, now_ms: int) -> Array:
    """The same, where it is known who has a history at all. opened: bool[n]."""
    states = np.empty(len(payers), np.int8)
    fill_states(payers, opened, now_ms, states)
    return states


_NEW, _FREE, _HOOKED, _FIRST_PAYMENT, _PAYING, _LAPSED = (int(state) for state in ReaderState)


def state_of(payer: Any, opened: bool, now_ms: int) -> int:
    """The state of one reader, without arrays. payer: one PAYER."""
    if payer["payments"] > 0:
        if payer["paid_ms"] < now_ms - _LAPSED_MS:
            return _LAPSED
        return _FIRST_PAYMENT if payer["payments"] == 1 else _PAYING
    if payer["deepest"] >= HOOKED_EPISODES:
        return _HOOKED
    return _FREE if payer["starts"] > 0 or opened else _NEW


_state_of = njit(cache=True, nogil=True, inline="always")(state_of)


@njit(cache=True, nogil=True)
def fill_states(payers: Array, opened: Array, now_ms: int, states: Array) -> None:
    """states: int8[n]."""
    for i in range(len(payers)):
        states[i] = _state_of(payers[i], opened[i], now_ms)
