"""Attribution: the rules one by one, against an oracle, in any order, cut anywhere."""

import importlib.util
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandi.learning import _attribution_kernel
from bandi.learning.attribution import Attribution, PlacementRule
from bandi.model.records import DECISION, EVENT, Decisions, Events, Stretch

_spec = importlib.util.spec_from_file_location("attribution_oracle", Path(__file__).with_name("attribution_oracle.py"))
assert _spec is not None and _spec.loader is not None
oracle = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(oracle)

IMPRESSION, CLICK, READ = 1, 2, 3
WINDOW = 60_000
HOME, PUSH, OTHER = 0, 1, 2  # reported clicks; implied clicks; reported reads
RULES = [
    PlacementRule(HOME, "reported", CLICK, WINDOW),
    PlacementRule(PUSH, "implied", CLICK, WINDOW),
    PlacementRule(OTHER, "reported", READ, WINDOW),
]
PLAIN = {rule.placement: (rule.impressions, rule.reward_kind, rule.window_ms) for rule in RULES}


def event(kind: int, item: int = 7, request: int = 0, at: int = 0, placement: int = -1) -> tuple[str, Any]:
    return "event", (kind, item, request, at, placement)


def decision(request: int, items: list[int], at: int = 0) -> tuple[str, Any]:
    return "decision", (request, items, at)


def request(number: int, placement: int = HOME) -> int:
    return (1 << 44) | (number << 10) | placement


def stretch(records: list[tuple[str, Any]], first: int = 0) -> Stretch:
    at_event = [first + i for i, record in enumerate(records) if record[0] == "event"]
    at_decision = [first + i for i, record in enumerate(records) if record[0] == "decision"]
    rows = np.zeros(len(at_event), EVENT)
    rows["user"] = -1
    for row, (_, values) in zip(rows, (record for record in records if record[0] == "event"), strict=True):
        row["kind"], row["item"], row["request"], row["occurred_ms"], row["placement"] = values
    headers = np.zeros(len(at_decision), DECISION)
    shown: list[int] = []
    offsets = [0]
    for header, (_, (number, items, at)) in zip(headers, (r for r in records if r[0] == "decision"), strict=True):
        header["request"], header["occurred_ms"], header["placement"], header["k"] = (
            number,
            at,
            number & 1023,
            len(items),
        )
        shown += items
        offsets.append(len(shown))
    decisions = Decisions(
        np.array(at_decision, np.int64),
        headers,
        np.array(offsets, np.int64),
        np.array(shown, np.int32),
        np.zeros(len(shown), np.float32),
    )
    return Stretch(first, first + len(records), Events(np.array(at_event, np.int64), rows), decisions)


class Folded:
    """Sums of outcomes over stretches."""

    def __init__(self, horizon: int = 10_000) -> None:
        self.attribution = Attribution(RULES, horizon)
        self.counts: dict[Any, float] = defaultdict(float)
        self.rows: list[tuple[int, float, float, int]] = []
        self.position = 0

    def fold(self, *records: tuple[str, Any]) -> "Folded":
        for placement, made in self.attribution.fold(stretch(list(records), self.position)).items():
            for item, trial, reward, at in zip(made.items, made.trials, made.rewards, made.occurred_ms, strict=True):
                self.counts[placement, int(item), "trial"] += float(trial)
                self.counts[placement, int(item), "reward"] += float(reward)
                self.rows.append((int(item), float(trial), float(reward), int(at)))
        self.position += len(records)
        return self

    def of(self, item: int = 7, placement: int = HOME) -> tuple[float, float]:
        return self.counts[placement, item, "trial"], self.counts[placement, item, "reward"]


R = request(1)


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([event(IMPRESSION, request=R)], (1, 0)),
        ([event(IMPRESSION, request=R), event(CLICK, request=R, at=WINDOW)], (1, 1)),
        ([event(IMPRESSION, request=R), event(CLICK, request=R, at=WINDOW + 1)], (1, 0)),
        ([event(IMPRESSION, request=R, at=5_000), event(CLICK, request=R)], (1, 1)),
        ([event(IMPRESSION, request=R, at=5_001), event(CLICK, request=R)], (1, 0)),
        ([event(CLICK, request=R, at=10), event(IMPRESSION, request=R)], (1, 1)),
        ([event(CLICK, request=R, at=WINDOW + 1), event(IMPRESSION, request=R)], (1, 0)),
        ([event(CLICK, request=R)], (1, 1)),
        ([event(IMPRESSION, request=R)] * 3 + [event(CLICK, request=R)] * 3, (1, 1)),
        ([event(CLICK, placement=HOME)], (1, 1)),
        ([event(CLICK, placement=HOME)] * 2 + [event(IMPRESSION, placement=HOME)], (3, 2)),
        ([event(CLICK)], (0, 0)),
        ([event(CLICK, item=-1, request=R)], (0, 0)),
        ([event(READ, request=R)], (0, 0)),
        ([event(CLICK, request=R, placement=OTHER), event(IMPRESSION, request=R)], (1, 1)),
    ],
)
def test_rules(records: list[Any], expected: tuple[float, float]) -> None:
    assert Folded().fold(*records).of() == expected


