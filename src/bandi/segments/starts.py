"""Where fitting begins: centres far from each other (k-means++).

Arthur and Vassilvitskii (2007), "k-means++: the advantages of careful seeding", drawing each next centre by its squared
distance to those there are; of a few draws the one that helps most is taken (their section 5, greedy).
"""

from __future__ import annotations

import numpy as np

from bandi.model.records import Array
from bandi.segments._segment_kernels import lower_distances

_SAME = 1e-5
"""Squared distance below which readers do not differ: float32 rounding of vectors of length 1 stays far below it."""


def spread_centres(rows: Array, k: int, random: np.random.Generator, given: Array | None = None) -> Array:
    """Centres: float32[k, d], rows of length 1; zeros behind the last where fewer than k rows differ. O(n k d log k).

    rows: float32[n, d] of length 1; given: float32[g, d], centres that stand first (g <= k).
    """
    given = rows[:0] if given is None else given
    centres = np.zeros((k, rows.shape[1]), np.float32)
    centres[: len(given)] = given
    nearest = np.full(len(rows), 4.0)
    for centre in given:
        lower_distances(rows, centre, nearest, nearest)
    trials = 2 + int(np.log(k))
    for number in range(len(given), k):
        nearest[nearest < _SAME] = 0.0
        running = np.cumsum(nearest)
        if running[-1] <= 0.0:
            break
        drawn = np.searchsorted(running, random.random(trials) * running[-1], side="right").clip(max=len(rows) - 1)
        tried = [(nearest.copy(), int(place)) for place in drawn]
        totals = [lower_distances(rows, rows[place], lowered, lowered) for lowered, place in tried]
        nearest, place = tried[int(np.argmin(totals))]
        centres[number] = rows[place]
    return centres
