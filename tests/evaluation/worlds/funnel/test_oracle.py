"""The oracle knows the truth: nobody's lists are expected to be clicked more, and its frontier goes to coins."""

import numpy as np
import pytest

from bandi.evaluation.worlds.funnel.frontier import frontier, gains_at
from bandi.evaluation.worlds.funnel.oracle import Oracle
from bandi.evaluation.worlds.funnel.parameters import FunnelParameters, resized
from bandi.evaluation.worlds.funnel.running import run_funnel
from bandi.evaluation.worlds.funnel.truth import FunnelWorld
from bandi.model.config import Editor, Thompson
from bandi.policies.registry import make_policy


def test_no_policy_is_expected_to_get_more_clicks(world: FunnelWorld) -> None:
    reader = run_funnel("oracle", Oracle(world), world)
    population = run_funnel("population", Oracle(world, resolution="population"), world)
    assert reader.expected_ctr > population.expected_ctr
    for config in (Thompson(), Editor()):
        policy = run_funnel("policy", make_policy(config, 1), world)
        assert policy.expected_ctr < reader.expected_ctr
    assert population.waste < 0.02  # readers who have started all the good ones are left with others


def test_the_first_list_is_the_best_list(small: FunnelParameters) -> None:
    """On the first visit nobody is tired or has started anything: the expected clicks are the sorted attractions' sum."""
    world = FunnelWorld(resized(small, visits=40, days=1), 2)
    oracle = run_funnel("oracle", Oracle(world), world)
    readers = world.sessions.readers
    odds = world.hooks[0] + world.clicking.base
    odds = odds + world.clicking.taste_strength * world.tastes(0)[readers][:, world.titles.genres]
    chance = np.minimum(1 / (1 + np.exp(-odds)), world.clicking.highest)[:, world.available(world.sessions.times_ms[0])]
    best = (-np.sort(-chance, axis=1)[:, :10] * world.examination).sum()
    once = len(np.unique(readers)) == len(readers)
    assert oracle.days.expected_clicks.sum() == pytest.approx(best, rel=1e-6 if once else 0.05)


def test_the_frontier_trades_clicks_for_coins(world: FunnelWorld) -> None:
    points = frontier(world, multipliers=(0.0, 0.05, 0.3, 3.0))
    ctr = np.array([point.expected_ctr for point in points])
    coins = np.array([point.expected_coins_per_reader for point in points])
    assert (np.diff(ctr) < 0).all()
    assert coins[2] > coins[1] > coins[0]
    assert gains_at(ctr, coins, [0.0, 0.01])[1] > 0


def test_gains_are_read_off_the_upper_hull() -> None:
    ctr, coins = np.array([0.10, 0.09, 0.095, 0.08, 0.07]), np.array([1.0, 1.4, 1.1, 1.5, 1.2])
    gains = gains_at(ctr, coins, [0.0, 0.05, 0.10, 0.15, 0.25])
    np.testing.assert_allclose(gains[:4], [0.0, 0.2, 0.4, 0.45], atol=1e-9)  # the point at 5 % lies below the hull
    assert gains_at(ctr[:2], coins[:2], [0.2]).tolist() != gains_at(ctr[:2], coins[:2], [0.1]).tolist()
    assert np.isnan(gains_at(ctr[:2], coins[:2], [0.2]))[0]
