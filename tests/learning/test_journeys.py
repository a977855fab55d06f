"""Journeys: the rules one by one, against an oracle, in any order, cut anywhere, through restarts."""

import importlib.util
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandi.learning import _journey_kernels
from bandi.learning._journey_facts import KEPT
from bandi.learning.journeys import JourneyCounters, Journeys, LaterObjective, PlacementSteps
from bandi.model.records import EVENT, Array

_spec = importlib.util.spec_from_file_location("journey_oracle", Path(__file__).with_name("journey_oracle.py"))
assert _spec is not None and _spec.loader is not None
oracle = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(oracle)

CLICK, READ, PURCHASE, REFUND = 2, 3, 4, 6
HOUR, DAY = 3_600_000, 86_400_000
HOME, PUSH, SHOP, OTHER = 0, 1, 2, 9
OBJECTIVES = [
    LaterObjective("continued", READ, 4, 2 * DAY),
    LaterObjective("begun", READ, 1, HOUR),
    LaterObjective("coins", PURCHASE, 1, 3 * DAY, "coins"),
    LaterObjective("paid", PURCHASE, 1, DAY),
]
STEPS = {HOME: ["continued", "coins"], PUSH: ["paid", "begun"], SHOP: []}
PLACEMENTS = [
    PlacementSteps(HOME, ("continued", "coins")),
    PlacementSteps(PUSH, ("paid", "begun")),
    PlacementSteps(SHOP, (), "coins"),
]
PLAIN = [(o.name, o.kind, o.count, o.window_ms, o.value is not None) for o in OBJECTIVES]
T0 = 1_700_000_000_000


def request(number: int, placement: int = HOME) -> int:
    return (1 << 44) | (number << 10) | placement


def event(
    kind: int, at: float = 0, coins: float = 0, episode: int = 0, req: int = 0, placement: int = -1, item: int = 7,
    user: int = 3, segment: int = 0,
) -> tuple[Any, ...]:  # fmt: skip
    """at: days after T0."""
    return kind, T0 + round(at * DAY), coins, episode, req, placement, item, user, segment


FIELDS = ("kind", "occurred_ms", "value", "episode", "request", "placement", "item", "user", "segment")


def rows_of(events: list[tuple[Any, ...]]) -> Array:
    rows = np.zeros(len(events), EVENT)
    for name, column in zip(FIELDS, zip(*events, strict=True), strict=False):
        rows[name] = column
    return rows


class Folded:
    """Sums of what came out."""

    def __init__(self, horizon: int = 10_000) -> None:
        self.journeys = Journeys(OBJECTIVES, PLACEMENTS, horizon)
        self.counts: Counter[Any] = Counter()
        self.rows: list[tuple[int, float, float, float, int]] = []

    def fold(self, *events: tuple[Any, ...]) -> "Folded":
        for placement, made in self.journeys.fold(rows_of(list(events))).outcomes.items():
            assert made.users is not None and made.values is not None and made.delays_ms is not None
            assert made.steps is not None
            columns = (made.steps, made.items, made.segments, made.users, made.occurred_ms, made.delays_ms, made.trials, made.rewards, made.values)  # fmt: skip
            for step, item, segment, user, at, delay, trial, reward, value in zip(
                *(c.tolist() for c in columns), strict=True
            ):
                key = (placement, step, item, segment, user, at)
                rewarded = delay if reward else None
                self.counts[*key, None, "trial"] += trial
                self.counts[*key, rewarded, "reward"] += reward
                self.counts[*key, None, "value"] += value
                self.rows.append((step, trial, reward, value, delay))
        return self

    def total(self, step: int = 2, placement: int = HOME) -> tuple[float, float, float]:
        """(trials, rewards, coins)."""
        mine = {key: count for key, count in self.counts.items() if key[:2] == (placement, step)}
        trials, rewards, values = (sum(c for k, c in mine.items() if k[-1] == what) for what in ("trial", "reward", "value"))  # fmt: skip
        return trials, rewards, values

    @property
    def counters(self) -> JourneyCounters:
        return self.journeys.counters()


