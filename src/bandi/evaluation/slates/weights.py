"""How much each logged slot says of another policy, by what a reader's click in it is taken to depend on.

The wider the dependence that is allowed for, the fewer assumptions, and the larger the weights:

    whole list      standard IPS: the reward of a slot may depend on all items. Weight: pi_e(list) / pi_b(list).
    items above     reward-interaction IPS (McInerney, Brost, Chandar, Mehrotra and Carterette 2020, "Counterfactual evaluation
                    of slate recommendations with sequential reward interactions"): on the item and those above it, as where
                    readers go down a list. Weight of slot s: the product over slots to s of pi_e / pi_b, each given those above.
    item and slot   independent IPS (Li, Abbasi-Yadkori, Kveton, Muthukrishnan, Vinay and Wen 2018, "Offline evaluation of
                    ranking policies with click models", the item-position model): on its own item alone. Weight: the ratio of
                    marginal probabilities of the item in the slot.

All are float64[n, k], a weight for each slot of each list.
"""

from __future__ import annotations

import numpy as np

from bandi.evaluation.slates.lists import ListLog, ListPolicy
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array


def whole_list(log: ListLog, policy: ListPolicy) -> Array:
    """pi_e(list) / pi_b(list), the same in every slot."""
    product = (policy.conditional / log.conditional).prod(axis=1)
    return np.repeat(product[:, None], log.items.shape[1], axis=1)


def items_above(log: ListLog, policy: ListPolicy) -> Array:
    """Products of conditional ratios down to each slot."""
    return np.asarray(np.cumprod(policy.conditional / log.conditional, axis=1))


def item_and_slot(log: ListLog, policy: ListPolicy) -> Array:
    """Ratios of marginal probabilities. Raises InvalidInputError where one of them is not known."""
    if log.marginal is None or policy.marginal is None:
        raise InvalidInputError(
            Problem("marginal", "none", "the probability of each item in its slot, whatever stands above it")
        )
    return np.asarray(policy.marginal / log.marginal)
