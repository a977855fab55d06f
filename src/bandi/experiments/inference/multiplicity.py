"""Many questions at once: adjusted p-values for several metrics and variants.

Both take always-valid p-values as well: at any look, at any time one stops, they are p-values.
"""

from __future__ import annotations

import numpy as np

from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array


def benjamini_hochberg(p_values: Array) -> Array:
    """Adjusted p-values: of those at most q, a share of at most q is expected to be false. float64[tests].

    Benjamini and Hochberg (1995). For tests that are independent or positively dependent, as metrics of the same readers are.
    """
    p, order = _ascending(p_values)
    scaled = p[order] * len(p) / np.arange(1, len(p) + 1)
    return _placed(np.minimum.accumulate(scaled[::-1])[::-1], order)


def holm(p_values: Array) -> Array:
    """Adjusted p-values: the chance that any true hypothesis is among those at most alpha is at most alpha. float64[tests].

    Holm (1979), whatever the dependence. For guardrails, where one false alarm stops an experiment.
    """
    p, order = _ascending(p_values)
    scaled = p[order] * np.arange(len(p), 0, -1)
    return _placed(np.maximum.accumulate(scaled), order)


def _ascending(p_values: Array) -> tuple[Array, Array]:
    p = np.asarray(p_values, np.float64)
    if p.ndim != 1 or not ((p >= 0.0) & (p <= 1.0)).all():
        raise InvalidInputError(Problem(where="p_values", found=f"{p}", expected="a list of numbers from 0 to 1"))
    return p, np.argsort(p, kind="stable")


def _placed(adjusted: Array, order: Array) -> Array:
    out = np.empty(len(order))
    out[order] = np.minimum(adjusted, 1.0)
    return out
