"""The oracle: lists by the truth, as no policy can make them. It stands outside the policies' protocol.

Titles are ranked by p * (1 + multiplier * value / mean value): p the probability of a click now, value the coins expected of
a start. multiplier 0 is the best list for clicks; for a large one only coins count. The mean is over titles in the population.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numba import njit

from bandi.evaluation.worlds.funnel._behaviour import (
    Clicking,
    Lists,
    Memory,
    Paying,
    Titles,
    attraction,
    is_started,
    start_value,
)
from bandi.evaluation.worlds.funnel._fatigue import place_of
from bandi.evaluation.worlds.funnel.truth import FunnelWorld
from bandi.model.records import Array

Resolution = Literal["reader", "population"]


@dataclass(frozen=True, slots=True)
class Oracle:
    """resolution: "reader": p and value are this reader's now, fatigue and payment history included; "population": means
    over readers, as a policy without any feature of readers could know at best (it still shows nobody what they started).
    """

    world: FunnelWorld
    multiplier: float = 0.0
    resolution: Resolution = "reader"

    def fill(self, lists: Lists, day: int, available: Array, memory: Memory) -> None:
        """Write `lists.items`. O(visits * available titles)."""
        world, values = self.world, self.world.population_values()
        by_value = self.multiplier / max(float(values.mean()), 1e-300)
        if self.resolution == "population":
            scores = world.population(day) * (1.0 + by_value * values)
            _best_for_all(lists, available, scores, memory.started)
            return
        _best_for_each(
            lists, available, by_value, world.hooks[day], world.tastes(day), world.power, world.titles, world.clicking,
            world.paying, memory,
        )  # fmt: skip


@njit(cache=True, nogil=True, inline="always")
def _insert(items: Array, scores: Array, title: int, score: float) -> None:
    """Keep the best, first first. items: int32[k]; scores: float64[k]."""
    if score <= scores[-1]:
        return
    place = len(scores) - 1
    while place > 0 and scores[place - 1] < score:
        scores[place], items[place] = scores[place - 1], items[place - 1]
        place -= 1
    scores[place], items[place] = score, title


@njit(cache=True, nogil=True)
def _best_for_all(lists: Lists, available: Array, values: Array, started: Array) -> None:
    best = np.empty(lists.items.shape[1])
    for n in range(len(lists.readers)):
        best[:] = -1.0
        lists.items[n, :] = -1
        for title in available:
            if values[title] > best[-1] and not is_started(started, lists.readers[n], title):
                _insert(lists.items[n], best, title, values[title])


@njit(cache=True, nogil=True)
def _best_for_each(
    lists: Lists, available: Array, by_value: float, hooks: Array, taste: Array, power: Array, titles: Titles,
    clicking: Clicking, paying: Paying, memory: Memory,
) -> None:  # fmt: skip
    best = np.empty(lists.items.shape[1])
    for n in range(len(lists.readers)):
        best[:] = -1.0
        lists.items[n, :] = -1
        reader = lists.readers[n]
        has_paid = memory.paid_ms[reader] <= lists.times_ms[n]
        forward = 2.0 ** (lists.days[n] / clicking.half_life)
        for title in available:
            if is_started(memory.started, reader, title):
                continue
            fresh = attraction(hooks[title], taste[reader, titles.genres[title]], 0.0, clicking)
            worth = 1.0
            if by_value > 0.0 and power[reader] > 0.0:
                worth += by_value * start_value(title, power[reader], has_paid, titles, paying)
            if fresh * worth <= best[-1]:
                continue  # fatigue only takes away
            level = memory.levels[place_of(memory.keys, reader * len(titles.genres) + title)] / forward
            p = attraction(hooks[title], taste[reader, titles.genres[title]], level, clicking)
            _insert(lists.items[n], best, title, p * worth)
