"""Files of funnel worlds: the presets read, mistakes are named with their place."""

from pathlib import Path

import pytest

from bandi.evaluation.worlds.funnel.parameters import PRESETS, FunnelParameters, preset_file, read_funnel, resized
from bandi.model.errors import InvalidInputError


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_reads_and_says_something_of_every_number(name: str) -> None:
    parameters = read_funnel(preset_file(name))
    assert parameters.run.days > 0
    keys = [line for line in preset_file(name).read_text().splitlines() if " = " in line]
    assert all(" # " in line for line in keys)


def test_presets_differ_from_the_calibrated_one(calibrated: FunnelParameters) -> None:
    others = [read_funnel(preset_file(name)) for name in PRESETS if name != "calibrated"]
    assert all(other != calibrated for other in others)
    assert read_funnel(preset_file("drifting")).drift.hook_per_day > 0
    assert read_funnel(preset_file("slow_payers")).payment.hesitation_days > 2 * calibrated.payment.hesitation_days


def test_an_unknown_preset_is_refused() -> None:
    with pytest.raises(KeyError):
        preset_file("../calibrated")


MISTAKES = [
    ("count = 400 ", "count = 0 ", "titles.count: expected a whole number from 2"),
    ("coins_mean", "coins_men", "did you mean coins_mean?"),
    ("chance = ", "chance = nan #", "payment.chance"),
    ("free_episodes_most = 6 ", "free_episodes_most = 4 ", None),
    (
        "free_episodes_least = 4 ",
        "free_episodes_least = 9 ",
        "free_episodes_most: expected at least free_episodes_least",
    ),
    ("tags_per_title = 3 ", "tags_per_title = 16 ", None),
    ("tags = 24 ", "tags = 2 ", "tags_per_title: expected at most tags"),
    ("late = 0.02 ", "late = 1.0 ", "events.late: expected at most 1 - lost"),
    ("[drift]", "[drfit]", "drift"),
]


@pytest.mark.parametrize(("old", "new", "words"), MISTAKES)
def test_a_mistake_is_named(tmp_path: Path, old: str, new: str, words: str | None) -> None:
    path = tmp_path / "world.toml"
    text = preset_file("calibrated").read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    if words is None:
        read_funnel(path)
        return
    with pytest.raises(InvalidInputError, match=r"world\.toml") as caught:
        read_funnel(path)
    assert words in str(caught.value)


def test_sizes_are_replaced_and_nothing_else(calibrated: FunnelParameters) -> None:
    changed = resized(calibrated, readers=100, titles=50, days=10, visits=3_000)
    assert changed.readers.count == 100
    assert changed.titles.count == 50
    assert changed.sessions.per_reader_per_day == 3.0
    assert changed.payment == calibrated.payment
    assert resized(calibrated) == calibrated
