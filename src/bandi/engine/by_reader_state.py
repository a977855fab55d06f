"""What is otherwise for readers in one state: the placement as it is for them, and how many of them there are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from bandi.learning.reader_states import ReaderState, state_of, states_of
from bandi.targeters.registry import make_targeter

if TYPE_CHECKING:
    from bandi.engine.state import PlacementState, State


def divide(placement: PlacementState) -> None:
    """Fill in `by_state` and `passed_on`: the same policy and arms with other targeters, exclusions or dial."""
    for name, other in placement.config.states.items():
        state = int(ReaderState[name.upper()])
        if other.use_placement is not None:
            placement.passed_on[state] = other.use_placement
            continue
        config = msgspec.structs.replace(
            placement.config,
            targeters=placement.config.targeters if other.targeters is None else other.targeters,
            exclude=placement.config.exclude if other.exclude is None else other.exclude,
        )
        targeters = tuple(make_targeter(targeter) for targeter in config.targeters)
        placement.by_state[state] = replace(
            placement,
            config=config,
            targeters=targeters,
            give_up=placement.give_up if other.give_up is None else other.give_up,
            for_state=state,
        )


def reader_state(state: State, user: int, now_ms: int) -> int:
    """The `ReaderState` of one reader; of nobody (-1) that of a new one. O(1)."""
    payers = state.payers.known()
    if not 0 <= user < len(payers):
        return int(ReaderState.NEW)
    return state_of(payers[user], state.histories.has(user), now_ms)


def readers_by_state(state: State, now_ms: int) -> dict[str, int]:
    """How many readers with an id are in each state. O(readers)."""
    payers, found = state.payers.known(), state.histories.opened()
    opened = np.zeros(len(payers), np.bool_)
    opened[: len(found)] = found[: len(payers)]
    counts = np.bincount(states_of(payers, opened, now_ms), minlength=len(ReaderState)).tolist()
    counts[ReaderState.NEW] += max(state.interner.size("user") - len(payers), 0)
    return {one.name.lower(): count for one, count in zip(ReaderState, counts, strict=True)}
