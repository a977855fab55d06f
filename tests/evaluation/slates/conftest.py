"""Small list problems whose every list can be enumerated, so that an estimator's expectation is known exactly."""

from dataclasses import dataclass
from itertools import permutations

import numpy as np

from bandi.evaluation.slates.lists import ListLog, ListPolicy
from bandi.model.records import Array

ITEMS, SLOTS = 4, 3
LISTS = np.array(list(permutations(range(ITEMS), SLOTS)))
"""All 24 lists of 3 of 4 items: int64[24, 3]."""


@dataclass(frozen=True)
class PlackettLuce:
    """Items are drawn one after another without replacement, by their strengths."""

    strengths: Array

    def choices(self, lists: Array) -> Array:
        """float64[n, k, items]: the distribution in each slot given the items above."""
        odds = np.tile(self.strengths, (len(lists), lists.shape[1], 1))
        for slot in range(1, lists.shape[1]):
            for above in range(slot):
                np.put_along_axis(odds[:, slot], lists[:, above : above + 1], 0.0, axis=1)
        return np.asarray(odds / odds.sum(axis=2, keepdims=True))

    def conditional(self, lists: Array) -> Array:
        return np.take_along_axis(self.choices(lists), lists[:, :, None], axis=2)[:, :, 0]

    def chances(self) -> Array:
        """Of each of LISTS: float64[24]."""
        return np.asarray(self.conditional(LISTS).prod(axis=1))

    def marginal(self, lists: Array) -> Array:
        table = np.zeros((SLOTS, ITEMS))
        for slot in range(SLOTS):
            np.add.at(table[slot], LISTS[:, slot], self.chances())
        return np.asarray(table[np.arange(SLOTS), lists])


LOGGING = PlackettLuce(np.array([4.0, 3.0, 2.0, 1.0]))
EVALUATED = PlackettLuce(np.array([1.0, 2.0, 2.0, 5.0]))
_APPEAL = np.array([0.2, 0.4, 0.5, 0.7])
_LOOKED = np.array([1.0, 0.6, 0.3])


def by_item_and_slot(lists: Array) -> Array:
    """Mean reward of each slot where a click depends on item and slot alone."""
    return np.asarray(_APPEAL[lists] * _LOOKED)


def by_items_above(lists: Array) -> Array:
    """A cascade: who has clicked looks no further."""
    went_on = np.cumprod(1.0 - _APPEAL[lists], axis=1)
    return np.asarray(_APPEAL[lists] * np.concatenate([np.ones((len(lists), 1)), went_on[:, :-1]], axis=1))


def by_whole_list(lists: Array) -> Array:
    """An item loses half where item 3 stands anywhere in the list, below it too."""
    rivals = (lists == 3).any(axis=1)[:, None] & (lists != 3)
    return np.asarray(_APPEAL[lists] * _LOOKED * np.where(rivals, 0.5, 1.0))


def log_of(lists: Array, rewards: Array) -> tuple[ListLog, ListPolicy]:
    log = ListLog(lists, rewards, LOGGING.conditional(lists), LOGGING.marginal(lists))
    policy = ListPolicy(EVALUATED.conditional(lists), EVALUATED.marginal(lists), EVALUATED.choices(lists))
    return log, policy
