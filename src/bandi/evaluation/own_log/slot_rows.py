"""Slots as rows: what was shown, what followed, how probable it was under each configuration, and what a model expected.

Under Thompson sampling a probability is a mean of exact conditional ones (policies/slot_chances.py). Of other policies it is found
by counting m lists. Of c hits among m drawn lists the logged probability p is estimated as (c + 1) / (m + 1),
the list that was shown counted in: the mean of (m + 1) / (c + 1) is (1 - (1 - p)**(m + 1)) / p (Chao and Strawderman 1972), so a
weight is too small by a share that is 5 % at p = 3 / m and known to be `missing` on average. The evaluated probability is a
plain share, drawn with other seeds, so the product of both has the product of their means. A logged item counts m + 1 times at most:
what the logging policy shows seldomer than 1 / m is lost.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from bandi.evaluation.own_log.walking import AskedAgain, Draws
from bandi.model.records import Array

_PRIOR_EXPOSURE = 20.0
"""Looks that an item's rate starts from, at the rate of all items."""
_LEAST = 1e-12


@dataclass(frozen=True, slots=True)
class SlotRows:
    """One row for each slot that the policy filled, list after list.

    lists: int64[n], number of the list (0 to lists - 1, ascending). By list: readers: int64[lists], dense ids, -1: anonymous;
    times_ms: int64[lists]; segments: int64[lists], what its outcomes count for, 0: nothing is known of the reader. By row: items:
    int32[n]; slots: int32[n], 0 is first; rewards: float64[n], 0 or 1; propensities: float64[n], above 0.
    By evaluated configuration: probabilities: float64[e, n], of what was shown in its slot; expected: float64[e, n], what the
    model expected of its own lists in that slot, and modelled: float64[n], of what was shown; missing: float64[e, n], its share
    of lists whose item in that slot the logging policy never showed in as many draws.
    """

    lists: Array
    readers: Array
    times_ms: Array
    segments: Array
    items: Array
    slots: Array
    rewards: Array
    propensities: Array
    probabilities: Array
    modelled: Array
    expected: Array
    missing: Array

    def __len__(self) -> int:
        return len(self.items)

    def weights(self, evaluated: int) -> Array:
        """Evaluated over logged probability: float64[n]."""
        return np.asarray(self.probabilities[evaluated] / self.propensities)


class RunningRates:
    """The click rate of an item in a slot, from lists that came before and whose window had passed: rate of the item in the first
    slot times how the slot fares beside it.

    Being a function of the past alone it may stand in a doubly robust estimate without cross-fitting (Bibaut, Chambaz,
    Dimakopoulou, Kallus and van der Laan 2021, "Post-contextual-bandit inference").
    """

    def __init__(self, items: int, slots: int) -> None:
        self._seen, self._clicks = np.zeros(items), np.zeros(items)
        self._slot_seen, self._slot_clicks = np.zeros(slots), np.zeros(slots)

    def learn(self, items: Array, slots: Array, rewards: Array) -> None:
        """Add rows. items, slots: int[n]; rewards: float64[n]."""
        np.add.at(self._seen, items, self.examination()[slots])
        np.add.at(self._clicks, items, rewards)
        np.add.at(self._slot_seen, slots, 1.0)
        np.add.at(self._slot_clicks, slots, rewards)

    def examination(self) -> Array:
        """How each slot fares beside the first, by its click rate: float64[slots]; 1 while little is known."""
        rates = (self._slot_clicks + 1.0) / (self._slot_seen + 20.0)
        return np.asarray((rates / rates[0]).clip(0.02, 5.0))

    def expect(self, items: Array, slots: Array) -> Array:
        """float64, of `items` and `slots` broadcast together; an empty slot (item -1) has 0."""
        overall = (self._clicks.sum() + 1.0) / (self._seen.sum() + 20.0)
        rates = (self._clicks + _PRIOR_EXPOSURE * overall) / (self._seen + _PRIOR_EXPOSURE)
        counted = rates[items.clip(0, len(rates) - 1)]
        found = np.where(items < 0, 0.0, np.where(items < len(rates), counted, overall)) * self.examination()[slots]
        return np.asarray(found.clip(0.0, 1.0))


@dataclass(slots=True)
class RowsUnderWay:
    """Rows as they are made. rates: the model, taught by the caller."""

    rates: RunningRates
    _lists: list[tuple[int, int, int]] = field(default_factory=list)
    _parts: list[tuple[Array, ...]] = field(default_factory=list)

    def add(self, asked: AskedAgain, rewards: Array) -> None:
        """The slots that the policy filled. rewards: float64[k], all slots of the list."""
        slots = np.flatnonzero(asked.chosen)
        items = asked.items[slots]
        probabilities, expected, missing = [], [], []
        for draws in asked.evaluated:
            theirs = draws.lists[:, slots]
            probabilities.append(_share(draws, items, slots))
            expected.append(self.rates.expect(theirs, slots).mean(axis=0))
            missing.append(_never(theirs, asked.logged, slots))
        shape = (len(asked.evaluated), len(slots))
        self._parts.append(
            (
                np.full(len(slots), len(self._lists)), items, slots, rewards[slots], _propensities(asked.logged, items, slots),
                self.rates.expect(items, slots), np.array(probabilities).reshape(shape),
                np.array(expected).reshape(shape), np.array(missing).reshape(shape),
            )
        )  # fmt: skip
        header = asked.header
        self._lists.append((int(header["user"]), int(header["occurred_ms"]), int(header["segment"])))

    def finished(self, evaluated: int) -> SlotRows:
        """All of them. evaluated: configurations."""
        if not self._parts:
            none, wide = np.zeros(0), np.zeros((evaluated, 0))
            whole = np.zeros(0, np.int64)
            return SlotRows(whole, whole, whole, whole, whole, whole, none, none, wide, none, wide, wide)
        flat = [np.concatenate([part[i] for part in self._parts]) for i in range(6)]
        wide_parts = [np.concatenate([part[i] for part in self._parts], axis=1) for i in range(6, 9)]
        readers, times, segments = np.array(self._lists, np.int64).T
        return SlotRows(
            flat[0], readers, times, segments, flat[1], flat[2], flat[3], flat[4], wide_parts[0], flat[5], wide_parts[1],
            wide_parts[2],
        )  # fmt: skip


def _propensities(draws: Draws, items: Array, slots: Array) -> Array:
    """Of what was shown, under the policy that showed it: float64[slots], above 0."""
    if draws.chances is not None:
        return np.asarray(np.maximum(draws.chances[slots], _LEAST))
    hits = (draws.lists[:, slots] == items).sum(axis=0)
    return np.asarray((hits + 1.0) / (len(draws.lists) + 1.0))


def _share(draws: Draws, items: Array, slots: Array) -> Array:
    """Of what was shown, under another policy: float64[slots]."""
    if draws.chances is not None:
        return np.asarray(draws.chances[slots])
    return np.asarray((draws.lists[:, slots] == items).mean(axis=0))


def _never(theirs: Array, logged: Draws, slots: Array) -> Array:
    """By slot, the share of `theirs` (int32[draws, slots]) whose item no list of the logging policy has there: float64[slots]."""
    if logged.chances is not None:  # it may show each of its candidates, however seldom
        if logged.candidates is None:
            return np.zeros(len(slots))
        return np.asarray(((theirs >= 0) & ~np.isin(theirs, logged.candidates)).mean(axis=0))
    ours = logged.lists[:, slots]
    return np.array([1.0 - np.isin(theirs[:, slot], ours[:, slot]).mean() for slot in range(len(slots))])
