"""Priors by content in a funnel world: learned from what the policy counted and what is visible, used, and nothing else changed."""

import hashlib

import numpy as np
import pytest

from bandi.evaluation.worlds.funnel.beliefs import NO_BELIEFS, Beliefs, believe_by_content, visible_content
from bandi.evaluation.worlds.funnel.parameters import FunnelParameters
from bandi.evaluation.worlds.funnel.result import COLUMNS, FunnelResult
from bandi.evaluation.worlds.funnel.running import Plan, run_funnel
from bandi.evaluation.worlds.funnel.truth import FunnelWorld
from bandi.evaluation.worlds.webtoon import DAY_MS, START_MS
from bandi.model.policy_config import Earning, Prior, Thompson
from bandi.policies.bernoulli import BernoulliPolicy
from bandi.policies.chain_policy import ChainPolicy
from bandi.policies.protocol import Candidates, Outcomes, Ranked, Request
from bandi.policies.registry import make_policy

STEPS = Plan(steps=("continued", "coins"))


def earning() -> ChainPolicy:
    policy = make_policy(Earning(give_up=0.05), 1)
    assert isinstance(policy, ChainPolicy)
    return policy


class Asked:
    """A policy that notes the beliefs it is given."""

    def __init__(self, policy: ChainPolicy) -> None:
        self.policy = policy
        self.given: list[tuple[int, Beliefs]] = []

    def rank(self, request: Request, candidates: Candidates, k: int, seed: int) -> Ranked:
        self.given.append((request.occurred_ms, Beliefs(candidates.priors, candidates.step_priors)))
        return self.policy.rank(request, candidates, k, seed)

    def update(self, outcomes: Outcomes) -> None:
        self.policy.update(outcomes)


def same(one: FunnelResult, other: FunnelResult) -> bool:
    return all((getattr(one.days, name) == getattr(other.days, name)).all() for name in COLUMNS)


def test_beliefs_are_learned_once_a_day_and_reach_the_policy(world: FunnelWorld) -> None:
    asked, times = Asked(earning()), list[int]()
    learn = believe_by_content(asked.policy, Prior(), "clicks and steps", world.catalogue)

    def believe(now_ms: int) -> Beliefs:
        times.append(now_ms)
        return learn(now_ms)

    run_funnel("asked", asked, world, STEPS, believe=believe)  # type: ignore[arg-type]
    assert times == [START_MS + day * DAY_MS for day in range(world.parameters.run.days)]
    by_day = {(at_ms - START_MS) // DAY_MS: beliefs for at_ms, beliefs in asked.given}
    assert len({id(beliefs.clicks) for _, beliefs in asked.given}) == len(by_day) == 15
    for beliefs in by_day.values():
        assert beliefs.clicks is not None and beliefs.steps is not None
        assert beliefs.clicks.successes.shape == (1, 80)
        assert beliefs.steps.means.shape == (2, 80)
    last, first = by_day[14], by_day[0]
    assert first.clicks is not None and first.steps is not None and last.clicks is not None and last.steps is not None
    started = first.clicks.successes / (first.clicks.successes + first.clicks.failures)
    assert started == pytest.approx(np.full((1, 80), 0.1), rel=1e-3)
    assert np.ptp(last.clicks.successes / (last.clicks.successes + last.clicks.failures)) > 0.01
    assert first.steps.means == pytest.approx(np.ones((2, 80)), rel=1e-3)
    assert np.ptp(last.steps.means[0]) > 0.01


def test_what_is_not_asked_for_stays_as_the_policy_has_it(world: FunnelWorld) -> None:
    policy = earning()
    clicks = believe_by_content(policy, Prior(), "clicks", world.catalogue)(START_MS)
    steps = believe_by_content(policy, Prior(), "steps", world.catalogue)(START_MS)
    assert clicks.clicks is not None and clicks.steps is None
    assert steps.clicks is None and steps.steps is not None
    bare = make_policy(Thompson(), 1)
    assert isinstance(bare, BernoulliPolicy)
    with pytest.raises(ValueError, match="learns what follows a start"):
        believe_by_content(bare, Prior(), "steps", world.catalogue)


def test_runs_with_beliefs_are_the_same_again_and_differ_from_runs_without(world: FunnelWorld) -> None:
    results = []
    for which in ("clicks and steps", "clicks and steps", "steps", None):
        policy = earning()
        believe = None if which is None else believe_by_content(policy, Prior(), which, world.catalogue)
        results.append(run_funnel("earning", policy, world, STEPS, believe=believe))
    assert same(results[0], results[1])
    assert not same(results[0], results[2])
    assert not same(results[2], results[3])
    nothing = run_funnel("earning", earning(), world, STEPS, believe=lambda now_ms: NO_BELIEFS)
    assert same(results[3], nothing)


def test_content_is_what_is_visible(world: FunnelWorld) -> None:
    content = visible_content(world.catalogue, START_MS + 10 * DAY_MS)
    assert content.groups == ("level", "genre", "author", "tags", "age")
    genre = content.groups.index("genre")
    for column in np.flatnonzero(content.group == genre):
        rows = content.rows[content.starts[column] : content.starts[column + 1]]
        assert len(set(world.catalogue.genres[rows].tolist())) == 1
    tags = np.flatnonzero(content.group == content.groups.index("tags"))
    assert sum(content.starts[j + 1] - content.starts[j] for j in tags) == world.catalogue.tags.size


def test_the_draws_of_a_world_are_those_of_the_first_version(small: FunnelParameters) -> None:
    """Priors by content need no draw of their own: whole numbers of a world and of a run in it, by their digest."""
    world, digest = FunnelWorld(small, 1), hashlib.sha256()
    run = run_funnel("thompson", make_policy(Thompson(), 1), world)
    for array in (
        world.catalogue.genres, world.catalogue.authors, world.catalogue.tags, world.catalogue.launched_ms,
        world.titles.free, world.editor_ranks, world.sessions.readers, world.organic.readers, world.organic.titles,
        run.title_impressions, run.title_clicks, run.title_payers,
    ):  # fmt: skip
        digest.update(np.ascontiguousarray(array.astype("<i8")).tobytes())
    assert digest.hexdigest()[:16] == "cba35fef08773b4a"
