"""The tables of `journeys`: generations that grow, are dumped and come back."""

from __future__ import annotations

import numpy as np

from bandi.learning._journey_facts import FACT, JOURNEY, NEVER, Generation
from bandi.learning._table_kernels import rebuild
from bandi.model.records import Array

_FIRST = 512
_PAIR_FIELDS = ("users", "items", "latest")


def empty(columns: int, pairs: int = _FIRST, journeys: int = _FIRST, facts: int = _FIRST) -> Generation:
    """No rows, and room for some. columns: episodes in `reached`."""
    slots = 2 * _FIRST
    while slots < 2 * pairs:
        slots *= 2
    return Generation(
        np.full(slots, -1, np.int32), np.zeros(slots // 2, np.uint64), np.zeros(slots // 2, np.uint64),
        np.full(slots // 2, -1, np.int32), np.zeros(journeys, JOURNEY), np.zeros((journeys, columns), np.int64),
        np.zeros(facts, FACT),
    )  # fmt: skip


def grown(table: Generation, used: Array, more: tuple[int, int, int]) -> Generation:
    """The same rows with room for `more` pairs, journeys and facts; what grows, grows to double."""
    pairs, journeys, facts = (int(count) for count in used)
    sizes = [len(table.latest), len(table.journeys), len(table.facts)]
    wanted = [
        max(2 * size, count + need) if count + need > size else size
        for size, count, need in zip(sizes, (pairs, journeys, facts), more, strict=True)
    ]
    grown = empty(table.reached.shape[1], *wanted)
    if wanted[0] > sizes[0]:
        for field in _PAIR_FIELDS:
            getattr(grown, field)[:pairs] = getattr(table, field)[:pairs]
        rebuild(grown.slots, grown.users, grown.items, pairs)
        table = table._replace(slots=grown.slots, users=grown.users, items=grown.items, latest=grown.latest)
    if wanted[1] > sizes[1]:
        grown.journeys[:journeys], grown.reached[:journeys] = table.journeys[:journeys], table.reached[:journeys]
        table = table._replace(journeys=grown.journeys, reached=grown.reached)
    if wanted[2] > sizes[2]:
        grown.facts[:facts] = table.facts[:facts]
        table = table._replace(facts=grown.facts)
    return table


def with_columns(table: Generation, before: Array, now: Array) -> Generation:
    """The same rows with other episodes in `reached`; when a new one was reached is not known of what was before."""
    reached = np.full((len(table.journeys), len(now)), NEVER, np.int64)
    for column, count in enumerate(now.tolist()):
        if count in before:
            reached[:, column] = table.reached[:, int(np.searchsorted(before, count))]
    return table._replace(reached=reached)


def dumped(table: Generation, used: Array) -> dict[str, Array]:
    """Copies of all rows by name. used: pairs, journeys and facts."""
    arrays = {f"pair/{field}": getattr(table, field)[: used[0]].copy() for field in _PAIR_FIELDS}
    arrays["reached"] = table.reached[: used[1]].copy()
    for kind, rows in (("journey", table.journeys[: used[1]]), ("fact", table.facts[: used[2]])):
        arrays |= {f"{kind}/{field}": np.ascontiguousarray(rows[field]) for field in rows.dtype.names or ()}
    return arrays


def loaded(arrays: dict[str, Array], name: str, columns: int) -> tuple[Generation, Array]:
    """What `dumped` gave, under `name`/, and how many rows. Raises ValueError where it does not fit."""
    pairs = len(arrays[f"{name}/pair/users"])
    reached = np.array(arrays[f"{name}/reached"], np.int64)
    facts = len(arrays[f"{name}/fact/time_ms"])
    if reached.ndim != 2 or reached.shape[1] != columns:
        raise ValueError(f"{name}/reached: expected {columns} columns, found {list(reached.shape)}")
    table = empty(columns, max(pairs, 1), max(len(reached), 1), max(facts, 1))
    for field in _PAIR_FIELDS:
        getattr(table, field)[:pairs] = arrays[f"{name}/pair/{field}"]
    table.reached[: len(reached)] = reached
    for kind, rows, count in (("journey", table.journeys, len(reached)), ("fact", table.facts, facts)):
        for field in rows.dtype.names or ():
            rows[field][:count] = arrays[f"{name}/{kind}/{field}"]
    rebuild(table.slots, table.users, table.items, pairs)
    return table, np.array([pairs, len(reached), facts], np.int64)
