"""Learning priors from content: seconds by size of the catalogue, one core; run: python -m bench.content_priors.

A whole `learn_content_priors` (the priors of all titles and segments, and the two fits that judge them on titles held out), the
one regression in it that a peer can do, and that peer: scikit-learn's LogisticRegression (lbfgs) on the same sparse design, each
title a row of successes and a row of failures with their counts as weights. The peer's penalty is given, it knows no overdispersion
and learns no strength: a lower bound of the work.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix, vstack

from bandi.learning.content_features import Content, content_of
from bandi.learning.content_priors import fit_titles, learn_content_priors
from bandi.model.policy_config import Prior
from bandi.model.records import Array
from bandi.segments.profiles import Labels
from bench.measure import machine, table, time_call

SIZES = (1_000, 10_000, 100_000)
SEGMENTS = 9
GENRES, TAGS, TAGS_EACH, TITLES_PER_AUTHOR = 20, 500, 5, 3


def main() -> None:
    print(machine(), "\n")
    rows = []
    for items in SIZES:
        counts, content = drawn(items)
        runs = 3 if items > 10_000 else 7
        whole = time_call(lambda c=counts, x=content: learn_content_priors(c, x, Prior()), runs=runs)  # type: ignore[misc]
        successes, trials = counts.sum(axis=1, dtype=np.float64).T
        one = time_call(lambda s=successes, t=trials, x=content: fit_titles(s, t - s, x, Prior()), runs=runs)  # type: ignore[misc]
        peer = time_call(by_logistic(successes, trials, content), runs=runs)
        rows.append([f"{items:,}", f"{content.columns:,}", str(whole), str(one), str(peer)])
    header = ["titles", "columns", f"all priors, {SEGMENTS} segments", "regression of titles", "LogisticRegression"]
    print(table(header, rows), "\n\nmedian of several runs (minimum to maximum)")


def drawn(items: int) -> tuple[Array, Content]:
    """Counts of SEGMENTS segments with up to 300 trials each; genres, authors and tags, of which genres matter."""
    random = np.random.default_rng(1)
    genres, authors = random.integers(1, GENRES + 1, items), random.integers(1, items // TITLES_PER_AUTHOR + 1, items)
    tags = random.integers(0, TAGS, items * TAGS_EACH).astype(np.int32)
    labels = {
        "genre": Labels(["", *map(str, range(GENRES))], np.arange(items + 1), genres.astype(np.int32)),
        "author": Labels(["", *map(str, range(items))], np.arange(items + 1), authors.astype(np.int32)),
        "tags": Labels([f"t{i}" for i in range(TAGS)], np.arange(0, len(tags) + 1, TAGS_EACH), tags),
    }
    means = 1.0 / (1.0 + np.exp(2.5 - random.normal(0.0, 0.6, GENRES + 1)[genres]))
    rates = random.beta(30.0 * means, 30.0 * (1.0 - means))
    trials = random.integers(0, 300, (items, SEGMENTS))
    counts = np.stack([random.binomial(trials, rates[:, None]), trials], axis=2).astype(np.float32)
    return counts, content_of(items, labels)


def by_logistic(successes: Array, trials: Array, content: Content):  # type: ignore[no-untyped-def]
    from sklearn.linear_model import LogisticRegression  # a peer of the benchmark alone

    columns = np.repeat(np.arange(content.columns), np.diff(content.starts))
    design = csr_matrix((content.values, (content.rows, columns)), shape=(content.items, content.columns))
    both, weights = vstack([design, design]), np.concatenate([successes, trials - successes])
    outcome = np.repeat([1, 0], content.items)
    return lambda: LogisticRegression(C=0.1, max_iter=200).fit(both, outcome, weights)


if __name__ == "__main__":
    main()
