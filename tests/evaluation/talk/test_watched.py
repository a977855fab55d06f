"""Watching a policy changes nothing of its run, and counts what it knew."""

import numpy as np
import pytest

from bandi.evaluation.talk.watched import MOST_PAYMENTS, WatchedPolicy, mechanism_of, rank_correlation, steps_to_send
from bandi.evaluation.worlds.funnel.parameters import preset_file, read_funnel, resized
from bandi.evaluation.worlds.funnel.running import Plan, run_funnel
from bandi.evaluation.worlds.funnel.truth import FunnelWorld
from bandi.model.policy_config import Conditional, Earning, PolicyConfig, Retention, Thompson
from bandi.policies.protocol import Candidates, Outcomes, Request
from bandi.policies.registry import make_policy


@pytest.fixture(scope="module")
def world() -> FunnelWorld:
    return FunnelWorld(resized(read_funnel(preset_file("hits")), readers=400, titles=40, days=6, visits=2_000), 1)


@pytest.mark.parametrize("config", [Thompson(), Thompson(objective="coins"), Conditional(), Retention(), Earning()])
def test_a_watched_run_is_the_same_run(world: FunnelWorld, config: PolicyConfig) -> None:
    steps, taught = steps_to_send(config)
    objective = "coins" if config.objective == "coins" else "click"
    alone = run_funnel("a", make_policy(config, 1), world, Plan(50, objective=objective, steps=steps[:taught]))
    watched = WatchedPolicy(make_policy(config, 1), steps, taught, world.parameters.titles.count)
    seen = run_funnel("a", watched, world, Plan(50, objective=objective, steps=steps))
    assert (alone.title_impressions == seen.title_impressions).all()
    assert (alone.days.coins == seen.days.coins).all()
    found = mechanism_of(watched, config, world, seen.title_impressions)
    assert found.shown_after.sum() == seen.days.impressions.sum()
    believes = not isinstance(config, Thompson) or config.objective == "coins"
    assert np.isfinite(found.correlation) == believes
    assert np.isfinite(found.blur) == (isinstance(config, Conditional) or config.objective == "coins")


def test_payments_are_counted_when_they_have_come() -> None:
    watched = WatchedPolicy(make_policy(Thompson(), 1), ("coins",), 0, 3)
    request, candidates = Request(np.ones(1, np.float32), 0), Candidates(np.arange(3, dtype=np.int32))
    watched.rank(request, candidates, 3, 1)
    one, zero = np.ones(4, np.float32), np.zeros(4, np.int32)
    payments = Outcomes(
        np.array([1, 1, 2, 0], np.int32),
        zero,
        one * 0,
        np.array([1, 1, 1, 0], np.float32),
        zero,
        steps=np.ones(4, np.int32),
    )
    before = watched.dump()
    watched.update(payments)
    assert all((before[name] == array).all() for name, array in watched.dump().items())
    watched.rank(request, candidates, 3, 1)
    assert watched.shown_after[:3].tolist() == [4, 1, 1]
    for _ in range(40):
        watched.update(payments)
    watched.rank(request, candidates, 3, 1)
    assert watched.shown_after[MOST_PAYMENTS] == 2


def test_steps_that_are_counted_come_after_those_that_are_learned() -> None:
    assert steps_to_send(Thompson()) == (("coins",), 0)
    assert steps_to_send(Retention()) == (("continued", "coins"), 1)
    assert steps_to_send(Earning()) == (("continued", "coins"), 2)


def test_rank_correlation_by_hand() -> None:
    assert rank_correlation(np.array([1.0, 2.0, 30.0]), np.array([2.0, 5.0, 6.0])) == pytest.approx(1.0)
    assert rank_correlation(np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 3.0, 2.0, 4.0])) == pytest.approx(0.8)
    assert rank_correlation(np.array([1.0, 1.0, 2.0]), np.array([1.0, 1.0, 5.0])) == pytest.approx(1.0)
    assert np.isnan(rank_correlation(np.ones(3), np.arange(3.0)))