R = request(1)
START = event(CLICK, req=R)


@pytest.mark.parametrize(
    ("events", "continued", "coins"),
    [
        ([START], (1, 0, 0), (1, 0, 0)),
        ([START, event(READ, 1, episode=4)], (1, 1, 0), (1, 0, 0)),
        ([START, event(READ, 1, episode=3)], (1, 0, 0), (1, 0, 0)),
        ([START, event(READ, 2.1, episode=9)], (1, 0, 0), (1, 0, 0)),
        ([START, *[event(READ, 0.1 * i) for i in range(4)]], (1, 1, 0), (1, 0, 0)),
        ([START, *[event(READ, 0.1 * i) for i in range(3)]], (1, 0, 0), (1, 0, 0)),
        ([START, event(PURCHASE, 2, 5)], (1, 0, 0), (1, 1, 5)),
        ([START, event(PURCHASE, 2, 5), event(PURCHASE, 2.5, 7)], (1, 0, 0), (1, 1, 12)),
        ([START, event(PURCHASE, 2, 5), event(PURCHASE, 3.5, 7)], (1, 0, 0), (1, 1, 5)),
        ([START, event(PURCHASE, -0.5, 5)], (1, 0, 0), (1, 0, 0)),
        ([START, event(PURCHASE, 1, 0)], (1, 0, 0), (1, 1, 0)),
        ([event(READ, -0.5), START, event(READ, 1, episode=4)], (0, 0, 0), (0, 0, 0)),
        ([event(READ, -4 / 86_400), START, event(READ, 1, episode=4)], (1, 1, 0), (1, 0, 0)),
        ([event(READ, req=R), event(READ, 1, episode=5)], (1, 1, 0), (1, 0, 0)),
        ([START, event(CLICK, 1, req=request(2))], (1, 0, 0), (1, 0, 0)),
        ([START, event(CLICK, 3.5, req=request(2))], (2, 0, 0), (2, 0, 0)),
        ([event(CLICK, placement=HOME)], (1, 0, 0), (1, 0, 0)),
        ([event(CLICK, req=request(1, OTHER), placement=HOME)], (1, 0, 0), (1, 0, 0)),
        ([event(CLICK)], (0, 0, 0), (0, 0, 0)),
        ([event(PURCHASE, 1, 5)], (0, 0, 0), (0, 0, 0)),
    ],
)
def test_rules(events: list[Any], continued: tuple[float, ...], coins: tuple[float, ...]) -> None:
    for order in (events, events[::-1]):
        folded = Folded().fold(*order)
        assert (folded.total(1), folded.total(2)) == (continued, coins)


@pytest.mark.parametrize(
    ("refunds", "left", "unmatched"),
    [
        ([event(REFUND, 3, 12)], (1, 0, 0), 0),
        ([event(REFUND, 3, 5)], (1, 1, 7), 0),
        ([event(REFUND, 3, 5, episode=1)], (1, 1, 7), 0),
        ([event(REFUND, 3, 7, episode=2)], (1, 1, 5), 0),
        ([event(REFUND, 3, 1, episode=1)], (1, 1, 11), 0),
        ([event(REFUND, 3, 100)], (1, 0, 0), 1),
        ([event(REFUND, 30, 12)], (1, 0, 0), 0),
        ([event(REFUND, 3, 0.1)] * 120, (1, 0, 0), 0),
        ([event(REFUND, 3, 12)] * 2, (1, 0, 0), 1),
        ([event(REFUND, 3, 12, item=8)], (1, 1, 12), 1),
    ],
)
def test_a_refund_takes_back_exactly_what_was_paid(refunds: list[Any], left: tuple[float, ...], unmatched: int) -> None:
    folded = Folded().fold(START, event(PURCHASE, 1, 5, episode=1), event(PURCHASE, 2, 7, episode=2), *refunds)
    assert folded.total() == pytest.approx(left, abs=1e-9)
    assert (folded.counters.unmatched, folded.counters.refunds) == (unmatched, len(refunds))


