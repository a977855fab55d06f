"""From a catalogue to vectors: likeness, odd catalogues, and quality on real reviews."""

import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from bandi.features.text.bag import learn_vocabulary
from bandi.features.text.lsa import fit_lsa
from bandi.features.text.titles import TextSettings, learn_text
from bandi.features.text.tokens import learn_tokeniser
from bandi.model.catalog import Item
from bandi.model.errors import InvalidInputError
from bandi.model.records import Array

SPACE = ["rocket", "planet", "orbit", "astronaut", "star", "comet", "우주", "행성"]
LOVE = ["kiss", "wedding", "heart", "date", "bride", "letter", "사랑", "결혼"]


def catalogue(titles: int = 60, seed: int = 1) -> list[Item | None]:
    """Even titles are about space, odd ones about love."""
    random = np.random.default_rng(seed)
    return [
        Item(
            id=f"t{number}",
            title=" ".join(random.choice(LOVE if number % 2 else SPACE, 2)),
            description=" ".join(random.choice(LOVE if number % 2 else SPACE, 6)),
            tags=("new", "love" if number % 2 else "space"),
        )
        for number in range(titles)
    ]


@pytest.mark.parametrize("method", ["lsa", "word2vec"])
def test_titles_of_one_subject_are_near(method: str) -> None:
    settings = TextSettings(dimensions=8, method=method, epochs=30)  # type: ignore[arg-type]
    found = learn_text(catalogue(), settings)
    cosines = found.vectors @ found.vectors.T
    np.fill_diagonal(cosines, -2)
    assert (cosines.argmax(axis=1) % 2 == np.arange(60) % 2).all()
    assert (found.report["items"], found.report["without_text"], found.report["without_vector"]) == (60, 0, 0)


@pytest.mark.parametrize("method", ["lsa", "word2vec"])
def test_odd_catalogues_have_a_clear_answer(method: str) -> None:
    """Empty, one title, without text, only emoji, gone, all the same, very long."""
    settings = TextSettings(dimensions=5, method=method)  # type: ignore[arg-type]
    assert learn_text([], settings).vectors.shape == (0, 5)
    one = learn_text([Item(id="a", title="The Rocket and the Moon")], settings)
    assert np.linalg.norm(one.vectors[0]) == pytest.approx(1.0, abs=1e-5)
    odd = learn_text([None, Item(id="a"), Item(id="b", description="😀👍🏽❤️"), Item(id="c", title="rocket")], settings)
    assert odd.vectors.any(axis=1).tolist() == [False, False, False, True]
    assert (odd.report["without_text"], odd.report["without_vector"]) == (2, 3)
    same = learn_text([Item(id=str(n), title="rocket moon", tags=("x",)) for n in range(150)], settings).vectors
    assert same @ same.T == pytest.approx(np.ones((150, 150)), abs=1e-4)
    long = learn_text(
        [Item(id="a", title="rocket", description="달 나라 " * 2_000_000, tags=("x" * 10_000,))], settings
    )
    assert np.isfinite(long.vectors).all()


@pytest.mark.parametrize("method", ["lsa", "word2vec"])
def test_the_same_seed_gives_the_same_vectors(method: str) -> None:
    settings = TextSettings(dimensions=8, method=method)  # type: ignore[arg-type]
    assert (learn_text(catalogue(), settings).vectors == learn_text(catalogue(), settings).vectors).all()


