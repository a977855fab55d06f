"""Policies that rank from the same arms."""

import numpy as np
import pytest

from bandi.model.policy_config import EpsilonGreedy, LinTs, Thompson
from bandi.policies.carrying import share_arms
from bandi.policies.protocol import Candidates, Outcomes, Request
from bandi.policies.registry import make_policy


def clicked(item: int, times: int) -> Outcomes:
    ones = np.ones(times, np.float32)
    return Outcomes(np.full(times, item, np.int32), np.zeros(times, np.int32), ones, ones, np.zeros(times, np.int64))


def test_what_one_learns_the_other_ranks_by() -> None:
    teacher, other = make_policy(Thompson(), 1), make_policy(EpsilonGreedy(epsilon=0.0), 1)
    share_arms(teacher, other)
    teacher.update(clicked(3, 50))
    candidates = Candidates(np.arange(6, dtype=np.int32))
    for seed in range(20):
        assert other.rank(Request(np.ones(1, np.float32), 0), candidates, 1, seed).items[0] == 3
    other.update(clicked(5, 7))
    assert teacher.posterior(np.array([5], np.int32), 0, 0).successes[0] == 7
    teacher.load(make_policy(Thompson(), 1).dump())
    assert other.posterior(np.array([3], np.int32), 0, 0).trials[0] == 0


def test_policies_without_such_arms_are_refused() -> None:
    with pytest.raises(TypeError, match="no arms to share"):
        share_arms(make_policy(Thompson(), 1), make_policy(LinTs(), 1))
