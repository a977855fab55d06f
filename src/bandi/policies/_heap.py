"""A bounded min-heap over two parallel arrays: keeps the k largest values seen; the root is the least of them."""

from __future__ import annotations

from numba import njit

from bandi.model.records import Array


@njit(cache=True, nogil=True)
def sift_down(values: Array, places: Array, size: int, at: int) -> None:
    """Restore the heap below `at`."""
    value, place = values[at], places[at]
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        if child + 1 < size and values[child + 1] < values[child]:
            child += 1
        if values[child] >= value:
            break
        values[at], places[at] = values[child], places[child]
        at = child
    values[at], places[at] = value, place


@njit(cache=True, nogil=True)
def heapify(values: Array, places: Array, size: int) -> None:
    """Make a heap of the first `size` entries."""
    for at in range(size // 2 - 1, -1, -1):
        sift_down(values, places, size, at)


@njit(cache=True, nogil=True)
def sort_descending(values: Array, places: Array, size: int) -> None:
    """Heap sort of a heap: largest first."""
    for last in range(size - 1, 0, -1):
        values[0], values[last] = values[last], values[0]
        places[0], places[last] = places[last], places[0]
        sift_down(values, places, last, 0)
