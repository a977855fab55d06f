"""What the looking routes answer, where the engine's own answers do not say it all."""

from __future__ import annotations

import msgspec

from bandi.model.answers import Because
from bandi.segments.profiles import SegmentProfile


class SegmentsView(msgspec.Struct, frozen=True):
    """What the segments of the artifact in use are like; none before training.

    artifact: its name; readers: whom they were made of; overlap[s][t]: cosine of the weights of s and t over readers.
    """

    artifact: str
    readers: int = 0
    segments: list[SegmentProfile] = []
    overlap: list[list[float]] = []


class Explanation(msgspec.Struct, frozen=True):
    """Why an item suits a reader: the titles read last that speak most for it, the strongest first, at most 5."""

    user: str
    item: str
    because: list[Because]
