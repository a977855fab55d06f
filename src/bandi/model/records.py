"""The fixed-width rows that the log keeps, and `Stretch`, the columnar piece of log that every fold reads.

A log *position* numbers records from 0 without gaps: one for each event, decision or document (a document is
anything rare: new ids, items, users, configuration). A fold sees the records in the order of their positions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

EVENT = np.dtype(
    [
        ("event_hi", "<u8"),  # 128-bit keyed hash of event_id (see log.identity)
        ("event_lo", "<u8"),
        ("request", "<u8"),  # 0: none (model.request_ids)
        ("occurred_ms", "<i8"),  # the client's clock
        ("recorded_ms", "<i8"),  # ours
        ("value", "<f8"),  # coins of a purchase, value of a custom event, else 0
        ("user", "<i4"),  # dense ids; -1: none
        ("item", "<i4"),
        ("episode", "<i4"),  # 0: none
        ("placement", "<i2"),  # -1: none
        ("position", "<i2"),  # slot in the list, 0 is first; -1: unknown
        ("kind", "<i2"),  # EventKind, or FIRST_CUSTOM_KIND + dense id of a custom name
        ("segment", "<i2"),  # the segment that the outcome counts for, drawn when it was taken; 0: none is known
        ("spare", "<i2", (2,)),
    ]
)
"""One event; 72 bytes."""

DECISION = np.dtype(
    [
        ("request", "<u8"),
        ("seed", "<u8"),
        ("occurred_ms", "<i8"),
        ("state_position", "<i8"),  # the arms held the fold of all records before this position
        ("catalog_position", "<i8"),  # the catalogue likewise
        ("user", "<i4"),  # -1: anonymous
        ("candidates", "<i4"),  # how many there were
        ("policy", "<i4"),  # dense id of the policy version text
        ("placement", "<i2"),
        ("k", "<i2"),  # items shown; they stand in `Decisions.items`
        ("about", "<i4"),  # the item that the list stands beside (viewer end); -1: none
        ("region", "<i4"),  # dense id of the region that the request named; -1: none
        ("age", "<i2"),  # the age in years that the request named; -1: none
        ("segment", "<i2"),  # the segment that implied impressions count for; 0: none is known
        ("asked", "<i2"),  # how many items were asked for; 0: as many as shown
        ("greedy_microclicks", "<i4"),  # expected of the greedy list, in millionths; 0 without `exploration`
        ("explored_microclicks", "<i4"),  # what of that the policy's list gave up
    ]
)
"""The header of one decision; 78 bytes. Its k items and scores stand beside it in `Decisions`."""

NOT_SAID = {
    "about": -1,
    "region": -1,
    "age": -1,
    "segment": 0,
    "asked": 0,
    "greedy_microclicks": 0,
    "explored_microclicks": 0,
}
"""What decisions of early versions, which lacked these fields, mean by that."""


class DocumentKind(IntEnum):
    """What a document holds; each payload is one msgpack value."""

    IDS = 1  # {"namespace": str, "first": int, "texts": [str, ...]}
    ITEMS = 2  # [Item, ...] put
    USERS = 3  # [User, ...] put
    ITEMS_DELETED = 4  # [id, ...]
    USERS_DELETED = 5  # [id, ...]
    CONFIG = 6  # Config, as in model.config
    OPENED = 7  # {"boot": int, "version": str, "at_ms": int}: a process opened the log for writing
    ARTIFACT = 8  # {"name": str}: from here on the targeters use this artifact
    RULES = 9  # [Rule, ...] put
    RULES_DELETED = 10  # [id, ...]
    PUSH = 11  # learning.push.messages.Push: a run of `bandi push`, or a part of it
    EXPERIMENT = (
        12  # ChangeRecord, as in model.experiment_changes: an experiment was started, ramped, stopped, concluded
    )


@dataclass(frozen=True, slots=True)
class Document:
    """A rare record: `payload` is msgpack, read according to `kind`."""

    position: int
    kind: DocumentKind
    payload: bytes


@dataclass(frozen=True, slots=True)
class Events:
    """Events in log order. positions: int64[n]; rows: EVENT[n]."""

    positions: Array
    rows: Array


@dataclass(frozen=True, slots=True)
class Decisions:
    """Decisions in log order.

    positions: int64[n]; headers: DECISION[n]; offsets: int64[n + 1]; items: int32[offsets[n]]; scores:
    float32[offsets[n]]. Decision i showed `items[offsets[i]:offsets[i + 1]]`, first slot first. rules: int32[offsets[n]],
    the dense id of the operator's rule that put the item there, -1 where it was the policy's own choice; None: nowhere
    did a rule act.
    """

    positions: Array
    headers: Array
    offsets: Array
    items: Array
    scores: Array
    rules: Array | None = None


def no_events() -> Events:
    """No events at all."""
    return Events(np.empty(0, np.int64), np.empty(0, EVENT))


def no_decisions() -> Decisions:
    """No decisions at all."""
    return Decisions(
        np.empty(0, np.int64),
        np.empty(0, DECISION),
        np.zeros(1, np.int64),
        np.empty(0, np.int32),
        np.empty(0, np.float32),
    )


@dataclass(frozen=True, slots=True)
class Stretch:
    """All records with first <= position < stop, by kind; each kind in log order."""

    first: int
    stop: int
    events: Events = field(default_factory=no_events)
    decisions: Decisions = field(default_factory=no_decisions)
    documents: tuple[Document, ...] = ()
