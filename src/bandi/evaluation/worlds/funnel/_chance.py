"""Chance by counting: a uniform number is a function of (seed, two numbers, purpose), so no run can change another's luck.

Counter-based generators: Salmon, Moraes, Dror and Shaw (2011), "Parallel random numbers: as easy as 1, 2, 3"; the mixer
is SplitMix64's (Steele, Lea and Flood 2014).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from bandi.policies._random import mix, unit

CLICK, CONTINUE, PACE, PACE_ANGLE, PAY, HESITATE, COINS, COINS_ANGLE, FURTHER, FURTHER_PACE = range(10)
"""Purposes of a (reader, title), but for CLICK, whose numbers are a visit and a title."""
SEGMENT, FATE, LATENESS, REPEAT = range(20, 24)
"""Purposes of an event or a visit."""
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@njit(cache=True, nogil=True, inline="always")
def chance(seed: int, first: int, second: int, purpose: int) -> float:
    """A float64 in (0, 1) that belongs to these four whole numbers."""
    x = mix(np.uint64(seed) * _GOLDEN + np.uint64(purpose + 1))
    x = mix(x + np.uint64(first + 1) * _GOLDEN)
    return unit(mix(x + np.uint64(second + 1) * _GOLDEN))


@njit(cache=True, nogil=True, inline="always")
def normal(seed: int, first: int, second: int, purpose: int) -> float:
    """A standard normal number that belongs to them (Box and Muller 1958); uses up `purpose` and the one after it."""
    radius = math.sqrt(-2.0 * math.log(chance(seed, first, second, purpose)))
    return radius * math.cos(2.0 * math.pi * chance(seed, first, second, purpose + 1))
