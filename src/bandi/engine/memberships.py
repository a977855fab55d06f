"""Which segments a reader is in: weights for a ranking, and the one segment that an outcome counts for.

Segment 0 is for readers of whom nothing is known (anonymous, without a history, or before segments were trained); trained
segments are numbered from 1. An outcome counts for one segment, drawn by the reader's weights: in expectation each
segment learns by its weight, counts stay whole, and a correction takes back just what was counted (docs/decisions/0011).
"""

from __future__ import annotations

import numpy as np

from bandi.engine.artifacts import Shelf
from bandi.engine.carrying_on import arm_segments
from bandi.engine.state import State
from bandi.features.audience import reader_vectors
from bandi.model.records import Array
from bandi.targeters.protocol import Learned

_EMPTY = np.zeros(0, np.float32)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MULTIPLIERS = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


class Memberships:
    """Reads the state; keeps nothing of readers, for their weights are a function of what they read last."""

    def __init__(self, state: State, shelf: Shelf) -> None:
        self._state = state
        self._shelf = shelf

    def of(self, recent: Array) -> Array:
        """A reader's weights: float32[k], or of length 0 where nothing is known. recent: int32[m], newest first."""
        learned = self._trained()
        if learned is None or not len(recent):
            return _EMPTY
        assert learned.segments is not None and learned.titles is not None
        known = recent[recent < len(learned.titles)]
        if not learned.titles[known].any():
            return _EMPTY
        return learned.segments.membership_of(recent, learned.titles)

    def for_arms(self, membership: Array) -> Array:
        """As a ranking wants them: float32[segments]; all 1 where nothing is known (see policies.protocol.Request)."""
        segments = arm_segments(self._state.config)
        if not len(membership):
            return np.ones(segments, np.float32)
        weights = np.zeros(segments, np.float32)
        weights[1:] = membership
        return weights

    def draw(self, membership: Array, request: int) -> int:
        """The segment that a request's implied impressions count for."""
        if not len(membership):
            return 0
        return int(_drawn(membership[None, :], np.array([request], np.uint64))[0])

    def label(self, rows: Array) -> None:
        """Write the segment of each of EVENT[n], drawn by its request, or by its id where it has none. O(readers + n k)."""
        learned = self._trained()
        if learned is None:
            return
        assert learned.segments is not None and learned.titles is not None
        users, place = np.unique(rows["user"], return_inverse=True)
        recent = self._state.histories.rows(users)
        vectors = reader_vectors(recent, learned.titles, threads=1)
        weights = learned.segments.memberships(vectors, threads=1)
        keys = np.where(rows["request"] != 0, rows["request"], rows["event_lo"])
        segments = _drawn(weights[place], keys)
        known: Array = (vectors != 0).any(axis=1)
        segments[~known[place]] = 0
        rows["segment"] = segments

    def _trained(self) -> Learned | None:
        """What was learned, where it has segments and as many as the configuration says."""
        segments = arm_segments(self._state.config)
        if segments == 1:
            return None
        learned = self._shelf.find(self._state.artifact)
        if learned is None or learned.segments is None or len(learned.segments.shares) != segments - 1:
            return None
        return learned


def _drawn(weights: Array, keys: Array) -> Array:
    """int16[n], 1 to k: by float32[n, k] weights and uint64[n] keys, mixed by SplitMix64 (Steele, Lea and Flood 2014)."""
    x = keys * _GOLDEN
    x = (x ^ (x >> np.uint64(30))) * _MULTIPLIERS[0]
    x = (x ^ (x >> np.uint64(27))) * _MULTIPLIERS[1]
    x ^= x >> np.uint64(31)
    uniform = (x >> np.uint64(11)).astype(np.float64) * 2.0**-53
    below = uniform[:, None] >= np.cumsum(weights, axis=1, dtype=np.float64)
    segments: Array = 1 + below.sum(axis=1).clip(max=weights.shape[1] - 1)
    return segments.astype(np.int16)