def test_the_reward_moves_to_the_next_purchase_when_the_first_is_paid_back() -> None:
    folded = Folded().fold(START, event(PURCHASE, 1, 5, episode=1), event(PURCHASE, 2, 7, episode=2))
    folded.fold(event(REFUND, 3, 5, episode=1))
    of_coins = [row[1:] for row in folded.rows if row[0] == 2]
    assert of_coins == [(1, 0, 0, 0), (0, 1, 5, DAY), (0, 0, 7, 0), (0, -1, -5, DAY), (0, 1, 7, 2 * DAY), (0, 0, -7, 0)]


def test_organic_starts_are_nobodys_and_are_counted_apart() -> None:
    folded = Folded().fold(event(READ), event(CLICK, 0.5, req=R), event(PURCHASE, 1, 6), event(READ, 1, episode=4))
    assert folded.rows == []
    assert (folded.counters.starts, folded.counters.organic) == (1, 1)
    sums = folded.journeys.organic()
    assert (sums["coins"].starts, sums["coins"].rewards, sums["coins"].coins) == (1, 1, 6)
    assert (sums["continued"].rewards, sums["paid"].coins) == (1, 0)
    folded.fold(event(CLICK, -0.5, req=R))  # late: it was no organic start after all
    assert (folded.counters.organic, folded.journeys.organic()["coins"].starts) == (0, 0)
    assert folded.total() == (1, 1, 6)


def test_a_late_first_click_takes_the_start_and_its_segment() -> None:
    folded = Folded().fold(event(CLICK, 1, req=request(2), segment=4), event(PURCHASE, 3.5, 5))
    assert folded.total() == (1, 1, 5)
    folded.fold(event(CLICK, 0, req=request(1), segment=2))
    assert folded.total() == (1, 0, 0)  # 3.5 days are past the window of three
    assert {key[3] for key, count in folded.counts.items() if count} == {2}


def test_a_purchase_without_request_follows_from_the_latest_click_in_its_window() -> None:
    clicks = [event(CLICK, 0, req=request(1, SHOP), segment=5), event(CLICK, 1, req=request(2, SHOP), segment=6)]
    journeys = Journeys(OBJECTIVES, PLACEMENTS, 100)
    cases = {2.0: request(2, SHOP), 0.5: request(1, SHOP), 4.1: 0}
    for at, expected in cases.items():
        journeys = Journeys(OBJECTIVES, PLACEMENTS, 100)
        given_rows = rows_of([*clicks, event(PURCHASE, at, 5)])
        before = given_rows.copy()
        filled = journeys.fold(given_rows).rows
        assert (given_rows == before).all()  # the log's rows stay as they are
        assert int(filled["request"][2]) == expected
        assert int(filled["placement"][2]) == (SHOP if expected else -1)
        assert int(filled["segment"][2]) == {request(1, SHOP): 5, request(2, SHOP): 6, 0: 0}[expected]
        assert journeys.counters().credited == (expected > 0)
    elsewhere = Journeys(OBJECTIVES, PLACEMENTS, 100)  # HOME counts clicks first: its purchases are its steps' alone
    assert elsewhere.fold(rows_of([START, event(PURCHASE, 1, 5)])).rows["request"][1] == 0
    named = elsewhere.fold(rows_of([event(PURCHASE, 1, 5, placement=PUSH)])).rows
    assert named["placement"][0] == PUSH


def test_reads_without_episodes_are_numbered() -> None:
    filled = Journeys(OBJECTIVES, PLACEMENTS, 100).fold(rows_of([event(READ, 0.1 * i) for i in range(6)])).rows
    assert filled["episode"].tolist() == [1, 2, 3, 4, 4, 4]  # no objective counts beyond four


