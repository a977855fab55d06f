"""A sliding window against an oracle that keeps every row."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandi.evaluation.intervals import t_interval
from bandi.evaluation.worlds.changing import drifting, follow
from bandi.model.policy_config import Prior, Thompson
from bandi.policies.arms import BetaArms, with_segments
from bandi.policies.protocol import Outcomes
from bandi.policies.registry import make_policy
from bandi.policies.window import SUB_WINDOWS, Window

PART_MS = 1_000
WINDOW = "16s"


def arms(segments: int = 1) -> BetaArms:
    return BetaArms(Prior(), None, segments, memory=Window(WINDOW, segments))


def rows(items: list[int], rewards: list[int], times: list[int], segments: list[int] | None = None) -> Outcomes:
    n = len(items)
    return Outcomes(
        np.array(items, np.int32), np.array(segments or [0] * n, np.int32), np.ones(n, np.float32),
        np.array(rewards, np.float32), np.array(times, np.int64),
    )  # fmt: skip


history = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 1), st.integers(-40_000, 60_000)), min_size=1, max_size=80
)


@given(history=history)
@settings(max_examples=100, deadline=None)
def test_what_counts_is_the_newest_sub_window_named_so_far_and_the_fifteen_before(
    history: list[tuple[int, int, int]],
) -> None:
    """Late rows count where they belong while their sub-window is kept, and not once it is gone."""
    kept: list[tuple[int, int, int]] = []
    newest = None
    for item, reward, at in history:
        number = at // PART_MS
        newest = number if newest is None else max(newest, number)
        kept = [row for row in [*kept, (item, reward, number)] if row[2] > newest - SUB_WINDOWS]
    window = arms()
    window.update(rows(*(list(column) for column in zip(*history, strict=True))))
    counts, used = window.readable()
    for item in range(used):
        mine = [row for row in kept if row[0] == item]
        assert counts[item, 0].tolist() == [sum(row[1] for row in mine), len(mine)]


@given(one=history, other=history)
@settings(max_examples=80, deadline=None)
def test_shards_of_other_times_add_up(one: list[tuple[int, int, int]], other: list[tuple[int, int, int]]) -> None:
    """Merging is counting all rows of the common window."""
    left, right, again = arms(), arms(), arms()
    left.update(rows(*(list(column) for column in zip(*one, strict=True))))
    right.update(rows(*(list(column) for column in zip(*other, strict=True))))
    again.update(rows(*(list(column) for column in zip(*other, strict=True))))
    dumped = left.dump()
    left.merge(right.dump())
    again.merge(dumped)  # in the other order
    newest = max(at // PART_MS for _, _, at in one + other)
    everything = [(i, r) for i, r, at in one + other if at // PART_MS > newest - SUB_WINDOWS]
    for merged in (left, again):
        counts, used = merged.readable()
        for item in range(used):
            rewards = [r for i, r in everything if i == item]
            if all(at // PART_MS > newest - SUB_WINDOWS for _, _, at in one + other):
                assert counts[item, 0].tolist() == [sum(rewards), len(rewards)]
            else:  # rows that came too late for their own shard
                assert counts[item, 0, 1] <= len(rewards)
    assert (
        left.readable()[0][: min(left.items, again.items)].tolist()
        == again.readable()[0][: min(left.items, again.items)].tolist()
    )


def test_segments_that_are_no_more_go_to_segment_0_with_their_times() -> None:
    three, two = arms(3), arms(2)
    three.update(rows([0, 0, 0], [1, 0, 1], [0, 8_000, 15_000], [2, 1, 2]))
    two.load(with_segments(three.dump(), 2))
    assert two.readable()[0][0].tolist() == [[2, 2], [0, 1]]
    two.update(rows([1], [0], [16_000]))
    assert two.readable()[0][0].tolist() == [[1, 1], [0, 1]]


def test_a_state_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="ring"):
        arms().load(BetaArms(Prior(), None, 1).dump())


def test_a_drift_is_followed_better_than_without_forgetting() -> None:
    """20 seeds, 480 hours of a drift: the 95 % intervals of the paired differences lie below 0.

    A window that made no difference would pass both by chance in 1 of 1,600.
    """
    regrets, errors = [], []
    for seed in range(20):
        path = drifting(480, 20, np.random.default_rng([seed, 0]))
        window, all_time = (follow(make_policy(c, 1), path, seed) for c in (Thompson(window="6d"), Thompson()))
        regrets.append(window.regret - all_time.regret)
        errors.append(window.error - all_time.error)
    assert t_interval(np.array(regrets)).high < 0
    assert t_interval(np.array(errors)).high < 0
