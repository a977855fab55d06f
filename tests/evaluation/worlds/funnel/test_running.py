"""The loop: what a policy is told is what happened, when the service could know it."""

import dataclasses

import msgspec
import numpy as np
import pytest

from bandi.evaluation.worlds.funnel.parameters import FunnelParameters, resized
from bandi.evaluation.worlds.funnel.result import COLUMNS, FunnelResult
from bandi.evaluation.worlds.funnel.running import Plan, run_funnel
from bandi.evaluation.worlds.funnel.truth import FunnelWorld
from bandi.evaluation.worlds.webtoon import DAY_MS, START_MS
from bandi.model.policy_config import Editor, Thompson
from bandi.policies.protocol import Candidates, Outcomes, Ranked, Request
from bandi.policies.registry import make_policy

HOUR_MS = 3_600_000


class Recorder:
    """Shows the first candidates in turn and keeps everything it is given, with the time of the request before it."""

    def __init__(self) -> None:
        self.requests: list[tuple[Request, Candidates]] = []
        self.told: list[tuple[int, Outcomes]] = []

    def rank(self, request: Request, candidates: Candidates, k: int, seed: int) -> Ranked:
        self.requests.append((request, candidates))
        n = len(candidates.items)
        items = candidates.items[(len(self.requests) * 3 + np.arange(min(k, n))) % n]
        return Ranked(items, np.zeros(len(items), np.float32))

    def update(self, outcomes: Outcomes) -> None:
        self.told.append((self.requests[-1][0].occurred_ms if self.requests else START_MS, outcomes))

    def of(self, step: int) -> dict[str, np.ndarray]:
        """Rows of one step, 0: of impressions."""
        every = [outcomes for _, outcomes in self.told if (outcomes.steps is None) == (step == 0)]
        chosen = [outcomes if outcomes.steps is None else outcomes.only(outcomes.steps == step) for outcomes in every]
        names = ("items", "segments", "trials", "rewards", "occurred_ms", "values", "users", "delays_ms")
        return {name: np.concatenate([getattr(outcomes, name) for outcomes in chosen]) for name in names}


