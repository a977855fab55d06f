"""Vectors of words from their neighbours, of titles from what is read beside them, and of documents from their words.

Skip-gram with negative sampling: Mikolov, Sutskever, Chen, Corrado and Dean (2013), "Distributed representations of words and
phrases", eq. 4, with its subsampling of frequent words (eq. 5, in word2vec.c's form) and noise in proportion to count**0.75.
On reading sequences, whose "words" are titles, it is item2vec (Barkan and Koenigstein 2016). A document is the mean of its
words' vectors, rare words weighing more, less the direction that all documents share: Arora, Liang and Ma (2017), "A simple
but tough-to-beat baseline for sentence embeddings", algorithm 1.

One thread, so that the same seed gives the same vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bandi.features.text._bag_kernels import times_dense
from bandi.features.text._word2vec_kernels import train_epoch
from bandi.features.text.bag import Bag
from bandi.features.text.lsa import MAX_DIMENSIONS, unit_rows
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array

_NOISE = 1_000_000
_SMOOTH = 1e-3
"""a of Arora et al.: a word of frequency p weighs a / (a + p)."""
_FEWEST_DOCUMENTS = 100
_ALL_ALIKE = 0.95
"""Where one direction holds more than this of all documents, it is what they say and not what they share by chance."""


@dataclass(frozen=True, slots=True)
class SkipGramConfig:
    """dimensions: 1 to 1,024; window: neighbours to each side; negatives: noise words a pair; rate: first learning rate.

    subsample: words above this frequency are left out at random; 0: none is.
    """

    dimensions: int = 64
    window: int = 5
    negatives: int = 5
    epochs: int = 5
    rate: float = 0.05
    subsample: float = 1e-3
    seed: int = 1

    def check(self) -> None:
        """Raises InvalidInputError for a value out of its range."""
        ranges = {
            "dimensions": 1 <= self.dimensions <= MAX_DIMENSIONS,
            "window": 1 <= self.window <= 1_000,
            "negatives": 1 <= self.negatives <= 100,
            "epochs": 0 <= self.epochs <= 1_000,
            "rate": 0 < self.rate <= 1,
            "subsample": 0 <= self.subsample <= 1,
            "seed": self.seed >= 0,
        }
        for name, right in ranges.items():
            if not right:
                raise InvalidInputError(
                    Problem(f"text.{name}", repr(getattr(self, name)), SkipGramConfig.__doc__ or "")
                )


def fit_skip_gram(
    sequences: Sequence[Array], words: int, config: SkipGramConfig, on_epoch: Callable[[int], None] | None = None
) -> Array:
    """Vectors of words 0 to words - 1: float32[words, d]; 0 for a word that no sequence holds.

    sequences: int32[n] each. O(epochs * occurrences * window * negatives * d). Raises InvalidInputError.
    """
    config.check()
    starts = np.concatenate([[0], np.cumsum([len(sequence) for sequence in sequences], dtype=np.int64)]).astype(
        np.int64
    )
    flat = np.concatenate([np.zeros(0, np.int32), *sequences]).astype(np.int32)
    if len(flat) and not (flat.min() >= 0 and flat.max() < words):
        raise InvalidInputError(Problem("sequences", f"{flat.min()} to {flat.max()}", f"numbers from 0 to {words - 1}"))
    counts = np.bincount(flat, minlength=words)
    if not len(flat):
        return np.zeros((words, config.dimensions), np.float32)
    random = np.random.default_rng(config.seed)
    inner = ((random.random((words, config.dimensions)) - 0.5) / config.dimensions).astype(np.float32)
    outer = np.zeros_like(inner)
    keep, noise = _keep(counts, config.subsample), _noise(counts)
    scratch = np.empty(int(np.diff(starts).max()), np.int32)
    state = random.integers(1, 2**63, 1, dtype=np.int64).astype(np.uint64)
    rates = np.linspace(config.rate, config.rate * 1e-2, config.epochs + 1)
    for epoch in range(config.epochs):
        train_epoch(
            starts, flat, keep, noise, inner, outer, config.window, config.negatives,
            float(rates[epoch]), float(rates[epoch + 1]), scratch, state,
        )  # fmt: skip
        if on_epoch is not None:
            on_epoch(epoch + 1)
    inner[counts == 0] = 0.0
    return inner


def _keep(counts: Array, subsample: float) -> Array:
    """The probability that an occurrence of each word takes part: float32[words]."""
    if subsample == 0:
        return np.ones(len(counts), np.float32)
    share = subsample / np.maximum(counts / counts.sum(), 1e-12)
    keep: Array = np.minimum(np.sqrt(share) + share, 1.0)
    return keep.astype(np.float32)


def _noise(counts: Array) -> Array:
    """Words, each as often as it is to be drawn: int32[_NOISE]."""
    running = np.cumsum(counts.astype(np.float64) ** 0.75)
    middles = (np.arange(_NOISE) + 0.5) / _NOISE * running[-1]
    noise: Array = np.searchsorted(running, middles)
    return noise.astype(np.int32)


@dataclass(frozen=True, slots=True)
class WordMean:
    """Documents as weighted means of their words. vectors: float32[words, d], each already times its weight; common: float32[d]."""

    vectors: Array
    common: Array

    def encode(self, bag: Bag) -> Array:
        """Vectors of documents: float32[documents, d], of length 1, or 0 without a known word."""
        means = unit_rows(_sums(bag, self.vectors))
        return unit_rows(means - (means @ self.common)[:, None] * self.common)


def fit_word_mean(bag: Bag, vectors: Array) -> WordMean:
    """How to encode documents like those of `bag` with the words' vectors (float32[words, d]).

    The common direction is left in where documents are few or all alike.
    """
    counts = np.bincount(bag.terms, weights=bag.counts, minlength=bag.width)
    weights = _SMOOTH / (_SMOOTH + counts / max(counts.sum(), 1.0))
    weighed = (vectors * weights[:, None]).astype(np.float32)
    means = unit_rows(_sums(bag, weighed))
    common = np.zeros(vectors.shape[1], np.float32)
    some = int(means.any(axis=1).sum())
    if some >= _FEWEST_DOCUMENTS:
        strength, directions = np.linalg.eigh((means.T @ means).astype(np.float64))
        if strength[-1] < _ALL_ALIKE * some:
            common = directions[:, -1].astype(np.float32)
    return WordMean(weighed, common)


def _sums(bag: Bag, vectors: Array) -> Array:
    product = np.empty((len(bag), vectors.shape[1]), np.float32)
    times_dense(bag.starts, bag.terms, bag.counts, vectors, product)
    return product
