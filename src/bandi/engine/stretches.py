"""Cutting a stretch of log into smaller ones."""

from __future__ import annotations

import numpy as np

from bandi.model.records import Decisions, Events, Stretch


def cut(stretch: Stretch, first: int, stop: int) -> Stretch:
    """The records of `stretch` with first <= position < stop; arrays are views."""
    a, b = np.searchsorted(stretch.events.positions, [first, stop]).tolist()
    c, d = np.searchsorted(stretch.decisions.positions, [first, stop]).tolist()
    decisions = stretch.decisions
    low, high = int(decisions.offsets[c]), int(decisions.offsets[d])
    return Stretch(
        first=first,
        stop=stop,
        events=Events(stretch.events.positions[a:b], stretch.events.rows[a:b]),
        decisions=Decisions(
            decisions.positions[c:d],
            decisions.headers[c:d],
            decisions.offsets[c : d + 1] - low,
            decisions.items[low:high],
            decisions.scores[low:high],
        ),
        documents=tuple(document for document in stretch.documents if first <= document.position < stop),
    )
