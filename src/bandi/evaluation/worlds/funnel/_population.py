"""Means over readers, and what readers look up of themselves: kernels."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from bandi.evaluation.worlds.funnel._behaviour import Clicking, Paying, Titles, attraction, start_value
from bandi.model.records import Array


@njit(cache=True, nogil=True)
def mean_attraction(hooks: Array, taste: Array, titles: Titles, clicking: Clicking, found: Array) -> None:
    """found: float64[titles], written. taste: float32[n, genres], of the readers that the mean is over."""
    for title in range(len(found)):
        total = 0.0
        for row in range(len(taste)):
            total += attraction(hooks[title], taste[row, titles.genres[title]], 0.0, clicking)
        found[title] = total / len(taste)


@njit(cache=True, nogil=True)
def mean_value(power: Array, titles: Titles, paying: Paying, found: Array) -> None:
    """found: float64[titles], written: coins expected of a start. power: float64[n], of the readers that the mean is over."""
    for title in range(len(found)):
        total = 0.0
        for row in range(len(power)):
            total += start_value(title, power[row], False, titles, paying)
        found[title] = total / len(power)


@njit(cache=True, nogil=True)
def choose_titles(
    readers: Array, uniform: Array, on_sale: Array, hooks: Array, taste: Array, titles: Titles, clicking: Clicking,
    chosen: Array,
) -> None:  # fmt: skip
    """chosen: int32[n], written: one title for each reader by exp(hook + strength * taste). uniform: float64[n]."""
    total = np.empty(len(on_sale))
    for n in range(len(readers)):
        running = 0.0
        for place, title in enumerate(on_sale):
            running += math.exp(hooks[title] + clicking.taste_strength * taste[readers[n], titles.genres[title]])
            total[place] = running
        chosen[n] = on_sale[min(np.searchsorted(total, uniform[n] * running), len(on_sale) - 1)]
