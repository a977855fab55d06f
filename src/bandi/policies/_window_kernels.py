"""The kernel of a sliding window: counts of the latest sub-windows, kept in a ring beside their sum."""

from __future__ import annotations

from numba import njit

from bandi.model.records import Array
from bandi.policies._arm_kernels import MAX_TRIALS, NO_LANDMARK


@njit(cache=True, nogil=True)
def sum_ring(counts: Array, ring: Array, used: int) -> None:
    """counts[:used] = the sums over the ring, in the order of its places."""
    for item in range(used):
        for s in range(counts.shape[1]):
            for side in range(2):
                total = 0.0
                for place in range(ring.shape[2]):
                    total += float(ring[item, s, place, side])
                counts[item, s, side] = total


@njit(cache=True, nogil=True)
def advance(counts: Array, ring: Array, used: int, newest: Array, number: int) -> None:
    """Make `number` the newest sub-window; those that fall out of the ring are forgotten."""
    places = ring.shape[2]
    if newest[0] != NO_LANDMARK:
        for gone in range(max(newest[0] + 1, number - places + 1), number + 1):
            ring[:used, :, gone % places] = 0.0
        sum_ring(counts, ring, used)
    newest[0] = number


@njit(cache=True, nogil=True)
def add_to_window(
    counts: Array, ring: Array, used: int, newest: Array, items: Array, segments: Array, trials: Array, rewards: Array,
    occurred_ms: Array, sub_window_ms: int,
) -> None:  # fmt: skip
    """Add rows one after another; one that is older than the ring is passed over.

    counts: float32[items, segments, 2]; ring: float32[items, segments, places, 2]; newest: int64[1], the number of the newest
    sub-window. A segment that there is no more counts as segment 0.
    """
    places = ring.shape[2]
    for i in range(len(items)):
        number = occurred_ms[i] // sub_window_ms
        if newest[0] == NO_LANDMARK or number > newest[0]:
            advance(counts, ring, used, newest, number)
        if number <= newest[0] - places:
            continue
        segment = segments[i] if segments[i] < counts.shape[1] else 0
        cell, part = counts[items[i], segment], ring[items[i], segment]
        part[number % places, 0] += rewards[i]
        part[number % places, 1] += trials[i]
        cell[0] += rewards[i]
        cell[1] += trials[i]
        if cell[1] > MAX_TRIALS:
            part *= 0.5
            cell *= 0.5
