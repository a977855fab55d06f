"""A sliding window: only outcomes of the last so-and-so long count (Garivier and Moulines 2011, SW-UCB).

Time is cut into sub-windows, 16 to a window, by the outcomes' own clocks. Each arm keeps a ring of their counts beside its
sum, which is what policies read, so ranking costs what it costs without a window. What counts is the newest sub-window
that an outcome has named and the 15 before it: 15 to 16 sixteenths of the window. Late outcomes count where they belong.
"""

from __future__ import annotations

import numpy as np

from bandi.model.config_values import duration_ms
from bandi.model.records import Array
from bandi.policies._arm_kernels import NO_LANDMARK
from bandi.policies._window_kernels import add_to_window, advance, sum_ring
from bandi.policies.protocol import Outcomes, State

SUB_WINDOWS = 16


class Window:
    """ring: float32[items, segments, 16, 2], successes and trials; 128 bytes per arm beside the 8 of its sum."""

    def __init__(self, window: str, segments: int) -> None:
        self._sub_window_ms = max(duration_ms(window) // SUB_WINDOWS, 1)
        self._ring = np.zeros((0, segments, SUB_WINDOWS, 2), np.float32)
        self._newest = np.full(1, NO_LANDMARK, np.int64)

    @property
    def nbytes(self) -> int:
        """Memory of the ring."""
        return int(self._ring.nbytes)

    def reserve(self, items: int) -> None:
        """Room for so many items."""
        self._ring = grown(self._ring, items)

    def add(self, counts: Array, used: int, outcomes: Outcomes) -> None:
        """Add outcomes to `counts` (float32[items, segments, 2]). O(rows), and O(items) where a sub-window begins."""
        add_to_window(
            counts, self._ring, used, self._newest, outcomes.items, outcomes.segments, outcomes.trials,
            outcomes.rewards, outcomes.occurred_ms, self._sub_window_ms,
        )  # fmt: skip

    def merge(self, counts: Array, used: int, other: State) -> None:
        """Add another shard's ring, sub-window by sub-window. Raises ValueError where it does not fit."""
        ring, newest = self._checked(other)
        if newest == NO_LANDMARK:
            return
        if self._newest[0] == NO_LANDMARK or newest > self._newest[0]:
            advance(counts, self._ring, used, self._newest, newest)
        for number in range(max(newest, int(self._newest[0])) - SUB_WINDOWS + 1, newest + 1):
            self._ring[: len(ring), :, number % SUB_WINDOWS] += ring[:, :, number % SUB_WINDOWS]
        sum_ring(counts, self._ring, used)

    def dump(self, used: int) -> State:
        """Copy of the ring."""
        return {"ring": self._ring[:used].copy(), "newest_sub_window": self._newest.copy()}

    def load(self, state: State) -> None:
        """Replace by what `dump` gave. Raises ValueError where it does not fit."""
        ring, newest = self._checked(state)
        self._ring, self._newest[0] = np.array(ring, np.float32), newest

    def _checked(self, state: State) -> tuple[Array, int]:
        ring, newest = np.asarray(state.get("ring")), np.asarray(state.get("newest_sub_window"))
        if ring.dtype != np.float32 or ring.shape[1:] != self._ring.shape[1:] or newest.shape != (1,):
            raise ValueError(
                f"ring: expected float32[items, {self._ring.shape[1]}, {SUB_WINDOWS}, 2], found {ring.dtype}"
            )
        return ring, int(newest[0])


def grown(array: Array, items: int) -> Array:
    """The array with at least so many rows; new ones are 0."""
    if items <= len(array):
        return array
    larger = np.zeros((items, *array.shape[1:]), array.dtype)
    larger[: len(array)] = array
    return larger
