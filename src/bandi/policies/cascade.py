"""How likely a slot is looked at, learned from clicks: the cascade model (Craswell, Zoeter, Taylor and Ramsey 2008).

A reader looks from the top, and below a click goes on with probability lambda(slot) (the dependent click model: Guo, Liu and
Wang 2009). What stands above the last click of a list was looked at; what stands below it counts by the probability that it
was, given that nothing there was clicked; a list without a click was looked at to its end (_cascade_kernels.py has the
equations). So an impression's weight hangs on the rest of its list and changes when a click comes: `weigh` then adds rows for
the other slots of that list, which is why outcomes must name their requests.
"""

from __future__ import annotations

import numpy as np

from bandi.model.records import Array
from bandi.policies import _cascade_kernels as kernel
from bandi.policies._examination_kernels import FIRST_SLOTS
from bandi.policies.examination import Examination
from bandi.policies.protocol import Outcomes, State

_LISTS = 8_192
_TITLES = 65_536
_PIECE = 8_192
_PREFIX = "cascade/"


class Cascade:
    """The lists that clicks may still come on, the latest 8,192; lambda by slot and appeal by title. About 8 MB."""

    def __init__(self) -> None:
        lists, slots = _LISTS, kernel.SLOTS
        self._parts: State = {
            "requests": np.zeros(lists, np.uint64),
            "begun_ms": np.zeros(lists, np.int64),
            "items": np.full((lists, slots), -1, np.int32),
            "segments": np.zeros((lists, slots), np.int16),
            "times_ms": np.zeros((lists, slots), np.int64),
            "cells": np.zeros((lists, slots, kernel.CELL), np.float32),
            "appeal": np.zeros((_TITLES, 2), np.float32),
            "sums": np.zeros((len(FIRST_SLOTS), kernel.SUMS)),
            "clock": np.full(1, -np.inf),
        }

    def of_first(self, k: int) -> Array:
        """Share of readers who look at each of the first k slots: float64[k], the first is 1."""
        weights = np.empty(k)
        kernel.examine(self._parts["sums"], weights)
        return weights

    def continuation(self, k: int) -> Array:
        """How likely a reader goes on below a click, lambda of the first k slots: float64[k]."""
        columns = np.searchsorted(FIRST_SLOTS, np.arange(k), "right") - 1
        return np.array([kernel.continuation(self._parts["sums"], int(column)) for column in columns])

    def weigh(self, outcomes: Outcomes) -> Outcomes:
        """Learn from the rows; they come back with their trials weighed, and with rows that correct other slots of their
        lists. Without requests or slots they stay as they are. O(rows), and O(slots) for a click.
        """
        if outcomes.slots is None or outcomes.requests is None or not len(outcomes.items):
            return outcomes
        room = min(len(outcomes.items), _PIECE) * kernel.SLOTS
        out = [np.empty(room, kind) for kind in (np.int32, np.int32, np.float32, np.float32, np.int64)]
        pieces: list[list[Array]] = []
        for first in range(0, len(outcomes.items), _PIECE):
            made = kernel.weigh_rows(
                first, min(first + _PIECE, len(outcomes.items)), outcomes.items, outcomes.segments, outcomes.trials,
                outcomes.rewards, outcomes.occurred_ms, outcomes.slots, outcomes.requests, *self._parts.values(), *out,
            )  # fmt: skip
            pieces.append([column[:made].copy() for column in out])
        return Outcomes(*(np.concatenate(columns) for columns in zip(*pieces, strict=True)))

    def merge(self, other: State) -> None:
        """Add the statistics of another shard, if it has any; its lists are taken for closed. Raises ValueError."""
        theirs = _part(other)
        if theirs:
            shard = Cascade()
            shard.load(other)
            for name in ("appeal", "sums"):
                self._parts[name] += shard._parts[name]
            np.maximum(self._parts["clock"], shard._parts["clock"], out=self._parts["clock"])

    def dump(self) -> State:
        """Copies, under `cascade/`."""
        return {_PREFIX + name: array.copy() for name, array in self._parts.items()}

    def load(self, state: State) -> None:
        """Replace by what `dump` gave; where it is missing nothing is known. Raises ValueError where it does not fit."""
        mine, fresh = _part(state), Cascade()
        for name, array in fresh._parts.items() if mine else ():
            theirs = np.asarray(mine.get(name, 0))
            if theirs.shape != array.shape or theirs.dtype != array.dtype:
                raise ValueError(
                    f"{name}: expected {array.dtype}{list(array.shape)}, found {theirs.dtype}{list(theirs.shape)}"
                )
            array[:] = theirs
        self._parts = fresh._parts


def _part(state: State) -> State:
    return {name[len(_PREFIX) :]: array for name, array in state.items() if name.startswith(_PREFIX)}


SlotModel = Examination | Cascade
"""By what a policy weighs impressions."""
