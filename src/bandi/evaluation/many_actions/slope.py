"""SLOPE: which of several estimators to believe, where the one with less variance has more bias and nobody knows how much.

With the estimators ordered from wide to narrow intervals, each interval is doubled, and the last estimator is taken up to which
all doubled intervals have a point in common: as long as they agree, no bias shows that is larger than the noise. Its error is
within a constant of the best one's bias plus width, where bias grows along that order and each width is at least kappa times the
one before it: |error| <= 6 (1 + 1 / kappa) min over i of (bias_i + width_i). Su, Srinath and Krishnamurthy (2020), "Adaptive
estimator selection for off-policy evaluation", theorem 3, after Lepski (1992). It holds for thresholds of clipping and bandwidths of
kernels as it does for embeddings.

>>> import numpy as np
>>> slope(np.array([1.0, 1.2, 2.9]), np.array([0.5, 0.2, 0.1])).chosen
1
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array


@dataclass(frozen=True, slots=True)
class Choice:
    """chosen: the place of the estimator taken, in the order given; low, high: what all up to it have in common."""

    chosen: int
    low: float
    high: float


def slope(values: Array, widths: Array) -> Choice:
    """values, widths: float64[m], estimates and half-widths of their intervals (at least 0), in any order. O(m log m).

    Raises InvalidInputError for no estimators, NaN, or negative widths; an infinite width says nothing and is passed over.
    """
    if values.shape != widths.shape or values.ndim != 1 or not len(values):
        found = f"shapes {list(values.shape)} and {list(widths.shape)}"
        raise InvalidInputError(Problem("estimators", found, "as many widths as values, at least one"))
    usable = np.flatnonzero(np.isfinite(widths) & np.isfinite(values))
    if not len(usable) or np.isnan(widths).any() or (widths < 0).any():
        raise InvalidInputError(
            Problem(
                "estimators", f"widths {widths.tolist()!r:.60}", "at least one finite value with a width of 0 or more"
            )
        )
    order = usable[np.argsort(-widths[usable], kind="stable")]
    low, high, chosen = -np.inf, np.inf, int(order[0])
    for place in order.tolist():
        lowest, highest = values[place] - 2.0 * widths[place], values[place] + 2.0 * widths[place]
        if max(low, lowest) > min(high, highest):
            break
        low, high, chosen = max(low, lowest), min(high, highest), place
    return Choice(chosen, float(low), float(high))
