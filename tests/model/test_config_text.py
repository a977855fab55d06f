"""bandi.toml: the commented default parses to the default; every mistake is named with its line."""

import msgspec
import pytest

from bandi.model.config import Config
from bandi.model.config_checks import cross_checks
from bandi.model.config_text import _placed, find_problems, parse_config
from bandi.model.config_values import Struct
from bandi.model.config_writing import default_config_text, keys_of, meanings
from bandi.model.errors import ConfigError
from bandi.model.policy_config import Thompson


def test_the_file_that_init_writes_is_the_default() -> None:
    assert parse_config(default_config_text()) == Config()
    assert parse_config("") == Config()


def test_every_key_has_a_meaning() -> None:
    found: list[type[Struct]] = [Struct]
    for struct in found:
        found += struct.__subclasses__()
        if struct.__module__ in ("bandi.model.config", "bandi.model.policy_config"):
            assert set(meanings(struct)) == set(struct.__struct_fields__), struct
            assert all(key.kind for key in keys_of(struct))
    assert len([struct for struct in found if struct.__module__ == "bandi.model.policy_config"]) > 15


def test_values_arrive() -> None:
    config = parse_config(
        '[placements.home]\nk = 3\npolicy = { use = "thompson", half_life = "14d", prior = { mean = 0.2 } }\n'
    )
    policy = config.placements["home"].policy
    assert isinstance(policy, Thompson)
    assert (config.placements["home"].k, policy.half_life, policy.prior.mean) == (3, "14d", 0.2)


MISTAKES = [
    ('[placements.home]\npolicy = { use = "tompson" }', 2, "placements.home.policy.use", "did you mean thompson?"),
    ("[placements.home]\n\nimpresions = 'reported'", 3, "placements.home.impresions", "did you mean impressions?"),
    ("[placements.home]\nimpressions = 'seen'", 2, "placements.home.impressions", "one of: reported, implied"),
    ("[placements.home]\nk = 0", 2, "placements.home.k", "a whole number from 1 to 1000, found 0"),
    ("[placements.home]\nk = 1.5", 2, "placements.home.k", "a whole number"),
    ("[placements.home]\nk = true", 2, "placements.home.k", "a whole number"),
    (
        '[placements.home.policy]\nuse = "thompson"\nhalf_life = "14"',
        3,
        "placements.home.policy.half_life",
        "a duration such as",
    ),
    (
        '[placements.home.policy]\nuse = "thompson"\nobjective = "clik"',
        3,
        "placements.home.policy.objective",
        "did you mean click?",
    ),
    (
        '[placements.home.policy]\nuse = "thompson"\n[placements.home.policy.prior]\nmean = nan',
        4,
        "prior.mean",
        "found nan",
    ),
    (
        '[placements.home.policy]\nuse = "thompson"\n[placements.home.policy.prior]\nmean = inf',
        4,
        "prior.mean",
        "found inf",
    ),
    ("[placements.Home]", 1, "placements.Home", "a name of lower-case letters"),
    ("[placements]", 1, "placements", "at least one entry"),
    ("placements = 3", 1, "placements", "a table of tables"),
    ("[logg]\n", 1, "logg", "did you mean log?"),
    ("[serve]\nport = 99999", 2, "serve.port", "from 0 to 65535"),
    ("[serve]\nhost = 3", 2, "serve.host", "text"),
    (
        "[objectives.click]\ncount = 4",
        2,
        "objectives.click.count",
        "only reads are counted, found 4; did you mean event = 'read'?",
    ),
    ("[objectives.coins]\nevent = 'purchase'\ncount = 2", 3, "objectives.coins.count", "only reads are counted"),
    ("[objectives.click]\ncount = 0", 2, "objectives.click.count", "a whole number from 1"),
    ("[objectives.click]\nvalue = 'coins'", 2, "objectives.click.value", "did you mean event = 'purchase'?"),
    (
        "[objectives.coins]\nevent = 'purchase'\nvalue = 'coin'",
        3,
        "objectives.coins.value",
        "did you mean coins?",
    ),
    ("[objectives.click]\nevent = 'purchas'", 2, "objectives.click.event", "did you mean purchase?"),
    ("[objectives.click]\nwindow = '9999d'", 2, "objectives.click.window", "at most 3650d"),
    (f"[objectives.click]\nwindow = '{'9' * 400}d'", 2, "objectives.click.window", "at most 3650d"),
    (
        '[placements.home]\npolicy = { use = "earning" }\n[objectives.click]',
        2,
        "placements.home.policy",
        "an objective whose event is read or purchase",
    ),
    (
        '[placements.home]\npolicy = { use = "value", then = ["coins"] }\n[objectives.click]\n'
        "[objectives.coins]\nevent = 'purchase'",
        2,
        "placements.home.policy.then",
        "which brings no coins",
    ),
    (
        '[placements.home]\npolicy = { use = "value", then = [] }',
        2,
        "placements.home.policy.then",
        "at least 1, found 0",
    ),
    ('[placements.home]\npolicy = { use = "plugin" }', 2, "placements.home.policy.name", "this key, found nothing"),
    (
        '[placements.home.policy]\nuse = "lin_ts"\nmodel = "hybrid"\nhalf_life = "7d"',
        4,
        "placements.home.policy.half_life",
        "which does not forget",
    ),
    (
        '[placements.home]\npolicy = { use = "lin_ts" }\nexploration = { share = 0.1 }',
        3,
        "placements.home.exploration",
        "thompson, ucb1",
    ),
    ("[serve\nhost = 'x'", 1, "valid TOML", "serve"),
    ("x = [" + "[" * 100, 1, "nested", "levels"),
]


