"""Priors of later steps from content: a new title's factors start from what titles like it have got (empirical Bayes).

The chain (policies/chain.py) takes rewards of a step as Poisson, R_i ~ Poisson(rate E_i w_i), and titles' factors as Gamma
about 1. Here the factors are Gamma about what content predicts:

    w_i ~ Gamma(a_i, a_i / m_i),    ln m_i = level + x_i' beta

a log-linear mixed Poisson regression, whose counts are negative binomial (Lawless 1987; with effects of content as random
effects: Christiansen and Morris 1997). It is fitted by the regression that click priors are fitted by (beta_binomial.py): a
Poisson count is the limit of many trials that seldom succeed, so an exposure is cut into as many trials as let a hundredth
succeed, and there logit and ln, Beta and Gamma, are all but the same. The penalty on each kind of content comes with it. A Beta
of one strength would make well paid kinds alike and badly paid ones not; factors multiply, so the spread about predictions,
1 / a, is found anew, as a share of the mean, by the likelihood of the counts. What is not sure of beta widens a title's own
belief: 1 / a_i = spread + var(x' beta).
"""

from __future__ import annotations

import numpy as np

from bandi.learning._content_kernels import factor_likelihood
from bandi.learning.beta_binomial import STRENGTH_SPREAD
from bandi.learning.content_features import Content
from bandi.learning.content_priors import doubts, fit_titles, foretold
from bandi.model.policy_config import Prior
from bandi.model.records import Array
from bandi.policies._chain_kernels import MOST_SPREAD, RATE, SHAPE
from bandi.policies.chain import ChainStatistics
from bandi.policies.protocol import StepPriors

SELDOM = 0.01
"""Successes of a trial on average."""
_LEAST_ABOUT, _MOST_ABOUT = 0.02, 20.0
"""Bounds of the spread about predictions."""
_LEAST_SHAPE = 0.05
"""Of a factor's prior: one start must not outweigh all."""
_FARTHEST = 20.0
"""A prediction is at most so many times the mean, and at least the mean by as much."""


def learn_step_priors(chain: ChainStatistics, content: Content, now_ms: int) -> StepPriors:
    """What the factors of all titles of `content` start from, in each step of the chain.

    What other titles have got tells of a title, and so does what it has got itself, a little: its own counts are among those
    that beta comes from. Steps in which titles are alike stay so. Deterministic; O(steps * rounds * labels).
    """
    items = np.arange(content.items, dtype=np.int32)
    means, shapes = np.ones((chain.steps, content.items)), np.empty((chain.steps, content.items))
    for step in range(chain.steps):
        shapes[step] = chain.shared[step, SHAPE]
        if chain.shared[step, MOST_SPREAD] > 0.0:
            expected = chain.shared[step, RATE] * chain.exposure_of(items, step, now_ms)
            means[step], shapes[step] = predicted_factors(
                chain.rewards_of(items, step), expected, float(chain.shared[step, SHAPE]), content
            )
    return StepPriors(means.astype(np.float32), shapes.astype(np.float32))


def predicted_factors(rewards: Array, expected: Array, shape: float, content: Content) -> tuple[Array, Array]:
    """Mean and Gamma shape of every title's factor, by its content: float64[items] each.

    rewards: float64[items]; expected: float64[items], those of a title of factor 1 with the same exposure, at least
    0. shape: of all titles together, where the search for the spread about the predictions starts.
    """
    trials = expected / SELDOM
    successes = np.clip(rewards, 0.0, trials)
    configured = Prior(mean=SELDOM, strength=min(max(shape / SELDOM, 1.0), 2_000.0))
    fitted = fit_titles(successes, trials - successes, content, configured)
    means = np.clip(foretold(fitted, content)[0] / SELDOM, 1.0 / _FARTHEST, _FARTHEST)
    unsure = doubts(fitted, 0, content)
    spread = _best_spread(np.maximum(rewards, 0.0), expected, means, unsure, 1.0 / shape)
    return means, np.maximum(1.0 / (spread + unsure), _LEAST_SHAPE)


def _best_spread(rewards: Array, expected: Array, means: Array, unsure: Array, first: float) -> float:
    """Variance of factors about their predictions, as a share of the mean squared: the likeliest on a grid of its logarithm.

    The belief about it is log-normal about `first`, as that about a strength.
    """
    spreads = np.geomspace(_LEAST_ABOUT, _MOST_ABOUT, 60)
    belief = -0.5 * (np.log(spreads / min(max(first, _LEAST_ABOUT), _MOST_ABOUT)) / STRENGTH_SPREAD) ** 2
    worth = [factor_likelihood(rewards, expected, means, unsure, spread) for spread in spreads.tolist()]
    return float(spreads[int(np.argmax(np.array(worth) + belief))])
