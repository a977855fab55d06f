"""The titles, folded from the log: documents by dense id, and the columns that ranking needs."""

from __future__ import annotations

import msgspec
import numpy as np

from bandi.catalog.documents import Documents, split
from bandi.catalog.interning import Interner
from bandi.model.catalog import Item
from bandi.model.events import milliseconds
from bandi.model.records import Array

_decoder = msgspec.msgpack.Decoder(Item)
_NEVER = int(np.iinfo(np.int64).max)
_NOTHING = (-1, 0, 0, np.zeros(0, np.int32), np.zeros(0, np.int32))
"""A cache that holds for no time at all."""


class Items:
    """Columns by dense id. Arrays handed out are never changed afterwards: a change makes new ones."""

    def __init__(self) -> None:
        self._documents = Documents()
        self._active = np.zeros(0, np.bool_)
        self._launched_ms = np.zeros(0, np.int64)
        self._editor_rank = np.zeros(0, np.int32)
        self._generation = 0
        self._cached: tuple[int, int, int, Array, Array] = _NOTHING
        nothing = (np.zeros(0, np.int32), np.zeros(0, np.int32))
        self._marked: tuple[Array, Array] = nothing
        self._by_launch: tuple[Array, Array, Array] = (nothing[0], np.zeros(0, np.int64), nothing[1])
        self._by_rank: tuple[Array, Array] = nothing

    def __len__(self) -> int:
        return self._documents.live

    def put(self, payload: bytes, interner: Interner) -> None:
        """Apply an ITEMS document: an array of items, whose ids are interned already."""
        for blob in split(payload):
            item = _decoder.decode(blob)
            index = interner.lookup("item", item.id)
            self._grow(index + 1)
            self._documents.put(index, blob)
            self._active[index] = item.active
            self._launched_ms[index] = 0 if item.launched_at is None else milliseconds(item.launched_at)
            self._editor_rank[index] = item.editor_rank or 0
        self._forget()

    def delete(self, ids: list[str], interner: Interner) -> None:
        """Apply an ITEMS_DELETED document. Dense ids and arms remain."""
        for text in ids:
            index = interner.lookup("item", text)
            if 0 <= index < len(self._documents):
                self._documents.remove(index)
                self._active[index] = False
        self._forget()

    def candidates(self, now_ms: int) -> tuple[Array, Array]:
        """Items that may be shown: int32[n], ascending, and their editor ranks, int32[n] (0: none).

        O(1) until the catalogue changes or the next launch comes; then O(items).
        """
        cached, generation = self._cached, self._generation
        if cached[0] == generation and cached[1] <= now_ms < cached[2]:
            return cached[3], cached[4]
        size = len(self._documents)
        launched = self._launched_ms[:size]
        shown = self._active[:size] & (launched <= now_ms)
        items = np.flatnonzero(shown).astype(np.int32)
        waiting = launched[self._active[:size] & (launched > now_ms)]
        past = launched[shown]
        since = int(past.max()) if len(past) else np.iinfo(np.int64).min
        until = int(waiting.min()) if len(waiting) else _NEVER
        ranks = self._editor_rank[items]
        self._cached = (generation, since, until, items, ranks)
        return items, ranks

    def shown(self, now_ms: int) -> Array:
        """Whether each dense id may be shown: bool[size], O(1) until the catalogue changes or the next launch comes."""
        items, _ = self.candidates(now_ms)
        marked, of = self._marked
        if of is not items:
            marked = np.zeros(len(self._documents), np.bool_)
            marked[items] = True
            self._marked = (marked, items)
        return marked

    def launched_since(self, start_ms: int, now_ms: int, limit: int) -> Array:
        """Up to `limit` items that may be shown and were launched in (start_ms, now_ms], latest first: int32[m]."""
        items, _ = self.candidates(now_ms)
        order, launched, of = self._by_launch
        if of is not items:
            order = items[np.lexsort((items, self._launched_ms[items]))]
            launched = self._launched_ms[order]
            self._by_launch = (order, launched, items)
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
        return {
            **self._documents.dump(),
            "active": self._active[:size].copy(),
            "launched_ms": self._launched_ms[:size].copy(),
            "editor_rank": self._editor_rank[:size].copy(),
        }

    def load(self, arrays: dict[str, Array]) -> None:
        """Replace everything by what `dump` gave."""
        self._documents.load(arrays)
        self._active = np.array(arrays["active"], np.bool_)
        self._launched_ms = np.array(arrays["launched_ms"], np.int64)
        self._editor_rank = np.array(arrays["editor_rank"], np.int32)
        if not len(self._active) == len(self._launched_ms) == len(self._editor_rank) == len(self._documents):
            raise ValueError("the columns of items are not of one length")
        self._forget()

    def _grow(self, size: int) -> None:
        if size > len(self._active):
            capacity = max(size, len(self._active) * 3 // 2, 64)
            for name in ("_active", "_launched_ms", "_editor_rank"):
                old = getattr(self, name)
                new = np.zeros(capacity, old.dtype)
                new[: len(old)] = old
                setattr(self, name, new)

    def _forget(self) -> None:
        """A new generation: what a reader is still working out from the columns before counts for nothing."""
        self._generation += 1
