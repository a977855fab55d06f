"""`position = "cascade"` through the engine's front door: a click takes from what stands below it in its list."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import bandi

CONFIG = """
[placements.home]
k = 4
impressions = "implied"
policy = { use = "thompson", position = "cascade" }
[objectives.click]
"""


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[bandi.Engine]:
    (tmp_path / "bandi.toml").write_text(CONFIG, encoding="utf-8")
    with bandi.open(tmp_path) as engine:
        engine.items.put([bandi.Item(id=f"t{i}", title=f"Title {i}") for i in range(4)])
        yield engine


def trials(shop: bandi.Engine) -> dict[str, float]:
    return {arm.item: arm.trials for arm in shop.arms("home")}


def test_a_click_takes_from_the_titles_below_it_and_from_no_others(shop: bandi.Engine, tmp_path: Path) -> None:
    ranking = shop.recommend(user="u", k=4)
    shop.record(bandi.Click(user="u", item=ranking[1].item, request=ranking.request_id))
    counted = [trials(shop)[slot.item] for slot in ranking]
    assert counted[:2] == pytest.approx([1.0, 1.0])
    assert all(0.3 < trial < 0.6 for trial in counted[2:])
    shop.record(bandi.Click(user="u", item=ranking[3].item, request=ranking.request_id))
    assert [trials(shop)[slot.item] for slot in ranking] == pytest.approx([1.0] * 4, abs=1e-3)
    shop.close()
    with bandi.open(tmp_path) as again:
        assert [trials(again)[slot.item] for slot in ranking] == pytest.approx([1.0] * 4, abs=1e-3)
