"""Which rules act on which titles and slots, against looking through all rules one by one."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandi.arrangement.rules import CompiledRules, InForce, LeftOut, PinFate, RulesInForce, compile_rules, in_force
from bandi.arrangement.schedules import NEVER_MS
from bandi.model.rules import MAX_RULES, Block, Boost, Bury, Pin, Rule, Schedule

TITLES = 12
FIELDS: dict[str, Any] = {"id": "r", "owner": "o", "reason": "r", "ends_at": 2.0}


def lookup(text: str) -> int:
    index = int(text[1:])
    return index if index < TITLES else -1


def where(text: str) -> np.ndarray:
    """`even`, `odd`, `all`."""
    numbers = np.arange(TITLES)
    return {"even": numbers % 2 == 0, "odd": numbers % 2 == 1, "all": numbers >= 0}[text]


def compiled(*rules: Rule, placement: str = "home") -> CompiledRules:
    return compile_rules(rules, lookup, placement, where)


def now(*rules: Rule) -> InForce:
    return in_force(compiled(*rules), 1_000)


titles = st.integers(0, TITLES + 1).map(lambda i: f"t{i}")  # two are unknown
common = {
    "id": st.just("r"),
    "owner": st.just("o"),
    "reason": st.just("r"),
    "starts_at": st.sampled_from([None, 0.5, 1.5]),
    "ends_at": st.sampled_from([0.8, 2.0]),
    "placements": st.sampled_from([(), ("home",), ("push", "home"), ("push",)]),
    "priority": st.integers(-1, 1),
}
concerned = {
    "items": st.lists(titles, max_size=4).map(tuple),
    "where": st.sampled_from([None, "even", "odd", "all"]),
}
any_rule = st.one_of(
    st.builds(Pin, **common, item=titles, slot=st.integers(0, 4)),
    st.builds(Boost, **common, **concerned, factor=st.sampled_from([2.0, 3.0])),
    st.builds(Bury, **common, **concerned, factor=st.sampled_from([0.5, 0.25])),
    st.builds(Block, **common, items=concerned["items"], where=st.sampled_from([None, None, "odd"])),
)


def concerns(rule: Rule, title: int) -> bool:
    if isinstance(rule, Pin):
        return lookup(rule.item) == title
    named = title in [lookup(text) for text in rule.items]
    return named or (rule.where is not None and bool(where(rule.where)[title]))


def foremost(rules: list[Rule], numbers: list[int], kinds: Any, title: int) -> int:
    found = [n for n in numbers if isinstance(rules[n], kinds) and concerns(rules[n], title)]
    return max(found, key=lambda n: (rules[n].priority, n), default=-1)


@settings(max_examples=300, deadline=None)
@given(st.lists(any_rule, max_size=12))
def test_the_foremost_rule_acts_on_each_title_and_slot(rules: list[Rule]) -> None:
    found = now(*rules)
    numbers = [
        n
        for n, rule in enumerate(rules)
        if (rule.starts_at or 0) <= 1 < rule.ends_at and (not rule.placements or "home" in rule.placements)
    ]
    assert found.numbers.tolist() == numbers
    everything = np.arange(TITLES + 3, dtype=np.int32)  # some are newer than the tables
    factors, acting = found.multipliers(everything)
    blocked = [foremost(rules, numbers, Block, title) for title in range(TITLES)]
    assert found.blocked.tolist() == [title for title in range(TITLES) if blocked[title] >= 0]
    assert found.allowed(everything).tolist() == [by < 0 for by in blocked] + [True] * 3
    for title in range(TITLES):
        number = foremost(rules, numbers, Boost | Bury, title)
        assert acting[title] == number
        assert factors[title] == (1.0 if number < 0 else rules[number].factor)
        if blocked[title] >= 0:
            assert found.blocking[title] == blocked[title]
    assert acting[TITLES:].tolist() == [-1] * 3

    slots, items, fates = {}, {}, {}
    for number in sorted(numbers, key=lambda n: (rules[n].priority, n), reverse=True):
        rule = rules[number]
        if not isinstance(rule, Pin):
            continue
        item = lookup(rule.item)
        if item < 0:
            fates[number] = (PinFate.UNKNOWN_ITEM, -1)
        elif blocked[item] >= 0:
            fates[number] = (PinFate.BLOCKED, blocked[item])
        elif rule.slot in slots:
            fates[number] = (PinFate.SLOT_TAKEN, slots[rule.slot])
        elif item in items:
            fates[number] = (PinFate.ITEM_PINNED, items[item])
        else:
            slots[rule.slot] = items[item] = number
    pins = zip(found.pin_slots.tolist(), found.pin_items.tolist(), found.pin_rules.tolist(), strict=True)
    assert list(pins) == [(slot, lookup(rules[n].item), n) for slot, n in sorted(slots.items())]
    assert {left.rule: (left.fate, left.by) for left in found.left_out} == fates


def test_the_newer_of_equal_pins_and_the_higher_of_others() -> None:
    low, high = Pin(**FIELDS, item="t1", slot=0), Pin(**FIELDS, item="t2", slot=0, priority=1)
    newer = Pin(**FIELDS, item="t3", slot=0)
    assert now(low, newer).pin_items.tolist() == [3]
    found = now(low, high, newer)
    assert found.pin_items.tolist() == [2]
    assert set(found.left_out) == {LeftOut(0, PinFate.SLOT_TAKEN, 1), LeftOut(2, PinFate.SLOT_TAKEN, 1)}


def test_the_answer_is_kept_until_the_next_change() -> None:
    early = Block(**{**FIELDS, "ends_at": 1.5}, items=("t1",))
    late = Block(**FIELDS, starts_at=1.2, items=("t2",))
    rules = RulesInForce(compiled(early, late))
    first = rules.at(1_000)
    assert (first.blocked.tolist(), first.until_ms) == ([1], 1_200)
    assert rules.at(1_199) is first
    assert rules.at(1_200).blocked.tolist() == [1, 2]
    assert rules.at(1_500).blocked.tolist() == [2]
    assert rules.at(2_000).blocked.tolist() == []
    assert rules.at(2_000).until_ms == NEVER_MS
    assert rules.at(1_000).blocked.tolist() == [1]  # a past decision asked again


def test_rules_that_share_a_schedule_keep_their_own_ends() -> None:
    hours = Schedule(opens="00:00", until="00:01", utc_offset="+00:00")
    rules = [
        Block(**{**FIELDS, "ends_at": end}, items=(f"t{i}",), schedule=hours) for i, end in enumerate([30.0, 90.0])
    ]
    assert now(*rules).until_ms == 30_000
    kept = RulesInForce(compiled(*rules))
    found = {now_ms: kept.at(now_ms).blocked.tolist() for now_ms in (29_999, 30_000, 59_999, 60_000)}
    assert found == {29_999: [0, 1], 30_000: [1], 59_999: [1], 60_000: []}


def test_pinned_slots_are_told_from_the_others() -> None:
    rules = compiled(Pin(**FIELDS, item="t1", slot=0), Boost(**FIELDS, items=("t2",), factor=2.0))
    assert rules.pinned(np.array([0, 1, -1], np.int32)).tolist() == [True, False, False]
    assert compiled().pinned(np.array([-1], np.int32)).tolist() == [False]


def test_what_cannot_be_compiled_is_said() -> None:
    with pytest.raises(ValueError, match="at most 1000"):
        compiled(*[Pin(**FIELDS, item="t1", slot=0)] * (MAX_RULES + 1))
    with pytest.raises(ValueError, match="expression"):
        compile_rules([Block(**FIELDS, where="even")], lookup, "home")
