"""Titles to vectors by what is written of them: title, description, tags, genre, reviews."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from bandi.features.text.bag import Document, Vocabulary, learn_vocabulary
from bandi.features.text.lsa import fit_lsa, unit_rows
from bandi.features.text.sentence_encoder import SentenceEncoder
from bandi.features.text.tokens import MAX_CHARACTERS, MAX_TOKEN, Tokeniser, learn_tokeniser
from bandi.features.text.word2vec import SkipGramConfig, fit_skip_gram, fit_word_mean
from bandi.model.catalog import Item
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array

_TITLE, _REVIEW = 2.0, 0.5
"""What a word counts there; in the description, and a tag or genre as a whole, 1."""
_LARGE = 100
"""From so many titles on, a term must stand in two of them: a word of one title says nothing of others."""

OnStep = Callable[[str, int, int], None]
"""Called with what is being done, steps done and steps in all."""


@dataclass(frozen=True, slots=True)
class TextSettings:
    """How titles become vectors.

    dimensions: 1 to 1,024 (of a brought encoder: the model's own); method: `lsa` (TF-IDF and SVD), `word2vec` (words, and
    titles by what is read beside them), `onnx` (the encoder at `model`); analysed_words: distinct Korean words that
    kiwipiepy analyses, the most frequent first; most_terms: the vocabulary's bound.
    """

    dimensions: int = 64
    method: Literal["lsa", "word2vec", "onnx"] = "lsa"
    model: Path | None = None
    seed: int = 1
    analysed_words: int = 60_000
    most_terms: int = 100_000
    epochs: int = 5


@dataclass(frozen=True, slots=True)
class TextVectors:
    """What was learned. vectors: float32[items, d], rows of length 1, or 0 where there is no text that says anything.

    report: counts (items, without_text, without_vector, terms, with_reads), variance_kept, method, analyser, seconds.
    """

    vectors: Array
    report: dict[str, float | str]


def learn_text(
    items: Sequence[Item | None],
    settings: TextSettings,
    sequences: Sequence[Array] | None = None,
    on_step: OnStep | None = None,
) -> TextVectors:
    """Vectors of titles (None: a title that is no more; its row is 0).

    sequences: int32[n] each, the title numbers that a reader read, in order; only `word2vec` uses them: then the first half
    of a vector says what is written and the second what is read beside it, equally long. Raises InvalidInputError.
    """
    started = time.perf_counter()
    step = on_step or (lambda what, done, total: None)
    texts = [() if item is None else _texts(item) for item in items]
    if settings.method == "onnx":
        vectors, report = _by_encoder(texts, settings, step)
    else:
        tokeniser = _learned_tokeniser(texts, settings, step)
        documents = _documents(items, texts, tokeniser, step)
        fewest = 1 if sum(map(bool, documents)) < _LARGE else 2
        vocabulary = learn_vocabulary(documents, fewest, settings.most_terms)
        if settings.method == "lsa":
            vectors, report = _by_lsa(documents, vocabulary, settings, step)
        else:
            vectors, report = _by_words(documents, vocabulary, settings, sequences, step)
        report |= {"terms": float(len(vocabulary.numbers)), "analyser": tokeniser.analyser}
    vectors[[item is None for item in items]] = 0.0  # readers may have read what is no more
    report |= {
        "method": settings.method,
        "items": float(len(items)),
        "without_text": float(sum(not _says_something(item, text) for item, text in zip(items, texts, strict=True))),
        "without_vector": float((~vectors.any(axis=1)).sum()) if vectors.size else float(len(items)),
        "seconds": round(time.perf_counter() - started, 3),
    }
    return TextVectors(vectors, report)


def _texts(item: Item) -> tuple[tuple[str, float], ...]:
    """The texts of a title and what a word of each counts; reviews as far as MAX_CHARACTERS go for all of them."""
    found = [(item.title, _TITLE), (item.description, 1.0), (item.genre, 1.0), *((tag, 1.0) for tag in item.tags)]
    left = MAX_CHARACTERS
    for review in item.reviews:
        if left <= 0:
            break
        found.append((review[:left], _REVIEW))
        left -= len(review)
    return tuple((text, weight) for text, weight in found if text)


def _says_something(item: Item | None, texts: Sequence[tuple[str, float]]) -> bool:
    return item is not None and any(text.strip() for text, _ in texts)


def _learned_tokeniser(texts: Sequence[Sequence[tuple[str, float]]], settings: TextSettings, step: OnStep) -> Tokeniser:
    if settings.analysed_words < 1 or settings.most_terms < 1:
        found = f"{settings.analysed_words}, {settings.most_terms}"
        raise InvalidInputError(Problem("text.analysed_words, text.most_terms", found, "numbers from 1"))
    step("learning words", 0, 1)
    tokeniser = learn_tokeniser((text for item in texts for text, _ in item), settings.analysed_words)
    step("learning words", 1, 1)
    return tokeniser


def _documents(
    items: Sequence[Item | None], texts: Sequence[Sequence[tuple[str, float]]], tokeniser: Tokeniser, step: OnStep
) -> list[Document]:
    """One document a title: its words, and each tag and its genre as a token of its own kind besides."""
    documents: list[Document] = []
    for number, (item, parts) in enumerate(zip(items, texts, strict=True)):
        found = [(tokeniser.tokens(text), weight) for text, weight in parts]
        if item is not None:
            kinds = [f"tag:{tag.strip().casefold()[:MAX_TOKEN]}" for tag in item.tags if tag.strip()]
            if item.genre.strip():
                kinds.append(f"genre:{item.genre.strip().casefold()[:MAX_TOKEN]}")
            found.append((kinds, 1.0))
        documents.append([part for part in found if part[0]])
        if number % 1_000 == 999 or number + 1 == len(items):
            step("reading titles", number + 1, len(items))
    return documents


def _by_lsa(
    documents: Sequence[Document], vocabulary: Vocabulary, settings: TextSettings, step: OnStep
) -> tuple[Array, dict[str, float | str]]:
    step("decomposing", 0, 1)
    bag = vocabulary.count(documents)
    lsa = fit_lsa(bag, vocabulary, settings.dimensions, settings.seed)
    vectors = lsa.encode(bag)
    step("decomposing", 1, 1)
    return vectors, {"variance_kept": round(lsa.variance_kept, 5)}


def _by_words(
    documents: Sequence[Document], vocabulary: Vocabulary, settings: TextSettings,
    sequences: Sequence[Array] | None, step: OnStep,
) -> tuple[Array, dict[str, float | str]]:  # fmt: skip
    """Means of word vectors; with sequences, half of the dimensions for them."""
    d = settings.dimensions
    of_reads = d // 2 if sequences is not None else 0
    get = vocabulary.numbers.get
    spoken = [
        np.array([n for tokens, _ in document for token in tokens if (n := get(token)) is not None], np.int32)
        for document in documents
    ]
    config = SkipGramConfig(dimensions=d - of_reads, epochs=settings.epochs, seed=settings.seed)
    words = fit_skip_gram(
        spoken, len(vocabulary.numbers), config, lambda done: step("learning from words", done, config.epochs)
    )
    bag = vocabulary.count(documents)
    written = fit_word_mean(bag, words).encode(bag)
    if sequences is None or not of_reads:
        return written, {}
    beside = unit_rows(
        fit_skip_gram(
            sequences, len(documents), SkipGramConfig(dimensions=of_reads, epochs=settings.epochs, seed=settings.seed),
            lambda done: step("learning from reads", done, settings.epochs),
        )
    )  # fmt: skip
    return unit_rows(np.hstack([written, beside])), {"with_reads": float(beside.any(axis=1).sum())}


def _by_encoder(
    texts: Sequence[Sequence[tuple[str, float]]], settings: TextSettings, step: OnStep
) -> tuple[Array, dict[str, float | str]]:
    if settings.model is None:
        expected = "the path of a sentence encoder for the method onnx"
        raise InvalidInputError(
            Problem("text.model", "nothing", expected, "a folder with model.onnx and tokenizer.json")
        )
    encoder = SentenceEncoder(settings.model)
    whole = ["\n".join(text for text, _ in item)[:MAX_CHARACTERS] for item in texts]
    vectors = encoder.encode(whole, lambda done: step("encoding titles", done, len(whole)))
    return vectors, {"analyser": "the brought encoder"}