def recorded(world: FunnelWorld, plan: Plan, **more: object) -> tuple[Recorder, FunnelResult]:
    policy = Recorder()
    return policy, run_funnel("recorder", policy, world, plan, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def sure(small: FunnelParameters) -> FunnelWorld:
    """Nothing late, lost or doubled; many pay at once."""
    change = msgspec.structs.replace
    events = change(small.events, late=0.0, lost=0.0, duplicated=0.0)
    payment = change(small.payment, chance=0.8, hesitation_days=0.2, never_pays=0.1, further_days=0.1)
    return FunnelWorld(change(small, events=events, payment=payment), 1)


def test_a_policy_is_told_of_every_impression_and_click(sure: FunnelWorld) -> None:
    policy, result = recorded(sure, Plan())
    told = policy.of(0)
    assert len(told["items"]) == result.days.impressions.sum() == told["trials"].sum()
    assert told["rewards"].sum() == result.days.clicks.sum() > 100
    assert (np.bincount(told["items"], minlength=80) == result.title_impressions).all()
    assert (told["delays_ms"] == 0).all()
    assert all(outcomes.steps is None for _, outcomes in policy.told)
    assert result.lost == result.late == result.duplicated == 0


def test_started_titles_are_no_candidates_any_more(sure: FunnelWorld) -> None:
    few = FunnelWorld(resized(sure.parameters, days=8, visits=1_500), 1)
    policy, _ = recorded(few, Plan(update_every=1))
    started: dict[int, set[int]] = {}
    asked, told = iter(policy.requests), (outcomes for _, outcomes in policy.told if len(outcomes.items))
    for (request, candidates), outcomes in zip(asked, told, strict=True):
        assert started.setdefault(request.user, set()).isdisjoint(candidates.items.tolist())
        started[request.user] |= set(outcomes.items[outcomes.rewards > 0].tolist())
        assert (np.diff(candidates.items) > 0).all()
        assert candidates.editor_ranks is not None
        assert (candidates.editor_ranks == few.editor_ranks[candidates.items]).all()
        assert (few.catalogue.launched_ms[candidates.items] <= request.occurred_ms).all()
    assert sum(map(len, started.values())) > 50


def test_later_steps_come_when_they_happen(sure: FunnelWorld) -> None:
    policy, result = recorded(sure, Plan(steps=("continued", "coins")))
    clicks = policy.of(0)["rewards"].sum()
    for step, most in ((1, result.days.continued.sum()), (2, result.days.payers.sum())):
        told = policy.of(step)
        assert told["trials"].sum() == clicks
        assert (told["values"][told["trials"] > 0] == 0).all()
        assert 0.5 * most < told["rewards"].sum() <= most
        assert (told["delays_ms"][told["rewards"] > 0] > 0).all()
        starts = set(zip(told["users"][told["trials"] > 0], told["items"][told["trials"] > 0], strict=True))
        assert starts >= set(zip(told["users"], told["items"], strict=True))
    coins = policy.of(2)["values"].sum()
    assert coins <= result.days.coins_arrived.sum() + 1e-6
    assert coins > 0.9 * result.days.coins_arrived.sum()
    further = policy.of(2)
    assert ((further["trials"] == 0) & (further["rewards"] == 0) & (further["values"] > 0)).any()
    for asked_ms, outcomes in policy.told:
        assert outcomes.delays_ms is not None
        happened = outcomes.occurred_ms + outcomes.delays_ms
        assert (happened <= asked_ms + HOUR_MS).all()  # the batch's first request is later than the last one before it
        if outcomes.steps is not None and outcomes.trials.sum() == 0:
            assert (happened > asked_ms - DAY_MS).all()


def test_a_main_objective_beyond_the_click_is_credited_to_the_impression(sure: FunnelWorld) -> None:
    clicks, _ = recorded(sure, Plan())
    for objective, column in (("continued", "continued"), ("coins", "payers")):
        policy, result = recorded(sure, Plan(objective=objective))  # type: ignore[arg-type]
        told = policy.of(0)
        assert told["trials"].sum() == result.days.impressions.sum()
        assert (told["rewards"][told["trials"] > 0] == 0).all()
        later = told["trials"] == 0
        total = getattr(result.days, column).sum()
        assert 0.5 * total < told["rewards"].sum() <= total
        assert (told["values"][later] > 0).all() == (objective == "coins")
        shown = clicks.of(0)
        impressions = set(zip(shown["users"], shown["items"], shown["occurred_ms"], strict=True))
        credited = zip(told["users"][later], told["items"][later], told["occurred_ms"][later], strict=True)
        assert set(credited) <= impressions


def test_lost_events_never_arrive_and_late_ones_later(small: FunnelParameters) -> None:
    change = msgspec.structs.replace
    worlds = {
        name: FunnelWorld(change(small, events=change(small.events, late=late, lost=lost, late_hours=5.0)), 1)
        for name, late, lost in (("good", 0.0, 0.0), ("late", 1.0, 0.0), ("lost", 0.0, 1.0))
    }
    told = {name: recorded(world, Plan(steps=("continued",))) for name, world in worlds.items()}
    good, late, lost = (told[name][0].of(0) for name in ("good", "late", "lost"))
    assert lost["rewards"].sum() == 0
    assert told["lost"][1].days.clicks.sum() == told["good"][1].days.clicks.sum()
    assert all(outcomes.steps is None for _, outcomes in told["lost"][0].told)
    assert (late["rewards"][late["trials"] > 0] == 0).all()
    assert 0.9 * good["rewards"].sum() < late["rewards"].sum() < good["rewards"].sum()
    assert late["delays_ms"][late["rewards"] > 0].mean() == pytest.approx(5 * HOUR_MS, rel=0.15)


def test_runs_are_the_same_again_and_share_their_luck(world: FunnelWorld) -> None:
    """Two policies that show the same lists have the same results; batches change nothing but what is learned."""
    one, same = (run_funnel("thompson", make_policy(Thompson(), 1), world) for _ in range(2))
    for column in COLUMNS:
        assert (getattr(one.days, column) == getattr(same.days, column)).all()
    editors = run_funnel("editor", make_policy(Editor(), 1), world)
    other = run_funnel("editor", make_policy(Editor(), 1), world, Plan(update_every=9))
    assert other.days.clicks.sum() == pytest.approx(editors.days.clicks.sum(), rel=0.02)
    assert (editors.days.visits == one.days.visits).all()


def test_clicks_and_coins_come_as_the_truth_expects(sure: FunnelWorld) -> None:
    """Sums of independent luck: within 4.5 standard errors, which is a false alarm in fewer than 1e-4 runs."""
    result = run_funnel("thompson", make_policy(Thompson(), 1), sure)
    expected = result.days.expected_clicks.sum()
    assert abs(result.days.clicks.sum() - expected) < 4.5 * np.sqrt(expected)
    payers = result.days.payers.sum()
    coins_error = result.days.coins.sum() / payers * np.sqrt(payers * 4)  # log-normal, sigma 1: E x**2 = 2.7 (E x)**2
    assert abs(result.days.coins.sum() - result.days.expected_coins.sum()) < 4.5 * coins_error
    assert result.title_clicks.sum() == result.days.clicks.sum()
    assert result.title_payers.sum() == payers
    assert (result.days.wasted <= result.days.impressions).all()


def test_organic_starts_are_told_apart(sure: FunnelWorld) -> None:
    heard: list[Outcomes] = []
    policy, result = recorded(sure, Plan(steps=("coins",)), organic=heard.append)
    assert sum(outcomes.trials.sum() for outcomes in heard) == result.days.organic_starts.sum() > 100
    assert all(outcomes.steps is not None and (outcomes.steps == 1).all() for outcomes in heard)
    assert policy.of(1)["trials"].sum() == result.days.clicks.sum()
    paid = sum(outcomes.rewards.sum() for outcomes in heard)
    assert 0.5 * result.days.organic_payers.sum() < paid <= result.days.organic_payers.sum()


def test_readers_tire_of_what_they_are_shown(small: FunnelParameters) -> None:
    change = msgspec.structs.replace
    busy = resized(small, readers=60, days=3, visits=1_500)
    fresh, tired = (
        run_funnel("editor", make_policy(Editor(), 1), FunnelWorld(change(busy, fatigue=fatigue), 1))
        for fatigue in (change(busy.fatigue, per_showing=0.0), change(busy.fatigue, per_showing=0.5))
    )
    assert tired.days.expected_clicks.sum() < 0.6 * fresh.days.expected_clicks.sum()
    assert tired.days.expected_clicks[0] > tired.days.expected_clicks[2]


def test_segments_are_learned_from_what_readers_started(world: FunnelWorld) -> None:
    policy, _ = recorded(world, Plan(segments=3))
    told, weights = policy.of(0), [request.segment_weights for request, _ in policy.requests]
    assert set(told["segments"]) == {0, 1, 2, 3}
    early = told["occurred_ms"] < START_MS + DAY_MS
    assert (told["segments"][early] == 0).all()
    assert (weights[0] == 1).all()
    known = np.array([row for row in weights if row[0] == 0])
    assert len(known) > 100
    np.testing.assert_allclose(known.sum(axis=1), 1.0, atol=1e-5)
    late = told["occurred_ms"] > START_MS + 8 * DAY_MS
    by_user = {}
    for (request, _), row in zip(policy.requests, weights, strict=True):
        by_user[request.user, request.occurred_ms] = row[0] == 0
    is_known = np.array([by_user[pair] for pair in zip(told["users"][late], told["occurred_ms"][late], strict=True)])
    assert ((told["segments"][late] > 0) == is_known).all()


def test_a_policy_that_names_no_title_is_refused(world: FunnelWorld) -> None:
    class Wild(Recorder):
        def rank(self, request: Request, candidates: Candidates, k: int, seed: int) -> Ranked:
            return Ranked(np.full(k, 80, np.int32), np.zeros(k, np.float32))

    with pytest.raises(ValueError, match="named title 80"):
        run_funnel("wild", Wild(), world)  # type: ignore[arg-type]


def test_progress_counts_every_visit(world: FunnelWorld) -> None:
    steps: list[int] = []
    run_funnel("editor", make_policy(Editor(), 1), world, Plan(), steps.append)
    assert sum(steps) == world.sessions.bounds[-1]


def test_a_result_is_frozen(world: FunnelWorld) -> None:
    result = run_funnel("editor", make_policy(Editor(), 1), world)
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.seed = 2  # type: ignore[misc]
