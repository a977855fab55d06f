"""Coins that a message brings beyond what its reader pays anyway, learned from messages that were held back at random.

Two models (Radcliffe 2007; Gutierrez and Gerardy 2017): in each stratum the mean coins of those sent less that of those held
back. Who is held back is drawn, at one rate, so the difference is unbiased without a model of who was chosen. Coins are
rare and uneven, so differences are shrunk: with g_s the prior weight of the stratum (by recency),

    d_s = g_s r_s + noise of variance e_s,   r_s ~ N(c, A),   c ~ N(c0, V)

A, how far strata differ, is DerSimonian and Laird's (1986) moment estimate, weighed with its prior as `PRIOR_STRATA` strata; c is
the precision-weighted mean. A stratum without data has uplift g_s c; one with much has its own difference.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandi.learning.push.messages import Moments
from bandi.model.records import Array

PRIOR_STRATA = 4.0
PRIOR_MESSAGES = 20.0
"""A stratum's variance, and what its readers pay anyway, are shrunk to those of all by so many messages."""


class Uplift(NamedTuple):
    """Coins for each stratum: float64[strata]. anyway: expected without a message; mean, deviation: of what one adds."""

    anyway: Array
    mean: Array
    deviation: Array

    def drawn(self, seed: int) -> Array:
        """A draw from the posterior of what a message adds: float64[strata]; strata of which little is known get tried."""
        found: Array = np.random.default_rng(seed).normal(self.mean, self.deviation)
        return found


def uplift(moments: Moments, weights: Array, expected: float) -> Uplift:
    """The posterior of each stratum. weights: float64[strata], above 0; expected: c0, in coins, above 0. O(strata)."""
    counts, coins, squares = (moments.sums[:, :, at] for at in range(3))
    anyway = _shrunk(counts[:, 0], coins[:, 0])
    variances = _variances(counts, coins, squares)
    told = (counts > 0).all(axis=1)
    ratios, noise = np.zeros(len(weights)), np.full(len(weights), np.inf)
    means = coins[told] / counts[told]
    ratios[told] = (means[:, 1] - means[:, 0]) / weights[told]
    noise[told] = (variances[told] / counts[told]).sum(axis=1) / weights[told] ** 2
    between = _between(ratios[told], noise[told], expected)
    precision = 1.0 / (between + noise)
    sureness = 1.0 / expected**2 + precision.sum()
    mean = (1.0 / expected + (precision * ratios).sum()) / sureness
    own = between / (between + noise)
    deviation = np.sqrt(between * (1.0 - own) + (1.0 - own) ** 2 / sureness)
    return Uplift(anyway, weights * (own * ratios + (1.0 - own) * mean), weights * deviation)


def _shrunk(counts: Array, coins: Array) -> Array:
    overall = coins.sum() / max(counts.sum(), 1.0)
    means: Array = (coins + PRIOR_MESSAGES * overall) / (counts + PRIOR_MESSAGES)
    return means


def _variances(counts: Array, coins: Array, squares: Array) -> Array:
    """Of one message's coins, in each stratum and arm; an arm in which nobody paid yet is not sure of it."""
    total = counts.sum()
    overall = max(squares.sum() / total - (coins.sum() / total) ** 2, 1e-9) if total else 1e-9
    within = np.maximum(squares - coins**2 / np.maximum(counts, 1.0), 0.0)
    found: Array = (within + PRIOR_MESSAGES * overall) / (counts + PRIOR_MESSAGES)
    return found


def _between(ratios: Array, noise: Array, expected: float) -> float:
    """How far strata differ: variance of r_s."""
    prior = expected**2
    if len(ratios) < 2:
        return prior
    weights = 1.0 / noise
    mean = (weights * ratios).sum() / weights.sum()
    spread = (weights * (ratios - mean) ** 2).sum() - (len(ratios) - 1)
    scale = weights.sum() - (weights**2).sum() / weights.sum()
    estimate = max(spread / scale, 0.0) if scale > 0 else 0.0
    return float((PRIOR_STRATA * prior + len(ratios) * estimate) / (PRIOR_STRATA + len(ratios)))
