"""Examination by slot: learned from clicks, and what an arm makes of it."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandi.evaluation.intervals import t_interval
from bandi.model.policy_config import Earning, EpsilonGreedy, PolicyConfig, Thompson, Ucb1
from bandi.model.records import Array
from bandi.policies._examination_kernels import FIRST_SLOTS, column_of, first_guess, fit_examination
from bandi.policies.examination import Examination
from bandi.policies.protocol import Candidates, Outcomes, Request
from bandi.policies.registry import make_policy

DAY_MS = 86_400_000
K = 8
TRUTH = 1.0 / (1.0 + np.arange(K)) ** 0.8


def lists(seed: int, truth: Array, days: int = 6, impressions: int = 8_000) -> list[Outcomes]:
    """Days of impressions of 50 titles; the better a title, the further in front it stands: appeal and slot go together."""
    random = np.random.default_rng(seed)
    appeal = random.beta(2, 10, 50)
    found = []
    for day in range(days):
        items = random.integers(0, 50, impressions).astype(np.int32)
        slots = np.clip(np.round(random.normal(K - appeal[items] * 20, 2.5)), 0, K - 1).astype(np.int32)
        clicks = (random.random(impressions) < appeal[items] * truth[slots]).astype(np.float32)
        found.append(
            Outcomes(
                items, np.zeros(impressions, np.int32), np.ones(impressions, np.float32), clicks,
                np.full(impressions, day * DAY_MS), slots=slots,
            )
        )  # fmt: skip
    return found


@pytest.mark.parametrize("truth", [TRUTH, np.ones(K), np.linspace(1.0, 0.3, K)], ids=["steep", "flat", "straight"])
def test_examination_is_recovered_though_good_titles_stand_in_front(truth: Array) -> None:
    """24 seeds: the 95 % t interval of the mean, widened by 0.03 for the pull of the first guess, holds the truth."""
    learned = []
    for seed in range(24):
        examination = Examination()
        for outcomes in lists(seed, truth):
            examination.weigh(outcomes)
        learned.append(examination.of_first(K))
    for slot in range(1, K):
        interval = t_interval(np.array(learned)[:, slot])
        assert interval.low - 0.03 < truth[slot] < interval.high + 0.03, (slot, interval)


def test_without_clicks_it_is_the_first_guess() -> None:
    examination = Examination()
    assert examination.of_first(10) == pytest.approx(1 / np.log2(2 + np.arange(10)))
    weights = np.empty(len(FIRST_SLOTS))
    fit_examination(np.zeros((len(FIRST_SLOTS), len(FIRST_SLOTS), 2)), weights)
    assert weights == pytest.approx([first_guess(column) for column in range(len(FIRST_SLOTS))])


def test_slots_share_columns_from_the_tenth_on() -> None:
    assert [column_of(slot) for slot in (0, 9, 10, 11, 12, 14, 15, 49, 50, 9_999)] == [
        0,
        9,
        10,
        10,
        11,
        11,
        12,
        14,
        15,
        15,
    ]


@pytest.mark.parametrize("config", [Thompson, Ucb1, EpsilonGreedy, Earning])
def test_rates_of_arms_are_those_of_the_first_slot(config: type[PolicyConfig]) -> None:
    """20 seeds, 50 titles: the mean error of learned rates is within 0.01 of 0; that of ignored slots is not."""
    errors: dict[str, list[float]] = {"learned": [], "ignored": []}
    for seed in range(20):
        appeal = np.random.default_rng(seed).beta(2, 10, 50)
        for position, found in errors.items():
            policy = make_policy(config(position=position), 1)  # type: ignore[call-arg, arg-type]
            for outcomes in lists(seed, TRUTH, days=3):
                policy.update(outcomes)
            believed = policy.posterior(np.arange(50, dtype=np.int32), 0, 3 * DAY_MS)
            found.append(float((believed.mean - appeal).mean()))
    learned, ignored = t_interval(np.array(errors["learned"])), t_interval(np.array(errors["ignored"]))
    assert learned.low - 0.01 < 0 < learned.high + 0.01
    assert ignored.high < -0.05


def regret(seed: int, position: str, rounds: int = 1_500) -> float:
    """Expected clicks lost against the best list, 30 titles in K slots whose examination falls to a fifth."""
    random = np.random.default_rng(seed)
    appeal = random.beta(2, 10, 30)
    best = float(np.sort(appeal)[::-1][:K] @ TRUTH)
    policy = make_policy(Thompson(position=position), 1)  # type: ignore[arg-type]
    candidates, request = Candidates(np.arange(30, dtype=np.int32)), Request(np.ones(1, np.float32), 0)
    zeros, ones, slots, lost = np.zeros(K, np.int32), np.ones(K, np.float32), np.arange(K, dtype=np.int32), 0.0
    for visit in range(rounds):
        items = policy.rank(request, candidates, K, (seed << 32) + visit).items
        chances = appeal[items] * TRUTH
        clicks = (random.random(30)[items] < chances).astype(np.float32)
        policy.update(Outcomes(items, zeros, ones, clicks, np.zeros(K, np.int64), slots=slots))
        lost += best - float(chances.sum())
    return lost


def test_thompson_with_learned_slots_loses_no_more_than_without() -> None:
    """24 seeds, paired: the 95 % interval of the difference in regret lies not above 0."""
    difference = [regret(seed, "learned") - regret(seed, "ignored") for seed in range(24)]
    assert t_interval(np.array(difference)).low <= 0


rows = st.lists(
    st.tuples(st.integers(0, 5), st.integers(-1, 60), st.sampled_from([0.0, 0.0, 1.0]), st.integers(0, 40)), max_size=80
)


@given(rows=rows, cuts=st.lists(st.integers(0, 80), max_size=4))
@settings(max_examples=60, deadline=None)
def test_how_rows_are_cut_does_not_matter_and_a_snapshot_goes_round(
    rows: list[tuple[int, int, float, int]], cuts: list[int]
) -> None:
    columns = np.array(rows, np.float64).reshape(len(rows), 4)
    everything = Outcomes(
        columns[:, 0].astype(np.int32), np.zeros(len(rows), np.int32), np.ones(len(rows), np.float32),
        columns[:, 2].astype(np.float32), columns[:, 3].astype(np.int64) * DAY_MS, slots=columns[:, 1].astype(np.int32),
    )  # fmt: skip
    whole, parts = (make_policy(Thompson(position="learned"), 1) for _ in range(2))
    whole.update(everything)
    bounds = sorted({0, len(rows), *(min(cut, len(rows)) for cut in cuts)})
    for first, stop in zip(bounds, bounds[1:], strict=False):
        piece = {
            name: getattr(everything, name)[first:stop]
            for name in ("items", "segments", "trials", "rewards", "occurred_ms", "slots")
        }
        parts.update(dataclasses.replace(everything, **piece))
        again = make_policy(Thompson(position="learned"), 1)
        again.load(parts.dump())
        parts = again
    one, other = whole.dump(), parts.dump()
    assert one.keys() == other.keys()
    assert all(one[name].tobytes() == other[name].tobytes() for name in one)


def test_shards_add_up_but_for_the_days_on_which_they_learned() -> None:
    """Two halves of the readers: together they know what one policy would of all, to 0.03."""
    whole, left, right = Examination(), Examination(), Examination()
    for day, outcomes in enumerate(lists(1, TRUTH)):
        whole.weigh(outcomes)
        (left if day % 2 else right).weigh(outcomes)
    left.merge(right.dump())
    assert left.of_first(K) == pytest.approx(whole.of_first(K), abs=0.03)


def test_a_state_of_another_shape_is_refused() -> None:
    examination = Examination()
    with pytest.raises(ValueError, match="weights"):
        examination.load(examination.dump() | {"position/weights": np.ones(3)})
    with pytest.raises(ValueError, match="cells"):
        examination.load(examination.dump() | {"position/cells": np.ones(3)})


def test_a_slot_that_is_not_known_leaves_the_trial_whole() -> None:
    one = np.zeros(2, np.int32)
    found = Examination().weigh(
        Outcomes(
            one,
            one,
            np.ones(2, np.float32),
            np.zeros(2, np.float32),
            np.zeros(2, np.int64),
            slots=np.array([-1, 2], np.int32),
        )
    )
    assert found.trials.tolist() == pytest.approx([1.0, 0.5])
