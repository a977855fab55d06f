"""What the rest of a list brings, for cascade-DR: a table by context, slot and item, fitted from the last slot upwards.

Q_s(context, item) is the mean of attention_s r_s + E over pi_e of Q_(s+1), over the logged lists with that item there, weighed with
the ratio of the items above, w_(1:s-1) (Kiyohara et al. 2022, section 4.2); shrunk towards the slot's mean. Items above enter by
that weight and by what the evaluated policy would choose below them, not as features. A bad table costs variance, never bias.
"""

from __future__ import annotations

import numpy as np

from bandi.evaluation.slates.lists import ListLog, ListPolicy
from bandi.evaluation.slates.weights import items_above
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array

_PRIOR_LISTS = 5.0
"""Lists' worth of the slot's mean in each cell."""


def cascade_table(log: ListLog, policy: ListPolicy, attention: Array, rows: Array) -> Array:
    """Q: float64[slots, contexts, items], fitted on `rows` (int64[m] or bool[n]) alone. Raises InvalidInputError without choices."""
    choices = _choices(policy)[rows]
    items, rewards, groups = log.items[rows].astype(np.int64), log.rewards[rows], log.groups()[rows].astype(np.int64)
    weights = items_above(log, policy)[rows]
    contexts, count, slots = int(log.groups().max(initial=0)) + 1, choices.shape[2], items.shape[1]
    table = np.zeros((slots, contexts, count))
    below = np.zeros(len(items))
    for slot in range(slots - 1, -1, -1):
        target = attention[slot] * rewards[:, slot] + below
        weight = weights[:, slot - 1] if slot else np.ones(len(items))
        cells = groups * count + items[:, slot]
        total = float(weight.sum())
        mean = float(weight @ target) / total if total > 0 else 0.0
        sums = np.bincount(cells, weight * (target - mean), contexts * count)
        sizes = np.bincount(cells, weight, contexts * count)
        table[slot] = mean + (sums / (sizes + _PRIOR_LISTS)).reshape(contexts, count)
        below = np.einsum("na,na->n", choices[:, slot], table[slot][groups])
    return table


def cross_fitted(log: ListLog, policy: ListPolicy, attention: Array, folds: int, seed: int) -> tuple[Array, Array]:
    """(Q of the logged item, its mean over the evaluated policy): float64[n, k] each, of tables fitted on the other folds.

    folds: 2 to n. Raises InvalidInputError.
    """
    if not 2 <= folds <= len(log):
        raise InvalidInputError(Problem("folds", str(folds), f"2 to {len(log)}, the lists"))
    fold = np.random.default_rng([seed, 11]).permutation(len(log)) % folds
    taken, expected = np.zeros(log.items.shape), np.zeros(log.items.shape)
    choices, groups = _choices(policy), log.groups()
    for number in range(folds):
        table = cascade_table(log, policy, attention, fold != number)
        own = np.flatnonzero(fold == number)
        for slot in range(log.items.shape[1]):
            by_item = table[slot][groups[own]]
            taken[own, slot] = by_item[np.arange(len(own)), log.items[own, slot]]
            expected[own, slot] = np.einsum("na,na->n", choices[own, slot], by_item)
    return taken, expected


def _choices(policy: ListPolicy) -> Array:
    if policy.choices is None:
        raise InvalidInputError(
            Problem("evaluated choices", "none", "float64[lists, slots, items]: cascade-DR needs them")
        )
    return policy.choices
