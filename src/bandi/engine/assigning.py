"""Which variant a reader gets who asks: one that they met before where it is sticky, else the one that their id draws."""

from __future__ import annotations

from collections.abc import Callable

from bandi.engine.by_reader_state import reader_state
from bandi.engine.state import PlacementState, State
from bandi.engine.variants import PlacedExperiment
from bandi.experiments.assignment import OUTSIDE, variant


def variant_for(
    state: State, place: PlacementState, unit: str, user: int, region: Callable[[], str | None], now_ms: int
) -> PlacementState:
    """The variant for one reader; the placement itself where they are in no experiment there.

    unit: the reader's id; user: its dense one, -1: none yet; region: asked only where it matters. O(experiments there).
    """
    running = [placed for placed in place.experiments if is_running(state, placed, now_ms)]
    for placed in running:
        met = _kept(state, placed, user)
        if met is not None:
            return placed.variants[met]
    for placed in running:
        if _is_for(state, placed, user, region, now_ms) and not _is_elsewhere(state, placed, user, now_ms):
            number = variant(placed.split, share_of(state, placed), unit)
            if number != OUTSIDE:
                return placed.variants[number]
    return place


def is_running(state: State, placed: PlacedExperiment, now_ms: int) -> bool:
    """Whether readers take part now."""
    started = state.experiments.standings.get(placed.name).status == "running"
    return started and placed.starts_ms <= now_ms < placed.ends_ms


def share_of(state: State, placed: PlacedExperiment) -> float:
    """Share of the layer's readers that takes part: as it was ramped last, else as configured; never more than its buckets."""
    share = state.experiments.standings.get(placed.name).share
    if share is None:
        share = placed.config.share
    return placed.split.width if share is None else min(share, placed.split.width)


def _kept(state: State, placed: PlacedExperiment, user: int) -> int | None:
    """The number of the variant that a reader keeps, or None."""
    met = state.experiments.exposures.variant(placed.name, user) if placed.config.sticky else None
    return placed.names.index(met) if met in placed.names else None


def _is_elsewhere(state: State, placed: PlacedExperiment, user: int, now_ms: int) -> bool:
    """Whether a reader is kept by another experiment of the layer, from buckets that it had before."""
    return any(
        other is not placed and _kept(state, other, user) is not None and is_running(state, other, now_ms)
        for other in state.experiments.by_layer[placed.config.layer]
    )


def _is_for(state: State, placed: PlacedExperiment, user: int, region: Callable[[], str | None], now_ms: int) -> bool:
    if placed.states and reader_state(state, user, now_ms) not in placed.states:
        return False
    return not placed.regions or region() in placed.regions
