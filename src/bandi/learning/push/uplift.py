"""Coins that a message brings beyond what its reader pays anyway, learned from messages that were held back at random.

Two models (Radcliffe 2007; Gutierrez and Gerardy 2017): in each stratum the mean coins of those sent less that of those held
back. Who is held back is drawn, at one rate, so the difference is unbiased without a model of who was chosen. Coins are
rare and uneven, so differences are shrunk: with g_s the prior weight of the stratum (by recency),

    d_s = u_s + noise of variance e_s,   u_s ~ N(c g_s, A),   c ~ N(c0, c0^2)

A, how far strata lie from what recency says, is DerSimonian and Laird's (1986) moment estimate for a regression through zero,
weighed with its prior c0^2 as `PRIOR_STRATA` strata. A stratum without data has uplift c g_s; one with much has its own
difference.
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
    differences, noise = np.zeros(len(weights)), np.full(len(weights), np.inf)
    means = coins[told] / counts[told]
    differences[told] = means[:, 1] - means[:, 0]
    noise[told] = (variances[told] / counts[told]).sum(axis=1)
    between = _between(differences[told], noise[told], weights[told], expected)
    precision = weights / (between + noise)
    sureness = 1.0 / expected**2 + (precision * weights).sum()
    slope = (1.0 / expected + (precision * differences).sum()) / sureness
    own = between / (between + noise)
    variance = between * (1.0 - own) + ((1.0 - own) * weights) ** 2 / sureness
    return Uplift(anyway, own * differences + (1.0 - own) * slope * weights, np.sqrt(variance))


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


def _between(differences: Array, noise: Array, weights: Array, expected: float) -> float:
    """How far strata lie from what their weights say: variance, in coins."""
    prior = expected**2
    count = len(differences)
    if count < 2:
        return prior
    sure = 1.0 / noise
    power = (sure * weights**2).sum()
    slope = (sure * weights * differences).sum() / power
    spread = (sure * (differences - slope * weights) ** 2).sum() - (count - 1)
    scale = sure.sum() - (sure**2 * weights**2).sum() / power
    estimate = max(spread / scale, 0.0) if scale > 0 else 0.0
    return float((PRIOR_STRATA * prior + count * estimate) / (PRIOR_STRATA + count))
