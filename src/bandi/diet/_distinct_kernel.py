"""The registers of HyperLogLog, fed hash by hash."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

PRECISION = 14
"""Bits of a hash that choose its register: 2**14 registers, a standard error of 1.04 / 128 = 0.8 %."""


@njit(cache=True, nogil=True)
def add_hashes(registers: Any, hashes: Any) -> None:
    """Fold uint64 hashes[n] into uint8 registers[2**PRECISION]: each holds the longest run of leading zeros, plus 1."""
    for hashed in hashes:
        slot = hashed >> np.uint64(64 - PRECISION)
        rest = hashed << np.uint64(PRECISION)
        run = 1
        while run <= 64 - PRECISION and (rest >> np.uint64(63)) == np.uint64(0):
            rest <<= np.uint64(1)
            run += 1
        registers[slot] = max(registers[slot], run)
