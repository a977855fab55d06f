"""The union of what several targeters name, with every source kept."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandi.model.records import Array
from bandi.targeters.protocol import Asked, Targeter, View


class Targeted(NamedTuple):
    """items: int32[n], distinct, ascending; sources: uint8[n], bit i is set where targeter i named the item."""

    items: Array
    sources: Array


def target(targeters: tuple[Targeter, ...], asked: Asked, view: View) -> Targeted:
    """Ask each targeter and merge. O(what they name, sorted)."""
    found = [targeter.find(asked, view) for targeter in targeters]
    items = np.concatenate([*found, np.zeros(0, np.int32)])
    bits = np.repeat((1 << np.arange(len(found))).astype(np.uint8), [len(part) for part in found])
    distinct, place = np.unique(items, return_inverse=True)
    sources = np.zeros(len(distinct), np.uint8)
    np.bitwise_or.at(sources, place, bits)
    return Targeted(distinct, sources)
