"""The randomised decomposition against numpy's own, and what its users rely on."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandi.features.text.bag import Bag, Vocabulary
from bandi.features.text.lsa import Lsa, fit_lsa, inverse_document_frequencies
from bandi.model.errors import InvalidInputError
from bandi.model.records import Array


def some(documents: int, terms: int, length: int, seed: int = 1) -> tuple[Bag, Vocabulary]:
    """Documents of a few topics with Zipfian words."""
    random = np.random.default_rng(seed)
    counts = np.zeros((documents, terms), np.float32)
    topics = [random.permutation(terms) for _ in range(4)]
    for row in range(documents if terms else 0):
        np.add.at(counts[row], topics[row % 4][np.minimum(random.zipf(1.5, length) - 1, terms - 1)], 1)
    return bag_of(counts)


def bag_of(counts: Array) -> tuple[Bag, Vocabulary]:
    rows, columns = np.nonzero(counts)
    starts = np.searchsorted(rows, np.arange(len(counts) + 1)).astype(np.int64)
    bag = Bag(starts, columns.astype(np.int32), counts[rows, columns].astype(np.float32), counts.shape[1])
    numbers = {str(term): term for term in range(counts.shape[1])}
    return bag, Vocabulary(numbers, (counts > 0).sum(0), len(counts))


def weighed(bag: Bag, vocabulary: Vocabulary) -> Array:
    """TF-IDF by the formula, densely."""
    dense = np.zeros((len(bag), bag.width))
    dense[np.repeat(np.arange(len(bag)), np.diff(bag.starts)), bag.terms] = bag.counts
    idf = 1 + np.log((1 + len(bag)) / (1 + vocabulary.documents))
    found = np.where(dense > 1, 1 + np.log(np.maximum(dense, 1)), dense) * idf
    return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)


def test_it_is_as_good_as_the_exact_decomposition() -> None:
    bag, vocabulary = some(300, 400, 30)
    exact = np.linalg.svd(weighed(bag, vocabulary), compute_uv=False)
    for seed in range(4):
        lsa = fit_lsa(bag, vocabulary, 20, seed)
        kept = float((exact[:20] ** 2).sum() / (exact**2).sum())
        assert lsa.variance_kept == pytest.approx(kept, rel=5e-3)
        assert lsa.terms.T @ lsa.terms == pytest.approx(np.eye(20), abs=1e-4)
        projected = weighed(bag, vocabulary) @ lsa.terms
        assert (projected**2).sum() / (exact**2).sum() == pytest.approx(kept, rel=5e-3)


def test_enough_dimensions_keep_every_cosine() -> None:
    bag, vocabulary = some(30, 50, 10)
    lsa = fit_lsa(bag, vocabulary, 40, 1)
    exact = weighed(bag, vocabulary)
    vectors = lsa.encode(bag)
    assert lsa.variance_kept == pytest.approx(1.0, abs=1e-5)
    assert vectors @ vectors.T == pytest.approx(exact @ exact.T, abs=1e-3)


def test_topics_come_together() -> None:
    bag, vocabulary = some(200, 300, 12)
    vectors = fit_lsa(bag, vocabulary, 4, 1).encode(bag)
    cosines = vectors @ vectors.T
    same = np.arange(200)[:, None] % 4 == np.arange(200) % 4
    assert cosines[same].mean() > 0.5
    assert cosines[~same].mean() < 0.3


def test_the_same_seed_gives_the_same_vectors() -> None:
    bag, vocabulary = some(60, 80, 12)
    one, two = (fit_lsa(bag, vocabulary, 8, 5) for _ in range(2))
    assert (one.terms == two.terms).all()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 8), st.integers(0, 8), st.integers(0, 6), st.integers(1, 12))
def test_any_shape_gives_rows_of_length_one_or_zero(documents: int, terms: int, length: int, dimensions: int) -> None:
    bag, vocabulary = some(documents, terms, length)
    vectors = fit_lsa(bag, vocabulary, dimensions, 1).encode(bag)
    assert vectors.shape == (documents, dimensions)
    lengths = np.linalg.norm(vectors, axis=1)
    empty = np.diff(bag.starts) == 0
    assert lengths[empty] == pytest.approx(0.0)
    assert np.isfinite(vectors).all()
    assert ((lengths == 0) | (np.abs(lengths - 1) < 1e-4)).all()


def test_identical_documents_have_one_vector() -> None:
    bag, vocabulary = bag_of(np.tile(np.array([[1, 0, 2, 3]], np.float32), (50, 1)))
    vectors = fit_lsa(bag, vocabulary, 5, 1).encode(bag)
    assert vectors == pytest.approx(np.tile(vectors[0], (50, 1)), abs=1e-5)
    assert np.linalg.norm(vectors[0]) == pytest.approx(1.0, abs=1e-5)


def test_bad_dimensions_are_named() -> None:
    bag, vocabulary = some(5, 5, 3)
    for wrong in (0, -1, 5_000):
        with pytest.raises(InvalidInputError, match=r"text\.dimensions"):
            fit_lsa(bag, vocabulary, wrong, 1)


def test_rare_terms_weigh_more() -> None:
    idf = inverse_document_frequencies(Vocabulary({"a": 0, "b": 1}, np.array([1, 9]), 9))
    assert idf.tolist() == pytest.approx([1 + np.log(5), 1.0], abs=1e-6)
    assert isinstance(Lsa(idf, np.zeros((2, 1), np.float32), 0.0).encode(some(1, 2, 1)[0]), np.ndarray)
