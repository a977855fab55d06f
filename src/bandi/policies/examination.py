"""How likely a slot is looked at, learned from clicks: the position-based model (Richardson, Dominowska and Ragno 2007).

P(click) = e(slot) * alpha(title), e(0) = 1. A policy that explores puts the same title into different slots; what its clicks
differ by between slots is examination, not appeal (intervention harvesting: Agarwal et al. 2019; the estimate is in
_examination_kernels.fit_examination). An arm then counts e(slot) of a trial, so that clicks / trials estimates alpha
(Chuklin, Markov and de Rijke 2015, ch. 3; for bandits Lagree, Vernade and Cappe 2016).
"""

from __future__ import annotations

import dataclasses

import numpy as np

from bandi.model.records import Array
from bandi.policies import _examination_kernels as kernel
from bandi.policies.matched import matched_rates
from bandi.policies.protocol import Outcomes, State

_STRATA = 2_048
_PREFIX = "position/"
_COLUMNS: Array = np.searchsorted(kernel.FIRST_SLOTS, np.arange(16_384), "right") - 1
"""Where a slot's weight stands."""


class Examination:
    """e by slot, and what it is learned from. About 320 kB."""

    def __init__(self) -> None:
        columns = len(kernel.FIRST_SLOTS)
        self._rates = matched_rates(_STRATA, columns)
        self._weights = np.array([kernel.first_guess(column) for column in range(columns)])

    def of_first(self, k: int) -> Array:
        """Examination of the first k slots: float64[k], the first is 1."""
        return np.asarray(self._weights[_COLUMNS[:k]])

    def weigh(self, outcomes: Outcomes) -> Outcomes:
        """Learn from the rows; they come back with e(slot) of each trial. Rows without slots stay as they are. O(rows)."""
        if outcomes.slots is None or not len(outcomes.items):
            return outcomes
        weighed = np.empty(len(outcomes.items), np.float32)
        kernel.weigh_rows(
            outcomes.items, outcomes.segments, outcomes.trials, outcomes.rewards, outcomes.occurred_ms, outcomes.slots,
            *self._rates, self._weights, weighed,
        )  # fmt: skip
        return dataclasses.replace(outcomes, trials=weighed)

    def merge(self, other: State) -> None:
        """Add the statistics of another shard, if it has any. Raises ValueError where they do not fit."""
        mine = _part(other)
        if mine:
            self._rates.merge(mine)
            kernel.fit_examination(self._rates.sums, self._weights)

    def dump(self) -> State:
        """Copies, under `position/`."""
        mine = {**self._rates.dump(), "weights": self._weights.copy()}
        return {_PREFIX + name: array for name, array in mine.items()}

    def load(self, state: State) -> None:
        """Replace by what `dump` gave; where it is missing nothing is known. Raises ValueError where it does not fit."""
        mine, fresh = _part(state), Examination()
        if mine:
            fresh._rates.load(mine)
            weights = np.array(mine["weights"], np.float64)
            if weights.shape != self._weights.shape:
                raise ValueError(f"weights: expected float64{list(self._weights.shape)}, found {list(weights.shape)}")
            fresh._weights = weights
        self._rates, self._weights = fresh._rates, fresh._weights


def _part(state: State) -> State:
    return {name[len(_PREFIX) :]: array for name, array in state.items() if name.startswith(_PREFIX)}
