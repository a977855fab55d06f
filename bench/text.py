"""Text to vectors: speed in characters of Korean, and sentiment of real reviews by a linear model on the vectors.

The texts are film reviews (NSMC, CC0: BANDI_DATA), strung together to 200 characters for the speed. Seconds are processor
time of one thread, which a busy machine hardly changes. `python -m bench.text [speed|quality]`.
"""

from __future__ import annotations

import gzip
import os
import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bandi.features.text._bag_kernels import weigh_rows
from bandi.features.text.bag import Bag, Document, learn_vocabulary
from bandi.features.text.korean import MAX_WORD, kiwi_analyser, learn_lexicon, meaning
from bandi.features.text.lsa import fit_lsa, inverse_document_frequencies
from bandi.features.text.tokens import learn_tokeniser, segments
from bandi.features.text.word2vec import SkipGramConfig, fit_skip_gram, fit_word_mean
from bandi.model.records import Array
from bench.measure import machine, table

LENGTH, DIMENSIONS, UNSEEN = 200, 64, 2_000
SIZES = (2_000, 10_000, 40_000)
LEARNED, TESTED = 100_000, 30_000


def main() -> None:
    from threadpoolctl import threadpool_limits

    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    threadpool_limits(1)  # two threads of linear algebra on one core would wait for each other
    path = Path(os.environ.get("BANDI_DATA", "../shared/data")) / "nsmc" / "reviews.tsv.gz"
    if not path.exists():
        print(f"no {path}: this benchmark needs it")
        return
    print(machine())
    asked = sys.argv[1:] or ["speed", "quality"]
    rows = reviews(path)
    if "speed" in asked:
        print(f"\n{UNSEEN:,} unseen descriptions of {LENGTH} characters, descriptions per second of one core\n")
        print(speed(strung([text for _, _, text in rows])))
        print("\nUnseen words, split by the lexicon, against kiwipiepy\n")
        print(agreement([text for _, _, text in rows]))
    if "quality" in asked:
        print("\nSentiment of NSMC: logistic regression on each\n")
        print(quality(rows))


def reviews(path: Path) -> list[tuple[int, int, str]]:
    """Number, rating and text, in random order."""
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
        next(file)
        rows = [line.rstrip("\n").split("\t") for line in file]
    found = [(int(row[0]), int(row[2]), row[4]) for row in rows]
    random.Random(1).shuffle(found)
    return found


def strung(texts: Sequence[str]) -> list[str]:
    found, line = [], ""
    for text in texts:
        line += " " + text if line else text
        if len(line) >= LENGTH:
            found.append(line[:LENGTH])
            line = ""
            if len(found) == max(SIZES) + 4 * UNSEEN:
                break
    return found


