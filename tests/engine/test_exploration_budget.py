"""The exploration budget in the engine: accounted from the log, kept over a restart, and the same when asked again."""

import math
from pathlib import Path

import pytest
from click.testing import CliRunner

import bandi
from bandi.cli.arms import command

from .conftest import ITEMS, write_config

CONFIG = "[placements.home]\nk = 3\nexploration = { clicks_per_day = %s, safe_slots = %d }\n"


def learn(shop: bandi.Engine) -> None:
    """Title i is clicked in i of 10 impressions."""
    shop.items.put(ITEMS)
    events: list[bandi.Event] = []
    for i in range(8):
        events += [bandi.Impression(user=f"u{j}", item=f"t{i}", placement="home") for j in range(10)]
        events += [bandi.Click(user=f"u{j}", item=f"t{i}", placement="home") for j in range(i)]
    shop.record_many(events)


def settle(shop: bandi.Engine) -> None:
    """Decisions ride along with the next commit."""
    shop.record(bandi.Read(user="somebody", item="t0"))


def test_once_it_is_used_up_lists_are_greedy_and_all_can_be_asked_again(folder: Path) -> None:
    write_config(folder, CONFIG % (0.8, 1))
    with bandi.open(folder) as shop:
        learn(shop)
        rankings = []
        for _ in range(60):
            rankings.append(shop.recommend())
            settle(shop)
        assert all(ranking[0].item == "t7" for ranking in rankings)
        greedy = ["t7", "t6", "t5"]
        lists = [[slot.item for slot in ranking] for ranking in rankings]
        assert lists[0:20].count(greedy) < 20
        assert lists[-20:] == [greedy] * 20
        account = shop.stats().exploration["home"]
        means = {arm.item: arm.mean for arm in shop.arms("home")}
        worth = [sum(means[item] / math.log2(2 + slot) for slot, item in enumerate(items)) for items in lists]
        best = worth[-1]
        assert account.expected == pytest.approx(60 * best, abs=1e-3)
        assert account.spent == pytest.approx(sum(best - each for each in worth), abs=1e-3)
        assert 0.8 <= account.spent < 0.8 + max(best - each for each in worth)
        assert account.left == 0
        spent = account.spent
    with bandi.open(folder) as shop:
        assert shop.stats().exploration["home"].spent == spent
        assert [slot.item for slot in shop.recommend()] == greedy
        for ranking in rankings[::12]:
            assert shop.ask_again(ranking.request_id).items == ranking.items
    shown = CliRunner().invoke(command, [str(folder)])
    assert f"exploration today: {spent:.2f} of" in shown.output
    assert "0.00 left" in shown.output


def test_the_log_gives_the_same_account_without_a_snapshot(folder: Path) -> None:
    write_config(folder, CONFIG % (0.8, 0))
    with bandi.open(folder) as shop:
        learn(shop)
        for _ in range(30):
            shop.recommend()
        settle(shop)
        shop.seal()
        for _ in range(10):
            shop.recommend()
        settle(shop)
        spent = shop.stats().exploration["home"]
        assert spent.spent > 0.8  # all of a batch saw an account of 0
    for snapshot in (folder / "snapshots").iterdir():
        snapshot.unlink()
    with bandi.open(folder) as shop:
        assert shop.stats().exploration["home"] == spent


def test_without_a_budget_nothing_is_accounted(shop: bandi.Engine) -> None:
    shop.recommend(k=3)
    settle(shop)
    assert shop.stats().exploration == {}


@pytest.mark.parametrize("use", ["ucb1", "epsilon_greedy", "earning"])
def test_other_policies_have_their_safe_slots(folder: Path, use: str) -> None:
    text = CONFIG % (0, 2) + f'policy = {{ use = "{use}" }}\n'
    if use == "earning":
        text += '[objectives.click]\nevent = "click"\n'
        text += '[objectives.continued]\nevent = "read"\n[objectives.coins]\nevent = "purchase"\nvalue = "coins"\n'
    write_config(folder, text)
    with bandi.open(folder) as shop:
        learn(shop)
        assert [slot.item for slot in shop.recommend(k=3)] == ["t7", "t6", "t5"]  # a budget of 0: greedy
