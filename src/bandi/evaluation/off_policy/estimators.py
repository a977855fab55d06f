"""Estimators of a policy's value from another's log: pure functions over arrays.

In all of them w_i = pi_e(a_i | x_i) / p_i is the importance weight, r_i the reward, q a model of the reward, q_i = q(x_i, a_i)
its prediction of what was shown, and v_i = sum over a of pi_e(a | x_i) q(x_i, a) what it expects of the evaluated policy. Arrays
are float64[n]. `docs/reference/off-policy.md` says when which is right.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bandi.evaluation.off_policy.sample import Prediction, Sample
from bandi.model.records import Array


@dataclass(frozen=True, slots=True)
class Terms:
    """What each row adds: the estimate is mean(added), plus sum(scaled) / sum(scale) where these are given."""

    added: Array
    scaled: Array | None = None
    scale: Array | None = None

    @property
    def value(self) -> float | None:
        """The estimate; None where nothing is to divide by: the evaluated policy does nothing of what was logged."""
        mean = float(self.added.mean())
        if self.scaled is None or self.scale is None:
            return mean
        total = float(self.scale.sum())
        return mean + float(self.scaled.sum()) / total if total > 0 else None


def dm(prediction: Prediction) -> Terms:
    """Direct method, mean(v): Dudík, Langford and Li (2011), "Doubly robust policy evaluation and learning", section 2.

    As biased as the model; varies little.
    """
    return Terms(prediction.expected)


def ips(weights: Array, rewards: Array) -> Terms:
    """Inverse propensity score, mean(w r): Horvitz and Thompson (1952); Dudík, Langford and Li (2011), section 2.

    Unbiased where the logging policy could show all that the other does.
    """
    return Terms(weights * rewards)


def clipped_ips(weights: Array, rewards: Array, limit: float) -> Terms:
    """mean(min(w, limit) r): Ionides (2008), "Truncated importance sampling"; Bottou et al. (2013), "Counterfactual reasoning".

    For rewards of at least 0 its bias is downwards: what lies above the limit is not counted.
    """
    return Terms(np.minimum(weights, limit) * rewards)


def snips(weights: Array, rewards: Array) -> Terms:
    """Self-normalised, sum(w r) / sum(w): Swaminathan and Joachims (2015), "The self-normalized estimator".

    Biased by O(1/n); stays within the range of the rewards, and a constant added to all rewards is added to it.
    """
    return Terms(np.zeros_like(rewards), weights * rewards, weights)


def dr(weights: Array, rewards: Array, prediction: Prediction) -> Terms:
    """Doubly robust, mean(v + w (r - q)): Dudík, Langford and Li (2011), section 2.

    Unbiased where propensities are right, whatever the model, if it was not fitted on the row that it predicts; varies less
    than IPS where the model is good.
    """
    return Terms(prediction.expected + weights * (rewards - prediction.shown))


def sndr(weights: Array, rewards: Array, prediction: Prediction) -> Terms:
    """Self-normalised doubly robust, mean(v) + sum(w (r - q)) / sum(w): the one-step case of Thomas and Brunskill (2016), WDR."""
    return Terms(prediction.expected, weights * (rewards - prediction.shown), weights)


def switch_dr(weights: Array, rewards: Array, prediction: Prediction, limit: float) -> Terms:
    """mean(v + w (r - q) 1(w <= limit)): Wang, Agarwal and Dudík (2017), "Optimal and adaptive OPE", section 4.

    Trusts the model alone where weights are above the limit.
    """
    kept = np.where(weights <= limit, weights, 0.0)
    return Terms(prediction.expected + kept * (rewards - prediction.shown))


def dros(weights: Array, rewards: Array, prediction: Prediction, shrinkage: float) -> Terms:
    """Doubly robust with optimistic shrinkage, mean(v + s (r - q)) where s = shrinkage w / (w^2 + shrinkage).

    Su, Dimakopoulou, Krishnamurthy and Dudík (2020), "Doubly robust off-policy evaluation with shrinkage", section 3. 0 gives
    DM, infinity DR.
    """
    return Terms(prediction.expected + shrunk(weights, shrinkage) * (rewards - prediction.shown))


def mrdr(weights: Array, rewards: Array, robust: Prediction) -> Terms:
    """More robust doubly robust: DR with the model that makes DR vary least (`reward_models.fit_robust`).

    Farajtabar, Chow and Ghavamzadeh (2018), "More robust doubly robust off-policy evaluation", section 4.
    """
    return dr(weights, rewards, robust)


def shrunk(weights: Array, shrinkage: float) -> Array:
    """shrinkage w / (w^2 + shrinkage): float64[n], at most sqrt(shrinkage) / 2; the weights themselves for infinity."""
    if np.isinf(shrinkage):
        return weights
    below = weights * weights + shrinkage
    return np.divide(shrinkage * weights, below, out=np.zeros_like(weights), where=below > 0)


@dataclass(frozen=True, slots=True)
class Estimator:
    """One of the estimators by its name.

    terms: of a sample and a parameter; tuned: how the parameter acts on weights ("clip", "switch", "shrink"), or "" without
    one. residuals: "rewards" where it adds w r, "robust" or "model" where it adds w (r - q), "none" where it has no weights.
    """

    name: str
    terms: Callable[[Sample, float], Terms]
    residuals: str
    tuned: str = ""


ESTIMATORS: dict[str, Estimator] = {
    estimator.name: estimator
    for estimator in (
        Estimator("DM", lambda s, _: dm(s.prediction), "none"),
        Estimator("IPS", lambda s, _: ips(s.weights, s.rewards), "rewards"),
        Estimator("clipped IPS", lambda s, limit: clipped_ips(s.weights, s.rewards, limit), "rewards", "clip"),
        Estimator("SNIPS", lambda s, _: snips(s.weights, s.rewards), "rewards"),
        Estimator("DR", lambda s, _: dr(s.weights, s.rewards, s.prediction), "model"),
        Estimator("SNDR", lambda s, _: sndr(s.weights, s.rewards, s.prediction), "model"),
        Estimator(
            "Switch-DR", lambda s, limit: switch_dr(s.weights, s.rewards, s.prediction, limit), "model", "switch"
        ),
        Estimator("DRos", lambda s, shrinkage: dros(s.weights, s.rewards, s.prediction, shrinkage), "model", "shrink"),
        Estimator("MRDR", lambda s, _: mrdr(s.weights, s.rewards, s.robust), "robust"),
    )
}
