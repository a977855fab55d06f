"""Sums over starts that decay with several half-lives at once, as Numba kernels; see delays.py."""

from __future__ import annotations

import numpy as np
from numba import njit

from bandi.model.records import Array

NO_LANDMARK = np.iinfo(np.int64).min
_MAX_HALF_LIVES = 60.0


@njit(cache=True, nogil=True)
def add_starts(
    sums: Array, counts: Array, landmarks: Array, half_lives_ms: Array, arms: Array, trials: Array, starts_ms: Array
) -> None:
    """Add trials to counts: float64[arms] and to the decaying sums: float64[arms, basis], one after another.

    A start weighs 2**((start - landmark) / half_life); where that grows large, the landmark moves by whole half-lives and
    all sums are multiplied by an exact power of two, so that cuts do not change a bit.
    """
    for i in range(len(arms)):
        counts[arms[i]] += trials[i]
        for j in range(len(half_lives_ms)):
            if landmarks[j] == NO_LANDMARK:
                landmarks[j] = starts_ms[i]
            exponent = (starts_ms[i] - landmarks[j]) / half_lives_ms[j]
            if exponent > _MAX_HALF_LIVES:
                steps = np.floor(exponent)
                scale = 2.0 ** -min(steps, 1_000.0)
                for arm in range(len(sums)):
                    sums[arm, j] *= scale
                landmarks[j] += np.int64(np.round(steps * half_lives_ms[j]))
                exponent = (starts_ms[i] - landmarks[j]) / half_lives_ms[j]
            sums[arms[i], j] += trials[i] * 2.0 ** max(exponent, -500.0)