def test_events_that_name_different_placements_of_one_unknown_request_are_different_pairs() -> None:
    number = request(1, 9)
    records = [event(IMPRESSION, request=number, placement=HOME), event(IMPRESSION, request=number, placement=OTHER)]
    for order in (records, records[::-1]):
        folded = Folded().fold(*order)
        assert (folded.of(), folded.of(placement=OTHER)) == ((1, 0), (1, 0))


def test_implied_impressions_come_from_decisions_before_or_after_the_click() -> None:
    number = request(5, PUSH)
    after = Folded().fold(decision(number, [7, 8]), event(CLICK, request=number, at=10))
    before = Folded().fold(event(CLICK, request=number, at=10), decision(number, [7, 8]))
    for folded in (after, before):
        assert folded.of(7, PUSH) == (1, 1)
        assert folded.of(8, PUSH) == (1, 0)
    assert Folded().fold(decision(request(5, HOME), [7])).of() == (0, 0)  # reported: a decision is not an impression


def test_outcomes_weigh_at_the_impressions_time_whatever_the_order() -> None:
    """A click before its impression first counts at its own time; then that is taken back and counted anew."""
    folded = Folded().fold(event(CLICK, request=R, at=900), event(IMPRESSION, request=R, at=100))
    assert folded.rows == [(7, 1, 1, 900), (7, -1, -1, 900), (7, 1, 1, 100)]
    assert Folded().fold(event(IMPRESSION, request=R, at=100), event(CLICK, request=R, at=900)).rows == [
        (7, 1, 0, 100),
        (7, 0, 1, 100),
    ]


records_strategy = st.lists(
    st.one_of(
        st.builds(
            event,
            kind=st.sampled_from([IMPRESSION, CLICK, READ, 4, 16]),
            item=st.integers(-1, 3),
            request=st.sampled_from([0, *(request(i, p) for i in (1, 2) for p in (HOME, PUSH, OTHER, 9))]),
            at=st.sampled_from([0, 1, 4_000, 6_000, WINDOW, WINDOW + 1, 3 * WINDOW]),
            placement=st.sampled_from([-1, HOME, PUSH, OTHER, 9]),
        ),
        st.builds(
            decision,
            request=st.sampled_from([request(1, PUSH), request(2, PUSH), request(1, HOME)]),
            items=st.lists(st.integers(0, 3), unique=True),
        ),
    ),
    max_size=40,
)


def plain(records: list[Any]) -> tuple[list[Any], list[Any]]:
    whole = stretch(records)
    decisions = whole.decisions
    shown = [decisions.items[a:b].tolist() for a, b in zip(decisions.offsets, decisions.offsets[1:], strict=False)]
    return list(whole.events.rows), list(zip(decisions.headers, shown, strict=True))


@given(
    records=records_strategy, shuffled=st.randoms(use_true_random=False), cuts=st.lists(st.integers(0, 40), max_size=6)
)
@settings(max_examples=300, deadline=None)
def test_any_order_and_any_cuts_give_what_the_oracle_says(records: list[Any], shuffled: Any, cuts: list[int]) -> None:
    expected, tally = oracle.outcome_counts(*plain(records), PLAIN)
    order = list(records)
    shuffled.shuffle(order)
    folded = Folded()
    bounds = sorted({0, len(order), *(min(cut, len(order)) for cut in cuts)})
    for a, b in zip(bounds, bounds[1:], strict=False):
        folded.fold(*order[a:b])
    assert {key: count for key, count in folded.counts.items() if count} == dict(expected)
    counters = folded.attribution.counters()
    for name in ("decisions", "trials", "successes", "orphans", "late", "unattributed"):
        assert getattr(counters, name) == tally[name], name


@given(records=records_strategy, cuts=st.lists(st.integers(0, 40), max_size=6))
@settings(max_examples=100, deadline=None)
def test_cuts_do_not_change_a_byte_of_the_state_even_when_the_table_overflows(
    records: list[Any], cuts: list[int]
) -> None:
    whole, parts = Folded(horizon=5), Folded(horizon=5)
    whole.fold(*records)
    bounds = sorted({0, len(records), *(min(cut, len(records)) for cut in cuts)})
    for a, b in zip(bounds, bounds[1:], strict=False):
        parts.fold(*records[a:b])
        again = Attribution(RULES, 5)  # and through a snapshot at every cut
        again.load(parts.attribution.dump())
        parts.attribution = again
    one, other = whole.attribution.dump(), parts.attribution.dump()
    assert {name: array.tobytes() for name, array in one.items()} == {
        name: array.tobytes() for name, array in other.items()
    }
    assert whole.counts == parts.counts


