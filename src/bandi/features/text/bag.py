"""Documents to a sparse matrix of term counts, over a bounded vocabulary.

A document is a few parts, each a list of tokens with a weight: a title's tokens may count more than its reviews'.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from bandi.features.text._bag_kernels import sum_equal
from bandi.model.records import Array

Part = tuple[Sequence[str], float]
Document = Sequence[Part]


@dataclass(frozen=True, slots=True)
class Bag:
    """Counts of terms by document, as a compressed sparse row matrix.

    starts: int64[documents + 1]; terms: int32[entries], ascending within a row; counts: float32[entries], above 0.
    """

    starts: Array
    terms: Array
    counts: Array
    width: int
    """Terms of the vocabulary."""

    def __len__(self) -> int:
        return len(self.starts) - 1


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The terms of a collection. numbers: term to its column; documents: int64[terms], how many documents hold it."""

    numbers: dict[str, int]
    documents: Array
    size: int
    """Documents of the collection."""

    def count(self, documents: Iterable[Document]) -> Bag:
        """The bags of documents; tokens outside the vocabulary are passed over."""
        get = self.numbers.get
        starts, terms, weights = [0], [], []
        for document in documents:
            for tokens, weight in document:
                found = [number for token in tokens if (number := get(token)) is not None]
                terms.extend(found)
                weights.extend([weight] * len(found))
            starts.append(len(terms))
        return Bag(
            *sum_equal(np.array(starts, np.int64), np.array(terms, np.int32), np.array(weights, np.float32)),
            len(self.numbers),
        )


def learn_vocabulary(documents: Sequence[Document], fewest: int = 2, most: int = 100_000) -> Vocabulary:
    """The terms of at least `fewest` documents; the `most` widest spread where there are more (ties: in order of code points)."""
    spread: Counter[str] = Counter()
    for document in documents:
        spread.update({token for tokens, _ in document for token in tokens})
    kept = sorted((term for term, n in spread.items() if n >= fewest), key=lambda term: (-spread[term], term))[:most]
    return Vocabulary(
        {term: number for number, term in enumerate(kept)},
        np.array([spread[term] for term in kept], np.int64),
        len(documents),
    )
