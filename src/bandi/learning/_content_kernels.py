"""Kernels of beta-binomial regression: likelihood and slope of cells, and coordinate descent over the columns of a design."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from bandi.model.records import Array

_MOST_LOG_ODDS = 15.0
_MOST_SPREAD = 0.5
"""Of a cell's rate, as a share of m (1 - m): a belief that is worth one trial."""


@njit(cache=True, nogil=True)
def digamma(x: float) -> float:
    """The slope of ln gamma at x > 0, to about 1e-10: recurrence up to 8, then the asymptotic series (Bernardo 1976)."""
    below = 0.0
    while x < 8.0:
        below -= 1.0 / x
        x += 1.0
    f = 1.0 / (x * x)
    return below + math.log(x) - 0.5 / x - f * (1 / 12 - f * (1 / 120 - f * (1 / 252 - f * (1 / 240 - f / 132))))


@njit(cache=True, nogil=True)
def likelihood(successes: Array, failures: Array, odds: Array, spread: Array, between: float) -> float:
    """Sum of ln P of the cells' counts, binomial coefficients left out (they do not depend on the parameters).

    A cell's rate is Beta(m c, (1 - m) c) with m the logistic of odds and 1 / (c + 1) = spread + between. All float64[n].
    """
    total = 0.0
    for i in range(len(odds)):
        trials = successes[i] + failures[i]
        if trials > 0.0:
            mean = 1.0 / (1.0 + math.exp(-min(max(odds[i], -_MOST_LOG_ODDS), _MOST_LOG_ODDS)))
            worth = 1.0 / min(spread[i] + between, _MOST_SPREAD) - 1.0
            total += _cell(successes[i], failures[i], mean * worth, (1.0 - mean) * worth)
    return total


@njit(cache=True, nogil=True)
def _cell(successes: float, failures: float, a: float, b: float) -> float:
    found = math.lgamma(a + b) - math.lgamma(a + b + successes + failures)
    if successes > 0.0:
        found += math.lgamma(a + successes) - math.lgamma(a)
    if failures > 0.0:
        found += math.lgamma(b + failures) - math.lgamma(b)
    return found


@njit(cache=True, nogil=True)
def factor_likelihood(rewards: Array, expected: Array, means: Array, doubts: Array, spread: float) -> float:
    """Sum of ln P of Poisson rewards of mean expected * w, w a Gamma of mean `means` and shape 1 / (spread + doubts).

    What does not depend on the Gamma is left out. All float64[n]; titles without exposure say nothing.
    """
    total = 0.0
    for i in range(len(rewards)):
        if expected[i] > 0.0:
            shape = 1.0 / (spread + doubts[i])
            rate = shape / means[i]
            total += math.lgamma(shape + rewards[i]) - math.lgamma(shape)
            total -= shape * math.log1p(expected[i] / rate) + rewards[i] * math.log(rate + expected[i])
    return total


@njit(cache=True, nogil=True)
def slopes(
    successes: Array, failures: Array, odds: Array, spread: Array, between: float, slope: Array, bend: Array
) -> None:
    """The likelihood's derivative by each cell's log-odds, and what its second derivative is expected to be, negated.

    The expected bend is n m (1 - m) / (1 + (n - 1) rho) (Williams 1982, equation 3.2); the slope is that of the beta-binomial
    itself (Griffiths 1973). Cells without trials have 0 in both.
    """
    for i in range(len(odds)):
        trials = successes[i] + failures[i]
        slope[i], bend[i] = 0.0, 0.0
        if trials > 0.0:
            mean = 1.0 / (1.0 + math.exp(-min(max(odds[i], -_MOST_LOG_ODDS), _MOST_LOG_ODDS)))
            share = min(spread[i] + between, _MOST_SPREAD)
            worth = 1.0 / share - 1.0
            a, b = mean * worth, (1.0 - mean) * worth
            pull = 0.0
            if successes[i] > 0.0:
                pull += digamma(a + successes[i]) - digamma(a)
            if failures[i] > 0.0:
                pull -= digamma(b + failures[i]) - digamma(b)
            slope[i] = worth * mean * (1.0 - mean) * pull
            bend[i] = trials * mean * (1.0 - mean) / (1.0 + (trials - 1.0) * share)


@njit(cache=True, nogil=True)
def descend(
    starts: Array, rows: Array, values: Array, precision: Array, bend: Array, residual: Array, effects: Array,
    curvature: Array, sweeps: int,
) -> None:  # fmt: skip
    """Sweeps of coordinate descent on a penalised weighted least-squares problem (Friedman, Hastie and Tibshirani 2010).

    Column j has values[starts[j]:starts[j + 1]] in `rows`, and the penalty precision[j] * effects[j]**2 / 2. residual: the
    slope of each row, kept up as the effects move. curvature[j] becomes the bend of the whole along column j.
    """
    for j in range(len(effects)):
        total = precision[j]
        for place in range(starts[j], starts[j + 1]):
            total += bend[rows[place]] * values[place] * values[place]
        curvature[j] = total
    for _ in range(sweeps):
        for j in range(len(effects)):
            pull = -precision[j] * effects[j]
            for place in range(starts[j], starts[j + 1]):
                pull += residual[rows[place]] * values[place]
            step = pull / curvature[j]
            if abs(step) < 1e-7:
                continue
            effects[j] += step
            for place in range(starts[j], starts[j + 1]):
                residual[rows[place]] -= bend[rows[place]] * values[place] * step


@njit(cache=True, nogil=True)
def add_scores(starts: Array, rows: Array, values: Array, effects: Array, sums: Array) -> None:
    """sums[i] += the row's values times the effects of their columns."""
    for j in range(len(effects)):
        effect = effects[j]
        if effect != 0.0:
            for place in range(starts[j], starts[j + 1]):
                sums[rows[place]] += values[place] * effect


@njit(cache=True, nogil=True)
def add_doubts(starts: Array, rows: Array, values: Array, variances: Array, sums: Array) -> None:
    """sums[i] += the row's squared values times the variances of their columns."""
    for j in range(len(variances)):
        for place in range(starts[j], starts[j + 1]):
            sums[rows[place]] += values[place] * values[place] * np.float64(variances[j])
