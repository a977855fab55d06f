"""From the engine's front door to a policy's later steps: journeys in the engine, restarts, refunds, bad coins."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bandi
from bandi.engine import carrying_on
from bandi.engine import state as state_module
from bandi.engine.doctor import differences, examine
from bandi.engine.recovery import recover
from bandi.model.config import Config, Objective, Placement
from bandi.model.events import Refund
from bandi.model.records import Array
from bandi.policies.bernoulli import BernoulliPolicy
from bandi.policies.protocol import Outcomes, State
from bandi.policies.registry import make_policy
from bandi.policies.traits import steps_of

DAY = 86_400
CONFIG = """
[placements.home]
k = 4
[placements.shop]
policy = { use = "thompson", objective = "coins" }
[objectives.click]
[objectives.continued]
event = "read"
count = 4
window = "7d"
[objectives.coins]
event = "purchase"
value = "coins"
window = "14d"
"""


class Chain:
    """A click policy that also sums its later steps: float64[3, 3], trials, rewards and coins by step."""

    def __init__(self, inner: BernoulliPolicy) -> None:
        self._inner = inner
        self.sums = np.zeros((3, 3))
        self.rank, self.posterior, self.most_tried, self.merge = (
            inner.rank, inner.posterior, inner.most_tried, inner.merge,
        )  # fmt: skip

    def update(self, outcomes: Outcomes) -> None:
        if outcomes.steps is None:
            self._inner.update(outcomes)
        steps = np.zeros(len(outcomes.items), np.int32) if outcomes.steps is None else outcomes.steps
        columns: list[Any] = [outcomes.trials, outcomes.rewards, outcomes.values]
        for step in np.unique(steps).tolist():
            self.sums[step] += [0 if column is None else column[steps == step].sum() for column in columns]

    def dump(self) -> State:
        return self._inner.dump() | {"sums": self.sums.copy()}

    def load(self, state: State) -> None:
        self._inner.load({name: array for name, array in state.items() if name != "sums"})
        self.sums = np.array(state["sums"])


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[bandi.Engine]:
    monkeypatch.setattr(state_module, "steps_of", lambda policy: ("continued", "coins"))
    monkeypatch.setattr(
        state_module, "make_policy", lambda policy, segments, seen: Chain(make_policy(policy, segments, seen))
    )  # type: ignore[arg-type]
    (tmp_path / "bandi.toml").write_text(CONFIG)
    with bandi.open(tmp_path) as engine:
        engine.items.put([bandi.Item(id=f"t{i}") for i in range(8)])
        yield engine


def sums(engine: bandi.Engine, placement: str = "home") -> Array:
    engine._flushed()
    policy: Any = engine._state.placements[placement].policy
    found: Array = policy.sums
    return found


def start(engine: bandi.Engine, user: str, at: float, placement: str = "home") -> str:
    """Someone is shown a list and clicks its first title; the title."""
    ranking = engine.recommend(user=user, placement=placement, k=2)
    item, request = ranking[0].item, ranking.request_id
    engine.record(
        bandi.Impression(user=user, item=item, request=request, occurred_at=at),
        bandi.Click(user=user, item=item, request=request, occurred_at=at + 1),
    )
    return item


def test_later_steps_reach_the_policy_and_survive_a_restart(shop: bandi.Engine) -> None:
    now = time.time()
    items = []
    for number in range(6):
        item = start(shop, f"u{number}", now - 10 * DAY)
        items.append(item)
        if number < 4:
            shop.record(bandi.Read(user=f"u{number}", item=item, episode=4, occurred_at=now - 9 * DAY))
        if number < 2:
            shop.record(bandi.Purchase(user=f"u{number}", item=item, coins=30, episode=5, occurred_at=now - 5 * DAY))
        if number == 3:
            shop.snapshot()
    shop.record(Refund(user="u1", item=items[1], coins=1))
    assert sums(shop).tolist() == [[6, 6, 0], [6, 4, 0], [6, 2, 59]]
    fresh = recover(shop.path / "nowhere", shop._log).state
    assert differences(fresh.dump(), shop._state.dump()) == []
    folder = shop.path
    shop.close()
    with bandi.open(folder) as again:
        assert sums(again).tolist() == [[6, 6, 0], [6, 4, 0], [6, 2, 59]]
        assert again._state.journeys.counters().starts == 6
        again.record(*(bandi.Purchase(user="u5", item=items[5], coins=5, occurred_at=now - 8 * DAY) for _ in range(2)))
        assert sums(again)[2].tolist() == [6, 3, 69]
    assert all(finding.ok for finding in examine(folder))


def test_a_placement_that_counts_purchases_gets_those_of_its_clicks(shop: bandi.Engine) -> None:
    item = start(shop, "u", time.time() - 3 * DAY, "shop")
    shop.record(bandi.Purchase(user="u", item=item, coins=30), bandi.Purchase(user="v", item=item, coins=30))
    assert sums(shop, "shop")[0].tolist() == [1, 1, 0]
    shop.record(Refund(user="u", item=item, coins=30))
    assert sums(shop, "shop")[0].tolist() == [1, 0, 0]
    assert sums(shop, "shop")[2].tolist() == [1, 0, 0]
    assert shop._state.journeys.counters().unmatched == 0
    shop.record(Refund(user="v", item="t0" if item != "t0" else "t1", coins=30))  # never bought: said, not refused
    shop._flushed()
    assert shop._state.journeys.counters().unmatched == 1
    assert shop.stats().events["refund"] == 2


def test_what_a_deleted_reader_did_is_forgotten(shop: bandi.Engine) -> None:
    shop.users.put([bandi.User(id="u")])
    item = start(shop, "u", time.time() - DAY)
    shop.record(bandi.Purchase(user="u", item=item, coins=3))
    user = np.array([shop._state.interner.lookup("user", "u")])
    assert shop._state.payers.rows(user)["payments"].tolist() == [1]
    shop.users.delete(["u"])
    shop.record(bandi.Purchase(user="u", item=item, coins=5))
    assert sums(shop)[2].tolist() == [1, 1, 3]
    assert shop._state.payers.rows(user)["coins"].tolist() == [5]


@pytest.mark.parametrize("coins", [-1.0, float("nan"), float("inf"), 1.1e9, True, "5", 10**400, None])
@pytest.mark.parametrize("kind", [bandi.Purchase, Refund])
def test_absurd_coins_are_refused_by_name(shop: bandi.Engine, kind: Any, coins: Any) -> None:
    receipt = shop.record_many([kind(user="u", item="t0", coins=coins), kind(user="u", item="t0", coins=2)])
    assert receipt.accepted == 1
    problem = receipt.refused[0].problem
    assert (problem.where, receipt.refused[0].index) == ("$.coins", 0)
    assert problem.expected.endswith("0 to 1e+09")


def test_a_refund_of_nothing_or_of_no_episode_is_refused(shop: bandi.Engine) -> None:
    receipt = shop.record_many(
        [Refund(user="u", item="t0", coins=0.0), Refund(user="u", item="t0", coins=1.0, episode=0)]
    )
    assert [refusal.problem.where for refusal in receipt.refused] == ["$.coins", "$.episode"]
    assert receipt.refused[0].problem.expected == "a finite number above 0 to 1e+09"


def test_what_arms_count_includes_the_later_objectives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carrying_on, "steps_of", lambda policy: ("coins",))
    window = [
        Config(objectives={"click": Objective(), "coins": Objective(event="purchase", window=days)})
        for days in ("7d", "7d", "14d")
    ]
    one, same, other = (carrying_on.counted(Placement(), config) for config in window)
    assert one == same != other


def test_policies_without_later_steps_have_none() -> None:
    assert steps_of(Placement().policy) == ()
