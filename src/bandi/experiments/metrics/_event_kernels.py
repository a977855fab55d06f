"""From events to what each exposed reader did: one pass, in any order, over the columns that an event counts for."""

from __future__ import annotations

import numpy as np
from numba import njit

from bandi.model.records import Array

EVENTS, VALUE, READERS, TITLES, EACH = 0, 1, 2, 3, 4
"""The codes of `columns.Counting`."""
NEVER = np.int16(32_767)
NO_CELL = -1
FREE = np.int64(-1)
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


@njit(cache=True, nogil=True)
def gather(
    users: Array, kinds: Array, items: Array, episodes: Array, times: Array, values: Array, positions: Array,
    requests: Array, places: Array, amounts: Array, first: int, row_of: Array, exposed: Array, since: Array,
    by_kind: Array, here: Array, specs: Array, covariate_ms: int, now_ms: int, origin_ms: int, look_ms: int,
    before: Array, sums: Array, looks: Array, last: Array, delays: Array, counts: Array,
    cell_rows: Array, cell_looks: Array, cell_columns: Array, cell_values: Array, pair_keys: Array, pair_looks: Array,
    used: Array,
) -> int:  # fmt: skip
    """Fold events from `first` on; gives the number of the event for which cells or pairs need more room, else n.

    Events are int32[n] users, int16[n] kinds and so on; amounts: float64[n], what one event counts as. row_of: int32[users],
    -1: not exposed; exposed, since: int64[rows]; by_kind: uint64[kinds], the columns of a kind as bits; here: bool[placements], the
    experiment's own. specs: int64[columns, 6]: counting, least episode, whether only `here`, start_ms, end_ms (-1: open), slot.
    before: float64[rows, columns], what was counted in the covariate_ms before exposure. Of columns by their slot: sums:
    float64[rows, windowed], looks: int16[rows, readers], first look or NEVER; last: int32[rows, open], each row's newest cell.
    delays: float64[columns, bins], what came at which part of the window, of readers whose window has closed; counts:
    int64[columns], events of exposed readers. Cells are (row, look, column, value); pairs an open hash of row, slot and title.
    used: int64[2], cells and pairs in use. O(events * columns of their kind).
    """
    placements, bins = len(here), delays.shape[1]
    half = (3 * len(pair_keys)) // 5
    for i in range(first, len(users)):
        user, kind = users[i], kinds[i]
        if user < 0 or user >= len(row_of) or kind < 0 or kind >= len(by_kind):
            continue
        bits, row = by_kind[kind], row_of[user]
        if bits == 0 or row < 0 or times[i] >= now_ms or positions[i] < since[row]:
            continue
        if used[0] + len(specs) > len(cell_rows) or used[1] + len(specs) > half:
            return i
        age = times[i] - exposed[row]
        look = np.int16((times[i] - origin_ms) // look_ms) if age >= 0 else np.int16(0)
        request, place = requests[i], places[i]
        own = here[request & np.uint64(placements - 1)] if request != 0 else place >= 0 and here[place]
        for column in range(len(specs)):
            if not (bits >> np.uint64(column)) & np.uint64(1):
                continue
            counting, episode, only_here = specs[column, 0], specs[column, 1], specs[column, 2]
            start, end, slot = specs[column, 3], specs[column, 4], specs[column, 5]
            if episodes[i] < episode or (only_here and not own):
                continue
            amount = values[i] if counting in (VALUE, EACH) else amounts[i]
            if age < 0:
                if age >= -covariate_ms:
                    before[row, column] = 1.0 if counting == READERS else before[row, column] + amount
                continue
            if age < start or (end >= 0 and age >= end):
                continue
            counts[column] += 1
            if counting == READERS:
                fresh = looks[row, slot] == NEVER
                looks[row, slot] = min(looks[row, slot], look)
                if not fresh:
                    continue
                amount = 1.0
            elif counting == TITLES:
                if items[i] < 0:
                    continue
                # one number for row, slot and title; slots are few and rows below 2^31 / slots
                key = (np.int64(row) * len(specs) + slot) << np.int64(32) | np.int64(items[i])
                place_in = _find(pair_keys, key)
                if pair_keys[place_in] == key:
                    pair_looks[place_in] = min(pair_looks[place_in], look)
                    continue
                pair_keys[place_in], pair_looks[place_in] = key, look
                used[1] += 1
                amount = 1.0
            elif counting == EACH:
                _add_cell(cell_rows, cell_looks, cell_columns, cell_values, used, row, look, column, amount)
                continue
            elif end < 0:
                cell = last[row, slot]
                if cell != NO_CELL and cell_looks[cell] == look:
                    cell_values[cell] += amount
                else:
                    last[row, slot] = used[0]
                    _add_cell(cell_rows, cell_looks, cell_columns, cell_values, used, row, look, column, amount)
            else:
                sums[row, slot] += amount
            if end >= 0 and exposed[row] + end <= now_ms:
                delays[column, min(bins * age // end, bins - 1)] += amount
    return len(users)


@njit(cache=True, nogil=True, inline="always")
def _add_cell(
    rows: Array,
    looks: Array,
    columns: Array,
    values: Array,
    used: Array,
    row: int,
    look: np.int16,
    column: int,
    value: float,
) -> None:
    at = used[0]
    rows[at], looks[at], columns[at], values[at] = row, look, column, value
    used[0] = at + 1


@njit(cache=True, nogil=True, inline="always")
def _find(keys: Array, key: np.int64) -> int:
    """Where a key stands, or the free place where it belongs; the table is a power of two and never full."""
    mask = np.uint64(len(keys) - 1)
    at = ((np.uint64(key) * _MULTIPLIER) >> np.uint64(20)) & mask
    while keys[at] != key and keys[at] != FREE:
        at = (at + np.uint64(1)) & mask
    return int(at)


@njit(cache=True, nogil=True)
def rehash(keys: Array, looks: Array, into: Array, into_looks: Array) -> None:
    """Move all pairs to a larger table, which is free everywhere. O(places)."""
    for i in range(len(keys)):
        if keys[i] != FREE:
            at = _find(into, keys[i])
            into[at], into_looks[at] = keys[i], looks[i]