moments = st.sampled_from([0, 1 / 24, 1, 1 + 4 / 86_400, 2, 3, 3.5, 4, 5, 8.5])
histories = st.lists(
    st.builds(
        event,
        kind=st.sampled_from([1, CLICK, CLICK, READ, READ, PURCHASE, PURCHASE, 5, 16]),
        at=moments,
        coins=st.sampled_from([0, 0.5, 3, 8]),
        episode=st.sampled_from([0, 0, 1, 4, 6]),
        req=st.sampled_from([0, 0, request(1), request(2), request(3, PUSH), request(4, OTHER)]),
        placement=st.sampled_from([-1, -1, HOME, PUSH, OTHER]),
        item=st.integers(-1, 1),
        user=st.integers(-1, 1),
        segment=st.integers(0, 2),
    ),
    max_size=40,
)
refund_lists = st.lists(
    st.builds(
        event,
        kind=st.just(REFUND),
        at=moments,
        coins=st.sampled_from([0.5, 3, 8, 20]),
        episode=st.sampled_from([0, 1, 4]),
        item=st.integers(0, 1),
        user=st.integers(0, 1),
    ),
    max_size=6,
)
cuts_lists = st.lists(st.integers(0, 46), max_size=6)


def cut(events: list[Any], cuts: list[int]) -> list[list[Any]]:
    bounds = sorted({0, len(events), *(min(place, len(events)) for place in cuts)})
    return [events[a:b] for a, b in zip(bounds, bounds[1:], strict=False)]


@given(events=histories, refunds=refund_lists, shuffled=st.randoms(use_true_random=False), cuts=cuts_lists)
@settings(max_examples=400, deadline=None)
def test_any_order_and_any_cuts_give_what_the_oracle_says(
    events: list[Any], refunds: list[Any], shuffled: Any, cuts: list[int]
) -> None:
    expected, tally, organic = oracle.outcomes(rows_of([*events, *refunds]), PLAIN, STEPS)
    shuffled.shuffle(events)
    shuffled.shuffle(refunds)
    folded = Folded()
    for part in cut([*events, *refunds], cuts):
        folded.fold(*part)
    assert {key: count for key, count in folded.counts.items() if count} == dict(expected)
    counters = folded.counters
    for name in ("starts", "organic", "refunds", "unmatched"):
        assert getattr(counters, name) == tally[name], name
    for name, sums in folded.journeys.organic().items():
        assert [sums.starts, sums.rewards, sums.coins] == organic[name], name


def dumped(journeys: Journeys) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in journeys.dump().items()}


@given(events=histories, refunds=refund_lists, cuts=cuts_lists)
@settings(max_examples=150, deadline=None)
def test_cuts_and_restarts_do_not_change_a_byte_even_when_the_table_overflows(
    events: list[Any], refunds: list[Any], cuts: list[int]
) -> None:
    records = [*events[::2], *refunds, *events[1::2]]
    whole, parts = Folded(horizon=2), Folded(horizon=2)
    whole.fold(*records)
    for part in cut(records, cuts):
        parts.fold(*part)
        again = Journeys(OBJECTIVES, PLACEMENTS, 2)
        again.load(parts.journeys.dump())
        assert dumped(again) == dumped(parts.journeys)
        parts.journeys = again
    assert dumped(whole.journeys) == dumped(parts.journeys)
    assert whole.counts == parts.counts
    assert whole.rows == parts.rows or len(cuts) > 0  # grouped by step within a call, so cuts change their order alone


def test_memory_is_bounded_and_what_is_touched_is_kept() -> None:
    folded = Folded(horizon=100)
    folded.fold(START)
    for number in range(1_000):
        folded.fold(event(CLICK, 0, req=request(number), item=number + 10))
        if number % 50 == 0:
            folded.fold(event(READ, 0.1, episode=1))
    arrays = folded.journeys.dump()
    assert sum(len(arrays[f"{name}/journey/user"]) for name in ("new", "old")) <= 202
    folded.fold(event(PURCHASE, 1, 5), *(event(PURCHASE, 1, 1, item=number + 10) for number in range(902, 1_000)))
    assert folded.total() == (1_001, 99, 103)
    assert folded.counters.cut_short > 700  # they were forgotten with open windows, and it is said


