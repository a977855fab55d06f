"""Variants of an experiment start from content as their own configuration says, and from the priors of the arms they are served by."""

from __future__ import annotations

from pathlib import Path

import pytest

import bandi
from bandi.engine.state import PlacementState
from bandi.jobs.training import train

CONFIG = """
[objectives.click]
event = "click"
[objectives.coins]
event = "purchase"
value = "coins"
window = "14d"
[placements.home.policy]
use = "thompson"
[placements.dial.policy]
use = "earning"
then = ["coins"]
prior = { source = "content" }
[placements.other.policy]
use = "thompson"
prior = { source = "content" }
[factors]
factors = 8
[layers.all]
[layers.more]
[experiments.content]
placement = "home"
layer = "all"
owner = "a@example.com"
variants.control = { weight = 0.4 }
variants.content = { weight = 0.3, policy = { use = "thompson", prior = { source = "content" } } }
variants.elsewhere = { weight = 0.3, use_placement = "other" }
[experiments.giving]
placement = "dial"
layer = "more"
owner = "a@example.com"
variants.control = { weight = 0.5 }
variants.more = { weight = 0.5, policy = { use = "earning", then = ["coins"], give_up = 0.1, prior = { source = "content" } } }
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[bool, bool]]:
    """By list: whether it has priors of clicks, and of later steps."""
    folder: Path = tmp_path_factory.mktemp("variants")
    (folder / "bandi.toml").write_text(CONFIG)
    with bandi.open(folder) as engine:
        engine.put_items([bandi.Item(id=f"t{i}", genre=["drama", "sports"][i % 2]) for i in range(40)])
        for n in range(200):
            for place in ("home", "other", "dial"):
                engine.record(bandi.Impression(user=f"u{n}", item=f"t{n % 30}", placement=place))
                if n % 2 == 0:
                    engine.record(bandi.Click(user=f"u{n}", item=f"t{n % 30}", placement=place))
    train(folder)
    with bandi.open(folder) as engine:
        engine.take_up()
        lists: dict[str, PlacementState] = {}
        for place in engine._state.placements.values():
            lists |= {one.variant or one.name: one for one in (place, *place.sharing.values())}
        ask = engine._decider
        return {name: (ask.priors(one) is not None, ask.step_priors(one) is not None) for name, one in lists.items()}


def test_a_variant_that_asks_for_content_gets_it(trained: dict[str, tuple[bool, bool]]) -> None:
    assert trained["home"] == (False, False)
    assert trained["content.control"] == (False, False)
    assert trained["content.content"] == (True, False)


def test_a_variant_that_is_another_placement_s_list_starts_from_that_placement_s_priors(
    trained: dict[str, tuple[bool, bool]],
) -> None:
    assert trained["other"] == trained["content.elsewhere"] == (True, False)


def test_variants_of_the_dial_have_what_the_dial_has(trained: dict[str, tuple[bool, bool]]) -> None:
    assert trained["dial"] == trained["giving.control"] == trained["giving.more"] == (True, True)
