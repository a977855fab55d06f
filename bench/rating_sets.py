"""Readers' titles of a folder's log or of a made-up world, and what is held out of them, for bench.quality."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bandi.engine.recovery import recover
from bandi.features.factors.interactions import Interactions, gather_interactions
from bandi.log.folder import LogFolder
from bandi.log.protocol import Log
from bandi.log.sqlite import open_log_read_only
from bandi.model.events import EventKind
from bandi.model.records import Array
from bench.factors import world

HeldOut = Callable[[Array], tuple[Array, Array]]
"""From how many titles each reader has to how many of the last are for the test, and of those before for choosing."""


@dataclass(frozen=True, slots=True)
class Split:
    """To learn from while choosing, to choose by, to learn from for the test, to test on; all of one shape."""

    train: Interactions
    validation: Interactions
    both: Interactions
    test: Interactions


def pairs_of(name: str, seed: int | None) -> tuple[Array, Array, Array]:
    """Reader and title of each pair, and its place in the order: int64[n] each, from a folder's log or from a world.

    name: a folder, or `world:READERS,TITLES,READS` drawn by `seed`. Places are times; with a seed they are drawn at random.
    """
    if name.startswith("world:"):
        users, items, count = (int(number) for number in name.removeprefix("world:").split(","))
        data = world(users, items, count, seed or 0)
        owners = np.repeat(np.arange(users), np.diff(data.by_user.starts))
        return owners, data.by_user.columns.astype(np.int64), places(data.entries, seed or 0)
    owners, titles, when = logged_pairs(Path(name))
    return owners, titles, when if seed is None else places(len(owners), seed)


def places(count: int, seed: int) -> Array:
    return np.random.default_rng(seed).permutation(count)


def logged_pairs(folder: Path) -> tuple[Array, Array, Array]:
    """Each pair of a folder's log, and the place in time of its first event."""
    if not LogFolder(folder).root.exists():
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64)
    log = open_log_read_only(folder)
    try:
        state = recover(folder, log, log.next_position).state
        users_of, items_of, when = timed_reads(log)
    finally:
        log.close()
    width = max(state.interner.size("item"), 1)
    order = np.lexsort((np.arange(len(when)), when))
    pairs, first = np.unique(users_of[order].astype(np.int64) * width + items_of[order], return_index=True)
    return pairs // width, pairs % width, first


def timed_reads(log: Log) -> tuple[Array, Array, Array]:
    """Reader, title and time of every click, read and purchase by a known reader; which count is said by jobs.training."""
    parts = [(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.int64))]
    for stretch in log.read(0, log.next_position):
        rows = stretch.events.rows
        kinds = rows["kind"]
        taken = (kinds >= EventKind.CLICK) & (kinds <= EventKind.PURCHASE) & (rows["user"] >= 0) & (rows["item"] >= 0)
        parts.append((rows["user"][taken], rows["item"][taken], rows["occurred_ms"][taken]))
    users, items, when = (np.concatenate(column) for column in zip(*parts, strict=True))
    return users, items, when


def split(users: Array, items: Array, when: Array, held_out: HeldOut) -> Split:
    """users, items, when: one row a pair. Readers and titles keep only those that occur."""
    users, items = (np.unique(ids, return_inverse=True)[1] for ids in (users, items))
    order = np.lexsort((when, users))
    users, items = users[order], items[order]
    counts = np.bincount(users) if len(users) else np.zeros(0, np.int64)
    place = np.arange(len(users)) - np.repeat(np.cumsum(counts) - counts, counts)
    last, choosing = held_out(counts)
    from_end = np.repeat(counts, counts) - 1 - place
    test = from_end < np.repeat(last, counts)
    validation = ~test & (from_end < np.repeat(last + choosing, counts))
    shape = (len(counts), int(items.max(initial=-1)) + 1)

    def part(rows: Array) -> Interactions:
        return gather_interactions(users[rows], items[rows], np.ones(int(rows.sum())), shape)

    return Split(part(~test & ~validation), part(validation), part(~test), part(test))


def held_out_share(counts: Array) -> tuple[Array, Array]:
    """Of readers' titles: a fifth to test, a fifth to choose by, at least one each where as many others stay."""
    fifth = np.maximum(counts // 5, (counts >= 2).astype(np.int64))
    return fifth, np.where(counts >= 3, fifth, 0)


def held_out_last(counts: Array) -> tuple[Array, Array]:
    """Of readers' titles: the last to test, a fifth of those before, at least one, to choose by, where one stays."""
    before = counts - 1
    return (counts >= 2).astype(np.int64), np.where(counts >= 3, np.maximum(before // 5, 1), 0)
