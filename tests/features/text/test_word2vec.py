"""Word vectors: neighbours come together, on words and on titles."""

import numpy as np
import pytest

from bandi.features.text._word2vec_kernels import next_random
from bandi.features.text.bag import Bag
from bandi.features.text.word2vec import SkipGramConfig, fit_skip_gram, fit_word_mean
from bandi.model.errors import InvalidInputError
from bandi.model.records import Array


def two_worlds(seed: int, sequences: int = 300) -> list[Array]:
    """Sequences that keep to the even words, or to the odd ones, of 40."""
    random = np.random.default_rng(seed)
    return [(random.integers(0, 20, 12) * 2 + number % 2).astype(np.int32) for number in range(sequences)]


def test_what_stands_together_comes_together() -> None:
    """Five seeds, none may fail: 20 words of each kind, every word's nearest 10 are of its kind."""
    for seed in range(5):
        vectors = fit_skip_gram(two_worlds(seed), 40, SkipGramConfig(dimensions=16, epochs=10, seed=seed, subsample=0))
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        cosines = unit @ unit.T
        np.fill_diagonal(cosines, -2)
        nearest = np.argsort(-cosines, axis=1)[:, :10]
        assert (nearest % 2 == np.arange(40)[:, None] % 2).all()


def test_the_same_seed_gives_the_same_vectors() -> None:
    one, two, other = (fit_skip_gram(two_worlds(1), 40, SkipGramConfig(dimensions=8, seed=seed)) for seed in (1, 1, 2))
    assert (one == two).all()
    assert (one != other).any()


@pytest.mark.parametrize(
    "sequences", [[], [np.zeros(0, np.int32)], [np.array([1], np.int32)], [np.array([1, 1], np.int32)]]
)
def test_hardly_any_words(sequences: list[Array]) -> None:
    vectors = fit_skip_gram(sequences, 3, SkipGramConfig(dimensions=4))
    assert vectors.shape == (3, 4)
    assert np.isfinite(vectors).all()
    assert not vectors[[0, 2]].any()


def test_epochs_are_told() -> None:
    told: list[int] = []
    fit_skip_gram(two_worlds(1, 4), 40, SkipGramConfig(dimensions=4, epochs=3), told.append)
    assert told == [1, 2, 3]


@pytest.mark.parametrize(
    "wrong", [{"dimensions": 0}, {"window": 0}, {"negatives": 0}, {"rate": float("nan")}, {"seed": -1}]
)
def test_bad_values_are_named(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidInputError, match=next(iter(wrong))):
        fit_skip_gram([], 3, SkipGramConfig(**wrong))  # type: ignore[arg-type]


@pytest.mark.parametrize("number", [-1, 3])
def test_words_beyond_the_vocabulary_are_named(number: int) -> None:
    with pytest.raises(InvalidInputError, match="sequences"):
        fit_skip_gram([np.array([0, number], np.int32)], 3, SkipGramConfig())


def test_random_bits_are_uniform() -> None:
    """64 bits over 20,000 draws: each is set half of the time within 5 standard errors (false alarms under 1 in 10,000)."""
    state = np.array([12345], np.uint64)
    draws = np.array([next_random(state) for _ in range(20_000)], np.uint64)
    shares = [float(((draws >> np.uint64(bit)) & np.uint64(1)).mean()) for bit in range(64)]
    assert np.abs(np.array(shares) - 0.5).max() < 5 * 0.5 / np.sqrt(20_000)


def bag_of(rows: list[list[int]], width: int) -> Bag:
    starts = np.cumsum([0, *map(len, rows)]).astype(np.int64)
    terms = np.array([term for row in rows for term in row], np.int32)
    return Bag(starts, terms, np.ones(len(terms), np.float32), width)


def test_the_direction_that_all_share_goes() -> None:
    random = np.random.default_rng(1)
    shared = np.eye(8, dtype=np.float32)[0]
    vectors = (random.normal(0, 1, (50, 8)) + 1.5 * shared).astype(np.float32)
    bag = bag_of([random.choice(50, 5, replace=False).tolist() for _ in range(300)], 50)
    encoded = fit_word_mean(bag, vectors).encode(bag)
    assert np.linalg.norm(encoded, axis=1) == pytest.approx(np.ones(300), abs=1e-5)
    assert abs(float((encoded @ shared).mean())) < 0.1


def test_identical_documents_keep_their_vector() -> None:
    vectors = np.random.default_rng(1).normal(0, 1, (3, 4)).astype(np.float32)
    bag = bag_of([[0, 1]] * 200 + [[]], 3)
    encoded = fit_word_mean(bag, vectors).encode(bag)
    assert np.linalg.norm(encoded[:200], axis=1) == pytest.approx(np.ones(200), abs=1e-5)
    assert not encoded[200].any()
