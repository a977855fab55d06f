"""One decision: candidates and arms at one log position, ranked by the placement's policy, arranged as operators want."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple, TypeVar

import numpy as np

from bandi.arrangement.arranging import Arranged, arrange, pool_size
from bandi.arrangement.diversity import Diversity
from bandi.arrangement.rules import InForce
from bandi.engine.artifacts import Shelf
from bandi.engine.assigning import variant_for
from bandi.engine.by_reader_state import reader_state
from bandi.engine.carrying_on import arm_segments
from bandi.engine.filters import PlacementFilter
from bandi.engine.holding_out import NO_LIST, serve_held
from bandi.engine.memberships import Memberships
from bandi.engine.state import PlacementState, State
from bandi.model.answers import RankedItem
from bandi.model.errors import InvalidInputError, Problem, UnknownNameError
from bandi.model.records import Array
from bandi.policies.bernoulli import BernoulliPolicy
from bandi.policies.chain_policy import ChainPolicy
from bandi.policies.exploration import Exploiting, Explored, explore
from bandi.policies.protocol import Candidates, ContentPriors, Policy, Posterior, Ranked, Request, StepPriors
from bandi.policies.seen import within
from bandi.policies.traits import learned_prior, steps_of
from bandi.targeters.merging import target
from bandi.targeters.protocol import Asked, View

MAX_K = 1_000
MAX_AGE = 199
OTHER_REGION = -2
"""In a header: a region was named that no title names."""
_MASK = (1 << 64) - 1
_NO_TITLE_NAMES_IT = "\0"

_Learned = TypeVar("_Learned")


class Asking(NamedTuple):
    """Who asks, and when. user, about, region: dense ids, -1: none; age: in years, -1: not said; request: its number.

    held: a reader of the placement's holdout, who gets what that serves.

    new_region, new_user: a region and a reader that had no dense id when the request came.
    """

    now_ms: int
    user: int = -1
    about: int = -1
    age: int = -1
    region: int = -1
    request: int = 0
    new_region: str | None = None
    new_user: str | None = None
    held: bool = False


class Decided(NamedTuple):
    """A ranked list and where it came from. items: int32[m]; scores: float32[m]; candidates: how many were ranked.

    sources: uint8[m], bit i is set where the placement's targeter i named the item; None where it has no targeters. rules:
    int32[m], the dense id of the operator's rule that acted on each slot, -1: none; None: nowhere did one. segment: the one
    that implied impressions count for. user: the reader's dense id at that position, -1: none. explored: the pool before it was
    arranged, and what exploring cost. place: the placement as it is for readers in the state of this one.
    """

    items: Array
    scores: Array
    candidates: int
    position: int
    catalog_position: int
    sources: Array | None
    rules: Array | None
    segment: int
    user: int
    explored: Explored
    place: PlacementState


class _Prepared(NamedTuple):
    """What a decision needs before its draw: the same for every seed."""

    request: Request
    candidates: Candidates
    sources: Array | None
    force: InForce
    rule_ids: Array
    diversity: Diversity
    pins_allowed: Array
    membership: Array


class Question(NamedTuple):
    """What a policy is asked for a decision whose list is shown as it ranks it."""

    policy: Policy
    request: Request
    candidates: Candidates


class Decider:
    """Ranks against a `State` without holding up its writer."""

    def __init__(self, state: State, shelf: Shelf) -> None:
        self._state = state
        self._shelf = shelf
        self._memberships = Memberships(state, shelf)
        self._filters: dict[tuple[str, int, str], PlacementFilter] = {}
        self._ranking = threading.Lock()  # policies own scratch arrays: one rank at a time

    def placement(self, name: str) -> PlacementState:
        """The placement of that name. Raises UnknownNameError."""
        state = self._state.placements.get(name) if isinstance(name, str) else None
        if state is None:
            raise UnknownNameError(
                Problem("$.placement", repr(name)[:66], f"one of: {', '.join(self._state.placements)}")
            )
        return state

    def asked(self, name: str) -> PlacementState:
        """The placement of that name, as readers may ask for it: no variant. Raises UnknownNameError."""
        place = self.placement(name)
        if place.variant_of:
            configured = [each.name for each in self._state.placements.values() if not each.variant_of]
            hint = "a variant is served to the readers whom its experiment draws"
            raise UnknownNameError(Problem("$.placement", repr(name)[:66], f"one of: {', '.join(configured)}", hint))
        return place

    def decide(self, placement: PlacementState, k: int, seed: int, asking: Asking) -> Decided:
        """The best k. O(candidates). All that it read belongs to one log position."""
        state = self._state
        with self._ranking:
            while True:
                version = state.version
                if version & 1:
                    with state.lock:  # a fold is under way: wait for its end
                        continue
                if asking.new_user is not None:  # whose first events may have come since
                    asking = asking._replace(user=state.interner.lookup("user", asking.new_user))
                place = self._for_reader(placement, asking)
                prepared = self._prepare(place, k, asking)
                explored, arranged = self._drawn(place, prepared, k, seed, asking)
                decided = Decided(
                    arranged.items, arranged.scores, len(prepared.candidates.items), state.position,
                    state.catalog_position, _sources(prepared, arranged.items), _rules(prepared, arranged.rules),
                    self._memberships.draw(prepared.membership, asking.request), asking.user,
                    explored, place,
                )  # fmt: skip
                if state.version == version:
                    return decided

    def redraw(self, placement: PlacementState, k: int, seeds: list[int], asking: Asking) -> list[Arranged]:
        """The lists that other seeds would have given, on a state at rest."""
        with self._ranking:
            place = self._for_reader(placement, asking)
            prepared = self._prepare(place, k, asking)
            return [self._drawn(place, prepared, k, seed, asking)[1] for seed in seeds]

    def question(self, placement: PlacementState, k: int, asking: Asking) -> Question | None:
        """What the policy is asked, on a state at rest; None where rules, diversity, a budget or the holdout act on its list."""
        with self._ranking:
            place = self._for_reader(placement, asking)
            prepared = self._prepare(place, k, asking)
        force = prepared.force
        acted_on = len(force.acting) or len(force.pin_items) or prepared.diversity.asks
        if acted_on or asking.held or place.config.exploration is not None:
            return None
        return Question(place.policy, prepared.request, prepared.candidates)

    def passed_on(self, placement: PlacementState, user: int, now_ms: int) -> PlacementState:
        """The placement whose list a reader gets who asks at this one."""
        if not placement.passed_on:
            return placement
        name = placement.passed_on.get(reader_state(self._state, user, now_ms))
        return placement if name is None else self.placement(name)

    def varied(
        self, placement: PlacementState, unit: str, user: int, region: str | None, now_ms: int
    ) -> PlacementState:
        """The variant for the reader of that id, or the placement itself. region: as the request says, if it does."""
        return variant_for(self._state, placement, unit, user, partial(self._region_of, user, region), now_ms)

    def _region_of(self, user: int, named: str | None) -> str | None:
        """As the request says, also where no title names it; else as the reader's document does."""
        reader = self._state.users.get(user) if named is None else None
        return named if reader is None else reader.region or None

    def _for_reader(self, placement: PlacementState, asking: Asking) -> PlacementState:
        """The placement as it is for readers in the state of this one, at the moment that was asked about."""
        if not placement.by_state:
            return placement
        return placement.by_state.get(reader_state(self._state, asking.user, asking.now_ms), placement)

    def membership(self, user: int) -> Array:
        """A reader's weights over segments: float32[k], or of length 0 where none are known."""
        return self._memberships.of(self._state.histories.recent(user))

    def priors(self, placement: PlacementState) -> ContentPriors | None:
        """What the placement's arms start from by the artifact in use; None: the configured prior."""
        if learned_prior(placement.config.policy) is None:
            return None
        learned = self._shelf.find(self._state.artifact)
        found = None if learned is None else _learned_for(learned.priors, placement)
        return found if found is not None and len(found.successes) == arm_segments(self._state.config) else None

    def step_priors(self, placement: PlacementState) -> StepPriors | None:
        """What factors of later steps start from by the artifact in use; None: all titles are average."""
        steps = steps_of(placement.config.policy)
        if not steps or learned_prior(placement.config.policy) is None:
            return None
        learned = self._shelf.find(self._state.artifact)
        found = None if learned is None else _learned_for(learned.step_priors, placement)
        return found if found is not None and len(found.means) == len(steps) else None

    def posterior(self, placement: PlacementState, items: Array, segment: int, now_ms: int) -> Posterior:
        """What a placement's policy believes of `items` (int32[n]), from the priors that its decisions start from."""
        policy = within(placement.policy)
        if isinstance(policy, BernoulliPolicy | ChainPolicy):
            return policy.posterior(items, segment, now_ms, self.priors(placement))
        return placement.policy.posterior(items, segment, now_ms)

    def _drawn(
        self, placement: PlacementState, prepared: _Prepared, k: int, seed: int, asking: Asking
    ) -> tuple[Explored, Arranged]:
        """What the policy ranks, or the holdout serves, and the list made of it."""
        if not asking.held or placement.holdout is None:
            explored = _pool(placement, prepared, k, seed)
            return explored, _arranged(prepared, explored.ranked, k)
        if placement.holdout.serves == "nothing":
            return Explored(NO_LIST), Arranged(NO_LIST.items, NO_LIST.scores, NO_LIST.items, np.zeros(0, np.uint8))
        size = pool_size(k, len(prepared.candidates.items), prepared.force, prepared.diversity)
        served = serve_held(placement.holdout.serves, prepared.candidates, self._state.popularity.leaders, size)
        return Explored(served), _arranged(prepared, served, k)

    def _filter(self, placement: PlacementState) -> PlacementFilter:
        found = self._filters.get(placement.key)
        if found is None or found.placement is not placement:
            found = self._filters[placement.key] = PlacementFilter(self._state, self._shelf, placement)
        return found

    def _prepare(self, placement: PlacementState, k: int, asking: Asking) -> _Prepared:
        state, chosen = self._state, self._filter(placement)
        now_ms, user = asking.now_ms, asking.user
        force, rule_ids = chosen.in_force(now_ms)
        allowed = chosen.allowed(now_ms, *self._age_and_region(asking), force)
        recent = state.histories.recent(user)
        membership = self._memberships.of(recent)
        without = chosen.without(user)
        candidates, sources = Candidates(allowed.items, allowed.ranks), None
        named = None
        if placement.targeters and not asking.held:
            view = View(state.items, state.popularity, self._shelf.find(state.artifact), allowed.mask)
            going_on = chosen.going_on(user, recent)
            named = target(
                placement.targeters, Asked(recent, asking.about, now_ms, without, going_on, membership), view
            )
        if named is not None and len(named.items) >= min(k, len(allowed.items)):
            candidates, sources = Candidates(named.items, state.items.editor_ranks(named.items)), named.sources
        elif len(without):  # the whole catalogue, where targeters name too few for a list
            stays = allowed.mask.copy()
            stays[without[without < len(stays)]] = False
            items = np.flatnonzero(stays).astype(np.int32)
            candidates = Candidates(items, state.items.editor_ranks(items))
        candidates = candidates._replace(priors=self.priors(placement), step_priors=self.step_priors(placement))
        pins = force.pin_items
        request = Request(self._memberships.for_arms(membership), now_ms, user, give_up=placement.give_up, shown=k)
        if placement.dimensions:
            request = request._replace(vector=state.contexts.reader(recent, placement.dimensions))
            candidates = candidates._replace(vectors=state.contexts.titles(placement.dimensions))
        return _Prepared(
            request, candidates, sources, force, rule_ids,
            chosen.diversity(), pins if not len(pins) else _shown(pins, allowed.mask), membership,
        )  # fmt: skip

    def _age_and_region(self, asking: Asking) -> tuple[int | None, str | None]:
        """As the request says; what it does not say, as the reader's document does."""
        age = None if asking.age < 0 else asking.age
        region = asking.new_region
        if asking.region == OTHER_REGION:
            region = _NO_TITLE_NAMES_IT
        elif asking.region >= 0:
            region = self._state.interner.texts("region")[asking.region]
        if age is None or region is None:
            reader = self._state.users.get(asking.user)
            if reader is not None:
                age = reader.age if age is None else age
                region = reader.region or None if region is None else region
        return age, region


