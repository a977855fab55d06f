"""Kernel: for many limits at once, sums that tell an estimator's variance and bias."""

from __future__ import annotations

import numpy as np
from numba import njit

from bandi.model.records import Array

KINDS = ("clip", "switch", "shrink")


@njit(cache=True, nogil=True)
def moments(weights: Array, residuals: Array, expected: Array, limits: Array, kind: int) -> Array:
    """float64[limits, 5]: sums of t, t^2, x, x^2 and the largest |x|, where t = expected + s residual, x = (w - s) residual and s
    is the weight w clipped at a limit (kind 0), 0 above it (1) or shrunk by it (2). Other arrays: float64[n]."""
    out = np.zeros((len(limits), 5))
    for i in range(len(weights)):
        weight, residual, model = weights[i], residuals[i], expected[i]
        square = weight * weight
        for k in range(len(limits)):
            limit = limits[k]
            if np.isinf(limit):
                changed = weight
            elif kind == 0:
                changed = min(weight, limit)
            elif kind == 1:
                changed = weight if weight <= limit else 0.0
            else:
                changed = limit * weight / (square + limit)
            term, lost = model + changed * residual, (weight - changed) * residual
            out[k, 0] += term
            out[k, 1] += term * term
            out[k, 2] += lost
            out[k, 3] += lost * lost
            out[k, 4] = max(out[k, 4], abs(lost))
    return out
