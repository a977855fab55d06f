"""Regret on stationary arms beside the bound."""

import math

import numpy as np
import pytest

from bandi.evaluation.talk.bound import checkpoints, kl_bernoulli, lai_robbins, play
from bandi.model.config import EpsilonGreedy, Thompson


def test_the_bound_by_hand() -> None:
    kl = 0.5 * math.log(0.5 / 0.75) + 0.5 * math.log(0.5 / 0.25)
    assert kl_bernoulli(0.5, 0.75) == pytest.approx(kl)
    assert lai_robbins((0.75, 0.5, 0.75)) == pytest.approx(0.25 / kl)
    assert kl_bernoulli(0.3, 0.3) == 0.0


def test_checkpoints_end_at_the_horizon() -> None:
    points = checkpoints(777)
    assert points[0] == 10
    assert points[-1] == 777
    assert (np.diff(points) > 0).all()


def test_learning_loses_less_than_chance() -> None:
    means = (0.9, 0.2, 0.1)
    lost = {}
    for name, config in (("thompson", Thompson()), ("random", EpsilonGreedy(epsilon=1.0))):
        rows = [play(name, config, means, 400, seed) for seed in range(5)]
        for row in rows:
            assert (np.diff(row["regret"]) >= 0.0).all()
            assert row["regret"][-1] <= 0.8 * 400
        lost[name] = np.mean([row["regret"][-1] for row in rows])
    assert lost["random"] == pytest.approx(200.0, rel=0.15)  # 5 x 400 plays of 0.5 on average: a deviation of 1.6 %
    assert lost["thompson"] < 0.25 * lost["random"]


def test_the_same_seed_gives_the_same_run() -> None:
    one, other = (play("t", Thompson(), (0.5, 0.4), 50, 7)["regret"] for _ in range(2))
    assert (one == other).all()
