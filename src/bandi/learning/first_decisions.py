"""When each reader of a holdout's experiment was first asked for: what they did before is untouched by either treatment."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from bandi.model.records import Array, Decisions

NEVER = np.iinfo(np.int64).max


class FirstDecisions:
    """positions: int64[readers], log position of the first decision since `restart`, NEVER where there is none."""

    def __init__(self) -> None:
        self._positions = np.full(1_024, NEVER, np.int64)
        self._from, self.since_ms = NEVER, NEVER

    def restart(self, position: int) -> None:
        """Another experiment begins behind that log position."""
        self._positions[:] = NEVER
        self._from, self.since_ms = position, NEVER

    def fold(self, decisions: Decisions, covered: Collection[int]) -> None:
        """Add decisions of known readers at the covered placements (dense ids). O(decisions)."""
        headers = decisions.headers
        counted = (headers["user"] >= 0) & (decisions.positions > self._from)
        counted &= np.isin(headers["placement"], list(covered))
        if not counted.any():
            return
        users = headers["user"][counted]
        size = int(users.max()) + 1
        if size > len(self._positions):
            grown = np.full(max(size, len(self._positions) * 3 // 2), NEVER, np.int64)
            grown[: len(self._positions)] = self._positions
            self._positions = grown
        np.minimum.at(self._positions, users, decisions.positions[counted])
        self.since_ms = min(self.since_ms, int(headers["occurred_ms"][counted].min()))

    def of(self, users: Array) -> Array:
        """int64[n], by dense id; NEVER for those never asked for."""
        known = users < len(self._positions)
        return np.where(known, self._positions[np.where(known, users, 0)], NEVER)

    def readers(self) -> Array:
        """Dense ids of those in the experiment: int64[m], ascending."""
        return np.flatnonzero(self._positions != NEVER)
