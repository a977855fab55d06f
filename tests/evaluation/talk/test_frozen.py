"""The frozen plan: parsed strictly, and every policy in it can be made."""

from pathlib import Path

import pytest

from bandi.evaluation.talk.frozen import FILE, read_frozen
from bandi.evaluation.worlds.funnel.parameters import PRESETS
from bandi.model.errors import InvalidInputError
from bandi.policies.registry import make_policy


def test_every_policy_can_be_made() -> None:
    frozen = read_frozen()
    for arm in frozen.arms:
        assert make_policy(arm.policy, 1 + arm.segments).dump()
    for policy in (frozen.dial.policy, *frozen.bound.policies):
        assert make_policy(policy, 1).dump()


def test_what_the_issue_asks_for_is_there() -> None:
    frozen = read_frozen()
    assert frozen.seeds >= 30
    assert frozen.bound.seeds >= 30
    assert frozen.shares == (0.02, 0.05, 0.1)
    assert frozen.worlds == PRESETS
    assert [arm.talk_paid for arm in frozen.of("experiment")] == ["-", "0", "0", "0"]
    assert frozen.control.policy.objective == "click"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('name = "ucb1"', 'name = "thompson"', "each name once"),
        ('objective = "coins"', 'objective = "money"', "money"),
        ("give_up = [0.01, 0.02", "give_up = [0.02, 0.01", "ascending"),
        ("multipliers = [0.0, ", "multipliers = [", "0 first"),
        ('role = "whole"', 'role = "ablation"', "of role whole"),
        ('title = "UCB1"', 'titel = "UCB1"', "titel"),
        ('title = "UCB1"', "", "title"),
        ('{ use = "earning" }', '{ use = "value" }', "give_up"),
        ("seeds = 30  ", "seeds = 0  ", "seeds"),
        ("give_up = [0.05, 0.1, 0.2]\noracle", "give_up = [0.03]\noracle", "some of: 0.01"),
        ('policy = { use = "editor" }', 'policy = { use = "editor" }\nby_content = "clicks"', "a policy of: thompson"),
        ('policy = { use = "ucb1" }', 'policy = { use = "ucb1" }\nby_content = "steps"', "a policy of: earning"),
        ('{ use = "ucb1" }', '{ use = "ucb1", prior = { source = "content" } }', "by_content in the arm instead"),
    ],
)
def test_mistakes_are_named(old: str, new: str, words: str, tmp_path: Path) -> None:
    text = FILE.read_text()
    assert old in text
    file = tmp_path / "frozen.toml"
    file.write_text(text.replace(old, new, 1))
    with pytest.raises(InvalidInputError, match=words):
        read_frozen(file)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"frozen\.toml"):
        read_frozen(tmp_path / "frozen.toml")
