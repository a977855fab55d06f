"""Bags of terms: counts, weights and the vocabulary's bounds."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bandi.features.text.bag import Document, learn_vocabulary

DOCUMENTS: list[Document] = [[(["a", "b", "a"], 1.0), (["a"], 2.0)], [(["b"], 1.0)], [], [(["c", "b"], 0.5)]]


def test_weights_of_equal_terms_are_summed() -> None:
    vocabulary = learn_vocabulary(DOCUMENTS, fewest=1)
    assert vocabulary.numbers == {"b": 0, "a": 1, "c": 2}
    assert vocabulary.documents.tolist() == [3, 1, 1]
    bag = vocabulary.count(DOCUMENTS)
    assert bag.starts.tolist() == [0, 2, 3, 3, 5]
    assert bag.terms.tolist() == [0, 1, 0, 0, 2]
    assert bag.counts.tolist() == [1.0, 4.0, 1.0, 0.5, 0.5]


def test_the_vocabulary_is_bounded() -> None:
    assert learn_vocabulary(DOCUMENTS, fewest=2).numbers == {"b": 0}
    assert learn_vocabulary(DOCUMENTS, fewest=1, most=2).numbers == {"b": 0, "a": 1}
    assert len(learn_vocabulary([], fewest=1).count([[(["a"], 1.0)]]).terms) == 0


@given(st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=12), max_size=8))
def test_counts_are_those_of_counting(texts: list[list[str]]) -> None:
    documents: list[Document] = [[(tokens, 1.0)] for tokens in texts]
    vocabulary = learn_vocabulary(documents, fewest=1)
    bag = vocabulary.count(documents)
    dense = np.zeros((len(texts), bag.width))
    for row in range(len(texts)):
        entries = slice(bag.starts[row], bag.starts[row + 1])
        assert (np.diff(bag.terms[entries]) > 0).all()
        dense[row, bag.terms[entries]] = bag.counts[entries]
    for row, tokens in enumerate(texts):
        assert all(dense[row, number] == tokens.count(term) for term, number in vocabulary.numbers.items())
