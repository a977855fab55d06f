"""How heavy the tail of importance weights is."""

from __future__ import annotations

import numpy as np

from bandi.model.records import Array

FEWEST_DISTINCT = 5


def pareto_k(weights: Array) -> float | None:
    """The shape k of a generalised Pareto distribution fitted to the largest weights: moments below 1 / k exist.

    Vehtari, Simpson, Gelman, Yao and Gabry (2024), "Pareto smoothed importance sampling": of the min(n / 5, 3 sqrt(n)) largest, with
    their weak prior at 0.5; the fit is that of Zhang and Stephens (2009). None where these take fewer than 5 values: the weights
    of a policy with few items and slots are bounded, there is no tail to fit. O(n).
    """
    n = len(weights)
    size = int(min(n / 5.0, 3.0 * np.sqrt(n)))
    if size < FEWEST_DISTINCT:
        return None
    largest = np.sort(np.partition(weights, n - size - 1)[n - size - 1 :])
    excess = largest[1:] - largest[0]
    excess = excess[excess > 0]
    if len(np.unique(excess)) < FEWEST_DISTINCT:
        return None
    shape = _generalised_pareto_shape(excess)
    return (len(excess) * shape + 10 * 0.5) / (len(excess) + 10)


def _generalised_pareto_shape(excess: Array) -> float:
    """Zhang and Stephens (2009), "A new and efficient estimation method for the generalized Pareto distribution", section 2.

    excess: float64[m] above 0, ascending. Their quasi-Bayesian mean of theta over m_grid points, by profile likelihood.
    """
    m = len(excess)
    points = 30 + int(np.sqrt(m))
    quartile = excess[int(m / 4 + 0.5) - 1] if m >= 2 else excess[0]
    grid = 1.0 / excess[-1] + (1.0 - np.sqrt(points / (np.arange(1, points + 1) - 0.5))) / (3.0 * quartile)
    shapes = np.log1p(-grid[:, None] * excess).mean(axis=1)
    likelihoods = m * (np.log(-grid / shapes) - shapes - 1.0)
    shares = np.exp(likelihoods - likelihoods.max())
    theta = float(grid @ shares) / float(shares.sum())
    return float(np.log1p(-theta * excess).mean())


def share_of_largest(weights: Array, share: float = 0.01) -> float:
    """What part of all weight the largest `share` of the rows holds, 0 to 1 (at least one row); 0 where all weights are 0. O(n)."""
    n, total = len(weights), float(weights.sum())
    size = max(1, round(share * n))
    return float(np.partition(weights, n - size)[n - size :].sum()) / total if total > 0 else 0.0
