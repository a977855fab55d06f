"""Click rates compared within a title, a segment and a day, in memory of fixed size (_matched_kernels.py has the equations).

Titles differ in what clicks they get, and which titles stand in front or are shown again is no accident; so rates of slots,
or of first and later showings, are compared within one title only. A day later a title may have faded: that is another
stratum.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandi.model.records import Array
from bandi.policies import _matched_kernels as kernel
from bandi.policies.protocol import State


class MatchedRates(NamedTuple):
    """Counts of strata and sums over those that are closed.

    owners: int64[rows, 2], key and day of each row's stratum; cells: float32[rows, columns, 2], its impressions and clicks;
    pooled: float64[columns, columns, 2], R and V of closed strata, of half the weight after 60 days; clock: float64[3].
    """

    owners: Array
    cells: Array
    pooled: Array
    clock: Array

    @property
    def sums(self) -> Array:
        """R and V of all strata: float64[columns, columns, 2]. O(rows)."""
        return np.asarray(kernel.all_sums(self.owners, self.cells, self.pooled))

    def dump(self) -> State:
        """Copies by name."""
        return {name: array.copy() for name, array in self._asdict().items()}

    def load(self, state: State) -> None:
        """Replace by what `dump` gave. Raises ValueError where it does not fit."""
        for name, mine in self._asdict().items():
            theirs = np.asarray(state[name])
            if theirs.shape != mine.shape or theirs.dtype != mine.dtype:
                raise ValueError(
                    f"{name}: expected {mine.dtype}{list(mine.shape)}, found {theirs.dtype}{list(theirs.shape)}"
                )
            mine[:] = theirs

    def merge(self, other: State) -> None:
        """Add a shard that saw other impressions: its strata stay strata of their own. Raises ValueError."""
        shard = matched_rates(len(self.owners), self.cells.shape[1])
        shard.load(other)
        self.pooled[:] += shard.sums
        self.clock[kernel.CLICKS] += shard.clock[kernel.CLICKS]
        self.clock[kernel.LATEST_DAY] = max(self.clock[kernel.LATEST_DAY], shard.clock[kernel.LATEST_DAY])
        self.clock[kernel.NEXT_FIT] = self.clock[kernel.CLICKS]


def matched_rates(rows: int, columns: int) -> MatchedRates:
    """Nothing counted. rows: a power of two, strata that are open at once; 8 * columns + 16 bytes each."""
    owners = np.full((rows, 2), kernel.NOBODY, np.int64)
    cells = np.zeros((rows, columns, 2), np.float32)
    return MatchedRates(owners, cells, np.zeros((columns, columns, 2)), np.array([0.0, 20.0, -np.inf]))
