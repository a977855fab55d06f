"""The registry that comes with Bandi, and what its parser refuses."""

import re
from pathlib import Path

import pytest

from bandi.loading.public.registry import FILE, read_registry
from bandi.model.errors import InvalidInputError, UnknownNameError

SET = """
[[sets]]
name = "films"
title = "Films"
about = "ratings"
records = "3 ratings"
licence = "CC0"
redistribute = "yes"
commercial = "unknown"
citation = "Somebody (2020)"
obtain = "example.org"
files = ["ratings.csv"]
format = "plain"
"""
FORMAT = """
[[formats]]
name = "plain"
about = "a table"
judged = "clicks"

[[formats.steps]]
kind = "items"
files = ["ratings.csv"]
distinct = "film"

[[formats.steps]]
kind = "events"
files = ["ratings.csv"]
columns = { user = "who", item = "film", occurred_at = "at" }
events = ["read", "click if rating >= 4"]
"""


def parsed(folder: Path, text: str):
    file = folder / "registry.toml"
    file.write_text(text)
    return read_registry(file)


def test_what_comes_with_bandi_says_all_of_each_set() -> None:
    registry = read_registry()
    names = [one.name for one in registry.sets]
    assert {"open-bandit", "movielens-small", "movielens-1m", "nsmc"} <= set(names)
    for one in registry.sets:
        assert one.licence == "unknown" or one.redistribute in ("yes", "same terms", "no", "unknown")
        assert one.format is None or registry.format_of(one.name).main.events
        if one.licence == "unknown":
            assert (one.redistribute, one.commercial) == ("unknown", "unknown"), one.name
    assert registry.format_of("ratings").judged == "clicks"


def test_it_names_pages_as_published_and_no_machine() -> None:
    text = FILE.read_text(encoding="utf-8")
    assert not re.search(r"https?://|file:|localhost|\.tar\.gz\"|(?:^|[\s\"'])/[a-z]+/", text)


def test_a_small_file_is_read(tmp_path: Path) -> None:
    registry = parsed(tmp_path, SET + FORMAT)
    mapping = registry.format_of("films").main.mapping("push")
    assert mapping.constants == {"placement": "push"}
    assert [rule.kind for rule in mapping.events] == ["read", "click"]


def test_an_unknown_name_is_told_the_nearest() -> None:
    registry = read_registry()
    with pytest.raises(UnknownNameError, match="did you mean movielens-1m"):
        registry.find("movielens-1M")
    with pytest.raises(UnknownNameError, match="did you mean ratings"):
        registry.format_of("rating")


def test_a_set_without_a_format_says_what_to_do() -> None:
    with pytest.raises(InvalidInputError, match="cut it into events first"):
        read_registry().format_of("mind")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('licence = "CC0"', 'license = "CC0"'), r"registry.toml:\d+: sets.0.license.*licence"),
        (('commercial = "unknown"', 'commercial = "maybe"'), "one of: yes, no, unknown"),
        (('name = "films"', 'name = "The Films"'), "sets.0.name"),
        (('citation = "Somebody (2020)"\n', ""), "citation"),
        (('format = "plain"', 'format = "plane"'), "films.format: expected one of: plain, found plane"),
        (("[[formats]]", SET.replace('"Films"', '"Again"') + "[[formats]]"), "films twice"),
        (('item = "film"', 'title = "film"'), "no such field"),
        (('occurred_at = "at"', 'position = "at"'), "no occurred_at"),
        (('events = ["read", "click if rating >= 4"]\n', ""), "no rule"),
        (("click if rating >= 4", "click if rating about 4"), "KIND if COLUMN"),
        (('distinct = "film"', 'columns = { title = "film" }'), "no id"),
        (('distinct = "film"', 'distinct = "film"\nseparator = "::"'), "header or a separator alone"),
        (('distinct = "film"', 'distinct = "film"\nseparator = "|"\nheader = ["a", "b"]'), "no such column"),
        (('kind = "events"', 'kind = "items"'), "not one step of events"),
    ],
)
def test_what_is_refused(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    text = SET + FORMAT
    assert change[0] in text
    with pytest.raises(InvalidInputError, match=message):
        parsed(tmp_path, text.replace(*change, 1))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"none\.toml"):
        read_registry(tmp_path / "none.toml")
