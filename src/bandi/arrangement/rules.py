"""The rules of one placement as arrays, and which of them act now.

Where two rules want different things of one slot or one title, that of higher priority acts, of equal ones the newer: the
later in the list that was compiled. So each slot of a list has at most one rule to name. A block is above all: what is
blocked is not pinned.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np

from bandi.arrangement.schedules import NEVER_MS, Acting, acting, open_hours
from bandi.model.events import milliseconds
from bandi.model.records import Array
from bandi.model.rules import MAX_RULES, Block, Boost, Bury, Pin, Rule, Schedule


class PinFate(IntEnum):
    """What became of a pin. The first four are known before a request comes, the others depend on it."""

    UNKNOWN_ITEM = 1  # the catalogue has no such item
    BLOCKED = 2  # a block rule covers the item
    SLOT_TAKEN = 3  # another pin has the slot
    ITEM_PINNED = 4  # the item is pinned elsewhere
    SHOWN = 5
    NOT_ELIGIBLE = 6  # not for this reader or not now
    BEYOND_LIST = 7  # the list is shorter


class LeftOut(NamedTuple):
    """A pin that acts for nobody, and why. rule: its number; by: the number of the rule that has its place, -1: none."""

    rule: int
    fate: PinFate
    by: int


@dataclass(frozen=True, slots=True)
class InForce:
    """What the rules of a placement want from since_ms (inclusive) to until_ms (exclusive).

    blocked: int32[b], items that are not shown, ascending; blocking: int16[size] by item, the block rule, -1: none.
    pin_slots, pin_items, pin_rules: int32[p], by slot. acting: int16[size] by item, the number of the boost or bury rule,
    -1: none (size 0 where there are no such rules; items beyond the size have none). factors: float32[rules] by number, 1
    for rules that do not multiply. boosts: whether any rule in force lifts titles. left_out: pins that act for nobody.
    """

    since_ms: int
    until_ms: int
    numbers: Array
    blocked: Array
    blocking: Array
    pin_slots: Array
    pin_items: Array
    pin_rules: Array
    acting: Array
    factors: Array
    boosts: bool
    left_out: tuple[LeftOut, ...]

    def allowed(self, items: Array) -> Array:
        """Whether no block rule covers each of `items` (int32[n]): bool[n], O(n)."""
        if not len(self.blocked):
            return np.ones(len(items), np.bool_)
        known = items < len(self.blocking)
        found: Array = ~known | (self.blocking[np.where(known, items, 0)] < 0)
        return found

    def multipliers(self, items: Array) -> tuple[Array, Array]:
        """The factor of each of `items` (int32[n]) and the rule it comes from: float32[n], int32[n] (-1: none, factor 1)."""
        rules = np.full(len(items), -1, np.int32)
        known = items < len(self.acting)
        rules[known] = self.acting[items[known]]
        factors = np.ones(len(items), np.float32)
        factors[rules >= 0] = self.factors[rules[rules >= 0]]
        return factors, rules


@dataclass(frozen=True, slots=True)
class CompiledRules:
    """The rules that concern one placement. A rule's number is its place in `rules`.

    here: int64[h], the numbers of the rules of this placement; targets: by number, int32[t], the dense ids that the rule
    names (-1: unknown); masks: by number, the titles for which its expression holds as packed bits, or nothing.
    size: ids that the tables of `InForce` reach over.
    """

    rules: tuple[Rule, ...]
    here: Array
    targets: tuple[Array, ...]
    masks: Mapping[int, Array]
    size: int

    def pinned(self, numbers: Array) -> Array:
        """Whether each rule number (int32[m], -1: none) is a pin: slots that were not the policy's choice. bool[m]."""
        pins = np.array([isinstance(rule, Pin) for rule in self.rules] + [False])
        found: Array = pins[numbers]
        return found


class RulesInForce:
    """`in_force` with the last answer kept: O(1) until a rule starts, ends, opens or closes."""

    def __init__(self, compiled: CompiledRules) -> None:
        self.compiled = compiled
        self._last: InForce | None = None

    def at(self, now_ms: int) -> InForce:
        """What the rules want at `now_ms`. May be called by several threads."""
        last = self._last
        if last is None or not last.since_ms <= now_ms < last.until_ms:
            self._last = last = in_force(self.compiled, now_ms)
        return last


def compile_rules(
    rules: Sequence[Rule],
    lookup: Callable[[str], int],
    placement: str,
    where: Callable[[str], Array] | None = None,
) -> CompiledRules:
    """Rules, oldest first, as arrays. O(rules + items named + titles for each different expression).

    lookup: the dense id of an item id, -1 if unknown; where: the titles for which an expression holds, bool[titles] by dense
    id. Compile again whenever the rules or the catalogue change. Memory: a bit per title for each expression. Raises
    ValueError for more than MAX_RULES.
    """
    if len(rules) > MAX_RULES:
        raise ValueError(f"{len(rules)} rules: expected at most {MAX_RULES}")
    here = [i for i, rule in enumerate(rules) if not rule.placements or placement in rule.placements]
    named = [np.zeros(0, np.int32)] * len(rules)
    masks: dict[int, Array] = {}
    packed: dict[str, Array] = {}
    size = 0
    for number in here:
        rule = rules[number]
        texts = (rule.item,) if isinstance(rule, Pin) else rule.items
        named[number] = np.array([lookup(text) for text in texts], np.int32)
        if isinstance(rule, Pin):
            continue
        size = max(size, int(named[number].max(initial=-1)) + 1)
        if rule.where is None:
            continue
        if where is None:
            raise ValueError("a rule has an expression, and there is nothing to evaluate it with")
        if rule.where not in packed:
            mask = where(rule.where)
            size = max(size, len(mask))
            packed[rule.where] = np.packbits(mask)
        masks[number] = packed[rule.where]
    return CompiledRules(tuple(rules), np.array(here, np.int64), tuple(named), masks, size)


