"""What a service knows of its readers in the funnel world: what it saw them start, and from it vectors and segments.

It is made of observed starts and visible titles only. As in engine/memberships.py, segment 0 is for readers of whom nothing
is known, trained segments are numbered from 1, and an outcome counts for one segment, drawn by the reader's weights.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from bandi.evaluation.worlds.funnel._chance import SEGMENT, chance
from bandi.features.audience import reader_vectors
from bandi.model.records import Array
from bandi.segments.fitting import fit_segments
from bandi.segments.model import SegmentModel

_REMEMBERED = 16
"""Titles of a reader, the latest."""
_FITTED = 5_000
"""Readers that segments are fitted on at most."""
_READERS_A_SEGMENT = 20
"""Known readers there must be for each segment before the first fit."""


class Audience:
    """weights: float32[readers, 1 + segments]; vectors: float32[readers, d]. Both are as of the last `refresh`."""

    def __init__(self, readers: int, titles: Array, segments: int, seed: int, fit_every_days: int) -> None:
        """titles: float32[titles, d], visible. segments: 0: all readers are one."""
        self._titles, self._segments, self._seed, self._every = titles, segments, seed, fit_every_days
        self._recent = np.full((readers, _REMEMBERED), -1, np.int32)
        self._changed = np.zeros(readers, np.bool_)
        self._model: SegmentModel | None = None
        self._fitted_on = -fit_every_days
        self.weights = np.ones((readers, 1 + segments), np.float32)
        self.vectors = np.zeros((readers, titles.shape[1]), np.float32)

    def saw(self, readers: Array, titles: Array) -> None:
        """Starts that the service has seen, in their order: int32[n] each."""
        _remember(self._recent, self._changed, readers, titles)

    def refresh(self, day: int) -> None:
        """Once a day, before its first request: new vectors and weights of those who read; segments fitted anew at times."""
        changed = np.flatnonzero(self._changed)
        self._changed[:] = False
        if len(changed):
            self.vectors = self.vectors.copy()  # rows that policies were given stay as they were
            self.vectors[changed] = reader_vectors(self._recent[changed], self._titles, threads=1)
        if not self._segments:
            return
        known = np.flatnonzero(self._recent[:, 0] >= 0)
        if day - self._fitted_on >= self._every and len(known) >= _READERS_A_SEGMENT * self._segments:
            sample = known[np.random.default_rng([self._seed, day]).permutation(len(known))[:_FITTED]]
            self._model = fit_segments(
                self.vectors[np.sort(sample)], self._segments, seed=self._seed, previous=self._model, threads=1
            )
            self._fitted_on, changed = day, known
        if self._model is not None and len(changed):
            self.weights = self.weights.copy()
            self.weights[changed, 0] = 0.0
            self.weights[changed, 1:] = self._model.memberships(self.vectors[changed], threads=1)

    def segments(self, readers: Array, seed: int, first: int) -> Array:
        """The segment that each outcome counts for, drawn by (seed, first + row): int32[n]."""
        drawn = np.zeros(len(readers), np.int32)
        if self._model is not None:
            _draw(self.weights, readers, seed, first, drawn)
        return drawn


@njit(cache=True, nogil=True)
def _remember(recent: Array, changed: Array, readers: Array, titles: Array) -> None:
    for n in range(len(readers)):
        row = recent[readers[n]]
        for place in range(len(row) - 1, 0, -1):
            row[place] = row[place - 1]
        row[0] = titles[n]
        changed[readers[n]] = True


@njit(cache=True, nogil=True)
def _draw(weights: Array, readers: Array, seed: int, first: int, drawn: Array) -> None:
    for n in range(len(readers)):
        row = weights[readers[n]]
        if row[0] > 0.0:  # nothing is known of the reader
            continue
        left, segment = chance(seed, first + n, 0, SEGMENT), 1
        while segment < len(row) - 1 and left >= row[segment]:
            left -= row[segment]
            segment += 1
        drawn[n] = segment
