"""What a targeter is: it names titles for a request, best first, up to its quota."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from bandi.catalog.items import Items
from bandi.features.factors.als import Factors
from bandi.features.factors.search import Neighbours
from bandi.learning.popularity import Popularity
from bandi.model.records import Array


class Asked(NamedTuple):
    """A request. recent: int32[m], what the reader read last, newest first; about: the item beside the list, or -1.

    without: int32[l], what must not be named, but by a targeter that is for going on reading.
    """

    recent: Array
    about: int
    now_ms: int
    without: Array


@dataclass(frozen=True, slots=True)
class Learned:
    """What an artifact holds. by_score, by_direction: indexes over factors and their directions; None: search exactly."""

    factors: Factors
    by_score: Neighbours | None = None
    by_direction: Neighbours | None = None


@dataclass(frozen=True, slots=True)
class View:
    """What targeters look at. learned: None where nothing was trained."""

    items: Items
    popularity: Popularity
    learned: Learned | None


class Targeter(Protocol):
    """Names candidates. The same state, artifact and request give the same titles."""

    def find(self, asked: Asked, view: View) -> Array:
        """Distinct titles that may be shown now, best first: int32[m], m at most the quota."""
