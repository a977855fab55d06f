"""From the log to what training learns from: who turned to what, and the state at its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bandi.engine.recovery import recover
from bandi.engine.state import State
from bandi.features.factors.interactions import Interactions, gather_interactions
from bandi.log.folder import LogFolder
from bandi.log.protocol import Log
from bandi.log.sqlite import open_log_read_only
from bandi.model.catalog import Item
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.events import EventKind
from bandi.model.records import Array

OnRecords = Callable[[int, int], None]
"""Called with the records read so far, and how many there are."""


@dataclass(frozen=True, slots=True)
class Material:
    """users, items: int32[n], every click, read and purchase by a known reader, in log order; shape: readers and titles.

    last_ms: the latest moment at which an event occurred, 0 where there is none.
    """

    state: State
    position: int
    users: Array
    items: Array
    shape: tuple[int, int]
    last_ms: int

    def titles(self) -> list[Item | None]:
        """The catalogue by dense id; None: a title that is no more."""
        return [self.state.items.get(i) for i in range(self.shape[1])]

    def recent(self) -> Array:
        """What each reader read last: int32[readers, KEPT], newest first, -1 where there is none."""
        return self.state.histories.rows(np.arange(self.shape[0]))


def read_material(folder: Path, on_records: OnRecords) -> Material:
    """Read the log of `folder`, which may be in use. Raises InvalidInputError where it has none, and what reading raises."""
    if not LogFolder(folder).root.exists():
        raise nothing_to_learn_from()
    log = open_log_read_only(folder)
    try:
        end = log.next_position
        state = recover(folder, log, end).state
        users, items, last_ms = reads(log, end, lambda done: on_records(done, end))
    finally:
        log.close()
    return Material(state, end, users, items, (state.interner.size("user"), state.interner.size("item")), last_ms)


def without_newest(material: Material) -> Material:
    """As if no reader had ever turned to the title that their history names first: what is foretold must not be known."""
    newest = material.recent()[:, 0]
    kept = newest[material.users] != material.items
    return replace(material, users=material.users[kept], items=material.items[kept])


def nothing_to_learn_from() -> InvalidInputError:
    """The error of a log without titles that say anything and without reads."""
    found, expected = "no clicks, reads or purchases, and no texts of titles", "at least one by a known reader"
    return InvalidInputError(Problem("log", found, expected, "load events: bandi load FOLDER events FILE"))


def reads(log: Log, stop: int, on_records: Callable[[int], None]) -> tuple[Array, Array, int]:
    """Reader and title of every click, read and purchase by a known reader, in log order: int32[n], int32[n].

    And the latest moment at which any event occurred, in milliseconds; 0 where there is none.
    """
    users, items, last_ms = [np.zeros(0, np.int32)], [np.zeros(0, np.int32)], 0
    for stretch in log.read(0, stop):
        rows = stretch.events.rows
        kinds = rows["kind"]
        taken = (kinds >= EventKind.CLICK) & (kinds <= EventKind.PURCHASE) & (rows["user"] >= 0) & (rows["item"] >= 0)
        users.append(rows["user"][taken])
        items.append(rows["item"][taken])
        last_ms = max(last_ms, int(rows["occurred_ms"].max(initial=0)))
        on_records(stretch.stop)
    return np.concatenate(users), np.concatenate(items), last_ms


def weighed(users: Array, items: Array, shape: tuple[int, int]) -> Interactions:
    """Each pair of reader and title weighs 1 + ln(how often): the tenth read of a title says less than the first."""
    width = max(shape[1], 1)
    pairs, times = np.unique(users.astype(np.int64) * width + items, return_counts=True)
    return gather_interactions(pairs // width, pairs % width, 1.0 + np.log(times), shape)


def sequences(users: Array, items: Array, readers: int) -> list[Array]:
    """What each reader turned to, in log order: int32[n] each."""
    order = np.argsort(users, kind="stable")
    return np.split(items[order], np.cumsum(np.bincount(users, minlength=readers))[:-1]) if readers else []