@pytest.mark.parametrize(("text", "line", "key", "words"), MISTAKES)
def test_a_mistake_is_named_with_file_line_and_remedy(text: str, line: int, key: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(text, "shop/bandi.toml")
    message = str(caught.value)
    assert message.startswith(f"shop/bandi.toml:{line}")
    assert key in message
    assert words in message


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config("[placements.home]\nk = 0\n[serve]\nport = -1\nhots = 'x'\n")
    assert [problem.where.split(":")[1] for problem in caught.value.problems] == ["2", "4", "5"]


def test_bytes_that_are_not_utf8_and_files_that_are_too_large() -> None:
    with pytest.raises(ConfigError, match=r"bandi.toml:2.*0xff"):
        parse_config(b"[serve]\n\xff = 1")
    with pytest.raises(ConfigError, match="at most"):
        parse_config("#" * (1 << 21))


class Other(Struct, frozen=True):
    size: int
    shade: float = 1.0


def test_other_files_name_missing_keys_too() -> None:
    assert msgspec.convert(find_problems("size = 2", "f", Other), Other) == Other(size=2)
    with pytest.raises(ConfigError, match="size: expected this key, found nothing"):
        find_problems("shade = 2.0", "f", Other)


def test_lists_of_tables_name_the_entry_that_is_wrong() -> None:
    text = '[placements.home]\ntargeters = [{ use = "popular", n = 0 }, { use = "fatcors" }]\nexclude = ["reed"]\n'
    with pytest.raises(ConfigError) as caught:
        parse_config(text)
    places = [(problem.where, problem.hint) for problem in caught.value.problems]
    assert places == [
        ("bandi.toml:2: placements.home.targeters.0.n", ""),
        ("bandi.toml:2: placements.home.targeters.1.use", "did you mean factors?"),
        ("bandi.toml:3: placements.home.exclude.0", "did you mean read?"),
    ]
    for wrong in ("targeters = 3", "targeters = [1]", 'targeters = [{ use = "popular", m = 1 }]'):
        with pytest.raises(ConfigError, match="targeters"):
            parse_config(f"[placements.home]\n{wrong}\n")
    many = ", ".join(['{ use = "popular" }'] * 9)
    with pytest.raises(ConfigError, match="at most 8"):
        parse_config(f"[placements.home]\ntargeters = [{many}]\n")


OBJECTIVES = {
    "click": {},
    "continued": {"event": "read", "count": 4},
    "coins": {"event": "purchase", "value": "coins"},
}


@pytest.mark.parametrize(
    ("then", "words"),
    [
        (["continued", "coins"], None),
        (["coin"], "one of: continued, coins, found 'coin'; did you mean coins?"),
        (["click"], "a click is the start itself"),
        (["coins", "coins"], "each objective once"),
    ],
)
def test_what_a_policy_looks_for_later_must_be_a_read_or_a_purchase(then: list[str], words: str | None) -> None:
    tree = {"objectives": OBJECTIVES, "placements": {"home": {"policy": {"use": "thompson", "then": then}}}}
    found = [_placed(problem, [], "bandi.toml") for problem in cross_checks(tree)]
    assert len(found) == (words is not None)
    if words is not None:
        assert found[0].where == "bandi.toml: placements.home.policy.then"
        assert words in str(found[0])
