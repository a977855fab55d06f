"""Clicks as `bandi data load` reads them, and the split by time within each reader."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandi.evaluation.leaderboard.splits import Taken, read_clicks, split_by_time
from bandi.features.factors.interactions import Interactions
from bandi.loading.public import read_registry
from bandi.model.errors import InvalidInputError

RATINGS = read_registry().format_of("ratings")


def pairs(data: Interactions) -> set[tuple[int, int]]:
    owners = np.repeat(np.arange(data.users), np.diff(data.by_user.starts))
    return set(zip(owners.tolist(), data.by_user.columns.tolist(), strict=True))


def test_clicks_alone_count_each_title_once_from_its_first(tmp_path: Path) -> None:
    file = tmp_path / "ratings.csv"
    file.write_text(
        "user,item,rating,timestamp\nb,x,5,300\na,x,5,200\na,y,3,100\na,x,4,50\na,z,4,400\nb,q,5,\n,q,5,7\n"
    )
    taken = read_clicks(RATINGS, file)
    assert taken.times_ms.tolist() == [300_000, 50_000, 400_000]
    assert taken.users.tolist() == [0, 1, 1]
    assert taken.titles.tolist() == [0, 0, 1]
    assert taken.refused == 2  # one row says no time, one no reader


def test_a_file_without_clicks_says_what_counts(tmp_path: Path) -> None:
    file = tmp_path / "ratings.csv"
    file.write_text("user,item,rating,timestamp\na,x,1,1\n")
    with pytest.raises(InvalidInputError, match=r"no clicks.*4 or more|4 or more.*no clicks"):
        read_clicks(RATINGS, file)


def test_a_split_worked_by_hand() -> None:
    # reader 0 took titles 0..9 in reverse order of the file, reader 1 two titles, reader 2 one
    users = np.array([0] * 10 + [1, 1, 2])
    titles = np.array([*range(10), 0, 1, 2])
    times = np.array([*range(10, 0, -1), 5, 5, 5])
    split = split_by_time(Taken(users, titles, times))
    assert pairs(split.test) == {(0, 0), (0, 1), (1, 1)}
    assert pairs(split.validation) == {(0, 2), (0, 3)}
    assert pairs(split.train) == {(0, t) for t in range(4, 10)} | {(1, 0), (2, 2)}


rows = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 8), st.integers(0, 20)), min_size=1, max_size=60)


@settings(max_examples=60, deadline=None)
@given(rows)
def test_parts_are_whole_apart_and_in_order(found: list[tuple[int, int, int]]) -> None:
    once = list({(user, title): (user, title, time) for user, title, time in found}.values())
    users = np.unique([row[0] for row in once], return_inverse=True)[1]
    titles, times = (np.array([row[i] for row in once], np.int64) for i in (1, 2))
    split = split_by_time(Taken(users, titles, times))
    train, validation, test = pairs(split.train), pairs(split.validation), pairs(split.test)
    assert train | validation | test == set(zip(users.tolist(), titles.tolist(), strict=True))
    assert len(train) + len(validation) + len(test) == len(once)
    assert pairs(split.both) == train | validation
    when = {
        (user, title): time for user, title, time in zip(users.tolist(), titles.tolist(), times.tolist(), strict=True)
    }
    for user in set(users.tolist()):
        parts = [[when[pair] for pair in part if pair[0] == user] for part in (train, validation, test)]
        assert parts[0], "a reader is always learned from"
        assert len(parts[2]) == max(sum(map(len, parts)) // 5, int(sum(map(len, parts)) >= 2))
        known = [part for part in parts if part]
        assert all(max(early) <= min(late) for early, late in zip(known, known[1:], strict=False))
