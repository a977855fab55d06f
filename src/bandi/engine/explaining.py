"""Why a title suits a reader, and what the segments are like, by the artifact in use."""

from __future__ import annotations

import numpy as np

from bandi.engine.artifacts import Shelf
from bandi.engine.state import State
from bandi.features.audience import recency_weights
from bandi.model.answers import Because
from bandi.model.errors import BandiError
from bandi.segments.profiles import Profiles


class Explaining:
    """Reads the state and the artifacts; keeps the last profiles that were asked for."""

    def __init__(self, state: State, shelf: Shelf) -> None:
        self._state = state
        self._shelf = shelf
        self._profiles: tuple[str, Profiles | None] = ("", None)

    def because(self, user: int, item: int, limit: int) -> list[Because]:
        """The titles read last that speak most for `item`, the strongest first; user, item: dense ids.

        The score of an item is a sum over the reader's own reads (Hu, Koren and Volinsky 2008, section 5), each weighed as
        the `factors` targeter weighs it. Shares are of the positive parts of that sum; reads that speak against the item, and
        the item itself, are left out. Nothing is given where the sum is not above 0: then the reads are no reason.
        """
        learned = self._shelf.find(self._state.artifact)
        if learned is None or not 0 <= item < len(learned.factors.items):
            return []
        with self._state.lock:  # a fold would change the history under the copy
            recent = self._state.histories.recent(user)
        read = recent[recent < len(learned.factors.items)]
        weights = recency_weights(len(read))
        others = read != item
        read, weights = read[others], weights[others]
        parts = learned.factors.explain(item, read, weights)
        if parts.sum() <= 0.0:
            return []
        parts = parts.clip(min=0.0)
        total = float(parts.sum())
        texts = self._state.interner.texts("item")
        strongest = [place for place in np.argsort(-parts, kind="stable")[:limit].tolist() if parts[place] > 0.0]
        return [Because(texts[int(read[place])], float(parts[place]) / total) for place in strongest]

    def segments(self, artifact: str) -> Profiles | None:
        """The profiles in an artifact; None where it has none, or cannot be read."""
        name, profiles = self._profiles
        if name != artifact:
            try:
                profiles = self._shelf.manifest(artifact).segments
            except (BandiError, OSError, ValueError, KeyError):
                return None
            self._profiles = (artifact, profiles)
        return profiles
