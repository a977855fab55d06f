"""Slopes on one regressor where a reader has many rows: least squares with variances clustered by reader."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array

_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Slopes:
    """slopes: float64[k]; covariance: float64[k, k], of the slopes; readers: clusters; freedom: readers less one.

    known: whether the regressor varies beyond the controls and there are two readers; else slopes and covariance are zeros.
    """

    slopes: Array
    covariance: Array
    readers: int
    freedom: float
    known: bool


def clustered_slopes(readers: Array, regressor: Array, values: Array, controls: Array | None = None) -> Slopes:
    """The slope of each column of values on the regressor, beside an intercept and controls. O(n (k + c^2)).

    readers: int64[n], whose row it is, 0 or more; regressor: float64[n]; values: float64[n, k]; controls: float64[n, c].
    Partialled out after Frisch and Waugh (1933) and Lovell (1963); sandwich of Liang and Zeger (1986) with
    C / (C - 1) * (n - 1) / (n - c - 2). Raises InvalidInputError for lengths that differ, NaN and negative readers.
    """
    whose = np.asarray(readers)
    r, v = np.asarray(regressor, np.float64), np.asarray(values, np.float64)
    x = np.ones((len(r), 1)) if controls is None else np.column_stack([np.ones(len(r)), controls])
    _check(whose, r, v, x)
    clusters = int((np.bincount(whose) > 0).sum()) if len(whose) else 0
    spare = len(r) - x.shape[1] - 1
    left = _residuals(x, np.column_stack([r, v]))
    r, v = left[:, 0], left[:, 1:]
    spread = float(r @ r)
    if clusters < 2 or spare < 1 or spread <= _ROUNDING * max(float(regressor @ regressor), 1e-300):
        zeros = np.zeros(v.shape[1])
        return Slopes(zeros, np.outer(zeros, zeros), clusters, max(clusters - 1.0, 1.0), known=False)
    slopes = r @ v / spread
    errors = v - r[:, None] * slopes
    scores = np.stack([np.bincount(whose, r * errors[:, j]) for j in range(v.shape[1])], axis=1)
    factor = clusters / (clusters - 1.0) * (len(r) - 1.0) / spare
    return Slopes(slopes, factor * (scores.T @ scores) / spread**2, clusters, clusters - 1.0, known=True)


def _residuals(x: Array, values: Array) -> Array:
    """What least squares on x leaves; columns of x that others explain are harmless."""
    scale = np.sqrt(np.maximum((x * x).sum(axis=0), 1e-300))
    scaled = x / scale
    left: Array = values - scaled @ (np.linalg.pinv(scaled.T @ scaled, hermitian=True) @ (scaled.T @ values))
    return left


def _check(readers: Array, regressor: Array, values: Array, controls: Array) -> None:
    lengths = {len(readers), len(regressor), len(values), len(controls)}
    if len(lengths) != 1 or values.ndim != 2:
        found = f"{len(readers)}, {len(regressor)}, {values.shape} and {controls.shape}"
        raise InvalidInputError(Problem("rows", found, "as many readers, regressors, rows of values and of controls"))
    if not all(np.isfinite(column).all() for column in (regressor, values, controls)):
        raise InvalidInputError(Problem("rows", "NaN or infinity", "finite numbers"))
    if len(readers) and (readers.dtype.kind not in "iu" or int(readers.min()) < 0):
        raise InvalidInputError(Problem("readers", str(readers.dtype), "whole numbers of 0 or more"))
