"""One decision: candidates and arms at one log position, ranked by the placement's policy."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bandi.engine.artifacts import Shelf
from bandi.engine.state import PlacementState, State
from bandi.model.answers import RankedItem
from bandi.model.errors import InvalidInputError, Problem, UnknownNameError
from bandi.model.records import Array
from bandi.policies.protocol import Candidates, Ranked, Request
from bandi.targeters.merging import target
from bandi.targeters.protocol import Asked, View

MAX_K = 1_000
_MASK = (1 << 64) - 1


class Decided(NamedTuple):
    """A ranked list and where it came from. items: int32[m]; scores: float32[m]; candidates: how many were ranked.

    sources: uint8[m], bit i is set where the placement's targeter i named the item; None where it has no targeters.
    """

    items: Array
    scores: Array
    candidates: int
    position: int
    catalog_position: int
    sources: Array | None


class Decider:
    """Ranks against a `State` without holding up its writer."""

    def __init__(self, state: State, shelf: Shelf) -> None:
        self._state = state
        self._shelf = shelf
        self._segment_weights = np.ones(1, np.float32)
        self._ranking = threading.Lock()  # policies own scratch arrays: one rank at a time

    def placement(self, name: str) -> PlacementState:
        """The placement of that name. Raises UnknownNameError."""
        state = self._state.placements.get(name) if isinstance(name, str) else None
        if state is None:
            raise UnknownNameError(
                Problem("$.placement", repr(name)[:66], f"one of: {', '.join(self._state.placements)}")
            )
        return state

    def decide(
        self, placement: PlacementState, k: int, seed: int, now_ms: int, user: int = -1, about: int = -1
    ) -> Decided:
        """The best k for a request at `now_ms`. O(candidates). All that it read belongs to one log position.

        user, about: dense ids of the reader and of the item that the list stands beside; -1: none.
        """
        state = self._state
        request = Request(self._segment_weights, now_ms)
        with self._ranking:
            while True:
                version = state.version
                if version & 1:
                    with state.lock:  # a fold is under way: wait for its end
                        continue
                candidates, sources = self._candidates(placement, k, now_ms, user, about)
                ranked = placement.policy.rank(request, candidates, k, seed)
                if sources is not None:
                    sources = sources[np.searchsorted(candidates.items, ranked.items)]
                decided = Decided(
                    ranked.items, ranked.scores, len(candidates.items), state.position, state.catalog_position, sources
                )
                if state.version == version:
                    return decided

    def redraw(
        self, placement: PlacementState, k: int, seeds: list[int], now_ms: int, user: int, about: int
    ) -> list[Ranked]:
        """The lists that other seeds would have given, on a state at rest."""
        candidates, _ = self._candidates(placement, k, now_ms, user, about)
        request = Request(self._segment_weights, now_ms)
        with self._ranking:
            return [placement.policy.rank(request, candidates, k, seed) for seed in seeds]

    def _candidates(
        self, placement: PlacementState, k: int, now_ms: int, user: int, about: int
    ) -> tuple[Candidates, Array | None]:
        """What the policy may choose from: what the targeters name, or the whole catalogue where that is less than k."""
        state, config = self._state, placement.config
        items, ranks = state.items.candidates(now_ms)
        if not placement.targeters and not config.exclude:
            return Candidates(items, ranks), None
        recent = state.histories.recent(user)
        without = recent if "read" in config.exclude else recent[:0]
        if placement.targeters:
            view = View(state.items, state.popularity, self._shelf.find(state.artifact))
            found = target(placement.targeters, Asked(recent, about, now_ms, without), view)
            if len(found.items) >= min(k, len(items)):
                return Candidates(found.items, state.items.editor_ranks(found.items)), found.sources
        if len(without):
            stays = ~np.isin(items, without)
            items, ranks = items[stays], ranks[stays]
        return Candidates(items, ranks), None


def ranked_items(decided: Decided, placement: PlacementState, texts: Sequence[str]) -> tuple[RankedItem, ...]:
    """The slots of a list, as callers see them."""
    slots = zip(decided.items.tolist(), decided.scores.tolist(), range(len(decided.items)), strict=True)
    if decided.sources is None:
        return tuple([RankedItem(texts[item], score, slot) for item, score, slot in slots])
    names = placement.source_names
    return tuple(
        [
            RankedItem(texts[item], score, slot, tuple(name for i, name in enumerate(names) if bits >> i & 1))
            for (item, score, slot), bits in zip(slots, decided.sources.tolist(), strict=True)
        ]
    )


def checked_k(k: object, default: int) -> int:
    """How many to show. Raises InvalidInputError unless 1 to MAX_K."""
    if k is None:
        return default
    if isinstance(k, int) and not isinstance(k, bool) and 1 <= k <= MAX_K:
        return k
    raise InvalidInputError(Problem("$.k", repr(k)[:66], f"a whole number from 1 to {MAX_K}"))


def checked_seed(seed: object) -> int:
    """A seed. Raises InvalidInputError unless 0 <= seed < 2**64."""
    if isinstance(seed, int) and not isinstance(seed, bool) and 0 <= seed <= _MASK:
        return seed
    raise InvalidInputError(Problem("$.seed", repr(seed)[:66], "a whole number from 0 to 2**64 - 1"))


def mix(request: int, salt: int) -> int:
    """A seed from a request id: SplitMix64's finaliser (Steele, Lea and Flood 2014), salted so that it cannot be foreseen."""
    x = (request * 0x9E3779B97F4A7C15 + salt) & _MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
    return x ^ (x >> 31)
