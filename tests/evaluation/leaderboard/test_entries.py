"""The entries that come with Bandi, and what the parser of others refuses."""

from pathlib import Path

import pytest

from bandi.evaluation.leaderboard.entries import (
    SHIPPED,
    FactorsEntry,
    ImplicitEntry,
    PolicyEntry,
    read_entries,
    read_entry,
)
from bandi.model.errors import InvalidInputError

POLICY = 'kind = "policy"\nname = "mine"\n\n[policy]\nuse = "thompson"\nhalf_life = "7d"\n'
FACTORS = 'kind = "factors"\nname = "my factors"\ntune = 3\n\n[factors]\nfactors = 16\n'


def written(folder: Path, text: str) -> Path:
    file = folder / "entry.toml"
    file.write_text(text)
    return file


def test_every_shipped_file_is_an_entry_of_its_own_name() -> None:
    entries = read_entries([])
    assert len(entries) == len(list(SHIPPED.glob("*.toml"))) == len({entry.name for entry in entries})
    assert {"popularity", "item-kNN", "iALS", "implicit", "editor", "epsilon_greedy", "ucb1", "thompson", "linear"} <= {
        entry.name for entry in entries
    }


def test_entries_of_each_family(tmp_path: Path) -> None:
    policy = read_entry(written(tmp_path, POLICY))
    assert isinstance(policy, PolicyEntry)
    assert policy.policy.__struct_config__.tag == "thompson"
    factors = read_entry(written(tmp_path, FACTORS))
    assert isinstance(factors, FactorsEntry)
    assert (factors.factors.factors, factors.tune, factors.factors.alpha) == (16, 3, 10.0)
    assert isinstance(read_entry(written(tmp_path, 'kind = "implicit"\nname = "theirs"\n')), ImplicitEntry)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (POLICY.replace('"policy"', '"polcy"', 1), "one of: policy, factors, implicit"),
        (POLICY.replace("half_life", "half_live"), r"entry.toml:6: policy.half_live.*half_life"),
        (POLICY.replace('"mine"', '"a|b"'), "name"),
        (POLICY.replace('name = "mine"', 'name = "mine"\nby = "<script>"'), "by"),
        (POLICY.replace('half_life = "7d"', 'half_life = "7d"\nwindow = "1d"'), "only one of"),
        (FACTORS.replace("tune = 3", "tune = 3000"), "tune"),
        (FACTORS.replace('"factors"', '"implicit"', 1) + "nu = 0.5\n", "nu must be 0"),
        ('kind = "popularity"\n', "name"),
        ("kind = ", "valid TOML"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        read_entry(written(tmp_path, text))


def test_a_name_belongs_to_one_entry(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="no other entry has"):
        read_entries([written(tmp_path, POLICY.replace("mine", "thompson"))])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"none\.toml"):
        read_entry(tmp_path / "none.toml")
