"""From what readers did to totals at each look, by group: what bandi.experiments.inference takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from bandi.experiments.inference import Totals, accumulated
from bandi.experiments.metrics._event_kernels import NEVER
from bandi.experiments.metrics._look_kernels import daily_totals, growing_totals
from bandi.experiments.metrics.columns import Column
from bandi.experiments.metrics.exposed import Exposed
from bandi.experiments.metrics.gathering import Done
from bandi.model.records import Array


@dataclass(frozen=True, slots=True)
class Readers:
    """Exposed readers by group (variant and stage). groups: int16[rows], stage * variants + variant; entries: int16[rows], first look."""

    exposed: Exposed
    groups: Array
    entries: Array
    count: int
    looks: int

    def group(self, stage: int, variant: int) -> int:
        """The number of one group."""
        return stage * len(self.exposed.names) + variant


def readers_of(exposed: Exposed, done: Done) -> Readers:
    """Who was in which group from which look on."""
    variants = len(exposed.names)
    groups = (exposed.stages.astype(np.int64) * variants + exposed.variants).astype(np.int16)
    entries = done.calendar.look_of(exposed.exposed_ms)
    return Readers(exposed, groups, entries, variants * max(len(exposed.weights), 1), done.calendar.looks)


def growing(readers: Readers, parts: Sequence[tuple[Array, Array, Array]], covariates: Array) -> Totals:
    """Totals [groups, looks] of open columns: each part is (rows, looks, values) of one; covariates: float64[rows, c]."""
    m, looks, rows = len(parts), readers.looks, len(readers.groups)
    order, ends, owners, which, values = _by_look(parts, looks)
    entries = np.argsort(readers.entries, kind="stable").astype(np.int32)
    entered = np.searchsorted(readers.entries[entries], np.arange(looks), side="right")
    width = m + covariates.shape[1]
    counts = np.zeros((looks, readers.count))
    sums, products, cubes = (np.zeros((looks, readers.count, *(width,) * axes)) for axes in (1, 2, 3))
    growing_totals(
        entries, entered, readers.groups, np.ascontiguousarray(covariates, np.float64), order, ends, owners, which,
        values, np.zeros((rows, m)), counts, sums, products, cubes,
    )  # fmt: skip
    return Totals(*(np.ascontiguousarray(np.moveaxis(array, 0, 1)) for array in (counts, sums, products, cubes)))


def closed(readers: Readers, columns: Array, matured: Array) -> Totals:
    """Totals [groups, looks] of final values: float64[rows, width]; matured: int16[rows], the look from which each counts."""
    width, looks = columns.shape[1], readers.looks
    own = np.flatnonzero(matured < looks)
    keys = readers.groups[own].astype(np.int64) * looks + matured[own]
    size, rows = readers.count * looks, columns[own]

    def summed(values: Array) -> Array:
        found: Array = np.bincount(keys, values, size).reshape(readers.count, looks)
        return found

    sums = np.stack([summed(rows[:, a]) for a in range(width)], axis=-1)
    products, cubes = (np.zeros((readers.count, looks, *(width,) * axes)) for axes in (2, 3))
    for a in range(width):
        for b in range(a, width):
            product = rows[:, a] * rows[:, b]
            products[..., a, b] = products[..., b, a] = summed(product)
            for c in range(b, width):
                one = summed(product * rows[:, c])
                for i, j, k in permutations((a, b, c)):
                    cubes[..., i, j, k] = one
    counts = np.bincount(keys, minlength=size).reshape(readers.count, looks).astype(np.float64)
    return accumulated(Totals(counts, sums, products, cubes))


def by_age(readers: Readers, parts: Sequence[tuple[Array, Array, Array]], days: int) -> Totals:
    """Totals [groups, days] of what readers did on each day since their first exposure, of those who have come so far.

    Each day is judged alone, by one test, which has no use for cubes.
    """
    aged = [(rows, (looks - readers.entries[rows]).astype(np.int16), values) for rows, looks, values in parts]
    kept = [tuple(array[looks < days] for array in (rows, looks, values)) for rows, looks, values in aged]
    m = len(kept)
    order, ends, owners, which, values = _by_look(kept, days)  # type: ignore[arg-type]
    sums, products = np.zeros((days, readers.count, m)), np.zeros((days, readers.count, m, m))
    daily_totals(readers.groups, order, ends, owners, which, values, np.zeros((len(readers.groups), m)), sums, products)
    keys = readers.groups.astype(np.int64) * readers.looks + (readers.looks - 1 - readers.entries)
    lived = np.bincount(keys, minlength=readers.count * readers.looks).reshape(readers.count, readers.looks)
    there = lived[:, ::-1].cumsum(axis=1)[:, ::-1][:, :days].astype(np.float64)
    return Totals(there, np.moveaxis(sums, 0, 1), np.moveaxis(products, 0, 1))


def steps_reached(done: Done, steps: Sequence[Column]) -> Array:
    """int16[rows]: the look at which the last of the steps was done, in whatever order; NEVER where one is missing."""
    looks: Array = np.stack([done.reached(step) for step in steps]).max(axis=0)
    return looks


def first_times(looks: Array) -> tuple[Array, Array, Array]:
    """The part of readers who did something once: 1 from that look on."""
    rows = np.flatnonzero(looks != NEVER).astype(np.int32)
    return rows, looks[rows], np.ones(len(rows))


def _by_look(parts: Sequence[tuple[Array, Array, Array]], looks: int) -> tuple[Array, Array, Array, Array, Array]:
    """(order, ends, rows, which, values) of all parts, as the kernels take them."""
    rows = np.concatenate([part[0] for part in parts])
    at = np.concatenate([part[1] for part in parts])
    values = np.concatenate([part[2] for part in parts])
    which = np.repeat(np.arange(len(parts), dtype=np.int8), [len(part[0]) for part in parts])
    order = np.argsort(at, kind="stable")
    ends = np.cumsum(np.bincount(at, minlength=looks)[:looks])
    return order, ends, rows, which, values
