"""Asking a past decision again: the state at its log position and its seed give the same list."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import numpy as np

from bandi.engine.artifacts import Shelf
from bandi.engine.deciding import Asking, Decided, Decider, mix, ranked_items
from bandi.engine.opening import Opened
from bandi.engine.plugin_contract import broken_contract
from bandi.engine.pushing import chosen
from bandi.engine.recovery import recover
from bandi.engine.state import PlacementState
from bandi.model import request_ids
from bandi.model.answers import RankedItem, Ranking
from bandi.model.errors import InvalidInputError, LogDamagedError, Problem, UnknownNameError
from bandi.model.records import Array
from bandi.policies.guarded import GuardedPolicy
from bandi.policies.seen import within

_WINDOW = 1 << 20
MAX_DRAWS = 1_000_000


class Propensity(msgspec.Struct, frozen=True):
    """How probable a shown item was: in its own slot, and anywhere in the list; with the standard error of each.

    rule: the operator's rule that acted on the slot. A pinned slot was not the policy's choice: leave it out of estimates.
    """

    item: str
    position: int
    in_slot: float
    in_slot_error: float
    in_list: float
    in_list_error: float
    rule: str = ""


@dataclass(frozen=True, slots=True)
class _Found:
    header: Array
    items: Array
    rules: Array


class Hindsight:
    """Looks decisions up in the log. O(log before the decision) in time; the live state is not touched."""

    def __init__(self, opened: Opened, shelf: Shelf, flush: Callable[[], None]) -> None:
        self._opened = opened
        self._shelf = shelf
        self._flush = flush

    def ask_again(self, request_id: str) -> Ranking:
        """The ranking, computed anew.

        Raises LogDamagedError where it is not what the log says was shown, or PluginContractError where a plug-in chose it.
        """
        found = self._find(request_id)
        decider, placement = self._at(found)
        header = found.header
        if placement.config.push is not None:
            return self._message_again(found, placement)

        def decide() -> Decided:
            return decider.decide(placement, _asked_for(header), int(header["seed"]), self._asking(header, placement))

        decided = decide()
        if not np.array_equal(decided.items, found.items):
            guard = within(placement.policy)
            if isinstance(guard, GuardedPolicy):
                raise broken_contract(request_id, guard, decided.items, lambda: decide().items)
            raise LogDamagedError(
                f"request {request_id}: asked again at position {int(header['state_position'])} the list differs from the "
                "one in the log; `bandi doctor` compares log and snapshots"
            )
        texts = self._opened.state.interner.texts("item")
        return Ranking(
            request_id=request_id,
            placement=placement.shown_at,
            policy=self._opened.state.interner.texts("policy")[int(header["policy"])],
            position=int(header["state_position"]),
            catalog_position=int(header["catalog_position"]),
            seed=str(int(header["seed"])),
            candidates=decided.candidates,
            items=ranked_items(decided, texts, self._opened.state.interner.texts("rule")),
            variant=placement.variant,
        )

    def propensities(self, request_id: str, draws: int) -> list[Propensity]:
        """Shares of `draws` (1 to 1,000,000) rankings with other seeds; a share of 0 means only: below about 3 / draws."""
        if not isinstance(draws, int) or not 1 <= draws <= MAX_DRAWS:
            raise InvalidInputError(Problem("draws", repr(draws)[:66], f"a whole number from 1 to {MAX_DRAWS}"))
        found = self._find(request_id)
        decider, placement = self._at(found)
        if placement.config.push is not None:
            raise InvalidInputError(
                Problem("request_id", "a message of `bandi push`", "a list: who is held back is drawn, see `holdout`")
            )
        seeds = [mix(draw, int(found.header["seed"])) for draw in range(1, draws + 1)]
        in_slot = np.zeros(len(found.items))
        in_list = np.zeros(len(found.items))
        header = found.header
        for ranked in decider.redraw(placement, _asked_for(header), seeds, self._asking(header, placement)):
            in_slot += ranked.items == found.items
            in_list += np.isin(found.items, ranked.items)
        texts = self._opened.state.interner.texts("item")
        rule_texts = self._opened.state.interner.texts("rule")
        shares = zip(found.items.tolist(), (in_slot / draws).tolist(), (in_list / draws).tolist(), strict=True)
        return [
            Propensity(
                texts[item], slot, p, _error(p, draws), q, _error(q, draws), rule_texts[rule] if rule >= 0 else ""
            )
            for slot, ((item, p, q), rule) in enumerate(zip(shares, found.rules.tolist(), strict=True))
        ]

    def _message_again(self, found: _Found, placement: PlacementState) -> Ranking:
        """A message: its run chosen anew, and what it says to this reader."""
        header, texts = found.header, self._opened.state.interner.texts
        position, user = int(header["state_position"]), int(header["user"])
        run = next((run for run in self._opened.state.messages.runs() if run.position == position), None)
        if run is None:
            raise UnknownNameError(Problem("request_id", "a message of a run long ago", "one of the latest 4,096 runs"))
        state = recover(self._opened.folder, self._opened.log, position).state
        rows, pairs = chosen(state, self._shelf, state.placements[placement.name], run.budget, run.at_ms, run.seed)
        own = rows[(rows["user"] == user) & (rows["held"] == 0)]
        if not np.array_equal(own["item"], found.items):
            raise LogDamagedError(f"the run at position {position}, chosen anew, differs from the one in the log")
        item = RankedItem(texts("item")[int(own["item"][0])], float(own["uplift"][0]), 0)
        return Ranking(
            request_id=request_ids.encode(int(header["request"])),
            placement=placement.name,
            policy=texts("policy")[int(header["policy"])],
            position=position,
            catalog_position=int(header["catalog_position"]),
            seed=str(run.seed),
            candidates=pairs,
            items=(item,),
        )

    def _asking(self, header: Array, placement: PlacementState) -> Asking:
        """As it was asked. A region may have got its id with this very decision, after the state that it is asked on."""
        now_ms, user, about = int(header["occurred_ms"]), int(header["user"]), int(header["about"])
        region, named = int(header["region"]), None
        if region >= 0:
            region, named = -1, self._opened.state.interner.texts("region")[region]
        held = placement.holdout is not None and int(header["policy"]) == placement.held_version_index
        return Asking(now_ms, user, about, int(header["age"]), region, int(header["request"]), named, None, held)

    def _find(self, request_id: str) -> _Found:
        request = request_ids.decode(request_id, "request_id")
        self._flush()
        log = self._opened.log
        for stop in range(log.next_position, 0, -_WINDOW):  # a decision asked about is mostly a recent one
            for stretch in log.read(max(0, stop - _WINDOW), stop):
                decisions = stretch.decisions
                hits = np.flatnonzero(decisions.headers["request"] == np.uint64(request))
                if len(hits):
                    i = int(hits[0])
                    own = slice(int(decisions.offsets[i]), int(decisions.offsets[i + 1]))
                    items = decisions.items[own]
                    none = np.full(len(items), -1, np.int32)
                    return _Found(
                        decisions.headers[i], items, none if decisions.rules is None else decisions.rules[own]
                    )
        raise UnknownNameError(
            Problem(
                "request_id", request_id, "a decision in the log", "a crash may lose the last milliseconds of decisions"
            )
        )

    def _at(self, found: _Found) -> tuple[Decider, PlacementState]:
        state = recover(self._opened.folder, self._opened.log, int(found.header["state_position"])).state
        name = state.interner.texts("placement")[int(found.header["placement"])]
        placement = state.placements[name]
        return Decider(state, self._shelf), placement.sharing.get(int(found.header["policy"]), placement)


def _asked_for(header: Array) -> int:
    """How many items were asked for: a list may be shorter, and a pin beyond its end then stands elsewhere."""
    return max(1, int(header["asked"]) or int(header["k"]))


def _error(share: float, draws: int) -> float:
    return math.sqrt(share * (1 - share) / draws)
