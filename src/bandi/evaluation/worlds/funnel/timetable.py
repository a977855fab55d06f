"""Who comes when: sessions with a weekly cycle, and what readers look up of themselves. Fixed before any policy runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bandi.evaluation.worlds.funnel._population import choose_titles
from bandi.evaluation.worlds.funnel.parameters import FunnelParameters
from bandi.evaluation.worlds.webtoon import DAY_MS, START_MS
from bandi.model.records import Array

if TYPE_CHECKING:
    from bandi.evaluation.worlds.funnel.truth import FunnelWorld


@dataclass(frozen=True, slots=True)
class Timetable:
    """readers: int32[n]; times_ms: int64[n], ascending; bounds: int64[days + 1], where each day begins.

    titles: int32[n], what is looked up; of length 0 for sessions.
    """

    readers: Array
    times_ms: Array
    bounds: Array
    titles: Array


def draw_sessions(parameters: FunnelParameters, activity: Array, random: np.random.Generator) -> Timetable:
    """Poisson numbers of sessions a day. activity: float64[readers], cumulative, to 1."""
    return _draw(parameters, activity, parameters.sessions.per_reader_per_day, random)


def draw_organic(world: FunnelWorld, activity: Array, random: np.random.Generator) -> Timetable:
    """Titles drawn by exp(hook + taste) among those on sale. O(starts * titles)."""
    table = _draw(world.parameters, activity, world.parameters.organic.per_reader_per_day, random)
    titles, uniform = np.zeros(len(table.readers), np.int32), random.random(len(table.readers))
    for day in range(world.parameters.run.days):
        rows = slice(*table.bounds[day : day + 2].tolist())
        on_sale = world.available(START_MS + day * DAY_MS)
        choose_titles(
            table.readers[rows], uniform[rows], on_sale, world.hooks[day], world.tastes(day), world.titles,
            world.clicking, titles[rows],
        )  # fmt: skip
    return Timetable(table.readers, table.times_ms, table.bounds, titles)


def _draw(parameters: FunnelParameters, activity: Array, rate: float, random: np.random.Generator) -> Timetable:
    days = np.arange(parameters.run.days)
    cycle = 1.0 + parameters.sessions.weekly_swing * np.cos(2.0 * np.pi * days / 7.0)
    counts = random.poisson(rate * parameters.readers.count * cycle)
    bounds = np.concatenate([[0], np.cumsum(counts)])
    times = np.sort(np.repeat(days, counts) + random.random(bounds[-1]))
    readers = np.searchsorted(activity, random.random(bounds[-1])).clip(max=len(activity) - 1)
    times_ms = START_MS + (times * DAY_MS).astype(np.int64)
    return Timetable(readers.astype(np.int32), times_ms, bounds, np.zeros(0, np.int32))
