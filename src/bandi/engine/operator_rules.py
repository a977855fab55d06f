"""`engine.rules`: what operators want of the lists, changed while the service runs."""

from __future__ import annotations

import difflib
import threading
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from bandi.arrangement.schedules import acting
from bandi.eligibility.expression import parse
from bandi.engine.jobs import DocumentJob, Done
from bandi.engine.state import State
from bandi.model.answers import Receipt
from bandi.model.errors import InvalidInputError, Problem, UnknownNameError
from bandi.model.events import milliseconds
from bandi.model.records import DocumentKind
from bandi.model.rules import MAX_RULES, Pin, Rule, checked_rules


class Submitter(Protocol):
    """What carries a document to the writer and waits for it."""

    def __call__(self, make: Callable[[Done], DocumentJob]) -> Receipt:
        """Send and wait."""


class RulesDoor:
    """The rules of a folder. A change is durable on return, and acts from the next request on."""

    def __init__(self, state: State, submit: Submitter, clock_ms: Callable[[], int]) -> None:
        self._state = state
        self._submit = submit
        self._clock_ms = clock_ms
        self._changing = threading.Lock()  # the bound is looked at and used up by one at a time

    def put(self, *rules: Rule) -> Receipt:
        """Add rules, or replace those of the same ids: all of them or none.

        Raises InvalidInputError, naming every fault: see `model.rules.checked_rules`; an expression that cannot be read; an
        item or a placement that is not known; more than MAX_RULES in all (those that have ended make room).
        """
        if not rules:
            return Receipt(0)
        now_ms = self._clock_ms()
        checked = checked_rules(rules, now_ms)
        problems = [problem for i, rule in enumerate(checked) for problem in self._faults(rule, f"$[{i}]")]
        if problems:
            raise InvalidInputError(problems)
        with self._changing:
            self._make_room(checked, now_ms)
            return self._send(DocumentKind.RULES, [rule.id for rule in checked], msgspec.msgpack.encode(checked))

    def get(self, rule: str) -> Rule | None:
        """The rule of that id, or None."""
        return self._state.rules.get(rule)

    def all(self) -> tuple[Rule, ...]:
        """All rules, oldest first, those that have ended as well."""
        return self._state.rules.all()

    def acting(self) -> tuple[str, ...]:
        """The ids of the rules that act now, by their start, end and schedule; oldest first."""
        now_ms = self._clock_ms()
        return tuple(rule.id for rule in self.all() if acting(rule, now_ms).now)

    def delete(self, *ids: str) -> Receipt:
        """Take rules out: all of them or none. Raises UnknownNameError for an id that no rule has."""
        with self._changing:
            return self._delete(list(dict.fromkeys(ids)))

    def _delete(self, ids: list[str]) -> Receipt:
        unknown = [rule for rule in ids if self.get(rule) is None]
        if unknown:
            raise UnknownNameError([Problem("rule", ascii(rule)[:66], "the id of a rule") for rule in unknown])
        if not ids:
            return Receipt(0)
        return self._send(DocumentKind.RULES_DELETED, ids, msgspec.msgpack.encode(ids))

    def _faults(self, rule: Rule, where: str) -> list[Problem]:
        problems = []
        places = [name for name, place in self._state.placements.items() if not place.variant_of]
        for name in rule.placements:
            if name not in places:
                close = difflib.get_close_matches(name, places, 1)
                hint = f"did you mean {close[0]}?" if close else ""
                problems.append(Problem(f"{where}.placements", ascii(name)[:66], f"one of: {', '.join(places)}", hint))
        items = (rule.item,) if isinstance(rule, Pin) else rule.items
        problems += [
            Problem(where, ascii(item)[:66], "an item of the catalogue", "load the item first")
            for item in items
            if self._state.interner.lookup("item", item) < 0
        ]
        if not isinstance(rule, Pin) and rule.where is not None:
            try:
                parse(rule.where, f"{where}.where")
            except InvalidInputError as error:
                problems += error.problems
        return problems

    def _make_room(self, rules: Sequence[Rule], now_ms: int) -> None:
        ids = {rule.id for rule in rules}
        others = [rule for rule in self.all() if rule.id not in ids]
        if len(others) + len(rules) <= MAX_RULES:
            return
        ended = [rule.id for rule in others if milliseconds(rule.ends_at) <= now_ms]
        if len(others) - len(ended) + len(rules) > MAX_RULES:
            found = f"{len(others) - len(ended) + len(rules):,} that have not ended"
            raise InvalidInputError(Problem("rules", found, f"at most {MAX_RULES:,}", "delete some first"))
        self._delete(ended)

    def _send(self, kind: DocumentKind, ids: Sequence[str], payload: bytes) -> Receipt:
        receipt = Receipt(accepted=len(ids))
        return self._submit(lambda done: DocumentJob(kind, "rule", ids, payload, receipt, done))
