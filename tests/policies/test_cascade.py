"""The cascade model: what lists' clicks say of the slots below them, and what an arm makes of it."""

import dataclasses
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandi.evaluation.intervals import Interval, t_interval
from bandi.model.policy_config import Earning, PolicyConfig, Position, Thompson
from bandi.model.records import Array
from bandi.policies._cascade_kernels import SLOTS
from bandi.policies.cascade import Cascade
from bandi.policies.protocol import Outcomes
from bandi.policies.registry import make_policy

DAY_MS = 86_400_000
K, TITLES, SEEDS = 8, 40, 24
GOES_ON = np.linspace(0.6, 0.2, K)
EXAMINED = 1.0 / (1.0 + np.arange(K)) ** 0.8
Looks = Callable[[Array, np.random.Generator], Array]
"""What readers look at: from whether each title of their lists would be clicked, bool[lists, K], to bool[lists, K]."""


def cascade_reader(wanted: Array, random: np.random.Generator) -> Array:
    """From the top; below a click in slot l on with probability GOES_ON[l]."""
    stops = wanted & (random.random(wanted.shape) >= GOES_ON)
    return np.cumsum(stops, axis=1) - stops == 0


def position_reader(wanted: Array, random: np.random.Generator) -> Array:
    """At each slot by itself, with probability EXAMINED."""
    return random.random(wanted.shape) < EXAMINED


HOT = np.arange(TITLES) < TITLES // 2
"""Titles of a genre that gets clicks; lists are of one genre."""


@cache
def appeal_of(seed: int) -> Array:
    random = np.random.default_rng(seed)
    return np.where(HOT, random.beta(3, 7, TITLES), random.beta(1, 12, TITLES))


@cache
def outcomes_of(seed: int, reader: Looks, lists: int = 8_000) -> Outcomes:
    """4 days of lists of K titles of one genre, good ones rather in front: rows of 20 lists' impressions, then of their clicks."""
    random, appeal = np.random.default_rng(1_000 + seed), appeal_of(seed)
    order = random.gumbel(size=(lists, TITLES)) + 6.0 * appeal - 1e9 * ((random.random((lists, 1)) < 0.5) != HOT)
    items = np.argsort(-order, axis=1)[:, :K]
    wanted = random.random((lists, K)) < appeal[items]
    clicked = wanted & reader(wanted, random)
    entries = []
    for first in range(0, lists, 20):
        rows = np.arange(first * K, (first + 20) * K)
        entries += [2 * rows, 2 * rows[clicked.ravel()[rows]] + 1]
    chosen = np.concatenate(entries)
    row, is_click = chosen // 2, (chosen % 2).astype(np.float32)
    return Outcomes(
        items.ravel()[row].astype(np.int32), np.zeros(len(row), np.int32), 1 - is_click, is_click,
        row // K * (4 * DAY_MS) // lists, slots=(row % K).astype(np.int32), requests=(row // K + 1).astype(np.uint64),
    )  # fmt: skip


def errors(reader: Looks, position: Position, config: type[PolicyConfig] = Thompson) -> tuple[Interval, Interval]:
    """Relative error of learned click rates, summed over titles of the hot genre and of the other: 95 % t intervals over seeds."""
    found = []
    for seed in range(SEEDS):
        policy, appeal = make_policy(config(position=position), 1), appeal_of(seed)  # type: ignore[call-arg]
        policy.update(outcomes_of(seed, reader))
        believed = policy.posterior(np.arange(TITLES, dtype=np.int32), 0, 4 * DAY_MS)
        expected = believed.trials * appeal
        found.append([(believed.successes - expected)[genre].sum() / expected[genre].sum() for genre in (HOT, ~HOT)])
    return t_interval(np.array(found)[:, 0]), t_interval(np.array(found)[:, 1])


MARGIN = 0.03
"""For what is counted before alpha and lambda are known."""


def unbiased(interval: Interval) -> bool:
    return interval.low - MARGIN < 0 < interval.high + MARGIN


def biased(interval: Interval) -> bool:
    return interval.high < -MARGIN or interval.low > MARGIN


@pytest.mark.parametrize("config", [Thompson, Earning])
def test_a_cascade_reader_s_rates_are_learned_without_bias_by_the_cascade_alone(config: type[PolicyConfig]) -> None:
    """24 seeds; each interval of an unbiased estimate fails on at most 5 % of choices of seeds, the margin makes it fewer."""
    assert all(map(unbiased, errors(cascade_reader, "cascade", config)))
    assert all(map(biased, errors(cascade_reader, "learned", config)))
    assert all(map(biased, errors(cascade_reader, "ignored", config)))


