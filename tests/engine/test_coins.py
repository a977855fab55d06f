"""What a chain says of titles, through the engine and the command."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import bandi
from bandi.cli.arms import command
from bandi.model.errors import InvalidInputError

from .conftest import ITEMS, write_config

CONFIG = """
[objectives.click]
event = "click"
[objectives.coins]
event = "purchase"
value = "coins"
window = "14d"
[placements.home.policy]
use = "value"
then = ["coins"]
[placements.plain]
"""


def sell(shop: bandi.Engine) -> None:
    """Every title is started by 20 readers; of title i every reader below 2 i pays 10 coins at once."""
    shop.items.put(ITEMS)
    for i in range(8):
        shop.record_many([bandi.Click(user=f"u{j}", item=f"t{i}", placement="home") for j in range(20)])
        shop.record_many([bandi.Purchase(user=f"u{j}", item=f"t{i}", coins=10) for j in range(2 * i)])


def test_titles_that_are_bought_are_worth_more(folder: Path) -> None:
    write_config(folder, CONFIG)
    with bandi.open(folder) as shop:
        sell(shop)
        arms = shop.coins("home", [f"t{i}" for i in range(8)])
        assert [arm.payers for arm in arms] == [2 * i for i in range(8)]
        assert [arm.coins_per_start for arm in arms] == sorted(arm.coins_per_start for arm in arms)
        assert arms[0].factor < 1 < arms[7].factor
        for arm in arms:
            assert arm.payments_per_start == pytest.approx(arm.factor * shop.stats().chains["home"].rates[0])
        summary = shop.stats().chains
        assert list(summary) == ["home"]
        assert summary["home"].rewards == [56]
        assert summary["home"].coins_each == pytest.approx(10, rel=0.2)
        with pytest.raises(InvalidInputError):
            shop.coins("plain")


def test_the_command_shows_them(folder: Path) -> None:
    write_config(folder, CONFIG)
    with bandi.open(folder) as shop:
        sell(shop)
    shown = CliRunner().invoke(command, [str(folder), "--coins"])
    assert shown.exit_code == 0
    assert "coins a start" in shown.output and "exposure" in shown.output
    arms = json.loads(CliRunner().invoke(command, [str(folder), "--coins", "--json", "--item", "t7"]).output)
    assert [(arm["item"], arm["payers"]) for arm in arms] == [("t7", 14)]
    assert isinstance(
        CliRunner().invoke(command, [str(folder), "--coins", "--placement", "plain"]).exception, InvalidInputError
    )
