"""Which variant a reader gets who asks: one that they met before where it is sticky, else the one that their id draws."""

from __future__ import annotations

from collections.abc import Callable

from bandi.engine.by_reader_state import reader_state
from bandi.engine.state import PlacementState, State
from bandi.engine.variants import Trial
from bandi.experiments.assignment import OUTSIDE, variant


def variant_for(
    state: State, place: PlacementState, unit: str, user: int, region: Callable[[], str | None], now_ms: int
) -> PlacementState:
    """The variant for one reader; the placement itself where they are in no experiment there.

    unit: the reader's id; user: its dense one, -1: none yet; region: asked only where it matters. O(experiments there).
    """
    running = [trial for trial in place.experiments if is_running(state, trial, now_ms)]
    for trial in running:
        met = _kept(state, trial, user)
        if met is not None:
            return trial.variants[met]
    for trial in running:
        if _is_for(state, trial, user, region, now_ms) and not _is_elsewhere(state, trial, user, now_ms):
            number = variant(trial.split, share_of(state, trial), unit)
            if number != OUTSIDE:
                return trial.variants[number]
    return place


def is_running(state: State, trial: Trial, now_ms: int) -> bool:
    """Whether readers take part now."""
    started = state.trials.standings.get(trial.name).status == "running"
    return started and trial.starts_ms <= now_ms < trial.ends_ms


def share_of(state: State, trial: Trial) -> float:
    """Share of the layer's readers that takes part: as it was ramped last, else as configured; never more than its buckets."""
    share = state.trials.standings.get(trial.name).share
    if share is None:
        share = trial.config.share
    return trial.split.width if share is None else min(share, trial.split.width)


def _kept(state: State, trial: Trial, user: int) -> int | None:
    """The number of the variant that a reader keeps, or None."""
    met = state.trials.exposures.variant(trial.name, user) if trial.config.sticky else None
    return trial.names.index(met) if met in trial.names else None


def _is_elsewhere(state: State, trial: Trial, user: int, now_ms: int) -> bool:
    """Whether a reader is kept by another experiment of the layer, from buckets that it had before."""
    return any(
        other is not trial and _kept(state, other, user) is not None and is_running(state, other, now_ms)
        for other in state.trials.by_layer[trial.config.layer]
    )


def _is_for(state: State, trial: Trial, user: int, region: Callable[[], str | None], now_ms: int) -> bool:
    if trial.states and reader_state(state, user, now_ms) not in trial.states:
        return False
    return not trial.regions or region() in trial.regions
