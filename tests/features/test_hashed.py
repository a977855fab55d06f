"""Hashed vectors: the same everywhere, of length 1 behind their constant, unbiased on average."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandi.features.hashed import Tokens, hashed_place, hashed_reader, hashed_readers, title_vectors


def one_hot(values: list[str], field: str = "genre") -> Tokens:
    return Tokens(field, ["", *values], np.arange(len(values)), np.arange(1, len(values) + 1))


def test_the_hash_is_the_same_on_every_machine() -> None:
    """Fixed values: were they to change, models learned before would mean something else."""
    assert [hashed_place("genre", "drama", 16), hashed_place("tag", "로맨스", 16), hashed_place("author", "", 64)] == [
        (4, -1),
        (15, -1),
        (58, -1),
    ]


@given(
    genres=st.lists(st.text(max_size=5), min_size=1, max_size=12, unique=True),
    d=st.integers(2, 64),
    tags=st.lists(st.tuples(st.integers(0, 11), st.integers(0, 4)), max_size=30, unique=True),
)
@settings(max_examples=60, deadline=None)
def test_rows_are_a_constant_and_a_direction(genres: list[str], d: int, tags: list[tuple[int, int]]) -> None:
    n = len(genres)
    own = [(title, tag) for title, tag in tags if title < n]
    owners, codes = (np.array([pair[i] for pair in own], np.int64) for i in (0, 1))
    vectors = title_vectors(n, [one_hot(genres), Tokens("tag", list("abcde"), owners, codes)], d)
    assert vectors.shape == (n, d)
    assert (vectors[:, 0] == 1.0).all()
    lengths = np.linalg.norm(vectors[:, 1:], axis=1)
    assert (np.isclose(lengths, 1.0, atol=1e-5) | (lengths == 0.0)).all()  # signs may cancel
    for i in range(n):  # a row is a function of its own title
        mine = owners == i
        alone = title_vectors(1, [Tokens("genre", genres, np.zeros(1, np.int64), np.array([i])), Tokens("tag", list("abcde"), np.zeros(mine.sum(), np.int64), codes[mine])], d)  # fmt: skip
        assert alone[0] == pytest.approx(vectors[i], abs=1e-6)


def test_titles_without_a_word_in_common_are_unlike_on_average() -> None:
    """Signs make inner products unbiased: 4,000 pairs of unrelated titles, mean within 4 standard errors of 0 (one false
    alarm in 15,000), and the spread is 1 / sqrt(d - 1) where collisions are fair."""
    d = 17
    one = title_vectors(4_000, [one_hot([f"a{i}" for i in range(4_000)], "author")], d)[:, 1:]
    other = title_vectors(4_000, [one_hot([f"b{i}" for i in range(4_000)], "author")], d)[:, 1:]
    products = (one * other).sum(axis=1)
    assert abs(products.mean()) < 4 * products.std() / np.sqrt(len(products))
    assert products.std() == pytest.approx(1 / np.sqrt(d - 1), rel=0.1)


def test_readers_are_the_direction_of_what_they_read_last() -> None:
    titles = title_vectors(6, [one_hot(["a", "a2", "b", "c", "d", "e"])], 33)
    vector = hashed_reader(np.array([2], np.int32), titles)
    assert vector == pytest.approx(titles[2], abs=1e-6)
    recent = np.array([[3, 2, -1], [-1, -1, -1], [77, -1, -1]], np.int32)
    rows = hashed_readers(recent, titles)
    assert rows[0] == pytest.approx(hashed_reader(recent[0, :2], titles))
    assert rows[0] @ titles[3] > rows[0] @ titles[2]  # the latest counts most
    nobody = [1.0] + [0.0] * 32
    assert rows[1].tolist() == rows[2].tolist() == hashed_reader(np.zeros(0, np.int32), titles).tolist() == nobody