def test_a_position_based_reader_s_rates_are_learned_without_bias_by_that_model_alone() -> None:
    """The other way round, with the same rate of false alarms."""
    assert all(map(unbiased, errors(position_reader, "learned")))
    assert all(map(biased, errors(position_reader, "cascade")))


def test_how_often_readers_go_on_is_recovered_slot_by_slot_and_so_is_who_looks_at_a_slot() -> None:
    """24 seeds, 95 % intervals widened by 0.03; the last slot has nothing below it, and says nothing."""
    going_on, looking, truth = [], [], []
    for seed in range(SEEDS):
        cascade, outcomes = Cascade(), outcomes_of(seed, cascade_reader)
        cascade.weigh(outcomes)
        going_on.append(cascade.continuation(K))
        looking.append(cascade.of_first(K))
        clicks = outcomes.rewards > 0
        rates = np.bincount(outcomes.slots[clicks], minlength=K) / 8_000  # type: ignore[index]
        truth.append(1.0 - np.concatenate([[0.0], np.cumsum(rates * (1.0 - GOES_ON))[:-1]]))
    for slot in range(K - 1):
        interval = t_interval(np.array(going_on)[:, slot])
        assert interval.low - MARGIN < GOES_ON[slot] < interval.high + MARGIN, (slot, interval)
    for slot in range(K):
        interval = t_interval((np.array(looking) - np.array(truth))[:, slot])
        assert interval.low - MARGIN < 0 < interval.high + MARGIN, (slot, interval)


def one_list(clicks: list[int], k: int = 5) -> Outcomes:
    """The impressions of a list, then clicks on some of its slots in the order given."""
    slots = np.array([*range(k), *clicks], np.int32)
    is_click = (np.arange(len(slots)) >= k).astype(np.float32)
    return Outcomes(
        slots + 10, np.zeros(len(slots), np.int32), 1 - is_click, is_click, np.full(len(slots), 7), slots=slots,
        requests=np.full(len(slots), 99, np.uint64),
    )  # fmt: skip


def trials_of(found: Outcomes, k: int = 5) -> Array:
    return np.bincount(found.items - 10, found.trials, k)


def test_what_stands_down_to_the_last_click_counts_whole_and_what_is_below_it_less() -> None:
    """By hand, before anything is known: alpha 0.1 (the counts of this list are in it), lambda a half."""
    assert trials_of(Cascade().weigh(one_list([]))) == pytest.approx(1.0)
    trials = trials_of(Cascade().weigh(one_list([1])))
    assert trials[:2] == pytest.approx(1.0)
    rate = (10 * (10 * 0.1 / 15) + 0) / 11  # five trials without a click, drawn to a mean that is drawn to 0.1
    nothing = (1 - rate) ** 3
    assert trials[2:] == pytest.approx(0.5 * nothing / (0.5 + 0.5 * nothing), abs=1e-4)


@pytest.mark.parametrize("clicks", [[3, 0], [0, 3], [3, 0, 1]])
def test_a_later_click_further_down_shows_that_all_above_it_was_looked_at(clicks: list[int]) -> None:
    found = Cascade().weigh(one_list(clicks))
    assert trials_of(found)[:4] == pytest.approx(1.0, abs=1e-3)
    assert 0.3 < trials_of(found)[4] < 0.6
    assert found.rewards.sum() == len(clicks)


def test_a_click_that_is_taken_back_leaves_the_list_as_it_was() -> None:
    undone = one_list([0, 0])
    undone.rewards[-1] = -1.0
    assert trials_of(Cascade().weigh(undone)) == pytest.approx(1.0, abs=1e-3)


def test_without_request_or_slot_a_trial_stays_whole() -> None:
    known = one_list([0])
    for nowhere in (
        dataclasses.replace(known, requests=None),
        dataclasses.replace(known, slots=None),
        dataclasses.replace(known, requests=np.zeros(6, np.uint64)),
        dataclasses.replace(known, slots=np.full(6, -1, np.int32)),
    ):
        assert trials_of(Cascade().weigh(nowhere)) == pytest.approx(1.0)