def processor_seconds(call: Callable[[], object]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def as_documents(tokens: Sequence[Sequence[str]]) -> list[Document]:
    return [[(found, 1.0)] for found in tokens]


def speed(texts: Sequence[str]) -> str:
    batches = [texts[-UNSEEN * k : len(texts) - UNSEEN * (k - 1)] for k in (1, 2, 3, 4)]
    kiwi_alone(texts[:1])  # loads it
    alone = [processor_seconds(lambda batch=batch: kiwi_alone(batch[:500])) * UNSEEN / 500 for batch in batches]  # type: ignore[misc]
    lines = []
    fit_and_encode(texts[:200], batches[:1])  # compiles the kernels
    for size in SIZES:
        learning, ours, again, given, theirs = fit_and_encode(texts[:size], batches)
        lines.append(
            [
                f"{size:,}", rate(size, [learning]), rate(UNSEEN, ours), rate(UNSEEN, again), rate(UNSEEN, given), rate(UNSEEN, theirs),
                rate(UNSEEN, alone),
            ]
        )  # fmt: skip
    header = [
        "learned from",
        "learning",
        "unseen",
        "seen before",
        "tokens given",
        "scikit-learn, tokens given",
        "kiwipiepy alone",
    ]
    return table(header, lines)


def agreement(texts: Sequence[str]) -> str:
    """How the lexicon of 100,000 reviews splits the words of 4,000 others that it was not taught."""
    analyse = kiwi_analyser()
    assert analyse is not None, "pip install 'bandi[korean]'"
    counts, others = (
        Counter(run for text in part for run in segments(text) if "가" <= run[0] <= "힣" and len(run) <= MAX_WORD)
        for part in (texts[:100_000], texts[-4_000:])
    )
    lexicon = learn_lexicon(counts, analyse, 60_000)
    unseen = [word for word in others if word not in lexicon.whole]
    split = [(lexicon.split(word), meaning(read)) for word, read in zip(unseen, analyse(unseen), strict=True)]
    covered = [(ours, theirs) for ours, theirs in split if ours is not None]
    share = sum(others[word] for word in unseen) / others.total()
    return table(
        ["share of all words", "distinct", "covered", "of these the same"],
        [
            [
                f"{share:.1%}", f"{len(unseen):,}", f"{len(covered) / len(unseen):.1%}",
                f"{sum(ours == theirs for ours, theirs in covered) / len(covered):.1%}",
            ]
        ],
    )  # fmt: skip


def rate(count: int, seconds: Sequence[float]) -> str:
    middle = f"{count / statistics.median(seconds):,.0f}"
    return middle if len(seconds) == 1 else f"{middle} ({count / max(seconds):,.0f} to {count / min(seconds):,.0f})"


def kiwi_alone(texts: Sequence[str]) -> None:
    analyse = kiwi_analyser()
    assert analyse is not None, "pip install 'bandi[korean]'"
    analyse(texts)


def fit_and_encode(
    texts: Sequence[str], batches: Sequence[Sequence[str]]
) -> tuple[float, list[float], list[float], list[float], list[float]]:
    """Seconds to learn; to encode each batch; once more; of their tokens alone; and scikit-learn's on the same tokens."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    start = time.process_time()
    tokeniser = learn_tokeniser(texts)
    tokens = [tokeniser.tokens(text) for text in texts]
    vocabulary = learn_vocabulary(as_documents(tokens))
    lsa = fit_lsa(vocabulary.count(as_documents(tokens)), vocabulary, DIMENSIONS, 1)
    learning = time.process_time() - start

    def encode(batch: Sequence[str]) -> Array:
        return lsa.encode(vocabulary.count(as_documents([tokeniser.tokens(text) for text in batch])))

    ours = [processor_seconds(lambda batch=batch: encode(batch)) for batch in batches]  # type: ignore[misc]
    again = [processor_seconds(lambda batch=batch: encode(batch)) for batch in batches]  # type: ignore[misc]
    peer = TfidfVectorizer(analyzer=list, sublinear_tf=True, min_df=2)
    decomposition = TruncatedSVD(min(DIMENSIONS, len(texts) - 1), random_state=1).fit(peer.fit_transform(tokens))
    given = [[tokeniser.tokens(text) for text in batch] for batch in batches]
    bare = [
        processor_seconds(lambda batch=batch: lsa.encode(vocabulary.count(as_documents(batch))))  # type: ignore[misc]
        for batch in given
    ]
    theirs = [processor_seconds(lambda batch=batch: decomposition.transform(peer.transform(batch))) for batch in given]  # type: ignore[misc]
    return learning, ours, again, bare, theirs


def quality(rows: Sequence[tuple[int, int, str]]) -> str:
    judged = [row for row in rows if not 5 <= row[1] <= 8]
    learn = [row for row in judged if row[0] % 10][:LEARNED]
    test = [row for row in judged if row[0] % 10 == 0][:TESTED]
    answers = np.array([row[1] >= 9 for row in learn]), np.array([row[1] >= 9 for row in test])
    share = answers[1].mean()
    lines = [["always positive", "", f"{share:.4f}", "0.5000"]]
    texts = [row[2] for row in learn], [row[2] for row in test]
    for name, features in representations(*texts):
        lines.append([name, f"{features[0].shape[1]:,}", *judge(features, answers)])
        print(lines[-1], file=sys.stderr, flush=True)
    return f"{len(learn):,} reviews to learn from, {len(test):,} to test\n\n" + table(
        ["features", "numbers", "accuracy", "balanced accuracy"], lines
    )


def judge(features: tuple[Any, Any], answers: tuple[Array, Array]) -> list[str]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import balanced_accuracy_score

    model = LogisticRegression(C=3.0, max_iter=200, tol=1e-3).fit(features[0], answers[0])
    said = model.predict(features[1])
    return [f"{(said == answers[1]).mean():.4f}", f"{balanced_accuracy_score(answers[1], said):.4f}"]


def representations(learn: list[str], test: list[str]) -> Iterator[tuple[str, tuple[Any, Any]]]:
    from sklearn.feature_extraction.text import TfidfVectorizer

    analyse = kiwi_analyser()
    assert analyse is not None, "pip install 'bandi[korean]'"
    tokeniser = learn_tokeniser(learn)
    yield from of_tokens(
        "our tokens", [[tokeniser.tokens(text) for text in texts] for texts in (learn, test)], (64, 128)
    )
    whole = [[meaning(read) for read in analyse(texts)] for texts in (learn, test)]
    yield from of_tokens("every text through kiwipiepy", whole, (64,))
    characters = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), min_df=5, sublinear_tf=True, dtype=np.float32)
    yield "characters, 1 to 3 in a row", (characters.fit_transform(learn), characters.transform(test))


def of_tokens(
    name: str, tokens: Sequence[Sequence[Sequence[str]]], widths: Sequence[int]
) -> Iterator[tuple[str, tuple[Any, Any]]]:
    learn, test = as_documents(tokens[0]), as_documents(tokens[1])
    vocabulary = learn_vocabulary(learn)
    bags = vocabulary.count(learn), vocabulary.count(test)
    get = vocabulary.numbers.get
    spoken = [np.array([n for token in text if (n := get(token)) is not None], np.int32) for text in tokens[0]]
    idf = inverse_document_frequencies(vocabulary)
    yield f"bag of morphemes, {name}", (sparse(bags[0], idf), sparse(bags[1], idf))
    for d in widths:
        lsa = fit_lsa(bags[0], vocabulary, d, 1)
        yield f"LSA, {name}", (lsa.encode(bags[0]), lsa.encode(bags[1]))
        mean = fit_word_mean(bags[0], fit_skip_gram(spoken, bags[0].width, SkipGramConfig(dimensions=d)))
        yield f"word2vec, {name}", (mean.encode(bags[0]), mean.encode(bags[1]))


def sparse(bag: Bag, idf: Array) -> Any:
    import scipy.sparse

    values = weigh_rows(bag.starts, bag.terms, bag.counts, idf)
    return scipy.sparse.csr_matrix((values, bag.terms, bag.starts), (len(bag), bag.width))


if __name__ == "__main__":
    main()
