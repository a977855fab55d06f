"""Keeping of named titles those that may be shown: what every targeter does last."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bandi.model.records import Array
from bandi.targeters.protocol import Asked, View

_MORE = 4
"""How many times as many are asked for when too few of the first may be shown."""


def allowed(items: Array, view: View) -> Array:
    """Those of `items` (int32[n]) that may be shown to this reader now, in their order. O(n)."""
    items = items[items < len(view.allowed)]
    kept: Array = items[view.allowed[items]]
    return kept


def sift(items: Array, asked: Asked, view: View) -> Array:
    """As `allowed`, and without what must not be named. O(n log l)."""
    items = allowed(items, view)
    if not len(asked.without):
        return items
    kept: Array = items[~np.isin(items, asked.without)]
    return kept


def first_of(name: Callable[[int], Array], n: int, asked: Asked, view: View) -> Array:
    """The first n that may be named of what `name(limit)` names, best first; more are asked for until n are found."""
    limit = n + len(asked.without)
    while True:
        named = name(limit)
        found = sift(named, asked, view)
        if len(found) >= n or len(named) < limit:
            return found[:n]
        limit *= _MORE
