"""Vectors of titles and readers for policies that look at them, kept up with the catalogue; a function of the state alone."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from bandi.catalog.columns import ColumnKind, ColumnName, Columns
from bandi.catalog.items import Items
from bandi.features.hashed import Tokens, hashed_reader, hashed_readers, title_vectors
from bandi.model.records import Array

_CODED = ("genre", "author", "language")
_COLUMNS = (*(ColumnName(ColumnKind.CODES, name) for name in _CODED), ColumnName(ColumnKind.LISTS, "tags"))


class Contexts:
    """One table of titles' vectors for each number of dimensions in use: 4 d bytes a title. Written by the fold alone."""

    def __init__(self) -> None:
        self._tables: dict[int, Array] = {}
        self._size = 0
        self._generation = -1

    def configure(self, dimensions: Iterable[int]) -> None:
        """Which tables are wanted; they are filled by the next `follow`."""
        self._tables = {d: np.zeros((0, d), np.float32) for d in sorted(set(dimensions))}
        self._size, self._generation = 0, -1

    def follow(self, items: Items) -> None:
        """Bring the tables up to the catalogue. O(1) where nothing changed, else O(changed titles)."""
        if not self._tables or items.generation == self._generation:
            return
        columns = items.columns(_COLUMNS)
        changed = columns.changed_since(self._generation) if self._generation >= 0 else None
        if changed is None:
            changed = np.arange(columns.size)
        changed = np.unique(changed[changed < columns.size])
        fields = _fields(columns.take(changed))
        for d, table in self._tables.items():
            if columns.size > len(table):
                grown = np.zeros((max(columns.size, len(table) * 3 // 2, 64), d), np.float32)
                grown[: len(table)] = table
                grown[len(table) :, 0] = 1.0
                self._tables[d] = table = grown
            table[changed] = title_vectors(len(changed), fields, d)
        self._size, self._generation = columns.size, columns.generation

    def titles(self, dimensions: int) -> Array:
        """float32[items, d], by dense id: the table itself; the next fold may change it."""
        return self._tables[dimensions][: self._size]

    def reader(self, recent: Array, dimensions: int) -> Array:
        """The vector of a reader with this history (int32[m], newest first): float32[d]."""
        return hashed_reader(recent, self._tables[dimensions])

    def readers(self, recent: Array, dimensions: int) -> Array:
        """`reader` of every row of int32[n, m], padded with -1: float32[n, d]."""
        return hashed_readers(recent, self._tables[dimensions])


def _fields(columns: Columns) -> list[Tokens]:
    fields = []
    for name in _CODED:
        coded = columns.codes(name)
        titles = np.flatnonzero(coded.codes)
        fields.append(Tokens(name, coded.names, titles, coded.codes[titles]))
    tags = columns.lists("tags")
    fields.append(Tokens("tag", tags.names, tags.owners.astype(np.int64), tags.ids))
    return fields
