"""What a targeter is: it names titles for a request, best first, up to its quota."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from bandi.catalog.items import Items
from bandi.features.factors.als import Factors
from bandi.features.factors.search import Neighbours
from bandi.learning.popularity import Popularity
from bandi.model.records import Array
from bandi.policies.protocol import ContentPriors, StepPriors
from bandi.segments.model import SegmentModel


class Asked(NamedTuple):
    """A request. recent: int32[m], what the reader read last, newest first; about: the item beside the list, or -1.

    without: int32[l], what must not be named; going_on: int32[m], what may be gone on with, although it was read.
    membership: float32[k], the reader's weights over segments; of length 0 where none are known.
    """

    recent: Array
    about: int
    now_ms: int
    without: Array
    going_on: Array
    membership: Array


@dataclass(frozen=True, slots=True)
class Likeness:
    """Titles by one feature, or by a mix of several: vectors: float32[items, d], rows of length 1 at most; 0: not known.

    A likeness is the inner product of two rows, -1 to 1. index: over the rows; None: search exactly.
    """

    vectors: Array
    index: Neighbours | None = None


@dataclass(frozen=True, slots=True)
class Learned:
    """What an artifact holds.

    factors, and by_score, the index over them; likeness: by the features that are mixed, such as `text+factors`; segments:
    with titles: float32[items, d], what readers' vectors are made of, and promise: float32[k, items], how promising each title
    is in each segment, with leading: int32[k, m], the most promising first; priors: what the arms of a placement start from;
    step_priors: what factors of later steps start from there. None or empty: not trained.
    """

    factors: Factors
    by_score: Neighbours | None = None
    likeness: dict[str, Likeness] = field(default_factory=dict)
    segments: SegmentModel | None = None
    titles: Array | None = None
    promise: Array | None = None
    leading: Array | None = None
    priors: dict[str, ContentPriors] = field(default_factory=dict)
    step_priors: dict[str, StepPriors] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class View:
    """What targeters look at.

    allowed: bool[size], the titles that may be shown to this reader now (those of higher ids may not); learned: None where
    nothing was trained.
    """

    items: Items
    popularity: Popularity
    learned: Learned | None
    allowed: Array


class Targeter(Protocol):
    """Names candidates. The same state, artifact and request give the same titles."""

    def find(self, asked: Asked, view: View) -> Array:
        """Distinct titles that may be shown to this reader now, best first: int32[m], m at most the quota."""
