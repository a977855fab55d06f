"""Which row of a bounded table is a title's, as a kernel; see title_rows.py."""

from __future__ import annotations

import numpy as np
from numba import njit

from bandi.model.records import Array

USED = 0
"""Place of the number of rows in use among a table's totals."""
NO_TIME = np.iinfo(np.int64).min


@njit(cache=True, nogil=True)
def take_row(items: Array, last_ms: Array, row_of: Array, totals: Array, item: int) -> int:
    """A row for a title that has none: a free one, or that of the title that learned least lately. O(rows) where none is free.

    items: int32[rows]; last_ms: int64[rows]; row_of: int32[titles], -1: none. What else stands in the row is the caller's.
    """
    r: int = totals[USED]
    if r < len(items):
        totals[USED] += 1
    else:
        r = 0
        for other in range(1, len(items)):
            if last_ms[other] < last_ms[r]:
                r = other
        row_of[items[r]] = -1
    items[r], last_ms[r] = item, NO_TIME
    row_of[item] = r
    return r
