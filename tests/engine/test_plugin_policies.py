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


class Careless(LastFirst):
    """Breaks one part of the contract, as `breaks` says; ranks from place `first` on."""

    def __init__(self, settings: Mapping[str, Setting], segments: int) -> None:
        super().__init__(settings, segments)
        self.breaks, self.first, self.not_kept = settings["breaks"], 0, 0

    def rank(self, request: Request, candidates: Candidates, k: int, seed: int) -> Ranked:
        if self.breaks == "rank":
            self.first += 1
        if self.breaks == "wrong" and ANSWERS_WRONG:
            return Ranked(np.zeros(k, np.int32), np.zeros(k))
        return Ranked(np.roll(candidates.items, self.first)[:k].copy(), np.zeros(k))

    def update(self, outcomes: Outcomes) -> None:
        if self.breaks == "learning" and ANSWERS_WRONG:
            raise RuntimeError("not today")
        self.rows += len(outcomes.items)
        if self.breaks in ("cuts", "learning"):
            self.rows[0] += 1
        self.not_kept += len(outcomes.items)
        self.first = self.not_kept if self.breaks == "dump" else int(self.rows[0])

    def load(self, state: State) -> None:
        super().load(state)
        self.not_kept = 0
        self.first = self.not_kept if self.breaks == "dump" else int(self.rows[0])


ANSWERS_WRONG: list[int] = []


@pytest.mark.parametrize(
    ("breaks", "said"),
    [
        ("rank", "asked twice on one state it gives two lists"),
        ("wrong", "it fails now, and thompson answers .*wrong list: WrongAnswer: expected distinct items"),
        ("dump", "after `load` of what `dump` gave it ranks otherwise"),
        ("cuts", "from the same rows it has learned otherwise"),
        ("learning", "raised in update: RuntimeError: not today"),
        ("gone", "UnknownNameError"),
    ],
)
def test_a_plug_in_that_breaks_its_contract_is_named_with_what_it_broke(
    folder: Path, monkeypatch: pytest.MonkeyPatch, breaks: str, said: str
) -> None:
    """And the log is not suspected."""
    bandi.register_policy("careless", Careless)
    write_config(
        folder,
        f'[placements.home]\npolicy = {{ use = "plugin", name = "careless", settings = {{ fails_from = 9, breaks = "{breaks}" }} }}\n',
    )
    monkeypatch.setattr(f"{__name__}.ANSWERS_WRONG", [])
    with bandi.open(folder) as shop:
        shop.items.put(ITEMS)
        for i in range(3):
            shop.record(bandi.Impression(user=f"u{i}", item="t1", placement="home"))
        if breaks == "dump":
            shop.snapshot()
            shop.record(bandi.Impression(user="u", item="t1", placement="home"))
        shop.recommend(k=3)
        ranking = shop.recommend(k=3)
    ANSWERS_WRONG.append(1)
    if breaks == "gone":
        monkeypatch.setattr("bandi.policies.plugins._registered", {})
    with (
        bandi.open(folder) as shop,
        pytest.raises(bandi.PluginContractError, match=f"policy plug-in careless .*{said}"),
    ):
        shop.ask_again(ranking.request_id)


def test_a_setting_of_a_wrong_kind_is_named_with_its_line(folder: Path) -> None:
    write_config(folder, '[placements.home]\npolicy = { use = "plugin", name = "x", settings = { a = [1] } }\n')
    with pytest.raises(bandi.ConfigError, match=r"bandi.toml:2: .*settings.a: expected text or a whole number"):
        bandi.open(folder)