def test_many_payments_keep_their_coins() -> None:
    count = 5 * KEPT
    folded = Folded().fold(START, *(event(PURCHASE, 1 + i / 1_000, 1, episode=i + 1) for i in range(count)))
    assert folded.total() == (1, 1, count)
    assert folded.counters.crowded == count - KEPT
    folded.fold(event(REFUND, 2, count))
    assert folded.total() == (1, 0, 0)


def test_many_readers_grow_the_tables() -> None:
    count = 20_000
    rows = rows_of([event(CLICK, 0, req=request(1))] * count)
    rows["user"] = np.arange(count)
    folded = Journeys(OBJECTIVES, PLACEMENTS, 1_000_000)
    made = folded.fold(rows).outcomes[HOME]
    assert made.steps is not None and made.trials[made.steps == 1].sum() == count
    rows["kind"], rows["value"], rows["occurred_ms"] = PURCHASE, 2, T0 + DAY
    made = folded.fold(rows[::-1]).outcomes[HOME]
    assert made.steps is not None and (made.steps == 2).all() and made.values is not None
    assert (made.rewards.sum(), made.values.sum(), len(made.items)) == (count, 2 * count, count)


def test_after_a_change_of_rules_only_new_journeys_count_where_arms_start_anew() -> None:
    for going_on, expected in (({HOME}, (2, 2)), (set[int](), (1, 1))):
        folded = Folded()
        folded.fold(START)
        trials = folded.total()[0]
        folded.journeys = folded.journeys.reconfigured(OBJECTIVES, PLACEMENTS, 50, going_on)
        folded.fold(event(PURCHASE, 1, 5), event(CLICK, 0, req=R, item=8), event(PURCHASE, 1, 5, item=8))
        after = folded.total()
        assert (after[0] - (0 if going_on else trials), after[1]) == expected


def test_another_episode_is_looked_for_from_now_on() -> None:
    folded = Folded().fold(START, event(READ, 0.5, episode=6))
    other = [LaterObjective("continued", READ, 4, 2 * DAY), LaterObjective("deep", READ, 6, 2 * DAY)]
    journeys = folded.journeys.reconfigured(other, [PlacementSteps(HOME, ("deep", "continued"))], 50, set())
    made = journeys.fold(rows_of([event(CLICK, 0, req=R, item=8), event(READ, 1, episode=6, item=8)])).outcomes[HOME]
    assert made.steps is not None and [made.rewards[made.steps == step].sum() for step in (1, 2)] == [1, 1]
    assert journeys.organic()["deep"].starts == 0


def test_a_forgotten_reader_is_forgotten() -> None:
    folded = Folded().fold(START, event(CLICK, 0, req=R, user=4))
    folded.journeys.forget(3)
    folded.fold(event(PURCHASE, 1, 5), event(PURCHASE, 1, 5, user=4))
    assert folded.total() == (2, 1, 5)


def test_without_later_objectives_nothing_is_kept() -> None:
    journeys = Journeys([], [PlacementSteps(HOME, ())], 10)
    rows = rows_of([START])
    assert journeys.fold(rows).rows is rows
    assert len(journeys.dump()["new/pair/users"]) == 0


def test_a_dump_that_does_not_fit_is_refused() -> None:
    arrays = Folded().fold(START).journeys.dump()
    with pytest.raises(ValueError, match="expected"):
        Journeys(OBJECTIVES[:1], PLACEMENTS[:0], 10).load(arrays)
    with pytest.raises(ValueError, match="at least 1"):
        Journeys(OBJECTIVES, PLACEMENTS, 0)


def test_one_compilation_serves_writable_and_read_only_rows() -> None:
    rows = rows_of([START])
    for placed in (rows, np.frombuffer(rows.tobytes(), EVENT), rows[::-1]):
        Folded().journeys.fold(placed)
    assert len(_journey_kernels.fold.signatures) == 1