def in_force(compiled: CompiledRules, now_ms: int) -> InForce:
    """What the rules want at `now_ms`. O(rules + titles for each rule in force that boosts, buries or blocks)."""
    numbers, since_ms, until_ms = _acting(compiled, now_ms)
    rules = compiled.rules
    order = sorted(numbers, key=lambda number: (rules[number].priority, number))  # the later ones prevail
    blocking = _table(compiled, [number for number in order if isinstance(rules[number], Block)])
    lifting = [number for number in order if isinstance(rules[number], Boost | Bury)]
    factors = np.ones(len(rules), np.float32)
    for number in lifting:
        rule = rules[number]
        if isinstance(rule, Boost | Bury):
            factors[number] = rule.factor
    pins, left_out = _pins(compiled, order[::-1], blocking)
    return InForce(
        since_ms=since_ms,
        until_ms=until_ms,
        numbers=np.array(numbers, np.int32),
        blocked=np.flatnonzero(blocking >= 0).astype(np.int32),
        blocking=blocking,
        pin_slots=pins[:, 0].copy(),
        pin_items=pins[:, 1].copy(),
        pin_rules=pins[:, 2].copy(),
        acting=_table(compiled, lifting),
        factors=factors,
        boosts=bool((factors > 1).any()),
        left_out=left_out,
    )


def _acting(compiled: CompiledRules, now_ms: int) -> tuple[list[int], int, int]:
    """The numbers of the rules that act, and between which moments that is so.

    Only later changes are looked for: what held before now is not known, so `since_ms` is now.
    """
    numbers, until_ms = [], NEVER_MS
    hours: dict[Schedule, Acting] = {}
    for number in compiled.here.tolist():
        rule = compiled.rules[number]
        found = acting(rule, now_ms) if rule.schedule is None else _scheduled(rule, rule.schedule, now_ms, hours)
        until_ms = min(until_ms, found.until_ms)
        if found.now:
            numbers.append(number)
    return numbers, now_ms, until_ms


def _scheduled(rule: Rule, schedule: Schedule, now_ms: int, hours: dict[Schedule, Acting]) -> Acting:
    """As `acting`; schedules that several rules share are looked up once."""
    if schedule not in hours:
        hours[schedule] = open_hours(schedule, now_ms)
    start_ms = now_ms if rule.starts_at is None else milliseconds(rule.starts_at)
    end_ms = milliseconds(rule.ends_at)
    if not start_ms <= now_ms < end_ms:
        return acting(rule, now_ms)
    return Acting(hours[schedule].now, min(hours[schedule].until_ms, end_ms))


def _table(compiled: CompiledRules, numbers: list[int]) -> Array:
    """The last of `numbers` that concerns each item, -1: none: int16[size], or of size 0 where there are no rules."""
    table = np.full(compiled.size if numbers else 0, -1, np.int16)
    for number in numbers:
        named = compiled.targets[number]
        table[named[named >= 0]] = number
        if number in compiled.masks:
            mask = np.unpackbits(compiled.masks[number], count=compiled.size).view(np.bool_)
            table[: len(mask)][mask] = number
    return table


def _pins(compiled: CompiledRules, order: list[int], blocking: Array) -> tuple[Array, tuple[LeftOut, ...]]:
    """int32[p, 3] (slot, item, rule), by slot, of the pins in `order` (foremost first), and those that act for nobody."""
    slots: dict[int, int] = {}
    items: dict[int, int] = {}
    left_out = []
    for number in order:
        rule = compiled.rules[number]
        if not isinstance(rule, Pin):
            continue
        item = int(compiled.targets[number][0])
        if item < 0:
            left_out.append(LeftOut(number, PinFate.UNKNOWN_ITEM, -1))
        elif item < len(blocking) and blocking[item] >= 0:
            left_out.append(LeftOut(number, PinFate.BLOCKED, int(blocking[item])))
        elif rule.slot in slots:
            left_out.append(LeftOut(number, PinFate.SLOT_TAKEN, slots[rule.slot]))
        elif item in items:
            left_out.append(LeftOut(number, PinFate.ITEM_PINNED, items[item]))
        else:
            slots[rule.slot] = items[item] = number
    found = {slot: (slot, int(compiled.targets[number][0]), number) for slot, number in slots.items()}
    pins = np.array([found[slot] for slot in sorted(found)], np.int32).reshape(-1, 3)
    return pins, tuple(left_out)
