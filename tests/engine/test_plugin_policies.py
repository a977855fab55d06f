"""A policy plug-in in the engine: served, replaced where it fails, asked again, restored."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

import bandi
from bandi.model.policy_config import Setting
from bandi.policies.protocol import Candidates, Outcomes, Ranked, Request, State

from .conftest import ITEMS, write_config

CONFIG = """
[placements.home]
policy = { use = "plugin", name = "last_first", settings = { fails_from = %d } }
"""


class LastFirst:
    """Candidates from the last; raises once it has learned from `fails_from` rows."""

    def __init__(self, settings: Mapping[str, Setting], segments: int) -> None:
        self.fails_from = int(settings["fails_from"])
        self.rows = np.zeros(1, np.int64)

    def rank(self, request: Request, candidates: Candidates, k: int, seed: int) -> Ranked:
        if self.rows[0] >= self.fails_from:
            raise RuntimeError("enough")
        return Ranked(candidates.items[::-1][:k].copy(), np.zeros(k))

    def update(self, outcomes: Outcomes) -> None:
        self.rows += len(outcomes.items)

    def dump(self) -> State:
        return {"rows": self.rows.copy()}

    def load(self, state: State) -> None:
        self.rows = state["rows"].copy()


def test_it_serves_until_it_fails_and_any_decision_can_be_asked_again(folder: Path) -> None:
    bandi.register_policy("last_first", LastFirst)
    write_config(folder, CONFIG % 2)
    with bandi.open(folder) as shop:
        shop.items.put(ITEMS)
        rankings = [shop.recommend(k=3)]
        assert [slot.item for slot in rankings[0]] == ["t7", "t6", "t5"]
        assert rankings[0].policy.startswith("plugin@")
        for i in range(2):
            shop.record(bandi.Impression(user="u", item="t1", placement="home", event_id=f"e{i}"))
            rankings.append(shop.recommend(k=3, seed=4))
        assert [slot.item for slot in rankings[1]] == ["t7", "t6", "t5"]
        assert shop.stats().plugin_failures == {"home": {"raised in rank": 1}}
        assert shop.arms("home", ["t1"])[0].trials == 2
    with bandi.open(folder) as shop:  # from the snapshot, then, for old decisions, from the log
        assert shop.opening.folded <= 1  # that it was opened
        rankings.append(shop.recommend(k=3))
        for ranking in rankings:
            assert shop.ask_again(ranking.request_id).items == ranking.items


def test_a_plug_in_that_is_gone_is_said_at_the_start_and_comes_back_with_all_it_should_know(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bandi.register_policy("last_first", LastFirst)
    write_config(folder, CONFIG % 3)
    with bandi.open(folder) as shop:
        shop.items.put(ITEMS)
        shop.record(bandi.Impression(user="u", item="t1", placement="home"))
    monkeypatch.setattr("bandi.policies.plugins._registered", {})
    with bandi.open(folder) as shop:
        assert any("placement home: policy plug-in last_first" in note for note in shop.opening.notes)
        assert len(shop.recommend(k=3)) == 3
        shop.record(bandi.Impression(user="u", item="t2", placement="home"))
        shop.snapshot()
    bandi.register_policy("last_first", LastFirst)
    with bandi.open(folder) as shop:  # that snapshot lacks its state
        assert any("no state of policy plug-in" in note for note in shop.opening.notes)
        assert [slot.item for slot in shop.recommend(k=3)] == ["t7", "t6", "t5"]
        shop.record(bandi.Impression(user="u", item="t1", placement="home"))
        shop.recommend(k=3)  # the third row: it fails
        assert shop.stats().plugin_failures == {"home": {"raised in rank": 1}}


def test_a_setting_of_a_wrong_kind_is_named_with_its_line(folder: Path) -> None:
    write_config(folder, '[placements.home]\npolicy = { use = "plugin", name = "x", settings = { a = [1] } }\n')
    with pytest.raises(bandi.ConfigError, match=r"bandi.toml:2: .*settings.a: expected text or a whole number"):
        bandi.open(folder)
