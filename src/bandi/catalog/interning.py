"""Ids as dense integers, numbered per namespace in the order in which the log first named them.

The raw dictionaries and lists are shown to the hot path on purpose (`texts`); only `add` and `load` change them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bandi.catalog.packing import pack_texts, unpack_texts
from bandi.model.records import Array

NAMESPACES = ("item", "kind", "placement", "policy", "region", "rule", "user")


class Interner:
    """Texts to int32 and back. lookup: O(1); memory: about 120 bytes per id plus its text."""

    def __init__(self) -> None:
        self._indices: dict[str, dict[str, int]] = {namespace: {} for namespace in NAMESPACES}
        self._texts: dict[str, list[str]] = {namespace: [] for namespace in NAMESPACES}

    def lookup(self, namespace: str, text: str) -> int:
        """The dense id, or -1."""
        return self._indices[namespace].get(text, -1)

    def lookup_many(self, namespace: str, texts: Sequence[str]) -> list[int]:
        """The dense id of each, or -1."""
        get = self._indices[namespace].get
        return [get(text, -1) for text in texts]

    def texts(self, namespace: str) -> list[str]:
        """All texts by dense id: the list itself, which grows; do not change it."""
        return self._texts[namespace]

    def size(self, namespace: str) -> int:
        """How many ids there are."""
        return len(self._texts[namespace])

    def add(self, namespace: str, texts: Sequence[str]) -> int:
        """Give the next dense ids to new texts; returns the first. Raises ValueError for a text that has one already."""
        indices, known = self._indices[namespace], self._texts[namespace]
        first = len(known)
        if any(text in indices for text in texts) or len(set(texts)) != len(texts):
            raise ValueError(f"an id of namespace {namespace} is named twice")
        # The text comes before its number: a reader that finds the number must find the text.
        known.extend(texts)
        for index, text in enumerate(texts, first):
            indices[text] = index
        return first

    def dump(self) -> dict[str, Array]:
        """Plain arrays, the same bytes for the same ids."""
        arrays: dict[str, Array] = {}
        for namespace, texts in self._texts.items():
            arrays[f"{namespace}/offsets"], arrays[f"{namespace}/data"] = pack_texts(texts)
        return arrays

    def load(self, arrays: dict[str, Array]) -> None:
        """Replace all ids by those of `dump`; lists handed out by `texts` stay the same lists."""
        for namespace, texts in self._texts.items():
            texts[:] = unpack_texts(np.asarray(arrays[f"{namespace}/offsets"]), np.asarray(arrays[f"{namespace}/data"]))
            indices = self._indices[namespace]
            indices.clear()
            indices.update(zip(texts, range(len(texts)), strict=True))
