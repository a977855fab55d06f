"""Counts of reads by segment, and how likely held-out reads are under them."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from bandi.model.records import Array


@njit(cache=True, nogil=True)
def add_reads(recent: Array, memberships: Array, counts: Array) -> None:
    """counts[item, s] += the reader's weight in s, for every title read; ids outside the table are passed over.

    recent: int32[n, m]; memberships: float32[n, k]; counts: float64[items, k].
    """
    for reader in range(len(recent)):
        weights = memberships[reader]
        for item in recent[reader]:
            if 0 <= item < len(counts):
                target = counts[item]
                for s in range(len(weights)):
                    target[s] += weights[s]


@njit(cache=True, nogil=True)
def log_likelihoods(newest: Array, memberships: Array, rates: Array, found: Array) -> None:
    """found[reader] = log sum over s of w_s rates[newest title, s]. rates: float64[items, k]; found: float64[n]."""
    for reader in range(len(newest)):
        weights, rate = memberships[reader], rates[newest[reader]]
        likelihood = 0.0
        for s in range(len(weights)):
            likelihood += weights[s] * rate[s]
        found[reader] = math.log(max(likelihood, np.finfo(np.float64).tiny))
