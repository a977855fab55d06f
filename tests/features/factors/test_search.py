"""Search by inner product: exact where it proves it is, near enough elsewhere, and never what may not be named."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandi.features.factors import _search_kernels, search
from bandi.model.errors import InvalidInputError

NOTHING = np.zeros(0, np.int32)


def skewed(rows: int, factors: int, seed: int = 1) -> np.ndarray:
    """Vectors around 20 directions, of lengths that fall like those of factors of reads: most are short, few very long."""
    random = np.random.default_rng(seed)
    tastes = random.normal(size=(20, factors))
    vectors = tastes[random.integers(0, 20, rows)] + 0.5 * random.normal(size=(rows, factors))
    return (vectors * random.lognormal(0, 1.0, rows)[:, None]).astype(np.float32)


def by_sorting(vectors: np.ndarray, query: np.ndarray, n: int, allowed: np.ndarray, without: np.ndarray) -> np.ndarray:
    scores = vectors.astype(np.float64) @ query
    scores[~allowed] = -1.0
    scores[without] = -1.0
    best = np.argsort(-scores, kind="stable")[:n]
    found: np.ndarray = best[scores[best] > 0]
    return found


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 40), st.integers(1, 9), st.integers(1, 50), st.floats(0, 1), st.integers(0, 9), st.integers(0, 2**32)
)
def test_looking_at_all_is_a_sort(rows: int, factors: int, n: int, share: float, out: int, seed: int) -> None:
    """Small whole numbers, so that scores are exact and many are equal: equal ones come by id."""
    random = np.random.default_rng(seed)
    vectors = random.integers(-2, 3, (rows, factors)).astype(np.float32)
    query = random.integers(-2, 3, factors).astype(np.float32)
    allowed = random.random(rows) < share
    without = random.permutation(rows)[:out].astype(np.int32)
    found = search.search_all(vectors, query, n, allowed, without)
    assert found.tolist() == by_sorting(vectors, query, n, allowed, without).tolist()


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 60), st.integers(0, 2**32))
def test_few_rows_are_found_exactly_with_an_index(rows: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    vectors = skewed(rows, 6, seed)
    index, allowed = search.build(vectors, threads=1), random.random(rows) < 0.7
    query = random.normal(size=6).astype(np.float32)
    found = index.find(query, 7, allowed, NOTHING)
    assert found.tolist() == by_sorting(vectors, query, 7, allowed, NOTHING).tolist()


def test_what_long_rows_prove_is_exact() -> None:
    """Queries along the longest rows never need the graph: taken away, all of 20 lists are the exact ones still."""
    vectors = skewed(5_000, 16)
    lengths = np.linalg.norm(vectors, axis=1)
    vectors[np.argsort(-lengths)[:100]] *= 30
    index, allowed = search.build(vectors), np.arange(5_000) % 3 > 0
    index._graph = None
    for row in np.argsort(-lengths)[:20]:
        found = index.find(vectors[row], 10, allowed, NOTHING)
        assert found.tolist() == by_sorting(vectors, vectors[row], 10, allowed, NOTHING).tolist()


@pytest.mark.parametrize("share", [1.0, 0.3, 0.01])
def test_the_graph_finds_nearly_all_whatever_is_filtered(share: float) -> None:
    """Directions: no row is longer, the graph does all. Recall of 50 over 30 queries is at least 0.95; 1 at few allowed."""
    vectors = skewed(5_000, 16)
    directions = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    index, random = search.build(directions), np.random.default_rng(3)
    recalls = []
    for _ in range(30):
        allowed = random.random(5_000) < share
        without = random.integers(0, 5_000, 30).astype(np.int32)
        query = directions[random.integers(0, 5_000)]
        found = index.find(query, 50, allowed, without)
        exact = by_sorting(directions, query, 50, allowed, without)
        assert allowed[found].all()
        assert not np.isin(found, without).any()
        assert (np.diff(directions[found] @ query) <= 1e-6).all()
        recalls.append(np.isin(exact, found).mean())
    assert np.mean(recalls) >= (0.95 if share > 0.1 else 1.0)


def test_a_filter_that_takes_all_that_is_near_leaves_the_rest() -> None:
    """The nearest two thousand may not be named: the graph alone would find nothing."""
    vectors = skewed(5_000, 8)
    directions = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    query = directions[0]
    allowed = np.ones(5_000, np.bool_)
    allowed[np.argsort(-(directions @ query))[:2_000]] = False
    found = search.build(directions).find(query, 20, allowed, NOTHING)
    exact = by_sorting(directions, query, 20, allowed, NOTHING)
    assert np.isin(exact, found).mean() >= 0.95


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_hardly_any_rows(rows: int) -> None:
    vectors = np.ones((rows, 4), np.float32)
    index = search.build(vectors)
    again = search.Neighbours(index.data.copy(), vectors)
    for one in (index, again):
        assert one.find(np.ones(4), 5, np.ones(rows, np.bool_), NOTHING).tolist() == list(range(rows))


def test_rows_of_zeros_are_never_named() -> None:
    vectors = np.zeros((300, 4), np.float32)
    assert search.build(vectors).find(np.ones(4), 5, np.ones(300, np.bool_), NOTHING).tolist() == []
    vectors[7] = 1.0
    assert search.build(vectors).find(np.ones(4), 5, np.ones(300, np.bool_), NOTHING).tolist() == [7]


def test_equal_rows_are_all_as_good() -> None:
    vectors = np.tile(np.array([1.0, 2.0], np.float32), (500, 1))
    found = search.build(vectors).find(np.array([1.0, 1.0]), 20, np.ones(500, np.bool_), np.array([3], np.int32))
    assert len(set(found.tolist()) - {3}) == 20


def test_titles_newer_than_the_index_and_older_than_the_catalogue() -> None:
    """`allowed` may be shorter or longer than the rows."""
    vectors = skewed(200, 4)
    for size in (150, 250):
        found = search.build(vectors).find(vectors[3], 250, np.ones(size, np.bool_), NOTHING)
        exact = by_sorting(vectors, vectors[3], 250, np.arange(200) < size, NOTHING)
        assert found.tolist() == exact.tolist()


def test_an_index_goes_into_bytes_and_back() -> None:
    vectors = np.random.default_rng(1).normal(size=(300, 8)).astype(np.float32)
    made, allowed = search.build(vectors), np.ones(300, np.bool_)
    again = search.Neighbours(made.data.copy(), vectors)
    assert again.find(vectors[7], 20, allowed, NOTHING).tolist() == made.find(vectors[7], 20, allowed, NOTHING).tolist()
    with pytest.raises(InvalidInputError, match="train again"):
        search.Neighbours(made.data[:100], vectors)
    with pytest.raises(InvalidInputError, match="another shape"):
        search.Neighbours(made.data, vectors[:, :7])
    with pytest.raises(InvalidInputError, match="at least 400"):
        search.Neighbours(made.data, np.vstack([vectors, vectors[:100]]))
    with pytest.raises(InvalidInputError, match="at least 300"):
        search.Neighbours(made.data[:0], vectors)


def test_without_the_extra_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "usearch.index", None)
    assert not search.available()
    with pytest.raises(InvalidInputError, match=r"bandi\[search\]"):
        search.build(np.ones((3, 2), np.float32))


def test_warming_compiles_what_requests_use() -> None:
    search.warm()
    vectors = skewed(300, 8)
    kernels = (
        _search_kernels.scan_by_length,
        _search_kernels.scan_some,
        _search_kernels.scan_all,
        _search_kernels.order,
    )
    compiled = [len(kernel.signatures) for kernel in kernels]
    index = search.build(vectors)
    index.find(vectors[0], 300, np.ones(300, np.bool_), NOTHING)
    search.search_all(vectors, vectors[0], 5, np.ones(300, np.bool_), NOTHING)
    assert compiled == [len(kernel.signatures) for kernel in kernels]
