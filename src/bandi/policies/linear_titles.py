"""What a linear model knows of titles: one row of statistics for each title that has outcomes, in bounded memory.

Of title a: A_a = ridge I + sum of w x x' and b_a = sum of w (reward - prior mean * trials) x over its outcomes, with x the
reader's vector. A title without a row is at the prior, the same for all, and costs nothing. Forgetting is forward decay
(docs/decisions/0004): w = 2**((t - landmark) / half_life); the prior does not fade, so on that scale its ridge grows, in
steps of a quarter of a half-life.
"""

from __future__ import annotations

import numpy as np

from bandi.model.records import Array
from bandi.policies import _linear_kernels as kernels
from bandi.policies import title_rows
from bandi.policies._linear_kernels import Rows
from bandi.policies.protocol import Outcomes, State

_PREFIX = "titles/"


class LinearTitles:
    """Rows of `_linear_kernels.Rows`; with d = 32, 6.6 kB a title. most: rows at most, then the one learned from longest
    ago gives way. ridge: worth of the prior, in impressions. half_life_ms: 0.0, nothing is forgotten.
    """

    def __init__(self, dimensions: int, most: int, prior_mean: float, ridge: float, half_life_ms: float) -> None:
        self.dimensions, self.prior_mean, self.ridge, self.half_life_ms = dimensions, prior_mean, ridge, half_life_ms
        self._most = most
        self.rows = _made(0, dimensions)
        self.row_of = np.full(0, -1, np.int32)
        self._totals = np.array([0, 0, kernels.NO_LANDMARK], np.int64)

    @property
    def used(self) -> int:
        """Rows in use that may be read: the writer's thread may put larger arrays in the place of these."""
        return min(int(self._totals[kernels.ROWS]), len(self.rows.item))

    @property
    def refused(self) -> int:
        """Outcomes not learned from: vectors without a finite length, and corrections of what is not there."""
        return int(self._totals[kernels.REFUSED])

    @property
    def nbytes(self) -> int:
        """Memory of the statistics."""
        return sum(array.nbytes for array in self.rows) + self.row_of.nbytes

    def decay(self, now_ms: int) -> float:
        """What evidence is multiplied by at `now_ms`; 1 without a half-life."""
        landmark = int(self._totals[kernels.LANDMARK])
        if not self.half_life_ms or landmark == kernels.NO_LANDMARK:
            return 1.0
        return float(2.0 ** min((landmark - now_ms) / self.half_life_ms, 300.0))

    def update(self, outcomes: Outcomes, vectors: Array) -> None:
        """Learn. vectors: float32[n, d], or float32[1, d] for all alike. O(n d**2)."""
        done = 0
        while True:
            done = kernels.learn(
                self.rows, self.row_of, self._totals, self._most, done, outcomes.items, outcomes.trials,
                outcomes.rewards, outcomes.occurred_ms, vectors, self.prior_mean, self.ridge, self.half_life_ms,
            )  # fmt: skip
            if done == len(outcomes.items):
                return
            if outcomes.items[done] >= len(self.row_of):
                self.row_of = title_rows.knowing(self.row_of, int(outcomes.items.max()) + 1)
            else:
                self._grow(len(self.rows.item) + 1)

    def dump(self) -> State:
        """Copies of the rows in use, and the totals."""
        used = self.used
        arrays = {_PREFIX + name: array[:used].copy() for name, array in self.rows._asdict().items()}
        return {**arrays, _PREFIX + "totals": self._totals.copy()}

    def load(self, state: State) -> None:
        """Replace by what `dump` gave. Raises ValueError where it does not fit."""
        rows, totals = self._checked(state)
        self.rows, self._totals = rows, totals
        self.row_of = title_rows.places_of(rows.item)

    def merge(self, state: State) -> None:
        """Add the sums of another shard; each inverse that changes is found anew. Raises ValueError where they do not fit."""
        theirs, totals = self._checked(state)
        late = max(int(self._totals[kernels.LANDMARK]), int(totals[kernels.LANDMARK]))
        own, other = self._totals[kernels.LANDMARK], totals[kernels.LANDMARK]
        if self.half_life_ms and kernels.NO_LANDMARK not in (int(own), int(other)) and own != other:
            _scale(self.rows, self.used, 2.0 ** (float(own - late) / self.half_life_ms))
            _scale(theirs, len(theirs.item), 2.0 ** (float(other - late) / self.half_life_ms))
        self._totals[kernels.LANDMARK] = late
        self._totals[kernels.REFUSED] += totals[kernels.REFUSED]
        if len(theirs.item):
            self.row_of = title_rows.knowing(self.row_of, int(theirs.item.max()) + 1)
        for theirs_row, item in enumerate(theirs.item.tolist()):
            row = self._row(item, int(theirs.last_ms[theirs_row]))
            self.rows.precision[row] += theirs.precision[theirs_row]
            self.rows.response[row] += theirs.response[theirs_row]
            self.rows.last_ms[row] = max(self.rows.last_ms[row], theirs.last_ms[theirs_row])
            self.rows.epoch[row] = max(self.rows.epoch[row], theirs.epoch[theirs_row])
        for row in range(self.used):
            kernels.refresh(self.rows, row, self.ridge)

    def _row(self, item: int, last_ms: int) -> int:
        """The row of a title, or one for it."""
        row = int(self.row_of[item])
        if row >= 0:
            return row
        row = self.used
        if row < self._most:
            if row == len(self.rows.item):
                self._grow(row + 1)
            self._totals[kernels.ROWS] += 1
        else:
            row = int(self.rows.last_ms.argmin())
            self.row_of[self.rows.item[row]] = -1
        kernels.clear(self.rows, row, self.ridge, 0)
        self.rows.item[row], self.rows.last_ms[row], self.row_of[item] = item, last_ms, row
        return row

    def _grow(self, rows: int) -> None:
        grown = _made(title_rows.rows_to_make(rows, len(self.rows.item), self._most), self.dimensions)
        title_rows.fill(grown, self.rows)
        self.rows = grown

    def _checked(self, state: State) -> tuple[Rows, Array]:
        fresh = _made(title_rows.rows_in(state, _PREFIX + "item"), self.dimensions)
        expected = {_PREFIX + name: array for name, array in fresh._asdict().items()} | {
            _PREFIX + "totals": self._totals
        }
        found = title_rows.checked(state, expected, _PREFIX + "item", _PREFIX + "totals", self._most)
        return Rows(*(found[_PREFIX + name] for name in Rows._fields)), found[_PREFIX + "totals"]


def _made(rows: int, d: int) -> Rows:
    packed = d * (d + 1) // 2
    return Rows(
        item=np.zeros(rows, np.int32),
        precision=np.zeros((rows, packed)),
        response=np.zeros((rows, d)),
        inverse=np.zeros((rows, packed), np.float32),
        mean=np.zeros((rows, d), np.float32),
        bound=np.zeros(rows, np.float32),
        epoch=np.zeros(rows, np.int32),
        changes=np.zeros((rows, 2), np.int32),
        last_ms=np.zeros(rows, np.int64),
    )


def _scale(rows: Rows, used: int, factor: float) -> None:
    rows.precision[:used] *= factor
    rows.response[:used] *= factor
    epochs = np.floor(rows.epoch[:used] + kernels.EPOCHS * np.log2(max(factor, 2.0**-1000)))
    rows.epoch[:used] = np.maximum(epochs, kernels.LEAST_EPOCH)
