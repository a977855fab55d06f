"""Profiles: counts by hand, rare titles kept from leading, and attributes that describe without being needed."""

import math

import msgspec
import numpy as np
import pytest

from bandi.model.errors import InvalidInputError
from bandi.segments.profiles import SHRINKAGE, Labels, Profiles, profile_segments

GENRES = Labels(
    ["drama", "action", "romance"], np.array([0, 1, 2, 3, 5], np.int64), np.array([0, 1, 2, 0, 1], np.int32)
)
"""Title 0: drama; 1: action; 2: romance; 3: drama and action."""
TITLES = ["a", "b", "c", "d"]


def history(*rows: list[int]) -> np.ndarray:
    return np.array([row + [-1] * (32 - len(row)) for row in rows], np.int32)


def test_counts_by_hand() -> None:
    """10 readers of a and d in segment 0, 10 of b in segment 1, one between."""
    memberships = np.array([[1, 0]] * 10 + [[0, 1]] * 10 + [[0.5, 0.5]], np.float32)
    recent = history(*[[0, 3]] * 10, *[[1]] * 10, [2])
    found = profile_segments(memberships, recent, genres=GENRES, titles=TITLES)
    first, second = found.segments
    assert (found.readers, first.number, second.number) == (21, 0, 1)
    assert (first.readers, first.share) == (10.5, 0.5)
    drama = first.genres[0]
    assert (drama.name, drama.support) == ("drama", 20.0)
    assert drama.share == pytest.approx(20 / 20.5)
    assert drama.population_share == pytest.approx(20 / 31)
    lift = (20 + SHRINKAGE) / (20 / 31 * 20.5 + SHRINKAGE)
    assert drama.lift == pytest.approx(lift)
    assert drama.lift_low == pytest.approx(lift * math.exp(-1.96 / math.sqrt(20 + SHRINKAGE)))
    assert [title.name for title in first.titles] == ["a", "d"]
    assert [title.name for title in second.titles] == ["b"]
    assert [genre.name for genre in second.genres] == ["action"]


def test_a_rare_title_does_not_lead() -> None:
    """c was read by six readers, all of segment 0 (raw lift 2); a by 300 of 400 (raw lift 1.5)."""
    memberships = np.repeat(np.eye(2, dtype=np.float32), 400, axis=0)
    recent = history(*[[0]] * 300, *[[2]] * 6, *[[1]] * 94, *[[0]] * 100, *[[1]] * 300)
    titles = profile_segments(memberships, recent, titles=TITLES).segments[0].titles
    assert [title.name for title in titles] == ["a", "c"]
    assert titles[1].share / titles[1].population_share > titles[0].share / titles[0].population_share


def test_titles_without_support_are_not_named() -> None:
    memberships = np.eye(2, dtype=np.float32)[[0] * 4 + [1] * 50]
    recent = history(*[[0]] * 4, *[[1]] * 50)
    assert profile_segments(memberships, recent, titles=TITLES).segments[0].titles == []


def test_chance_is_seldom_named_as_a_lift() -> None:
    """1,000 readers of 20 titles at random, 4 random segments, 30 worlds: of 2,400 lower bounds some 2.5 % (60) may pass 1."""
    passed = 0
    for seed in range(30):
        random = np.random.default_rng(seed)
        memberships = np.eye(4, dtype=np.float32)[random.integers(0, 4, 1_000)]
        recent = history(*random.integers(0, 20, (1_000, 5)).tolist())
        found = profile_segments(memberships, recent, titles=[str(i) for i in range(20)], top=20)
        passed += sum(title.lift_low > 1.0 for segment in found.segments for title in segment.titles)
    assert passed < 90


def test_age_and_gender_beside_the_population() -> None:
    memberships = np.array([[1, 0], [1, 0], [0.5, 0.5], [0, 1]], np.float32)
    gender = ["f", "f", None, "m"]
    age = [20, 30, 40, float("nan")]
    found = profile_segments(memberships, history([0], [0], [1], [1]), attributes={"gender": gender, "age": age})
    by_name = [{each.name: each for each in segment.attributes} for segment in found.segments]
    assert by_name[0]["gender"].known == 2.0
    assert [(v.value, v.share) for v in by_name[0]["gender"].values] == [("f", 1.0), ("m", 0.0)]
    assert [v.population_share for v in by_name[0]["gender"].values] == pytest.approx([2 / 3, 1 / 3])
    assert by_name[0]["age"].mean == pytest.approx((20 + 30 + 0.5 * 40) / 2.5)
    assert by_name[0]["age"].population_mean == pytest.approx(30)
    assert by_name[1]["age"].mean == pytest.approx(40)


def test_unknown_attributes_say_so() -> None:
    memberships = np.eye(2, dtype=np.float32)
    found = profile_segments(memberships, history([0], [1]), attributes={"age": [31, None], "gender": [None, ""]})
    age, gender = found.segments[1].attributes
    assert (age.known, age.mean, age.population_mean) == (0.0, None, 31.0)
    assert (gender.known, gender.values) == (0.0, [])


def test_overlap_is_the_cosine_of_weights() -> None:
    apart = profile_segments(np.eye(2, dtype=np.float32), history([0], [1]))
    assert apart.overlap == [[1.0, 0.0], [0.0, 1.0]]
    mixed = np.array([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]], np.float32)
    found = profile_segments(mixed, history([0], [1])).overlap
    assert found[0][1] == pytest.approx(0.25 / (0.5 * math.sqrt(1.25)))
    assert found[1][0] == found[0][1]
    assert found[2] == [0.0, 0.0, 0.0]  # an empty segment


def test_profiles_print_as_json() -> None:
    memberships = np.eye(2, dtype=np.float32)[[0] * 9 + [1] * 9]
    recent = history(*[[0, 3]] * 9, *[[1, 2]] * 9)
    found = profile_segments(
        memberships, recent, genres=GENRES, tags=GENRES, titles=TITLES, attributes={"age": [20] * 18}
    )
    assert msgspec.json.decode(msgspec.json.encode(found), type=Profiles) == found


def test_no_readers_and_unknown_titles() -> None:
    empty = profile_segments(np.zeros((0, 3), np.float32), history(*[]).reshape(0, 32), genres=GENRES, titles=TITLES)
    assert [(segment.readers, segment.share, segment.genres) for segment in empty.segments] == [(0.0, 0.0, [])] * 3
    beyond = profile_segments(np.ones((9, 1), np.float32), history(*[[0, 99]] * 9), genres=GENRES, titles=TITLES)
    assert beyond.segments[0].genres == []  # one segment reads nothing more than the population does


def test_matrices_of_other_readers_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="same readers"):
        profile_segments(np.ones((2, 1), np.float32), history([0]))
    with pytest.raises(InvalidInputError, match=r"attributes\.age"):
        profile_segments(np.ones((1, 1), np.float32), history([0]), attributes={"age": [1, 2]})