def _pool(placement: PlacementState, prepared: _Prepared, k: int, seed: int) -> Explored:
    request, candidates = prepared.request, prepared.candidates
    size = pool_size(k, len(candidates.items), prepared.force, prepared.diversity)
    config, policy = placement.config.exploration, placement.policy
    if config is None or not isinstance(policy, Exploiting) or size < 1:
        return Explored(policy.rank(request, candidates, size, seed))
    return explore(policy, config, placement.account, request, candidates, k, size, seed)


def _arranged(prepared: _Prepared, ranked: Ranked, k: int) -> Arranged:
    candidates, force, diversity = prepared.candidates, prepared.force, prepared.diversity
    sources = None
    if prepared.sources is not None and len(diversity.quotas.least):
        sources = prepared.sources[np.searchsorted(candidates.items, ranked.items)]
    return arrange(ranked, k, force, diversity, sources, prepared.pins_allowed if len(force.pin_items) else None)


def _sources(prepared: _Prepared, items: Array) -> Array | None:
    """Who named each item; nobody named a pinned one that is not among the candidates."""
    if prepared.sources is None:
        return None
    candidates = prepared.candidates.items
    place = np.searchsorted(candidates, items)
    if not len(prepared.force.pin_items):
        found: Array = prepared.sources[place]
        return found
    place = place.clip(max=max(len(candidates) - 1, 0))
    named = candidates[place] == items if len(candidates) else np.zeros(len(items), np.bool_)
    return np.where(named, prepared.sources[place], 0).astype(np.uint8)


