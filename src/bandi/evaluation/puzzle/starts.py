"""Who starts what, and when, if a title is shown to them and if it is withheld: potential starts (Rubin 1974), known to a world.

Luck belongs to (visit, title), and what a reader does with one title of a list does not hang on the others. So two walks over
the same visits, one with the featured titles in their slots and one with their substitutes, give all potential starts.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandi.evaluation.puzzle.design import Design
from bandi.evaluation.worlds.funnel._behaviour import Lists, Looked, Memory, look, start_organically
from bandi.evaluation.worlds.funnel._fatigue import Fatigue
from bandi.evaluation.worlds.funnel.arrivals import HOUR_MS
from bandi.evaluation.worlds.funnel.truth import FunnelWorld
from bandi.evaluation.worlds.webtoon import DAY_MS, START_MS
from bandi.model.records import Array

NEVER = np.iinfo(np.int64).max


class Starts(NamedTuple):
    """readers, titles: int32[n]; times_ms: int64[n]; organic: bool[n], found without a list."""

    readers: Array
    titles: Array
    times_ms: Array
    organic: Array


class PotentialStarts(NamedTuple):
    """When each featured title is started by each reader, int64[readers, featured] in ms, NEVER where it is not.

    shown, withheld: the featured title; substitute_shown, substitute_withheld: the one that may stand in its place. others: all
    other starts, which the draw does not touch. came_ms: int64[readers], first visit in the experiment. visits: float64[readers],
    before it. featured, substitutes: int32[featured]. begins_ms: when the experiment does.
    """

    shown: Array
    withheld: Array
    substitute_shown: Array
    substitute_withheld: Array
    others: Starts
    came_ms: Array
    visits: Array
    featured: Array
    substitutes: Array
    begins_ms: int


def potential_starts(world: FunnelWorld, design: Design) -> PotentialStarts:
    """Of one world. The titles are those most attractive to its readers when the experiment begins. O(impressions)."""
    begins_ms = START_MS + design.days_before * DAY_MS
    on_sale = world.available(START_MS)
    best = on_sale[np.argsort(-world.population(design.days_before)[on_sale], kind="stable")]
    featured, substitutes = best[: 2 * design.featured : 2], best[1 : 2 * design.featured : 2]
    ordinary = best[2 * design.featured : 2 * design.featured + design.ordinary]
    shown = _walk(world, design, featured, ordinary)
    instead = _walk(world, design, substitutes, ordinary)
    drawn = np.isin(shown.titles, np.concatenate([featured, substitutes]))
    visits, times = world.sessions.readers, world.sessions.times_ms
    came_ms = np.full(design.readers, NEVER)
    inside = times >= begins_ms
    np.minimum.at(came_ms, visits[inside], times[inside])
    return PotentialStarts(
        _times(shown, featured, design.readers),
        _times(instead, featured, design.readers),
        _times(instead, substitutes, design.readers),
        _times(shown, substitutes, design.readers),
        Starts(*(column[~drawn] for column in shown)),
        came_ms,
        np.bincount(visits[~inside], minlength=design.readers).astype(np.float64),
        featured,
        substitutes,
        begins_ms,
    )


def _times(starts: Starts, titles: Array, readers: int) -> Array:
    times = np.full((readers, len(titles)), NEVER)
    for place, title in enumerate(titles.tolist()):
        own = starts.titles == title
        times[starts.readers[own], place] = starts.times_ms[own]
    return times


def _walk(world: FunnelWorld, design: Design, first: Array, ordinary: Array) -> Starts:
    """All starts where every visit of the experiment shows the titles `first`, and every visit the ordinary ones below."""
    memory, fatigue = _fresh_memory(world)
    rows: list[Starts] = []
    slots = len(first) + len(ordinary)
    bounds = START_MS + np.arange(world.parameters.run.days * 24 + 1) * HOUR_MS
    visits = np.searchsorted(world.sessions.times_ms, bounds)
    lookups = np.searchsorted(world.organic.times_ms, bounds)
    for hour in range(len(bounds) - 1):
        day = hour // 24
        rows.append(_organic(world, memory.started, slice(lookups[hour], lookups[hour + 1])))
        readers = world.sessions.readers[visits[hour] : visits[hour + 1]]
        times = world.sessions.times_ms[visits[hour] : visits[hour + 1]]
        items = np.full((len(readers), slots), -1, np.int32)
        items[:, len(first) :] = ordinary
        if day >= design.days_before:
            items[:, : len(first)] = first
        fatigue.reserve(items.size)
        memory = memory._replace(keys=fatigue.keys, levels=fatigue.levels)
        rows.append(
            _looked(world, day, int(visits[hour]), Lists(readers, (times - START_MS) / DAY_MS, times, items), memory)
        )
    return Starts(*(np.concatenate(columns) for columns in zip(*rows, strict=True)))


def _fresh_memory(world: FunnelWorld) -> tuple[Memory, Fatigue]:
    readers, titles = world.parameters.readers.count, world.parameters.titles.count
    fatigue = Fatigue()
    started = np.zeros((readers, (titles + 7) // 8), np.uint8)
    return Memory(started, fatigue.keys, fatigue.levels, fatigue.used, np.full(readers, NEVER)), fatigue


def _organic(world: FunnelWorld, started: Array, which: slice) -> Starts:
    table = world.organic
    readers, titles = table.readers[which], table.titles[which]
    began = np.zeros(len(readers), np.bool_)
    start_organically(readers, titles, started, began)
    return Starts(readers[began], titles[began], table.times_ms[which][began], np.ones(int(began.sum()), np.bool_))


def _looked(world: FunnelWorld, day: int, first: int, lists: Lists, memory: Memory) -> Starts:
    shape = lists.items.shape
    looked = Looked(np.zeros(shape, np.bool_), np.zeros(shape), np.zeros(shape))
    look(
        world.seed, first, lists, world.hooks[day], world.tastes(day), world.examination, world.power, world.titles,
        world.clicking, world.paying, memory, looked,
    )  # fmt: skip
    visit, slot = np.nonzero(looked.clicked)
    return Starts(lists.readers[visit], lists.items[visit, slot], lists.times_ms[visit], np.zeros(len(visit), np.bool_))