@pytest.mark.parametrize("k", [1, 490, 1_000])
def test_a_large_decision_does_not_change_when_generations_turn(k: int) -> None:
    """Tables grow by the record that needs room, not by the largest of the stretch that it happens to be in."""
    impressions = [event(IMPRESSION, request=request(number)) for number in range(513)]
    large = [decision(request(5_000, place), list(range(k)), at=1) for place in (PUSH, HOME)]
    whole, parts = Folded(horizon=1_000), Folded(horizon=1_000)
    whole.fold(*impressions, *large)
    parts.fold(*impressions).fold(large[0]).fold(large[1])
    one, other = whole.attribution.dump(), parts.attribution.dump()
    assert {name: array.tobytes() for name, array in one.items()} == {
        name: array.tobytes() for name, array in other.items()
    }


def test_at_least_the_horizon_is_remembered_whatever_the_decisions_hold() -> None:
    """Decisions of reported placements take no rows; a decision larger than the horizon still fits."""
    folded = Folded(horizon=10)
    for number in range(10):
        folded.fold(event(IMPRESSION, request=request(number)), decision(request(number), list(range(9))))
    folded.fold(*(event(CLICK, request=request(number)) for number in range(10)))
    assert folded.of() == (10, 10)
    number = request(1, PUSH)
    folded.fold(decision(number, list(range(25))), *(event(CLICK, item, number) for item in range(25)))
    assert sum(folded.of(item, PUSH)[1] for item in range(25)) == 25
    assert folded.attribution.counters().orphans == 0


def test_memory_is_bounded_and_at_least_the_horizon_is_remembered() -> None:
    folded = Folded(horizon=100)
    for number in range(1_000):
        folded.fold(event(IMPRESSION, request=request(number)))
    assert sum(len(folded.attribution.dump()[f"{name}/requests"]) for name in ("new", "old")) <= 200
    folded.fold(*(event(CLICK, request=request(number)) for number in range(900, 1_000)))
    assert folded.of() == (1_000, 100)  # all of the last hundred were known


def test_many_records_at_once_grow_the_tables() -> None:
    count = 20_000
    rows = np.zeros(count, EVENT)
    rows["request"] = [request(i) for i in range(count)]
    rows["kind"], rows["item"] = IMPRESSION, np.arange(count) % 11
    attribution = Attribution(RULES, 1_000_000)
    made = attribution.fold(Stretch(0, count, Events(np.arange(count), rows)))[HOME]
    assert made.trials.sum() == count
    rows["kind"] = CLICK
    made = attribution.fold(Stretch(count, 2 * count, Events(np.arange(count, 2 * count), rows)))[HOME]
    assert (made.trials.sum(), made.rewards.sum()) == (0, count)


def test_a_pair_counts_for_the_segment_that_its_first_record_names() -> None:
    """A reader whose segment has changed between impression and click: the click goes where the impression went."""
    number = request(1, PUSH)
    records = stretch([event(IMPRESSION, request=R), event(CLICK, request=R, at=10), event(CLICK, placement=HOME)])
    records.events.rows["segment"] = [3, 5, 2]
    made = Attribution(RULES, 10).fold(records)[HOME]
    rows = zip(made.segments.tolist(), made.trials.tolist(), made.rewards.tolist(), strict=True)
    assert list(rows) == [(3, 1.0, 0.0), (3, 0.0, 1.0), (2, 1.0, 1.0)]
    implied = stretch([decision(number, [7, 8])])
    implied.decisions.headers["segment"] = 4
    assert Attribution(RULES, 10).fold(implied)[PUSH].segments.tolist() == [4, 4]


def test_outcomes_say_who_saw_it_and_in_which_slot() -> None:
    """A click's row has the reader and the slot of its impression; an implied impression has its place in the decision."""
    records = stretch([event(IMPRESSION, request=R), event(CLICK, request=R, at=10), event(CLICK, placement=HOME)])
    records.events.rows["user"] = [3, 9, 4]
    records.events.rows["position"] = [5, -1, -1]
    made = Attribution(RULES, 10).fold(records)[HOME]
    assert made.users is not None and made.slots is not None
    assert (made.users.tolist(), made.slots.tolist()) == ([3, 3, 4], [5, 5, -1])
    number = request(1, PUSH)
    implied = stretch([decision(number, [7, 8]), event(CLICK, item=8, request=number)])
    implied.decisions.headers["user"] = 6
    made = Attribution(RULES, 10).fold(implied)[PUSH]
    assert made.users is not None and made.slots is not None
    assert (made.users.tolist(), made.slots.tolist(), made.rewards.tolist()) == ([6, 6, 6], [0, 1, 1], [0, 0, 1])


def test_outcomes_say_of_which_list_they_are() -> None:
    """So that a click may change what the rest of its list counts; 0: a record without a request."""
    made = Attribution(RULES, 10).fold(stretch([event(CLICK, request=R), event(CLICK, placement=HOME)]))[HOME]
    assert made.requests is not None
    assert made.requests.tolist() == [R, 0]


def test_one_compilation_serves_writable_and_read_only_rows() -> None:
    """The log gives both; a second compilation would be seconds in the middle of service."""
    rows = np.zeros(1, EVENT)
    for placed in (rows, np.frombuffer(rows.tobytes(), EVENT)):
        Attribution(RULES, 10).fold(Stretch(0, 1, Events(np.zeros(1, np.int64), placed)))
    assert len(_attribution_kernel.join.signatures) == 1
