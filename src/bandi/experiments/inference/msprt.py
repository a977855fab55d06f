"""The mixture sequential probability ratio test: the sequence of sequences.py, tuned by how large effects usually are.

Johari, Koomen, Pekelis and Walsh (2022), after Robbins (1970): against no effect stands an effect drawn from
Normal(0, tau^2), and with v the variance of the difference at a look

    likelihood ratio = sqrt(v / (v + tau^2)) * exp(tau^2 difference^2 / (2 v (v + tau^2)))

The p-value is one over the largest ratio so far. With x = tau^2 / v that is the same as the confidence sequence: choosing
rho^2 = tau^2 / variance per reader and choosing a planned number of readers are two ways to name one number.
"""

from __future__ import annotations

import math

import numpy as np

from bandi.experiments.inference.bounds import Bounds, checked_alpha, difference_bounds, standard_scores
from bandi.experiments.inference.comparing import Comparison
from bandi.experiments.inference.sequences import FEWEST, multipliers, running_p_values, times
from bandi.model.errors import InvalidInputError, Problem


def mixture_test(comparison: Comparison, usual_effect: float, alpha: float = 0.05, fewest: float = FEWEST) -> Bounds:
    """The difference at each look (last axis), its always-valid interval and p-value.

    usual_effect: tau, the root mean square of past effects, in the metric's own unit; it must not come from this experiment.
    """
    if not usual_effect > 0.0 or not math.isfinite(usual_effect):
        raise InvalidInputError(Problem(where="usual_effect", found=str(usual_effect), expected="more than 0"))
    time = times(comparison, fewest)
    error = comparison.standard_error
    some = time > 0.0
    per_time = np.where(some, np.where(some, error, 1.0) ** 2 * time, np.inf)  # variance of a reader, by look
    if per_time.ndim:
        first = np.argmax(some, axis=-1)[..., None]
        per_time = np.take_along_axis(per_time, first, axis=-1)
    x = time * usual_effect**2 / per_time
    return difference_bounds(
        comparison, multipliers(x, checked_alpha(alpha)), running_p_values(standard_scores(comparison), x)
    )
