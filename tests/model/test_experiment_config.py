"""Experiments in bandi.toml: what fits, and every mistake told with its line, what was expected and how to mend it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandi.model.config_text import parse_config
from bandi.model.errors import ConfigError
from bandi.model.variants import (
    counting_placements,
    every_list,
    moment_ms,
    shown_at,
    variant_of_version,
    variant_version,
    variants_by_version,
)

FILE = """
[placements.home]
policy = {{ use = "thompson" }}

[placements.viewer_end]

[placements.push]
push = {{}}

[layers.home]
holdout = 0.1

[layers.viewer]

[experiments.bold]
placement = "{placement}"
layer = "{layer}"
owner = "kim@example.com"
buckets = {buckets}
{more}

[experiments.bold.variants.control]
weight = {weight}
{control}

[experiments.bold.variants.treatment]
weight = 0.5
{treatment}
"""
GOOD = {
    "placement": "home", "layer": "home", "buckets": "[0.0, 0.5]", "more": "", "weight": 0.5, "control": "",
    "treatment": 'policy = { use = "ucb1" }',
}  # fmt: skip
OTHER = """
[experiments.other]
placement = "{placement}"
layer = "{layer}"
owner = "lee@example.com"
buckets = {buckets}
variants = {{ a = {{ weight = 0.5 }}, b = {{ weight = 0.5 }} }}
"""


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as refused:
        parse_config(text)
    return str(refused.value)


def test_variants_with_statistics_of_their_own_are_placements() -> None:
    config = parse_config(FILE.format(**GOOD))
    assert set(counting_placements(config)) - set(config.placements) == {"bold.control", "bold.treatment"}
    assert counting_placements(config)["bold.control"] == config.placements["home"]
    assert len(list(every_list(config))) == 5
    assert (shown_at(config, "bold.control"), shown_at(config, "push")) == ("home", "push")
    shared = parse_config(FILE.format(**GOOD | {"treatment": 'statistics = "shared"\npolicy = { use = "ucb1" }'}))
    assert set(counting_placements(shared)) - set(shared.placements) == {"bold.control"}
    handed = parse_config(FILE.format(**GOOD | {"treatment": 'use_placement = "viewer_end"'}))
    assert set(counting_placements(handed)) - set(handed.placements) == {"bold.control"}


@pytest.mark.parametrize(
    ("changed", "line", "words"),
    [
        ({"placement": "hom"}, 16, ["'hom'", "one of: home", "did you mean home?"]),
        ({"layer": "hme"}, 17, ["'hme'", "one of: home, viewer", "did you mean home?"]),
        ({"placement": "push"}, 16, ["sends messages", "with lists"]),
        ({"weight": 0.6}, 15, ["weights of 1.1 together", "control 0.6", "sum to 1"]),
        ({"buckets": "[0.5, 0.5]"}, 19, ["[0.5, 0.5]", "the second above the first"]),
        ({"buckets": "[0.5, 0.95]"}, 19, ["at most 0.9", "holdout"]),
        ({"buckets": "[0.5]"}, 19, ["1 entries"]),
        ({"more": "share = 0.6"}, 20, ["0.6", "at most 0.5", "set more buckets aside"]),
        ({"more": 'ends_at = "2026-12-01"'}, 20, ["distance from UTC"]),
        ({"more": 'ends_at = "soon"'}, 20, ["'soon'", "2026-12-01T09:00+09:00"]),
        (
            {"more": 'starts_at = "2026-12-02T09:00+09:00"\nends_at = "2026-12-02T00:00Z"'},
            21,
            ["a moment after 2026-12-02T09:00+09:00"],
        ),
        ({"treatment": 'policy = { use = "tompson" }'}, 28, ["one of", "did you mean thompson?"]),
        ({"treatment": 'policy = { use = "ucb1", objective = "cliks" }'}, 28, ["did you mean click?"]),
        ({"treatment": "give_up = 0.5"}, 28, ["earning"]),
        ({"treatment": 'use_placement = "home"'}, 28, ["one of: viewer_end, push"]),
        ({"treatment": 'use_placement = "viewer_ed"'}, 28, ["did you mean viewer_end?"]),
        ({"treatment": 'use_placement = "push"'}, 28, ["sends messages"]),
        ({"treatment": 'use_placement = "viewer_end"\nstatistics = "own"'}, 28, ["nothing but weight"]),
        ({"treatment": 'statistics = "shared"\npolicy = { use = "lin_ts" }'}, 28, ["'own'"]),
        (
            {"treatment": 'statistics = "shared"\npolicy = { use = "ucb1", half_life = "3d" }'},
            28,
            ["'own'", "way to forget"],
        ),
        ({"more": "colour = 3"}, 20, ["an unknown key"]),
        ({"more": 'metrics = ["ctr", "\\u001b[31m"]'}, 20, ["metrics", r"'\x1b'", "without control characters"]),
        ({"buckets": '[0.0, 0.5]\nguardrails = ["a\\nb"]'}, 20, ["guardrails", "without control characters"]),
        ({"more": 'states = ["payng"]'}, 20, ["did you mean paying?"]),
    ],
)
def test_mistakes_name_file_line_and_what_was_expected(changed: dict[str, object], line: int, words: list[str]) -> None:
    message = refusal(FILE.format(**GOOD | changed))
    assert f"bandi.toml:{line}: experiments.bold" in message
    assert all(word in message for word in words), message


def test_one_variant_is_none() -> None:
    text = FILE.format(**GOOD)
    message = refusal(
        text[: text.index("[experiments.bold.variants.treatment]")].replace("weight = 0.5", "weight = 1.0")
    )
    assert "2 to 16 variants" in message


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"placement": "viewer_end", "layer": "home", "buckets": "[0.4, 0.6]"}, ["buckets", "overlaps [0.0, 0.5] of experiment bold"]),
        ({"placement": "home", "layer": "viewer", "buckets": "[0.6, 0.8]"}, ["layer", "'home', the layer of bold", "one variant only"]),
    ],
)  # fmt: skip
def test_experiments_that_would_share_readers_are_refused(other: dict[str, str], words: list[str]) -> None:
    message = refusal(FILE.format(**GOOD) + OTHER.format(**other))
    assert "experiments.other" in message
    assert all(word in message for word in words), message


def test_experiments_beside_each_other_are_taken() -> None:
    for other in (
        {"placement": "home", "layer": "home", "buckets": "[0.5, 0.9]"},
        {"placement": "viewer_end", "layer": "viewer", "buckets": "[0.0, 1.0]"},
    ):
        parse_config(FILE.format(**GOOD) + OTHER.format(**other))


@pytest.mark.parametrize(
    ("changed", "layer", "line", "words"),
    [
        ({"more": 'salt = "spring"'}, 'salt = "spring"', 21, ["experiments.bold.salt", "layers.home"]),
        ({"more": 'salt = "layer:viewer"'}, "", 20, ["experiments.bold.salt", "layers.viewer"]),
        ({}, 'salt = "experiment:bold"', 12, ["layers.home.salt", "experiments.bold"]),
        ({}, 'salt = "layer:viewer"', 12, ["layers.home.salt", "layers.viewer"]),
    ],
)
def test_no_two_have_one_salt(changed: dict[str, object], layer: str, line: int, words: list[str]) -> None:
    text = FILE.format(**GOOD | changed).replace(
        "holdout = 0.1\n", f"holdout = 0.1\n{layer}\n" if layer else "holdout = 0.1\n"
    )
    message = refusal(text)
    assert f"bandi.toml:{line}: " in message and "one that nothing else has" in message
    assert all(word in message for word in words), message


def test_two_experiments_have_two_salts() -> None:
    other = OTHER.format(placement="viewer_end", layer="viewer", buckets="[0.0, 1.0]")
    message = refusal(FILE.format(**GOOD | {"more": 'salt = "s"'}) + other.replace("owner", 'salt = "s"\nowner'))
    assert (
        "bandi.toml:33: experiments.other.salt: expected one that nothing else has, found 's', the salt of experiments.bold"
        in message
    )
    parse_config(FILE.format(**GOOD | {"more": 'salt = "s"'}) + other.replace("owner", 'salt = "t"\nowner'))


def test_a_layer_that_is_not_there() -> None:
    message = refusal('[placements.home]\n[experiments.e]\nplacement = "home"\nlayer = "all"\nowner = "k"\n'
                      "variants = { a = { weight = 0.5 }, b = { weight = 0.5 } }\n")  # fmt: skip
    assert "bandi.toml:4" in message and "a [layers.NAME] table (there is none)" in message


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_whatever_is_taken_does_not_overlap(a: float, b: float, c: float, d: float) -> None:
    mine, theirs = sorted((a, b)), sorted((c, d))
    text = FILE.format(**GOOD | {"buckets": mine}).replace("holdout = 0.1", "")
    try:
        parse_config(text + OTHER.format(placement="home", layer="home", buckets=theirs))
    except ConfigError:
        return
    assert min(mine[1], theirs[1]) - max(mine[0], theirs[0]) <= 1e-12


def test_thirds_are_a_whole() -> None:
    text = FILE.format(**GOOD | {"weight": 0.3333, "control": ""}).replace("weight = 0.5", "weight = 0.3333")
    parse_config(text + "\n[experiments.bold.variants.third]\nweight = 0.3333\n")


def test_the_variant_in_a_version() -> None:
    assert variant_of_version(variant_version("bold", "a", "ucb1@12345678")) == "bold.a"
    versions = ["thompson@12345678", variant_version("bold", "a", "ucb1@12345678"), "holdout_popular@1"]
    assert variants_by_version(versions) == {1: ("bold", "a")}
    assert variant_of_version("thompson@12345678") == variant_of_version("holdout_popular@1") == ""


def test_moments_need_a_zone() -> None:
    assert moment_ms("1970-01-01T09:00+09:00") == 0
    with pytest.raises(ValueError, match="zone"):
        moment_ms("1970-01-01T09:00")
