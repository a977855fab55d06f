"""The targeter by segments: what is most promising among readers like this one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bandi.model.records import Array
from bandi.targeters.protocol import Asked, View
from bandi.targeters.sieve import sift

_NOTHING = np.zeros(0, np.int32)
_MIN_WEIGHT = 0.02
"""Segments in which a reader has less are not looked at."""


@dataclass(frozen=True, slots=True)
class PromisingInSegments:
    """The highest promise, mixed by the reader's weights, among the leading titles of their segments.

    A segment with the weight w offers its leading titles; of their union those with the greatest sum over segments of
    w_s promise[s, title] are named. O(segments * leading).
    """

    n: int

    def find(self, asked: Asked, view: View) -> Array:
        """See `Targeter.find`; nothing for a reader of whom nothing is known."""
        learned = view.learned
        if learned is None or learned.promise is None or learned.leading is None or not len(asked.membership):
            return _NOTHING
        weights = asked.membership
        own = np.flatnonzero(weights >= _MIN_WEIGHT)
        named = np.unique(learned.leading[own])
        named = sift(named[named >= 0], asked, view)
        scores = weights[own] @ learned.promise[own][:, named]
        best: Array = named[np.lexsort((named, -scores))][: self.n]
        return best.astype(np.int32)
