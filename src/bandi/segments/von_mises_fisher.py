"""The von Mises-Fisher distribution on the unit sphere in d dimensions: density c_d(kappa) exp(kappa mean . x).

It is the normal distribution of directions: kappa, the concentration, is about the reciprocal of the variance. Banerjee,
Dhillon, Ghosh and Sra (2005), "Clustering on the unit hypersphere using von Mises-Fisher distributions", section 2.
"""

from __future__ import annotations

import math

from numba import njit

_LOWEST, _HIGHEST = 1e-3, 1e4
"""Of the concentration: all directions alike; readers who are all the same."""
_NEWTON_STEPS = 2


def log_normaliser(concentration: float, d: int) -> float:
    """log c_d(kappa) (Banerjee et al. 2005, eq. 2.2). concentration: above 0; d: 1 or more."""
    order = d / 2.0 - 1.0
    return order * math.log(concentration) - d / 2.0 * math.log(2.0 * math.pi) - _log_bessel(order, concentration)


def likeliest_concentration(resultant: float, d: int) -> float:
    """The concentration of highest likelihood, 0.001 to 10,000, where unit vectors have a mean of length `resultant`, 0 to 1.

    It solves A_d(kappa) = resultant, with A_d the ratio of Bessel functions of orders d/2 and d/2 - 1: from the estimate of
    Banerjee et al. (2005, eq. 4.4) by two Newton steps (Sra 2012, "A short note on parameter approximation for von
    Mises-Fisher distributions", eq. 5). A_1 is the hyperbolic tangent.
    """
    resultant = min(resultant, 1.0 - 1e-9)
    if d == 1:
        return min(max(math.atanh(resultant), _LOWEST), _HIGHEST)
    kappa = min(max(resultant * (d - resultant**2) / (1.0 - resultant**2), _LOWEST), _HIGHEST)
    for _ in range(_NEWTON_STEPS):
        ratio = math.exp(_log_bessel(d / 2.0, kappa) - _log_bessel(d / 2.0 - 1.0, kappa))
        slope = 1.0 - ratio**2 - (d - 1.0) / kappa * ratio
        if slope <= 0.0:  # lost to rounding at either end, where the estimate is exact
            break
        kappa = min(max(kappa - (ratio - resultant) / slope, _LOWEST), _HIGHEST)
    return kappa


@njit(cache=True, nogil=True)
def _log_bessel(order: float, value: float) -> float:
    """log I of real order above -1, from the power series in logarithms (Abramowitz and Stegun 9.6.10). O(value)."""
    half = math.log(value / 2.0)
    term = order * half - math.lgamma(order + 1.0)
    highest, total = term, 1.0
    for n in range(1, int(value) + 60):  # the largest term stands before value / 2
        term += 2.0 * half - math.log(n * (n + order))
        if term > highest:
            total = total * math.exp(highest - term) + 1.0
            highest = term
        else:
            total += math.exp(term - highest)
    return highest + math.log(total)