def test_slots_far_down_and_a_list_that_has_left_the_table_count_as_they_are() -> None:
    far = one_list([0], k=SLOTS + 3)
    assert trials_of(Cascade().weigh(far), SLOTS + 3)[SLOTS:] == pytest.approx(1.0)
    cascade, first = Cascade(), one_list([0])
    cascade.weigh(first.only(slice(0, 5)))  # type: ignore[arg-type]
    others = np.arange(200_000, dtype=np.int64)
    cascade.weigh(
        Outcomes(
            np.zeros(200_000, np.int32), np.zeros(200_000, np.int32), np.ones(200_000, np.float32),
            np.zeros(200_000, np.float32), others + 8, slots=np.zeros(200_000, np.int32),
            requests=(others + 1_000).astype(np.uint64),
        )
    )  # fmt: skip
    late = cascade.weigh(first.only(slice(5, 6)))  # type: ignore[arg-type]
    assert (late.trials.tolist(), late.rewards.tolist()) == ([0.0], [1.0])


def test_an_impression_taken_back_that_was_never_counted_touches_no_other_title() -> None:
    rows = Outcomes(
        np.array([3, 4, 3], np.int32), np.zeros(3, np.int32), np.array([1, -1, 0], np.float32), np.array([0, 0, 1], np.float32),
        np.arange(3) + 10, slots=np.array([0, 3, 0], np.int32), requests=np.full(3, 77, np.uint64),
    )  # fmt: skip
    found = Cascade().weigh(rows)
    assert (found.items.tolist(), found.trials.tolist()) == ([3, 4, 3], [1.0, -1.0, 0.0])


events = st.lists(
    st.tuples(st.integers(1, 4), st.integers(-1, 5), st.sampled_from([(1, 0), (0, 1), (-1, 0), (0, -1), (1, 1)])),
    max_size=60,
)


@given(rows=events, cuts=st.lists(st.integers(0, 60), max_size=4))
@settings(max_examples=40, deadline=None)
def test_how_rows_are_cut_does_not_matter_and_a_snapshot_goes_round(
    rows: list[tuple[int, int, tuple[int, int]]], cuts: list[int]
) -> None:
    everything = Outcomes(
        np.array([slot % 3 for _, slot, _ in rows], np.int32), np.zeros(len(rows), np.int32),
        np.array([trial for _, _, (trial, _) in rows], np.float32), np.array([click for _, _, (_, click) in rows], np.float32),
        np.arange(len(rows)) * DAY_MS // 3, slots=np.array([slot for _, slot, _ in rows], np.int32),
        requests=np.array([request for request, _, _ in rows], np.uint64),
    )  # fmt: skip
    whole, parts = Cascade(), Cascade()
    found = whole.weigh(everything)
    bounds = sorted({0, len(rows), *(min(cut, len(rows)) for cut in cuts)})
    pieces = []
    for first, stop in zip(bounds, bounds[1:], strict=False):
        pieces.append(parts.weigh(everything.only(slice(first, stop))))  # type: ignore[arg-type]
        again = Cascade()
        again.load(parts.dump())
        parts = again
    one, other = whole.dump(), parts.dump()
    assert all(one[name].tobytes() == other[name].tobytes() for name in one)
    assert found.rewards.sum() == everything.rewards.sum()
    assert (found.items >= 0).all()
    if pieces:
        assert np.concatenate([piece.trials for piece in pieces]).tobytes() == found.trials.tobytes()


def test_shards_add_up() -> None:
    """Two halves of the lists together know what one would of all, to 0.03."""
    whole, left, right = Cascade(), Cascade(), Cascade()
    outcomes = outcomes_of(3, cascade_reader)
    whole.weigh(outcomes)
    assert outcomes.requests is not None
    odd: Array = outcomes.requests % 2 == 1
    left.weigh(outcomes.only(odd))
    right.weigh(outcomes.only(~odd))
    left.merge(right.dump())
    left.merge({})
    assert left.of_first(K) == pytest.approx(whole.of_first(K), abs=0.03)
    assert left.continuation(K - 1) == pytest.approx(whole.continuation(K - 1), abs=0.03)


def test_a_state_of_another_shape_is_refused() -> None:
    cascade = Cascade()
    with pytest.raises(ValueError, match=r"sums: expected float64\[16, 6\]"):
        cascade.load(cascade.dump() | {"cascade/sums": np.ones(3)})
