"""What segments are worth: how well a reader's weights foretell the title that they read next.

The newest title of each reader is held out; the reader's vector and weights come from the titles before it. Then

    p(title | reader) = sum over segments s of w_s p(title | s)

where p(title | s) counts the other titles of all readers by their weights, smoothed towards p(title) by a Dirichlet prior
(Zhai and Lafferty 2004, "A study of smoothing methods for language models", eq. 6), and p(title) counts one read more of
each. One segment, or weights that are the same for all readers, give p(title), the popularity of titles: what segments add
to its log-likelihood is what they know of taste.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bandi.features.audience import reader_vectors
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array
from bandi.segments._read_kernels import add_reads, log_likelihoods

READERS = 20_000
"""At most so many readers are looked at: enough for differences of 0.01 nats a read."""
_STRENGTH = 0.1
"""Of the prior of p(title | s), in reads per title: of 0.1, 0.3, 1 and 3 the likeliest on MovieLens small for 2 to 24 segments."""


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Readers with their newest title held out; titles are renumbered from 0 to titles - 1.

    newest: int32[n]; rest: int32[n, m], newest first, -1 where there is none; vectors: float32[n, d], of the rest.
    """

    newest: Array
    rest: Array
    vectors: Array
    titles: int

    def log_likelihoods(self, memberships: Array) -> Array:
        """log p(newest title | reader) for each reader: float64[n]. memberships: float32[n, k]. O(n m k)."""
        counts = np.zeros((self.titles, memberships.shape[1]))
        add_reads(self.rest, memberships, counts)
        counts += counts.sum(axis=0) / max(counts.sum(), 1e-12)  # one read of every title, by the segments' reads
        population = counts.sum(axis=1, keepdims=True) / counts.sum()
        rates = (counts + _STRENGTH * self.titles * population) / (counts.sum(axis=0) + _STRENGTH * self.titles)
        found = np.empty(len(self.newest))
        log_likelihoods(self.newest, np.ascontiguousarray(memberships, np.float32), rates, found)
        return found


def hold_out(recent: Array, titles: Array, readers: int = READERS, seed: int = 1) -> HeldOut:
    """Hold out the newest title of at most `readers` readers, drawn by `seed`, who read another one that has a vector.

    recent: int32[n, m], newest first, -1 where there is none; titles: float32[items, d]. A newest title without a vector
    counts like any other. Raises InvalidInputError for a table of another shape.
    """
    if recent.ndim != 2 or recent.shape[1] < 2:
        raise InvalidInputError(
            Problem("recent", f"shape {list(recent.shape)}", "a row of two titles or more a reader")
        )
    places = np.flatnonzero((recent[:, 0] >= 0) & (recent[:, 1] >= 0))
    if len(places) > readers:
        places = np.sort(np.random.default_rng(seed).choice(places, readers, replace=False))
    rest = np.ascontiguousarray(recent[places, 1:], np.int32)
    vectors = reader_vectors(rest, titles)
    known = vectors.any(axis=1)
    newest, rest, vectors = recent[places[known], 0], rest[known], vectors[known]
    ids = np.unique(np.concatenate([newest, rest[rest >= 0]]))
    compact = np.where(rest >= 0, np.searchsorted(ids, rest), -1).astype(np.int32)
    return HeldOut(np.searchsorted(ids, newest).astype(np.int32), compact, vectors, len(ids))
