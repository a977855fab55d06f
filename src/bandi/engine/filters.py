"""What a placement may show to whom, and what operators and diversity want of its lists: kept until something changes."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

import numpy as np

from bandi.arrangement.diversity import Caps, Diversity, Mmr, Quotas
from bandi.arrangement.rules import InForce, RulesInForce, compile_rules
from bandi.eligibility.expression import parse
from bandi.eligibility.filters import MAX_MASKS, Eligibility
from bandi.engine.artifacts import Shelf
from bandi.engine.state import PlacementState, State
from bandi.learning.encounters import Met
from bandi.model.records import Array
from bandi.model.rules import MAX_RULES
from bandi.targeters.protocol import Learned

_MEETINGS = {"read": Met.CLICKED | Met.READ, "bought": Met.BOUGHT, "dismissed": Met.DISMISSED}
_NOT_GONE_ON_WITH = Met.DISMISSED
_NO_RULES = np.zeros(0, np.int32)


class Allowed(NamedTuple):
    """The titles that may be shown. mask: bool[size]; items: int32[n], ascending; ranks: int32[n], the editors' (0: none)."""

    mask: Array
    items: Array
    ranks: Array


class _Kept(NamedTuple):
    """An answer with what it was made of: they are held, so their identities stay their own."""

    mask: Array
    force: InForce
    allowed: Allowed


class PlacementFilter:
    """One placement's. Not to be asked by two threads at once: the decider asks under its lock."""

    def __init__(self, state: State, shelf: Shelf, placement: PlacementState) -> None:
        config = placement.config
        self.placement = placement
        self._state = state
        self._shelf = shelf
        expression = None if config.where is None else parse(config.where, f"placements.{placement.name}.where")
        self._eligibility = Eligibility(expression, config.assumed_age)
        self._kept: OrderedDict[tuple[int, int], _Kept] = OrderedDict()
        self._rules: tuple[tuple[int, int], RulesInForce, Array] | None = None
        self._diversity: tuple[tuple[int, str], Diversity] | None = None
        self._excluded = Met(0)
        for name in config.exclude:
            self._excluded |= _MEETINGS[name]

    def allowed(self, now_ms: int, age: int | None, region: str | None, force: InForce) -> Allowed:
        """What may be shown to such a reader. O(1) until the catalogue, the rules or the hour change it; then O(items)."""
        mask = self._eligibility.mask(self._state.items, now_ms, age, region)
        key = (id(mask), id(force) if len(force.blocked) else 0)
        kept = self._kept.get(key)
        if kept is None:
            kept = self._kept[key] = _Kept(mask, force, self._made(mask, force))
            if len(self._kept) > MAX_MASKS:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(key)
        return kept.allowed

    def _made(self, mask: Array, force: InForce) -> Allowed:
        mask = (
            mask.copy()
        )  # a writable one: kernels are compiled for these, and a read-only one would be compiled for anew
        if len(force.blocked):
            mask[force.blocked[force.blocked < len(mask)]] = False
        items = np.flatnonzero(mask).astype(np.int32)
        return Allowed(mask, items, self._state.items.editor_ranks(items))

    def in_force(self, now_ms: int) -> tuple[InForce, Array]:
        """What the rules want now, and the dense id of each rule number: int32[rules]."""
        generation = (self._state.rules.generation, self._state.items.generation)
        if self._rules is None or self._rules[0] != generation:
            rules = self._state.rules.all()[-MAX_RULES:]  # of a log that holds more, the newest
            interner = self._state.interner
            compiled = compile_rules(
                rules, lambda item: interner.lookup("item", item), self.placement.shown_at, self._where
            )
            dense = np.array([interner.lookup("rule", rule.id) for rule in rules], np.int32)
            self._rules = (generation, RulesInForce(compiled), dense if len(rules) else _NO_RULES)
        return self._rules[1].at(now_ms), self._rules[2]

    def _where(self, text: str) -> Array:
        expression = parse(text)
        return expression.keeps(self._state.items.columns(expression.needs))

    def diversity(self) -> Diversity:
        """Caps, quotas and spread as the configuration asks. O(1) until the catalogue or the artifact changes."""
        generation = (self._state.items.generation, self._state.artifact)
        if self._diversity is None or self._diversity[0] != generation:
            self._diversity = (generation, Diversity(self._caps(), self._quotas(), self._mmr()))
        return self._diversity[1]

    def _caps(self) -> Caps:
        caps = self.placement.config.diversity
        codes = [self._state.items.codes(cap.by).codes for cap in caps]
        size = max(map(len, codes), default=0)
        return Caps(np.array(codes, np.int32).reshape(len(caps), size), np.array([cap.max_share for cap in caps]))

    def _quotas(self) -> Quotas:
        targeters = self.placement.config.targeters
        least, most = [t.at_least for t in targeters], [t.at_most for t in targeters]
        if not any(least) and all(share == 1.0 for share in most):
            return Quotas(np.zeros(0), np.zeros(0))
        return Quotas(np.array(least), np.array(most))

    def _mmr(self) -> Mmr:
        mmr = self.placement.config.mmr
        learned: Learned | None = None if mmr is None else self._shelf.find(self._state.artifact)
        likeness = None if learned is None or mmr is None else learned.likeness.get(mmr.by)
        if mmr is None or likeness is None:
            return Mmr(np.zeros((0, 0), np.float32), 1.0)
        return Mmr(likeness.vectors, mmr.relevance)

    def without(self, user: int) -> Array:
        """What this reader is never shown again: int32[l]."""
        return self._state.encounters.met(user, int(self._excluded)) if self._excluded else _NO_RULES

    def going_on(self, user: int, recent: Array) -> Array:
        """What this reader read last and did not dismiss: int32[m], newest first."""
        if not len(recent) or not self._excluded & Met.DISMISSED:
            return recent
        kept: Array = recent[~np.isin(recent, self._state.encounters.met(user, int(_NOT_GONE_ON_WITH)))]
        return kept
