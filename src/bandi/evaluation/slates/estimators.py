"""What a policy's lists would have got: weighted means over slots, self-normalised ones, and cascade-DR.

The value of a list is sum over slots s of attention_s r_s; attention: float64[k], what a reward in a slot is worth (all 1: the
list's rewards are added up).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bandi.evaluation.intervals import Interval
from bandi.evaluation.off_policy.weights import effective_sample_size
from bandi.evaluation.slates.expectations import cross_fitted
from bandi.evaluation.slates.lists import ListLog, ListPolicy, check_attention, check_lists
from bandi.evaluation.slates.weights import item_and_slot, items_above, whole_list
from bandi.model.records import Array

NOTHING_LOGGED = "in some slot the evaluated policy does nothing of what was logged: there is no weight to divide by"
_Z = 1.959963984540054


@dataclass(frozen=True, slots=True)
class ListEstimate:
    """Value per list by one estimator. value: None where it is not defined, and note says why; effective: lists of the policy's
    own that its weights are worth, in the worst slot.
    """

    name: str
    value: Interval | None
    effective: float
    note: str = ""


def list_values(weights: Array, rewards: Array, attention: Array) -> Array:
    """Each list's part in an IPS estimate, sum over s of w_s attention_s r_s: float64[n]; their mean is the estimate.

    weights: of any kind in weights.py; unbiased where readers are as that kind assumes.
    """
    return np.asarray((weights * rewards) @ attention)


def inverse_propensity(weights: Array, rewards: Array, attention: Array) -> Interval:
    """The mean of `list_values`, with its normal interval."""
    values = list_values(weights, rewards, attention)
    mean = float(values.mean())
    return _normal(mean, values - mean)


def self_normalised(weights: Array, rewards: Array, attention: Array) -> Interval | None:
    """sum over s of attention_s sum(w_s r_s) / sum(w_s): biased by O(1/n), steadier (Swaminathan and Joachims 2015, by slot).

    None where some slot has no weight at all. The interval is by linearisation.
    """
    means = weights.mean(axis=0)
    if not (means > 0).all():
        return None
    rates = (weights * rewards).mean(axis=0) / means
    return _normal(float(rates @ attention), (weights * (rewards - rates) / means) @ attention)


def cascade_values(weights: Array, rewards: Array, taken: Array, expected: Array, attention: Array) -> Array:
    """Each list's part in cascade-DR: float64[n]. Kiyohara, Saito, Matsuhiro, Narita, Shimizu and Yamamoto (2022), "Doubly
    robust off-policy evaluation for ranking policies under the cascade behavior model", equation 5:

        sum over s of w_(1:s) (attention_s r_s - Q_s(a_(1:s))) + w_(1:s-1) E over pi_e of Q_s(a_(1:s-1), .)

    with Q_s what slots s to k bring, next terms included. weights: those of `items_above`; taken: float64[n, k], Q_s of the
    logged item; expected: float64[n, k], its mean over the evaluated policy. Unbiased wherever `items_above` is, whatever Q is.
    """
    before = np.ones_like(weights)
    before[:, 1:] = weights[:, :-1]
    return np.asarray((weights * (rewards * attention - taken) + before * expected).sum(axis=1))


def cascade_doubly_robust(
    log: ListLog, policy: ListPolicy, attention: Array | None = None, folds: int = 3, seed: int = 1
) -> Interval:
    """Cascade-DR with Q fitted as a table by context, slot and item on other folds (`expectations.cross_fitted`).

    Raises InvalidInputError as `check_lists` and `check_attention`, without choices, and for bad folds.
    """
    attention = _checked(log, policy, attention)
    return _cascade(log, policy, attention, folds, seed)


def _cascade(log: ListLog, policy: ListPolicy, attention: Array, folds: int, seed: int) -> Interval:
    weights = items_above(log, policy)
    taken, expected = cross_fitted(log, policy, attention, folds, seed)
    values = cascade_values(weights, log.rewards, taken, expected, attention)
    mean = float(values.mean())
    return _normal(mean, values - mean)


def list_estimates(
    log: ListLog, policy: ListPolicy, attention: Array | None = None, folds: int = 3, seed: int = 1
) -> list[ListEstimate]:
    """Every estimator that the log's and the policy's probabilities allow.

    Raises InvalidInputError as `check_lists` and `check_attention`, and for bad folds.
    """
    attention = _checked(log, policy, attention)
    kinds = [("standard", whole_list), ("reward-interaction", items_above)]
    if log.marginal is not None and policy.marginal is not None:
        kinds.append(("independent", item_and_slot))
    found = []
    for name, kind in kinds:
        weights = kind(log, policy)
        effective = min(effective_sample_size(weights[:, slot]) for slot in range(weights.shape[1]))
        found.append(ListEstimate(f"{name} IPS", inverse_propensity(weights, log.rewards, attention), effective))
        ratio = self_normalised(weights, log.rewards, attention)
        found.append(ListEstimate(f"{name} SNIPS", ratio, effective, "" if ratio is not None else NOTHING_LOGGED))
    if policy.choices is not None:
        weights = items_above(log, policy)
        value = _cascade(log, policy, attention, folds, seed)
        found.append(ListEstimate("cascade-DR", value, effective_sample_size(weights[:, -1])))
    return found


def _checked(log: ListLog, policy: ListPolicy, attention: Array | None) -> Array:
    """The attention, all 1 by default, once everything has been looked at."""
    check_lists(log, policy)
    if attention is None:
        return np.ones(log.items.shape[1])
    check_attention(log, attention)
    return attention


def _normal(value: float, influence: Array) -> Interval:
    if len(influence) < 2:
        return Interval(value, -math.inf, math.inf)
    half = _Z * float(influence.std(ddof=1)) / math.sqrt(len(influence))
    return Interval(value, value - half, value + half)
