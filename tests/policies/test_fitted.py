"""The fitted table: drawn as Plackett and Luce say, by segments, never changed by what happens."""

import tracemalloc

import msgspec
import numpy as np
import pytest

from bandi.model.config_text import parse_config
from bandi.model.errors import ConfigError
from bandi.model.policy_config import Fitted
from bandi.policies.protocol import Candidates, Request
from bandi.policies.registry import make_policy

ITEMS = Candidates(np.arange(4, dtype=np.int32))
TABLE = Fitted(titles=(2, 0), scores=((1.0, 0.0), (0.0, 2.0)), others=-1.0)


def drawn(config: Fitted, weights: list[float], draws: int = 20_000) -> np.ndarray:
    policy, request = make_policy(config, len(weights)), Request(np.array(weights, np.float32), 0)
    return np.array([policy.rank(request, ITEMS, 2, seed).items for seed in range(draws)])


def test_lists_are_drawn_by_their_scores() -> None:
    """20,000 lists: first slots and pairs within 4.5 standard errors (false alarms: 1 in 10,000)."""
    lists = drawn(TABLE, [1.0])
    odds = np.exp([0.0, -1.0, 1.0, -1.0])
    for item in range(4):
        chance = odds[item] / odds.sum()
        assert abs((lists[:, 0] == item).mean() - chance) < 4.5 * (chance * (1 - chance) / 20_000) ** 0.5
    pair = odds[2] / odds.sum() * odds[0] / (odds.sum() - odds[2])
    assert abs((lists == [2, 0]).all(axis=1).mean() - pair) < 4.5 * (pair * (1 - pair) / 20_000) ** 0.5


def test_a_reader_of_a_segment_gets_its_row_and_an_unknown_one_the_first() -> None:
    unknown, known, beyond = (drawn(TABLE, w, 4_000)[:, 0] for w in ([1.0, 1.0], [0.0, 1.0], [0.0, 0.0, 1.0]))
    share = {name: (items == 0).mean() for name, items in (("unknown", unknown), ("known", known), ("beyond", beyond))}
    assert share["known"] > 0.7
    assert abs(share["unknown"] - 0.225) < 0.04
    assert abs(share["beyond"] - 0.225) < 0.04


def test_a_table_is_written_and_read_back() -> None:
    text = (
        'placements.home.policy = { use = "fitted", titles = [2, 0], scores = [[1.0, 0.0], [0.0, 2.0]], others = -1.0 }'
    )
    assert parse_config(text, "test").placements["home"].policy == TABLE
    assert msgspec.json.decode(msgspec.json.encode(TABLE), type=Fitted) == TABLE


@pytest.mark.parametrize("titles", [(2_147_483_647, 3), (3, 2_147_483_647)])
def test_a_table_takes_room_for_its_titles_alone(titles: tuple[int, ...]) -> None:
    """Two titles, one of the largest number there is: below a megabyte, and each with its own score."""
    tracemalloc.start()
    policy = make_policy(Fitted(titles=titles, scores=((50.0, 50.0),), others=0.0), 1)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 1_000_000
    candidates = Candidates(np.array([0, 1, 3, 7], np.int32))
    assert policy.rank(Request(np.ones(1, np.float32), 0), candidates, 2, 1).items[0] == 3


def test_of_a_title_that_is_named_twice_the_last_score_counts() -> None:
    table = Fitted(titles=(1, 3, 1), scores=((-50.0, 0.0, 50.0),), others=-100.0)
    assert drawn(table, [1.0], 50)[:, 0].tolist() == [1] * 50


@pytest.mark.parametrize(
    "table", ["titles = [1], scores = [[1.0, 2.0]]", "titles = [-1], scores = [[0.0]]", "others = 1e9"]
)
def test_tables_that_do_not_fit_are_refused(table: str) -> None:
    with pytest.raises(ConfigError):
        parse_config(f'placements.home.policy = {{ use = "fitted", {table} }}', "test")
