"""Tables that have a row for each title with outcomes, in bounded memory: where rows stand, how they grow, what may be loaded.

What stands in a row is the policy's (linear_titles.py, hybrid.py, logistic.py). A table's totals begin with the rows in use.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from bandi.model.records import Array
from bandi.policies._title_rows import USED
from bandi.policies.protocol import State

_FIRST = 64


def places_of(items: Array) -> Array:
    """The row of each title: int32[highest id + 1], -1: none. items: int32[rows], distinct."""
    row_of = np.full(int(items.max(initial=-1)) + 1, -1, np.int32)
    row_of[items] = np.arange(len(items), dtype=np.int32)
    return row_of


def knowing(row_of: Array, titles: int) -> Array:
    """`row_of`, long enough for so many titles: itself, or a longer copy."""
    if titles <= len(row_of):
        return row_of
    grown = np.full(max(titles, len(row_of) * 3 // 2), -1, np.int32)
    grown[: len(row_of)] = row_of
    return grown


def rows_to_make(wanted: int, held: int, most: int) -> int:
    """How many rows a table that grows gets: half as many again, at most `most`."""
    return min(max(wanted, held * 3 // 2, _FIRST), most)


def fill(grown: Iterable[Array], old: Iterable[Array]) -> None:
    """Copy a table's columns into longer ones."""
    for new, array in zip(grown, old, strict=True):
        new[: len(array)] = array


def checked(state: State, expected: Mapping[str, Array], items: str, totals: str, most: int) -> dict[str, Array]:
    """Copies of the arrays of a `dump`. Raises ValueError where one is not like the expected, or where rows are not titles.

    items, totals: names of the column of titles, distinct and at most `most`, and of the totals.
    """
    found = {name: np.array(state.get(name, 0)) for name in expected}
    for name, array in expected.items():
        if found[name].dtype != array.dtype or found[name].shape != array.shape:
            raise ValueError(
                f"{name}: expected {array.dtype}{list(array.shape)}, found {found[name].dtype}{list(found[name].shape)}"
            )
    titles = found[items]
    if found[totals][USED] != len(titles) or (titles < 0).any() or len(np.unique(titles)) != len(titles):
        raise ValueError(f"{items}: expected distinct titles, as many as the totals say")
    if len(titles) > most:
        raise ValueError(f"{items}: expected at most {most} titles, found {len(titles)}")
    return found


def rows_in(state: State, items: str) -> int:
    """How many rows a `dump` says it has."""
    return len(np.atleast_1d(state.get(items, np.zeros(0, np.int32))))
