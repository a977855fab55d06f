"""The titles, folded from the log: documents by dense id, and the columns that ranking needs."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np

from bandi.catalog._shown_kernel import NEVER, look, places
from bandi.catalog.columns import Codes, ColumnKind, ColumnName, Columns, DocumentColumns, Lists
from bandi.catalog.documents import Documents, split
from bandi.catalog.interning import Interner
from bandi.model.catalog import Item
from bandi.model.events import milliseconds
from bandi.model.records import Array

_decoder = msgspec.msgpack.Decoder(Item)
_NOTHING = (-1, 0, 0, np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.bool_))
"""A cache that holds for no time at all."""
_CHANGES, _FEW = 64, 1_024
"""Generations of which it is remembered what they changed, if that was few titles."""
_COLUMNS = {
    "active": (np.bool_, False),
    "launched_ms": (np.int64, 0),
    "available_until_ms": (np.int64, NEVER),
    "editor_rank": (np.int32, 0),
}
"""The columns that are part of a dump: type, and what stands where no title was put."""


class Items:
    """Columns by dense id. Arrays handed out are never changed afterwards: a change makes new ones."""

    def __init__(self) -> None:
        self._documents = Documents()
        self._active = np.zeros(0, np.bool_)
        self._launched_ms = np.zeros(0, np.int64)
        self._available_until_ms = np.zeros(0, np.int64)
        self._editor_rank = np.zeros(0, np.int32)
        self._described = DocumentColumns()
        self._lock = threading.Lock()  # a put and whoever takes columns: what is taken is of one generation
        self._generation = 0
        self._changes: deque[tuple[int, Array]] = deque(maxlen=_CHANGES)
        self._cached: tuple[int, int, int, Array, Array, Array] = _NOTHING
        nothing = (np.zeros(0, np.int32), np.zeros(0, np.int32))
        self._by_launch: tuple[Array, Array, Array, int] = (nothing[0], np.zeros(0, np.int64), nothing[1], 0)
        self._by_rank: tuple[Array, Array] = nothing

    def __len__(self) -> int:
        return self._documents.live

    @property
    def generation(self) -> int:
        """A number that every change of the catalogue makes another one."""
        return self._generation

    def put(self, payload: bytes, interner: Interner) -> None:
        """Apply an ITEMS document: an array of items, whose ids are interned already."""
        with self._lock:
            indices, items = [], []
            for blob in split(payload):
                item = _decoder.decode(blob)
                index = interner.lookup("item", item.id)
                self._grow(index + 1)
                self._documents.put(index, blob)
                self._set(index, item)
                indices.append(index)
                items.append(item)
            self._described.put(indices, items)
            self._forget(indices)

    def delete(self, ids: list[str], interner: Interner) -> None:
        """Apply an ITEMS_DELETED document. Dense ids and arms remain."""
        with self._lock:
            found = [index for text in ids if 0 <= (index := interner.lookup("item", text)) < len(self._documents)]
            for index in found:
                self._documents.remove(index)
                self._active[index] = False
                self._available_until_ms[index] = NEVER
            self._described.delete(found)
            self._forget(found)

    def columns(self, names: Iterable[ColumnName]) -> Columns:
        """Columns of what the documents say, all of one generation.

        O(columns) once built and kept; O(items), some 2 µs an item, where one is asked for the first time. Waits while
        items are put. Raises ValueError for a name that has no column of that kind.
        """
        with self._lock:
            found = self._described.find(names, self._documents)
            return Columns(self._generation, len(self._documents), found, tuple(self._changes))

    def codes(self, name: str) -> Codes:
        """The coded column of genre, author, language, active, a number of `numbers`, or `fields.NAME`. See `columns`."""
        return self.columns((ColumnName(ColumnKind.CODES, name),)).codes(name)

    def numbers(self, name: str) -> Array:
        """age_rating, editor_rank, episodes, free_episodes, wait_free (hours) or `fields.NAME`: float64[size], NaN where there is
        no number. See `columns`.
        """
        return self.columns((ColumnName(ColumnKind.NUMBERS, name),)).numbers(name)

    def lists(self, name: str) -> Lists:
        """tags or regions. See `columns`."""
        return self.columns((ColumnName(ColumnKind.LISTS, name),)).lists(name)

    def candidates(self, now_ms: int) -> tuple[Array, Array]:
        """Items that may be shown: int32[n], ascending, and their editor ranks, int32[n] (0: none).

        An active item may be shown from its launch on until its licence ends. O(1) until the catalogue changes or the
        next launch or end comes; then O(items).
        """
        cached = self._looked(now_ms)
        return cached[3], cached[4]

    def shown(self, now_ms: int) -> Array:
        """Whether each dense id may be shown: bool[size], the same array until the answer may change. See `candidates`."""
        return self._looked(now_ms)[5]

    def _looked(self, now_ms: int) -> tuple[int, int, int, Array, Array, Array]:
        """The generation, from when until when it holds, the items, their editor ranks, and the same as a mask."""
        cached, generation = self._cached, self._generation
        if cached[0] == generation and cached[1] <= now_ms < cached[2]:
            return cached
        size = len(self._documents)
        shown = np.empty(size, np.bool_)
        columns = (self._active[:size], self._launched_ms[:size], self._available_until_ms[:size])
        count, since, until = look(*columns, now_ms, shown)
        items = np.empty(count, np.int32)
        places(shown, items)
        shown.flags.writeable = False
        self._cached = cached = (generation, since, until, items, self._editor_rank[items], shown)
        return cached

    def launched_since(self, start_ms: int, now_ms: int, limit: int) -> Array:
        """Up to `limit` items that may be shown and were launched in (start_ms, now_ms], latest first: int32[m].

        O(log limit); after a change of what may be shown O(items + limit log limit).
        """
        items, _ = self.candidates(now_ms)
        order, launched, of, most = self._by_launch
        if of is not items or most < limit:
            most = max(limit, _LATEST)
            order = _latest(items, self._launched_ms[items], most)
            launched = self._launched_ms[order]
            self._by_launch = (order, launched, items, most)
        first = np.searchsorted(launched, start_ms, "right")
        latest: Array = order[max(int(first), len(order) - limit) :][::-1]
        return latest

    def editors_pick(self, now_ms: int, limit: int) -> Array:
        """Up to `limit` items that the editors ranked and that may be shown, rank 1 first: int32[m]."""
        items, ranks = self.candidates(now_ms)
        order, of = self._by_rank
        if of is not items:
            ranked = ranks > 0
            order = items[ranked][np.lexsort((items[ranked], ranks[ranked]))]
            self._by_rank = (order, items)
        return order[:limit]

    def editor_ranks(self, items: Array) -> Array:
        """The editors' ranks of some items: int32[n], 0: none."""
        ranks: Array = self._editor_rank[items]
        return ranks

    def get(self, index: int) -> Item | None:
        """The item of a dense id, or None."""
        blob = self._documents.get(index)
        return _decoder.decode(blob) if blob else None

    def page(self, after: int, limit: int) -> list[Item]:
        """Up to `limit` items behind the dense id `after` (-1: from the first)."""
        return [_decoder.decode(blob) for blob in self._documents.after(after, limit)]

    def dump(self) -> dict[str, Array]:
        """Plain arrays, the same bytes for the same history."""
        size = len(self._documents)
        columns = {name: getattr(self, f"_{name}")[:size].copy() for name in _COLUMNS}
        return {**self._documents.dump(), **columns}

    def load(self, arrays: dict[str, Array]) -> None:
        """Replace everything by what `dump` gave; where a dump of before licences has no ends, the documents say them."""
        with self._lock:
            self._documents.load(arrays)
            if "available_until_ms" not in arrays:
                ends = [_ends_ms(_decoder.decode(blob)) if blob else NEVER for blob in self._documents.all()]
                arrays = {**arrays, "available_until_ms": np.array(ends, np.int64)}
            for name, (kind, _) in _COLUMNS.items():
                column: Array = np.array(arrays[name], kind)
                if len(column) != len(self._documents):
                    raise ValueError("the columns of items are not of one length")
                setattr(self, f"_{name}", column)
            self._described.forget()
            self._forget()

    def _set(self, index: int, item: Item) -> None:
        self._active[index] = item.active
        self._launched_ms[index] = 0 if item.launched_at is None else milliseconds(item.launched_at)
        self._available_until_ms[index] = _ends_ms(item)
        self._editor_rank[index] = item.editor_rank or 0

    def _grow(self, size: int) -> None:
        if size > len(self._active):
            capacity = max(size, len(self._active) * 3 // 2, 64)
            for name, (kind, nothing) in _COLUMNS.items():
                old = getattr(self, f"_{name}")
                new: Array = np.full(capacity, nothing, kind)
                new[: len(old)] = old
                setattr(self, f"_{name}", new)

    def _forget(self, changed: Sequence[int] | None = None) -> None:
        """A new generation: what a reader is still working out from the columns before counts for nothing.

        changed: the titles that it changed; None: all.
        """
        self._generation += 1
        if changed is None or len(changed) > _FEW:
            self._changes.clear()
        else:
            self._changes.append((self._generation, np.array(changed, np.int64)))


_LATEST = 4_096
"""Latest titles that are kept in order at least."""


def _latest(items: Array, launched_ms: Array, most: int) -> Array:
    """The `most` items launched last, by launch and then by id, ascending: int32[<= most]. O(items + most log most)."""
    if most < len(items):
        threshold = np.partition(launched_ms, len(items) - most)[len(items) - most]
        later = launched_ms > threshold
        ties = np.flatnonzero(launched_ms == threshold)
        later[ties[len(ties) - (most - int(later.sum())) :]] = True
        items, launched_ms = items[later], launched_ms[later]
    return items[np.lexsort((items, launched_ms))]


def _ends_ms(item: Item) -> int:
    return NEVER if item.available_until is None else milliseconds(item.available_until)
