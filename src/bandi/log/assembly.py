"""Joining and cutting stretches of log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from bandi.model.records import Array, Decisions, Events, Stretch, no_decisions, no_events

NO_EVENTS, NO_DECISIONS = no_events(), no_decisions()
"""Made once: they are empty, so nobody can change them."""


def consecutive(firsts: Sequence[int], counts: Sequence[int]) -> Array:
    """Positions first, first + 1, ... of each run, one run after the other: int64[sum(counts)]."""
    if len(firsts) == 1:
        return np.arange(firsts[0], firsts[0] + counts[0], dtype=np.int64)
    lengths = np.asarray(counts, np.int64)
    before = np.cumsum(lengths) - lengths
    positions = np.repeat(np.asarray(firsts, np.int64) - before, lengths)
    positions += np.arange(len(positions))
    return positions


def join_decisions(parts: Sequence[Decisions]) -> Decisions:
    """Decisions of all parts, in order."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return NO_DECISIONS
    offsets = np.zeros(1 + sum(len(part.headers) for part in parts), np.int64)
    np.cumsum(np.concatenate([np.diff(part.offsets) for part in parts]), out=offsets[1:])
    return Decisions(
        np.concatenate([part.positions for part in parts]),
        np.concatenate([part.headers for part in parts]),
        offsets,
        np.concatenate([part.items for part in parts]),
        np.concatenate([part.scores for part in parts]),
        _join_rules(parts),
    )


def _join_rules(parts: Sequence[Decisions]) -> Array | None:
    if all(part.rules is None for part in parts):
        return None
    none = (np.full(len(part.items), -1, np.int32) for part in parts)
    return np.concatenate([no if part.rules is None else part.rules for part, no in zip(parts, none, strict=True)])


def join(parts: Sequence[Stretch]) -> Stretch:
    """One stretch of several that follow each other; at least one."""
    if len(parts) == 1:
        return parts[0]
    events = [part.events for part in parts if len(part.events.rows)]
    return Stretch(
        first=parts[0].first,
        stop=parts[-1].stop,
        events=Events(np.concatenate([e.positions for e in events]), np.concatenate([e.rows for e in events]))
        if events
        else NO_EVENTS,
        decisions=join_decisions([part.decisions for part in parts if len(part.decisions.headers)]),
        documents=tuple(document for part in parts for document in part.documents),
    )


def cut(stretch: Stretch, first: int, stop: int) -> Stretch:
    """The records with first <= position < stop; the arrays are views. O(log n + documents)."""
    if first <= stretch.first and stretch.stop <= stop:
        return stretch
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
            None if decisions.rules is None else decisions.rules[low:high],
        ),
        documents=tuple(document for document in stretch.documents if first <= document.position < stop),
    )


def steps(stretch: Stretch, rows: int) -> Iterator[Stretch]:
    """The stretch in pieces of at most `rows` records."""
    for first in range(stretch.first, stretch.stop, rows):
        yield cut(stretch, first, min(first + rows, stretch.stop))