def _rules(prepared: _Prepared, numbers: Array) -> Array | None:
    if not len(prepared.rule_ids) or not (numbers >= 0).any():
        return None
    return np.where(numbers >= 0, prepared.rule_ids[numbers], -1).astype(np.int32)


def _shown(items: Array, mask: Array) -> Array:
    known = items < len(mask)
    shown: Array = known & mask[np.where(known, items, 0)] if len(mask) else np.zeros(len(items), np.bool_)
    return shown


def ranked_items(decided: Decided, texts: Sequence[str], rule_texts: Sequence[str]) -> tuple[RankedItem, ...]:
    """The slots of a list, as callers see them."""
    slots = zip(decided.items.tolist(), decided.scores.tolist(), range(len(decided.items)), strict=True)
    if decided.sources is None and decided.rules is None:
        return tuple([RankedItem(texts[item], score, slot) for item, score, slot in slots])
    names = decided.place.source_names
    count = len(decided.items)
    sources = [0] * count if decided.sources is None else decided.sources.tolist()
    rules = [-1] * count if decided.rules is None else decided.rules.tolist()
    named = {bits: tuple(name for i, name in enumerate(names) if bits >> i & 1) for bits in set(sources)}
    return tuple(
        [
            RankedItem(texts[item], score, slot, named[bits], rule_texts[rule] if rule >= 0 else "")
            for (item, score, slot), bits, rule in zip(slots, sources, rules, strict=True)
        ]
    )


def checked_k(k: object, default: int) -> int:
    """How many to show. Raises InvalidInputError unless 1 to MAX_K."""
    if k is None:
        return default
    if isinstance(k, int) and not isinstance(k, bool) and 1 <= k <= MAX_K:
        return k
    raise InvalidInputError(Problem("$.k", repr(k)[:66], f"a whole number from 1 to {MAX_K}"))


def checked_age(age: object) -> int:
    """Years. Raises InvalidInputError unless 0 to 200."""
    if isinstance(age, int) and not isinstance(age, bool) and 0 <= age <= MAX_AGE:
        return age
    raise InvalidInputError(Problem("$.age", repr(age)[:66], f"whole years from 0 to {MAX_AGE}"))


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


def _learned_for(by_placement: Mapping[str, _Learned], placement: PlacementState) -> _Learned | None:
    """What an artifact has for the arms that a list is served from.

    A variant's own arms begin as those of the placement, so until they have been learned from what holds for those is used.
    """
    found = by_placement.get(placement.name)
    owns = "." in placement.name  # of a variant, EXPERIMENT.VARIANT; names of placements have no dot
    return by_placement.get(placement.shown_at) if found is None and owns else found
