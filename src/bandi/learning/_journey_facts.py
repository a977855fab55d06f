"""How journeys lie in memory, and the kernels that move them and keep their payments and reads; see journeys.py.

A generation holds (reader, title) pairs in an open-addressing table; of each pair its journeys, latest first, and of each
journey its facts (payments, refunds, reads that name no episode), latest first, as lists linked by row numbers.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from bandi.model.records import Array

CLICK, READ, PURCHASE, REFUND = 2, 3, 4, 6
"""Kinds of events: those of `EventKind`."""

NEVER: int = np.iinfo(np.int64).max
"""The earliest time of what has not happened."""
LONG_AGO: int = np.iinfo(np.int64).min
"""The latest time of what has not happened."""

KEPT = 64
"""Purchases, refunds and reads without an episode kept of one journey, each; see `keep` for more."""

JOURNEY = np.dtype(
    [("first_ms", "<i8"), ("last_ms", "<i8"),
     ("click_ms", "<i8"), ("click_request", "<u8"), ("read_ms", "<i8"), ("read_request", "<u8"),
     ("touch_ms", "<i8"), ("touch_request", "<u8"), ("beyond", "<f8"),
     ("user", "<i4"), ("item", "<i4"), ("facts", "<i4"), ("earlier", "<i4"), ("epoch", "<i4"),
     ("click_placement", "<i2"), ("click_segment", "<i2"), ("read_placement", "<i2"), ("read_segment", "<i2"),
     ("touch_placement", "<i2"), ("touch_segment", "<i2"), ("reads", "<i2"), ("purchases", "<i2"), ("refunds", "<i2"),
     ("spare", "<i2")]
)  # fmt: skip
"""One journey; 112 bytes, and 8 for each episode that an objective names.

first_ms, last_ms: earliest and latest event; click, read: the earliest of each; touch: the latest click; beyond: coins paid
after all windows by purchases that are not kept; facts, earlier: rows of the latest fact and of the journey before, -1:
none; epoch: of the rules when it began, -1: moved away or merged.
"""

FACT = np.dtype(
    [("time_ms", "<i8"), ("coins", "<f8"), ("request", "<u8"), ("episode", "<i4"), ("next", "<i4"), ("kind", "<i2"),
     ("placement", "<i2"), ("spare", "<i4")]
)  # fmt: skip
"""One payment, refund or read; 40 bytes. request, placement: what a purchase was credited to."""


class Generation(NamedTuple):
    """slots: int32, the index; users, items: uint64[pairs]; latest: int32[pairs]; journeys: JOURNEY[n]; facts: FACT[m].

    reached: int64[n, episodes], when a journey first reached each episode that an objective names.
    """

    slots: Array
    users: Array
    items: Array
    latest: Array
    journeys: Array
    reached: Array
    facts: Array


@njit(cache=True, nogil=True)
def _is_later(one: Any, other: Any) -> bool:
    """The order of facts: whatever the order of the records, the same facts make the same list."""
    if one["time_ms"] != other["time_ms"]:
        return bool(one["time_ms"] > other["time_ms"])
    if one["kind"] != other["kind"]:
        return bool(one["kind"] > other["kind"])
    if one["coins"] != other["coins"]:
        return bool(one["coins"] > other["coins"])
    if one["episode"] != other["episode"]:
        return bool(one["episode"] > other["episode"])
    return bool(one["request"] > other["request"])


@njit(cache=True, nogil=True)
def _latest_of(table: Generation, row: int, kind: int) -> tuple[int, int]:
    """(the latest fact of a kind, the fact behind which it hangs); -1: none."""
    behind, node = -1, table.journeys[row]["facts"]
    while node >= 0 and table.facts[node]["kind"] != kind:
        behind, node = node, table.facts[node]["next"]
    return node, behind


@njit(cache=True, nogil=True)
def _latest_until(table: Generation, row: int, kind: int, time_ms: int) -> int:
    """The latest fact of a kind that is not after a time, or else the earliest."""
    found, node = -1, table.journeys[row]["facts"]
    while node >= 0:
        if table.facts[node]["kind"] == kind:
            found = node
            if table.facts[node]["time_ms"] <= time_ms:
                break
        node = table.facts[node]["next"]
    return found


@njit(cache=True, nogil=True)
def keep(table: Generation, row: int, node: int, kept_reads: int, crowded: Array) -> bool:
    """Hang a fact into a journey's list; False where it did not become one of its own.

    Of reads the earliest `kept_reads` are kept. The coins of more than KEPT purchases (or refunds) go to the one kept
    that came before it, and are counted in crowded[0].
    """
    journey, fact = table.journeys[row], table.facts[node]
    kind = fact["kind"]
    if kind == READ:
        if journey["reads"] >= kept_reads:
            last, behind = _latest_of(table, row, READ)
            if table.facts[last]["time_ms"] <= fact["time_ms"]:
                return False
            if behind < 0:
                journey["facts"] = table.facts[last]["next"]
            else:
                table.facts[behind]["next"] = table.facts[last]["next"]
        else:
            journey["reads"] += 1
    elif (journey["purchases"] if kind == PURCHASE else journey["refunds"]) >= KEPT:
        table.facts[_latest_until(table, row, kind, fact["time_ms"])]["coins"] += fact["coins"]
        crowded[0] += 1
        return False
    elif kind == PURCHASE:
        journey["purchases"] += 1
    else:
        journey["refunds"] += 1
    behind, at = -1, journey["facts"]
    while at >= 0 and _is_later(table.facts[at], fact):
        behind, at = at, table.facts[at]["next"]
    fact["next"] = at
    if behind < 0:
        journey["facts"] = node
    else:
        table.facts[behind]["next"] = node
    return True


@njit(cache=True, nogil=True)
def join(table: Generation, row: int, other: int, kept_reads: int, crowded: Array) -> None:
    """Hang the facts of another journey into this one's list."""
    node = table.journeys[other]["facts"]
    while node >= 0:
        following = table.facts[node]["next"]
        keep(table, row, node, kept_reads, crowded)
        node = following
    table.journeys[other]["facts"] = -1


@njit(cache=True, nogil=True)
def sizes(table: Generation, pair: int) -> tuple[int, int]:
    """Journeys and facts of a pair."""
    journeys, facts = 0, 0
    row = table.latest[pair]
    while row >= 0:
        journey = table.journeys[row]
        journeys += 1
        facts += journey["reads"] + journey["purchases"] + journey["refunds"]
        row = journey["earlier"]
    return journeys, facts


@njit(cache=True, nogil=True)
def carry(old: Generation, from_pair: int, new: Generation, to_pair: int, used: Array) -> None:
    """Move a pair's journeys to the newer generation: what is touched is kept."""
    row, above = old.latest[from_pair], -1
    while row >= 0:
        to = used[1]
        used[1] += 1
        new.journeys[to] = old.journeys[row]
        for c in range(new.reached.shape[1]):
            new.reached[to, c] = old.reached[row, c]
        if above < 0:
            new.latest[to_pair] = to
        else:
            new.journeys[above]["earlier"] = to
        node, behind = old.journeys[row]["facts"], -1
        while node >= 0:
            new.facts[used[2]] = old.facts[node]
            if behind < 0:
                new.journeys[to]["facts"] = used[2]
            else:
                new.facts[behind]["next"] = used[2]
            behind = used[2]
            used[2] += 1
            node = old.facts[node]["next"]
        old.journeys[row]["epoch"] = -1
        row, above = old.journeys[row]["earlier"], to
    old.latest[from_pair] = -1
