"""Kinds of (reader, title) pairs whose messages are taken to be worth the same: reader state x recency x wall."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from bandi.learning.reader_states import ReaderState
from bandi.model.records import Array

_DAY_MS, _HOUR_MS = 86_400_000, 3_600_000
RECENCY_DAYS = (3, 7, 14)
"""Bounds of the buckets of how long ago the reader stopped."""
RECENCY_WEIGHTS = (1.0, 0.6, 0.3, 0.1)
"""How the prior uplift falls from bucket to bucket."""


class Wall(IntEnum):
    """Where a reader stands before the first episode that is not free."""

    UNKNOWN = 0
    """It is not known how many episodes are free."""
    NEAR = 1
    """Free episodes are left."""
    AT = 2
    """The last free episode, or one behind the wall, has been read."""
    WAITED = 3
    """The same, but so long ago that the next episode is free by now (`wait_free`)."""


STRATA = len(ReaderState) * (len(RECENCY_DAYS) + 1) * len(Wall)


def walls(episodes: Array, since_ms: Array, free_episodes: Array, wait_free: Array) -> Array:
    """The `Wall` of readers: int8[n]. O(n).

    episodes: int[n], reached; since_ms: int64[n], since the last read; free_episodes: float64[n], NaN: all free or not known;
    wait_free: float64[n], hours, NaN: never.
    """
    at = np.where(since_ms >= wait_free * _HOUR_MS, Wall.WAITED, Wall.AT)
    behind = np.where(episodes >= free_episodes, at, Wall.NEAR)
    return np.where(np.isnan(free_episodes), Wall.UNKNOWN, behind).astype(np.int8)


def strata(states: Array, stopped_ms: Array, walls: Array) -> Array:
    """The stratum of each pair: int16[n], 0 to STRATA - 1. states: `ReaderState`; stopped_ms: since the last read. O(n)."""
    buckets = np.searchsorted(np.array(RECENCY_DAYS) * _DAY_MS, stopped_ms, side="right")
    places = (states.astype(np.int64) * len(RECENCY_WEIGHTS) + buckets) * len(Wall) + walls
    return places.astype(np.int16)


def prior_weights() -> Array:
    """How uplift is expected to differ between strata before anything is known: float64[STRATA], by recency alone."""
    weights: Array = np.tile(np.repeat(RECENCY_WEIGHTS, len(Wall)), len(ReaderState))
    return weights


def described(stratum: int) -> tuple[str, str, str]:
    """(reader state, recency, wall) in words."""
    rest, wall = divmod(stratum, len(Wall))
    state, bucket = divmod(rest, len(RECENCY_WEIGHTS))
    low, high = ((0, *RECENCY_DAYS)[bucket], (*RECENCY_DAYS, None)[bucket])
    return (
        ReaderState(state).name.lower(),
        f"{low} to {high} days" if high else f"{low} days and more",
        Wall(wall).name.lower(),
    )
