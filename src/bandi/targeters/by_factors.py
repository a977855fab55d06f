"""Targeters by learned factors: what suits the reader, what resembles a title. Exact search over all titles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bandi.model.records import Array
from bandi.targeters.protocol import Asked, View

_NOTHING = np.zeros(0, np.int32)
FADE = 8.0
"""A title read so many titles ago weighs half of the last one."""


@dataclass(frozen=True, slots=True)
class SuitsReader:
    """The highest scores of the reader folded in from what they read last: O(items * f + f**3), about 0.1 ms and the scan.

    Weights fade with recency, 2**(-place / FADE), so the next request after a read already follows it.
    """

    n: int

    def find(self, asked: Asked, view: View) -> Array:
        """See `Targeter.find`; nothing for a reader without a history among the titles trained on."""
        factors = view.factors
        if factors is None:
            return _NOTHING
        read = asked.recent[asked.recent < len(factors.items)]
        if not len(read):
            return _NOTHING
        vector = factors.fold_in(read, 2.0 ** (-np.arange(len(read)) / FADE))
        return _highest(factors.items @ vector, asked, view, self.n)


@dataclass(frozen=True, slots=True)
class Resembles:
    """The highest cosines of titles' factors with those of one title: O(items * f)."""

    n: int

    def find(self, asked: Asked, view: View) -> Array:
        """See `Targeter.find`; nothing where neither the list stands beside a title nor one was read."""
        factors = view.factors
        about = asked.about if asked.about >= 0 else int(asked.recent[0]) if len(asked.recent) else -1
        if factors is None or not 0 <= about < len(factors.items):
            return _NOTHING
        directions = factors.directions
        if not directions[about].any():  # never read: it has no factors
            return _NOTHING
        scores = directions @ directions[about]
        scores[about] = -np.inf
        return _highest(scores, asked, view, self.n)


def _highest(scores: Array, asked: Asked, view: View, n: int) -> Array:
    """The n titles with the highest scores above 0 among those that may be shown."""
    shown = view.items.shown(asked.now_ms)
    size = min(len(scores), len(shown))
    scores = np.where(shown[:size], scores[:size], np.float32(-np.inf))
    scores[asked.without[asked.without < size]] = -np.inf
    n = min(n, size)
    if n == 0:
        return _NOTHING
    best = np.argpartition(-scores, n - 1)[:n] if n < size else np.arange(size)
    best = best[np.lexsort((best, -scores[best]))]
    found: Array = best[scores[best] > 0].astype(np.int32)
    return found
