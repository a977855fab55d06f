"""Targeters by learned vectors: what suits the reader, what resembles a title."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bandi.features.audience import recency_weights
from bandi.features.factors.search import Neighbours, search_all
from bandi.model.records import Array
from bandi.targeters.protocol import Asked, View

_NOTHING = np.zeros(0, np.int32)


@dataclass(frozen=True, slots=True)
class SuitsReader:
    """The highest scores of the reader folded in from what they read last: a small solve, and the search.

    Weights fade with recency, features.audience.recency_weights, so the next request after a read already follows it.
    """

    n: int

    def find(self, asked: Asked, view: View) -> Array:
        """See `Targeter.find`; nothing for a reader without a history among the titles trained on."""
        learned = view.learned
        if learned is None:
            return _NOTHING
        factors = learned.factors
        read = asked.recent[asked.recent < len(factors.items)]
        if not len(read):
            return _NOTHING
        vector = factors.fold_in(read, recency_weights(len(read)))
        return _highest(factors.items, vector, learned.by_score, asked, view, self.n)


@dataclass(frozen=True, slots=True)
class Resembles:
    """The greatest likeness to one title, by one feature or a learned mix of several."""

    n: int
    by: tuple[str, ...] = ("factors",)

    def find(self, asked: Asked, view: View) -> Array:
        """See `Targeter.find`; nothing where neither the list stands beside a title nor one was read."""
        learned = view.learned
        about = asked.about if asked.about >= 0 else int(asked.recent[0]) if len(asked.recent) else -1
        likeness = None if learned is None else learned.likeness.get("+".join(self.by))
        if likeness is None or not 0 <= about < len(likeness.vectors):
            return _NOTHING
        own = likeness.vectors[about]
        if not own.any():  # no text, no image, never read
            return _NOTHING
        others = asked._replace(without=np.append(asked.without, np.int32(about)))
        return _highest(likeness.vectors, own, likeness.index, others, view, self.n)


def _highest(vectors: Array, query: Array, index: Neighbours | None, asked: Asked, view: View, n: int) -> Array:
    """The n titles with the highest vectors @ query above 0 among those that may be named, highest first: int32[<= n]."""
    if index is None:
        return search_all(vectors, query, n, view.allowed, asked.without).astype(np.int32)
    return index.find(query, n, view.allowed, asked.without).astype(np.int32)
