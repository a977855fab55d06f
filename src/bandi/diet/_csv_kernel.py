"""Where the records of a CSV block end, and whether they are plain enough for a fast parser: one loop over bytes.

The grammar is that of Python's `csv` module in its default dialect (RFC 4180 with any of LF and CRLF): a quote opens a
quoted cell only where the cell begins. What the fast parser might read otherwise (a quote inside a cell, a lone CR, an
empty line, a NUL) is flagged, and the block is read by the `csv` module itself.
"""

from __future__ import annotations

from typing import Any

from numba import njit

PLAIN, QUOTED_EMPTY, IRREGULAR = 0, 1, 2
_LF, _CR, _QUOTE, _NUL = 10, 13, 34, 0
_START, _BARE, _QUOTED, _CLOSED = 0, 1, 2, 3


@njit(cache=True, nogil=True)
def scan_records(data: Any, delimiter: int, width: int, first_line: int, line_ends: Any) -> tuple[int, int, int, int]:
    """Records of uint8 data[n] that starts at a record; O(n).

    width: cells that each record must have; first_line: number of the line that data starts with; line_ends: int64[m],
    m at least the number of LFs, gets the number of the line that each record ends in.
    Returns how many records ended, the offset after the last of them, the line that stands there, and the worst of
    `PLAIN`, `QUOTED_EMPTY` (some cell is `""`), `IRREGULAR` (also where a record has another number of cells).
    """
    records = 0
    stop = 0
    line = first_line
    stop_line = first_line
    flag = PLAIN
    state = _START
    cells = 1
    began = 0
    opened = 0
    for i in range(data.size):
        byte = data[i]
        if state == _QUOTED:
            if byte == _QUOTE:
                state = _CLOSED
                if i == opened + 1:
                    flag = max(flag, QUOTED_EMPTY)
            elif byte == _LF:
                line += 1
            elif byte == _NUL or (byte == _CR and (i + 1 == data.size or data[i + 1] != _LF)):
                flag = IRREGULAR
            continue
        if byte == _LF:
            length = i - began
            if length == 0 or (length == 1 and data[i - 1] == _CR) or cells != width:
                flag = IRREGULAR
            line_ends[records] = line
            line += 1
            records += 1
            stop, stop_line = i + 1, line
            began, cells, state = i + 1, 1, _START
        elif byte == delimiter:
            cells += 1
            state = _START
        elif byte == _QUOTE:
            if state == _START:
                state, opened = _QUOTED, i
            elif state == _CLOSED:
                state = _QUOTED
            else:
                flag = IRREGULAR
        elif byte == _CR:
            if i + 1 < data.size and data[i + 1] != _LF:
                flag = IRREGULAR
        else:
            if state == _CLOSED or byte == _NUL:
                flag = IRREGULAR
            state = _BARE
    return records, stop, stop_line, flag
