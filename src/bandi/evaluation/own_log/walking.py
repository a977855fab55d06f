"""The log walked once, in order, with the state of that time and, beside it, the states that other configurations would have had.

At each sampled decision all of them stand at its `state_position`, and each is asked many times with other seeds. What a
configuration would have learned is folded from the same log: the log's own events under a `bandi.toml` in which the placement
(or variant) alone has another policy (places.py). So the evaluated policy has learned from what the logging one showed, not
from lists of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from bandi.engine.artifacts import Shelf
from bandi.engine.deciding import Asking, Decider, mix
from bandi.engine.state import PlacementState, State
from bandi.evaluation.own_log.places import as_if
from bandi.evaluation.own_log.sampling import Sample
from bandi.log.assembly import cut
from bandi.model.policy_config import PolicyConfig
from bandi.model.records import Array, Stretch
from bandi.model.rules import Pin
from bandi.policies.slot_chances import shown_chances, slot_chances

Progress = Callable[[int], None]
"""Called with the number of decisions done since the last call."""


class Draws(NamedTuple):
    """What other seeds give. lists: int32[draws, k], -1 in empty slots; chances: float64[k], of what was shown in its slot, where
    the policy allows more than counting it in the lists (policies/slot_chances.py), else None; there, candidates: int32[n],
    ascending, all that it may show.
    """

    lists: Array
    chances: Array | None = None
    candidates: Array | None = None


class AskedAgain(NamedTuple):
    """One sampled decision and the lists that other seeds give. number: its place in the sample; segment: what it counts for.

    items: int32[k], what was shown; chosen: bool[k], the slots that the policy filled (an operator's pin fills the others).
    logged: the policy of that time; evaluated: each evaluated configuration.
    """

    number: int
    header: Array
    items: Array
    chosen: Array
    logged: Draws
    evaluated: tuple[Draws, ...]


@dataclass(slots=True)
class Left:
    """Decisions that were not asked again: readers held out, another list when asked with the seed of then, all slots pinned."""

    held_out: int = 0
    differs: int = 0
    pinned: int = 0


class Walker:
    """One walk. placement: or a variant; policies: those evaluated; draws: lists for each decision and policy, at least 1."""

    def __init__(
        self, shelf: Shelf, placement: str, policies: Sequence[PolicyConfig], draws: int, seed: int
    ) -> None:  # fmt: skip
        self.left = Left()
        self._placement, self._draws, self._seed = placement, draws, seed
        self._policies = policies
        self._states = [State() for _ in range(1 + len(policies))]
        self._deciders = [Decider(state, shelf) for state in self._states]
        self._pins: tuple[int, frozenset[int]] = (-1, frozenset())

    def walk(self, stretches: Iterable[Stretch], sample: Sample) -> Iterator[AskedAgain]:
        """Every sampled decision that can be asked again; what cannot is counted in `left`. stretches: the log from 0."""
        positions = sample.decisions.headers["state_position"]
        next_one = 0
        for stretch in stretches:
            while next_one < len(sample) and positions[next_one] < stretch.stop:
                self._fold(stretch, int(positions[next_one]))
                found = self._ask(sample, next_one)
                next_one += 1
                if found is not None:
                    yield found
            if next_one == len(sample):
                return
            self._fold(stretch, stretch.stop)

    def _fold(self, stretch: Stretch, stop: int) -> None:
        """All states up to position `stop`, from where they stand."""
        first = self._states[0].position
        if stop <= first:
            return
        piece = cut(stretch, first, stop)
        self._states[0].fold(piece)
        for state, policy in zip(self._states[1:], self._policies, strict=True):
            documents = tuple(as_if(document, self._placement, policy) for document in piece.documents)
            state.fold(replace(piece, documents=documents))

    def _ask(self, sample: Sample, number: int) -> AskedAgain | None:
        header, items = sample.decisions.headers[number], sample.items(number)
        place = self._served(header)
        if place is None or place.config.push is not None:
            self.left.differs += 1
            return None
        if place.holdout is not None and int(header["policy"]) == place.held_version_index:
            self.left.held_out += 1
            return None
        chosen = ~np.isin(sample.rules(number), list(self._pinning()))
        if not chosen.any():
            self.left.pinned += 1
            return None
        asking, seed = _asking(header, sample.regions), int(header["seed"])
        if not np.array_equal(_lists(self._deciders[0], place, header, [seed], asking, len(items))[0], items):
            self.left.differs += 1
            return None
        logged = self._draw(0, place, header, items, asking)
        evaluated = tuple(
            self._draw(which, self._evaluated(which, place), header, items, asking)
            for which in range(1, len(self._states))
        )
        return AskedAgain(number, header, items, chosen, logged, evaluated)

    def _served(self, header: Array) -> PlacementState | None:
        """The placement, or the variant of an experiment, that a decision was served from."""
        state = self._states[0]
        place = state.placements.get(state.interner.texts("placement")[int(header["placement"])])
        return None if place is None else place.sharing.get(int(header["policy"]), place)

    def _evaluated(self, which: int, served: PlacementState) -> PlacementState:
        """What stands in the place of `served` under an evaluated configuration: a variant's list is on the arms that served it."""
        return self._states[which].placements[served.name if "." in self._placement else self._placement]

    def _draw(self, which: int, place: PlacementState, header: Array, items: Array, asking: Asking) -> Draws:
        """Of the state `which`, with seeds of its own, so that no two states draw alike."""
        decider, own_seed = self._deciders[which], int(header["seed"])
        seed = mix(which + 1, own_seed ^ self._seed)
        question = decider.question(place, _asked_for(header), asking)
        found = None
        if question is not None and which == 0:
            found = shown_chances(*question, items, self._draws, seed, own_seed)
        elif question is not None:
            found = slot_chances(*question, items, self._draws, seed)
        if question is not None and found is not None:
            return Draws(found.lists, found.chances, question.candidates.items)
        seeds = [mix(draw, seed) for draw in range(1, self._draws + 1)]
        return Draws(_lists(decider, place, header, seeds, asking, len(items)))

    def _pinning(self) -> frozenset[int]:
        """Dense ids of the rules that are pins now."""
        state = self._states[0]
        if self._pins[0] != state.rules.generation:
            found = (state.interner.lookup("rule", rule.id) for rule in state.rules.all() if isinstance(rule, Pin))
            self._pins = (state.rules.generation, frozenset(found))
        return self._pins[1]


def _lists(
    decider: Decider, place: PlacementState, header: Array, seeds: list[int], asking: Asking, slots: int
) -> Array:  # fmt: skip
    """The lists of other seeds, cut to `slots`: int32[seeds, slots], -1 in empty slots."""
    lists = np.full((len(seeds), slots), -1, np.int32)
    for row, arranged in zip(lists, decider.redraw(place, _asked_for(header), seeds, asking), strict=True):
        shown = arranged.items[:slots]
        row[: len(shown)] = shown
    return lists


def _asked_for(header: Array) -> int:
    return max(1, int(header["asked"]) or int(header["k"]))


def _asking(header: Array, regions: Sequence[str]) -> Asking:
    """As it was asked. A region may have got its id with this very decision, after the state: so it is named by its text."""
    now_ms, user, about = int(header["occurred_ms"]), int(header["user"]), int(header["about"])
    region, named = int(header["region"]), None
    if region >= 0:
        region, named = -1, regions[region]
    return Asking(now_ms, user, about, int(header["age"]), region, int(header["request"]), named)
