"""A placement's policy changes: what is known of clicks goes on, and nothing is logged where nothing changed."""

from pathlib import Path

import numpy as np
import pytest

import bandi
from bandi.model.errors import ConfigError

OBJECTIVES = """
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


def configure(folder: Path, policy: str, more: str = "") -> None:
    (folder / "bandi.toml").write_text(f"[placements.home]\npolicy = {{ {policy} }}\n{more}{OBJECTIVES}")


def clicked(folder: Path) -> None:
    with bandi.open(folder) as engine:
        engine.items.put([bandi.Item(id=f"t{i}") for i in range(5)])
        for n in range(20):
            ranking = engine.recommend(user=f"u{n}", placement="home", k=3)
            item, request = ranking[0].item, ranking.request_id
            engine.record(
                bandi.Impression(user=f"u{n}", item=item, request=request, position=0),
                bandi.Click(user=f"u{n}", item=item, request=request),
                bandi.Read(user=f"u{n}", item=item, episode=4),
            )


def totals(folder: Path) -> tuple[float, float]:
    with bandi.open(folder) as engine:
        arms = engine.arms("home")
        return sum(arm.trials for arm in arms), sum(arm.successes for arm in arms)


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ('use = "earning"', 'use = "thompson"'),
        ('use = "thompson"', 'use = "earning"'),
        ('use = "earning"', 'use = "value", then = ["coins"]'),
        ('use = "retention"', 'use = "ucb1"'),
    ],
)
def test_clicks_carry_over_between_policies_with_click_arms(tmp_path: Path, first: str, then: str) -> None:
    configure(tmp_path, first)
    clicked(tmp_path)
    before = totals(tmp_path)
    assert before == (20, 20)
    configure(tmp_path, then)
    assert totals(tmp_path) == before
    configure(tmp_path, then, "[segments]\nk = 3\n")
    assert totals(tmp_path) == before
    configure(tmp_path, first)
    assert totals(tmp_path) == before


def test_opening_again_logs_no_configuration(tmp_path: Path) -> None:
    configure(tmp_path, 'use = "earning"', "[placements.home.seen]\n")
    clicked(tmp_path)
    lengths = []
    for _ in range(3):
        with bandi.open(tmp_path) as engine:
            lengths.append(engine.stats().position)
    assert np.diff(lengths).max() <= 1  # each opening notes itself, and nothing else


def test_a_chain_without_its_objectives_is_refused_and_the_folder_opens_again(tmp_path: Path) -> None:
    configure(tmp_path, 'use = "thompson"')
    clicked(tmp_path)
    good = (tmp_path / "bandi.toml").read_text()
    (tmp_path / "bandi.toml").write_text('[placements.home]\npolicy = { use = "earning" }\n[objectives.click]\n')
    with pytest.raises(ConfigError, match="read or purchase"):
        bandi.open(tmp_path)
    (tmp_path / "bandi.toml").write_text(good)
    assert totals(tmp_path) == (20, 20)
