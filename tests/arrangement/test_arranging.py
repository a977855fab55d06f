"""Whole lists: rules and diversity together, against plain Python."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandi.arrangement.arranging import BOOSTED_POOL, MAX_POOL, Arranged, arrange, pool_size
from bandi.arrangement.diversity import Caps, Diversity, Mmr, Quotas
from bandi.arrangement.rules import InForce, PinFate, compile_rules, in_force
from bandi.model.rules import Boost, Bury, Pin, Rule
from bandi.policies.protocol import Ranked

FIELDS: dict[str, Any] = {"id": "r", "owner": "o", "reason": "r", "ends_at": 2.0}
PLAIN = Diversity()


def rules_now(*rules: Rule) -> InForce:
    return in_force(compile_rules(rules, int, "home"), 1_000)


def pin(item: int, slot: int) -> Pin:
    return Pin(**FIELDS, item=str(item), slot=slot)


def boost(factor: float, *items: int) -> Rule:
    kind: Any = Boost if factor > 1 else Bury
    return kind(**FIELDS, items=tuple(str(item) for item in items), factor=factor)


def pool(n: int, scores: np.ndarray | None = None) -> Ranked:
    return Ranked(np.arange(n, dtype=np.int32), np.linspace(1, 0.5, n).astype(np.float32) if scores is None else scores)


def by_hand(ranked: Ranked, k: int, rules: list[Rule], eligible: list[bool]) -> tuple[list[int], list[int]]:
    """Items and rules of the list without diversity."""
    found = rules_now(*rules)
    slots_of_pins = zip(found.pin_slots.tolist(), found.pin_items.tolist(), found.pin_rules.tolist(), strict=True)
    pins = [pin for pin, may in zip(slots_of_pins, eligible, strict=True) if may and pin[0] < k]
    pinned = [item for _, item, _ in pins]
    free = [place for place, item in enumerate(ranked.items.tolist()) if item not in pinned]
    acting = {int(item): n for n, rule in enumerate(rules) if not isinstance(rule, Pin) for item in rule.items}
    values = {}
    for at, place in enumerate(free):
        item = int(ranked.items[place])
        worth = max(ranked.scores[free[at:]])
        values[item] = worth * np.float32(rules[acting[item]].factor) if item in acting else worth
    rest = sorted(values, key=lambda item: -values[item])
    length = min(k, len(rest) + len(pins))
    slots: list[tuple[int, int] | None] = [None] * length
    for slot, item, rule in pins:
        if slot < length:
            slots[slot] = (item, rule)
    for slot, item, rule in reversed(pins):
        if slot >= length:
            last = max(s for s in range(length) if slots[s] is None)
            slots[last] = (item, rule)
    following = iter(rest)
    filled = [slot or ((item := next(following)), acting.get(item, -1)) for slot in slots]
    return [item for item, _ in filled], [rule for _, rule in filled]


some_rules = st.lists(
    st.one_of(
        st.builds(pin, st.integers(0, 30), st.integers(0, 12)),
        st.builds(
            lambda f, items: boost(f, *items), st.sampled_from([0.2, 0.9, 1.5, 4.0]), st.lists(st.integers(0, 30))
        ),
    ),
    max_size=8,
)


@settings(max_examples=300, deadline=None)
@given(some_rules, st.integers(0, 25), st.integers(1, 15), st.integers(0, 2**32 - 1), st.booleans())
def test_pins_boosts_and_buries_do_what_they_say(rules: list[Rule], n: int, k: int, seed: int, in_order: bool) -> None:
    random = np.random.default_rng(seed)
    scores = random.integers(1, 9, n).astype(np.float32)  # many are equal
    ranked = Ranked(random.permutation(31)[:n].astype(np.int32), -np.sort(-scores) if in_order else scores)
    found = rules_now(*rules)
    eligible = random.random(len(found.pin_items)) < 0.8
    arranged = arrange(ranked, k, found, PLAIN, eligible=eligible)
    items, acted = by_hand(ranked, k, rules, eligible.tolist())
    assert arranged.items.tolist() == items
    assert arranged.rules.tolist() == acted
    scored = dict(zip(ranked.items.tolist(), ranked.scores.tolist(), strict=True))
    assert arranged.scores.tolist() == [scored.get(item, 0.0) for item in items]
    for slot, may, fate in zip(found.pin_slots.tolist(), eligible.tolist(), arranged.fates.tolist(), strict=True):
        assert fate == (PinFate.NOT_ELIGIBLE if not may else PinFate.SHOWN if slot < k else PinFate.BEYOND_LIST)


@settings(max_examples=200, deadline=None)
@given(some_rules, st.integers(0, 25), st.integers(1, 15), st.integers(0, 2**32 - 1))
def test_with_diversity_lists_are_full_distinct_and_pinned(rules: list[Rule], n: int, k: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    found = rules_now(*rules)
    ranked = Ranked(random.permutation(31)[:n].astype(np.int32), -np.sort(-random.random(n).astype(np.float32)))
    vectors = random.normal(size=(28, 3)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    everything = Diversity(
        Caps(random.integers(0, 4, (2, 29)).astype(np.int32), np.array([0.3, 0.5])),
        Quotas(np.array([0.1, 0.2]), np.array([0.6, 1.0])),
        Mmr(vectors, 0.6),
    )
    bits = random.integers(0, 4, n).astype(np.uint8)
    arranged = arrange(ranked, k, found, everything, bits)
    pinned = found.pin_items[found.pin_slots < k].tolist()
    available = set(ranked.items.tolist()) | set(pinned)
    assert len(arranged.items) == min(k, len(available))
    assert len(set(arranged.items.tolist())) == len(arranged.items)
    assert set(arranged.items.tolist()) <= available
    for slot, item, rule in zip(
        found.pin_slots.tolist(), found.pin_items.tolist(), found.pin_rules.tolist(), strict=True
    ):
        if slot < len(arranged.items):
            assert (arranged.items[slot], arranged.rules[slot]) == (item, rule)
        elif slot < k:
            assert item in arranged.items.tolist()
    again = arrange(ranked, k, found, everything, bits)
    assert all(np.array_equal(one, other) for one, other in zip(arranged, again, strict=True))


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 12), st.integers(0, 2**32 - 1), some_rules)
def test_pinned_titles_count_towards_the_cap(k: int, seed: int, rules: list[Rule]) -> None:
    random = np.random.default_rng(seed)
    genre = random.integers(1, 4, 31)
    found = rules_now(*rules)
    arranged = arrange(pool(31), k, found, Diversity(Caps(genre[None].astype(np.int32), np.array([0.4]))))
    pinned = found.pin_items[arranged.fates == PinFate.SHOWN]
    most, length = max(1, int(0.4 * k + 1e-9)), len(arranged.items)
    fixed, supply = np.bincount(genre[pinned], minlength=4), np.bincount(genre, minlength=4)
    room = np.maximum(np.minimum(most, supply) - fixed, 0).sum()
    if len(pinned) + room >= length:  # it can be met by all that the pins leave
        counts = np.bincount(genre[arranged.items], minlength=4)
        assert (counts <= np.maximum(most, fixed)).all()


@given(st.integers(0, 60), st.integers(1, 40))
def test_without_rules_and_diversity_the_list_is_the_policys(n: int, k: int) -> None:
    ranked = pool(n, np.random.default_rng(n).random(n).astype(np.float32))
    arranged = arrange(ranked, k, rules_now(), PLAIN)
    assert arranged.items.tobytes() == ranked.items[:k].tobytes()
    assert arranged.scores.tobytes() == ranked.scores[:k].tobytes()
    assert arranged.rules.tolist() == [-1] * min(n, k)


def listed(arranged: Arranged) -> list[tuple[int, int]]:
    return list(zip(arranged.items.tolist(), arranged.rules.tolist(), strict=True))


def test_a_pin_moves_the_others_down() -> None:
    found = rules_now(pin(7, 1), boost(100.0, 5))
    assert listed(arrange(pool(10), 4, found, PLAIN)) == [(5, 1), (7, 0), (0, -1), (1, -1)]


def test_a_boost_never_lowers_a_negative_score() -> None:
    scores = np.array([-1.0, -2.0, -3.0], np.float32)
    assert arrange(pool(3, scores), 3, rules_now(boost(2.0, 2)), PLAIN).items.tolist() == [0, 2, 1]
    assert arrange(pool(3, scores), 3, rules_now(boost(0.4, 0)), PLAIN).items.tolist() == [1, 0, 2]


def test_an_explored_title_keeps_its_slot_when_others_are_buried() -> None:
    scores = np.array([0.01, 0.9, 0.8], np.float32)  # the first is explored: its score is not why it is there
    assert arrange(pool(3, scores), 3, rules_now(boost(0.9, 2)), PLAIN).items.tolist() == [0, 1, 2]


def test_mmr_keeps_away_from_what_is_pinned() -> None:
    vectors = np.array([[1, 0], [0, 1], [1, 0]], np.float32)
    arranged = arrange(pool(2), 2, rules_now(pin(2, 1)), Diversity(mmr=Mmr(vectors, 0.4)))
    assert arranged.items.tolist() == [1, 2]


def test_pools_are_deep_enough_and_bounded() -> None:
    capped = Diversity(Caps(np.ones((1, 5), np.int32), np.array([0.5])))
    assert pool_size(10, 5_000, rules_now(), PLAIN) == 10
    assert pool_size(10, 5_000, rules_now(pin(1, 0), pin(2, 1)), PLAIN) == 12
    assert pool_size(10, 5_000, rules_now(), capped) == 60
    assert pool_size(100, 5_000, rules_now(boost(0.5, 1)), PLAIN) == 400
    assert pool_size(10, 5_000, rules_now(boost(2.0, 1)), PLAIN) == BOOSTED_POOL
    assert pool_size(10, 30, rules_now(boost(2.0, 1)), capped) == 30
    assert pool_size(1_000, 10**6, rules_now(), capped) <= MAX_POOL
    with pytest.raises(ValueError, match="at most"):
        arrange(pool(MAX_POOL + 1), 10, rules_now(), PLAIN)