def test_titles_read_beside_each_other_are_near() -> None:
    """All say the same; readers keep to the titles below 20 or to those from 20 on. A title that is no more stays 0."""
    items: list[Item | None] = [Item(id=str(n), title="a title") for n in range(40)]
    items[7] = None
    random = np.random.default_rng(1)
    sequences = [(random.integers(0, 20, 15) + 20 * (reader % 2)).astype(np.int32) for reader in range(200)]
    settings = TextSettings(dimensions=16, method="word2vec", epochs=10)
    found = learn_text(items, settings, sequences)
    cosines = found.vectors @ found.vectors.T
    np.fill_diagonal(cosines, -2)
    there = np.array([n for n in range(40) if n != 7])
    assert (cosines[there].argmax(axis=1) // 20 == there // 20).all()
    assert not found.vectors[7].any()
    assert found.report["with_reads"] == 40


def test_tags_alone_and_reviews_say_something() -> None:
    items = [Item(id="a", tags=("space",)), Item(id="b", reviews=("a rocket", "moon")), Item(id="c", genre="space")]
    vectors = learn_text(items, TextSettings(dimensions=4)).vectors
    assert vectors.any(axis=1).all()
    assert vectors[0] @ vectors[2] > 0.1 > abs(vectors[0] @ vectors[1])


def test_steps_are_told_and_bad_settings_named() -> None:
    told: list[tuple[str, int, int]] = []
    learn_text(catalogue(), TextSettings(dimensions=4), on_step=lambda *step: told.append(step))
    assert ("reading titles", 60, 60) in told
    assert told[-1] == ("decomposing", 1, 1)
    for wrong, name in (
        (TextSettings(dimensions=0), "dimensions"),
        (TextSettings(dimensions=0, method="word2vec"), "dimensions"),
        (TextSettings(method="onnx"), "model"),
        (TextSettings(method="onnx", model=Path("nowhere")), "nowhere"),
        (TextSettings(analysed_words=0), "analysed_words"),
    ):
        with pytest.raises(InvalidInputError, match=name):
            learn_text(catalogue(), wrong)


@pytest.mark.data
def test_sentiment_of_real_reviews_is_in_the_vectors() -> None:
    """NSMC: 5,000 reviews to learn from, 1,000 to test, by least squares on the vectors of LSA.

    Balanced accuracy of always the larger class is 0.5; 0.6 is more than 6 standard errors above it.
    """
    pytest.importorskip("kiwipiepy")
    texts, positive, tested = reviews(6_000)
    tokeniser = learn_tokeniser((text for text, test in zip(texts, tested, strict=True) if not test), most=6_000)
    documents = [[(tokeniser.tokens(text), 1.0)] for text in texts]
    learn = [document for document, test in zip(documents, tested, strict=True) if not test]
    vocabulary = learn_vocabulary(learn)
    lsa = fit_lsa(vocabulary.count(learn), vocabulary, 64, 1)
    vectors = np.hstack([lsa.encode(vocabulary.count(documents)), np.ones((len(texts), 1), np.float32)]).astype(float)
    train, answers = vectors[~tested], np.where(positive[~tested], 1.0, -1.0)
    balance = np.where(positive[~tested], 0.5 / positive[~tested].mean(), 0.5 / (~positive[~tested]).mean())
    weights = np.linalg.solve((train.T * balance) @ train + np.eye(65), (train.T * balance) @ answers)
    right = (vectors[tested] @ weights > 0) == positive[tested]
    balanced = (right[positive[tested]].mean() + right[~positive[tested]].mean()) / 2
    assert balanced > 0.6


def reviews(most: int) -> tuple[list[str], Array, Array]:
    """Reviews, whether they are positive, and whether they are for testing; spread over the whole file."""
    path = Path(os.environ.get("BANDI_DATA", "../shared/data")) / "nsmc" / "reviews.tsv.gz"
    if not path.exists():
        pytest.skip(f"no {path}")
    texts, positive, tested = [], [], []
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
        next(file)
        for number, line in enumerate(file):
            if number % 80:
                continue
            name, _, rating, _, text = line.rstrip("\n").split("\t")
            if 5 <= int(rating) <= 8:
                continue
            texts.append(text)
            positive.append(int(rating) >= 9)
            tested.append(int(name) % 10 == 0)
            if len(texts) == most:
                break
    return texts, np.array(positive), np.array(tested)
