"""Which places an entry may hold: told apart only where paired differences are surely not 0.

Klein, Wright and Wieczorek (2020), "A joint confidence region for an overall ranking of populations": an entry's place is at
least one more than the number of those that are surely better, and at most the number of all less those that are surely worse.
"""

from __future__ import annotations

import numpy as np

from bandi.experiments.inference.distributions import student_quantile
from bandi.model.records import Array

LEVEL = 0.05


def rank_ranges(values: Array) -> list[tuple[int, int]]:
    """The first and last place, from 1, that each row may hold; higher is better.

    values: float64[entries, units], of the same units (readers, worlds, logged rows). Student's intervals of all paired differences
    hold together with probability 1 - LEVEL (Bonferroni): as far as means of units are normal, so do all ranges. O(entries**2 units).
    """
    count, units = values.shape
    pairs = count * (count - 1) // 2
    if units < 2 or not pairs:
        return [(1, count)] * count
    quantile = float(student_quantile(1.0 - LEVEL / (2 * pairs), np.array([units - 1.0]))[0])
    better = np.zeros(count, np.int64)
    worse = np.zeros(count, np.int64)
    for one in range(count):
        for other in range(one + 1, count):
            gains = values[one] - values[other]
            mean, error = float(gains.mean()), float(gains.std(ddof=1)) / units**0.5
            if abs(mean) > quantile * error:
                winner, loser = (one, other) if mean > 0 else (other, one)
                better[loser] += 1
                worse[winner] += 1
    return [(1 + int(better[i]), count - int(worse[i])) for i in range(count)]


def shown(place: tuple[int, int]) -> str:
    """`2` for one place, `2-4` for several."""
    first, last = place
    return str(first) if first == last else f"{first}-{last}"
