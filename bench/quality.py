"""Ranking quality on any rating set, beside `implicit` and simple peers; run: python -m bench.quality [--leave-one-out] SET...

SET: a folder as `bandi init` and `bandi load` make it, or `world:READERS,TITLES,READS` of bench.factors; `@3` or `@3-5` behind it
are seeds, and each is a run: a folder is split at random by it (without, by time), a world is drawn by it.
Every click, read and purchase counts, a title of a reader once, from its first. Within each reader: the last fifth to test, the
fifth before to choose by, at least a title each; with --leave-one-out the last title to test, a fifth of those before to choose by.
Ours and implicit begin with the defaults of bandi.toml's [factors] and choose by one rule (features.factors.tuning), by the same
coordinates (ours: nu besides) with as many fits, by NDCG@20 (Rendle et al. 2021 say why an untuned baseline proves nothing), then
learn once, on one thread, from all but the test part. Differences are paired: over readers, one reader's runs on a folder averaged
first, for they are not independent; every run of a world has readers of its own.
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # what implicit asks for; numpy reads it when imported

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bandi.evaluation.ranking import ranking_quality
from bandi.features.factors.als import AlsConfig, Factors, fit
from bandi.features.factors.interactions import Interactions, Rows
from bandi.features.factors.tuning import FITS, MIN_READERS, choose, climb_surely, coordinates_of, judged_readers
from bandi.model.records import Array
from bench.factors import by_implicit
from bench.measure import machine, table
from bench.rating_sets import HeldOut, Split, held_out_last, held_out_share, pairs_of, split

K = 20
NEIGHBOURS = 50
BLOCK = 512
START = AlsConfig()
"""Where both begin, and what they fall back on: what `bandi train --tune` begins with in a folder just made."""

ScoresOf = Callable[[Array], Array]
"""Scores of all titles for some readers: float[readers, titles], fresh."""


@dataclass(frozen=True, slots=True)
class Method:
    """What one method was worth in one run. coverage: the share of all titles that is in some reader's list."""

    name: str
    chosen: str
    recall: Array
    ndcg: Array
    coverage: float
    seconds: float


def main() -> None:
    arguments = sys.argv[1:]
    held_out = held_out_last if "--leave-one-out" in arguments else held_out_share
    print(machine(), f"load average {os.getloadavg()[0]:.1f}\n")
    rows = [row for name in arguments if name != "--leave-one-out" for row in compared(name, held_out)]
    header = [
        "data", "method", "recall@20", "NDCG@20", "NDCG: ours minus it", "recall: ours minus it", "titles named", "fit (s)",
    ]  # fmt: skip
    print("\n" + table(header, rows))


def compared(argument: str, held_out: HeldOut) -> list[list[str]]:
    """Rows of the table for one set; each run is printed as soon as it is done."""
    name, _, seeds = argument.partition("@")
    runs: list[list[Method]] = []
    labels: list[str] = []
    for seed in seeds_of(seeds):
        data = split(*pairs_of(name, seed), held_out)
        judged = int((np.diff(data.test.by_user.starts) > 0).sum())
        entries, shape = data.both.entries + data.test.entries, f"{data.both.users:,} x {data.both.items:,}"
        labels.append(f"{Path(name).stem}: {shape}, {entries:,} pairs, {judged:,} readers judged")
        if not judged:
            return [[labels[0], "nobody to judge by", *[""] * 6]]
        runs.append([ours(data), untuned(data), implicit_package(data), item_neighbours(data), most_read(data)])
        print(f"{labels[-1]}, seed {seed}: " + "; ".join(told(method, runs[-1][0]) for method in runs[-1]), flush=True)
    label = labels[0] + (f" (first of {len(runs)} runs)" if len(runs) > 1 else "")
    return summary(label, runs, pooled if name.startswith("world:") else averaged)


def seeds_of(text: str) -> list[int | None]:
    """`3-5` is 3, 4 and 5; nothing is one run without a seed."""
    if not text:
        return [None]
    first, _, last = text.partition("-")
    return list(range(int(first), int(last or first) + 1))


def told(method: Method, own: Method) -> str:
    chosen = f" ({method.chosen})" if method.chosen else ""
    behind = "" if method is own else f" (ours minus it {interval(own.ndcg - method.ndcg)})"
    return f"{method.name}{chosen} recall {method.recall.mean():.4f} NDCG {method.ndcg.mean():.4f}{behind}"


def averaged(runs: list[Array]) -> Array:
    """A folder's readers are the same in each run: the mean of each."""
    means: Array = np.mean(runs, axis=0)
    return means


def pooled(runs: list[Array]) -> Array:
    return np.concatenate(runs)


def summary(label: str, runs: list[list[Method]], together: Callable[[list[Array]], Array]) -> list[list[str]]:
    lines = []
    for place, method in enumerate(runs[0]):
        own, theirs = [run[0] for run in runs], [run[place] for run in runs]
        ndcg_gain = together([a.ndcg - b.ndcg for a, b in zip(own, theirs, strict=True)])
        recall_gain = together([a.recall - b.recall for a, b in zip(own, theirs, strict=True)])
        means = [
            f"{together([one.recall for one in theirs]).mean():.4f}",
            f"{together([one.ndcg for one in theirs]).mean():.4f}",
        ]
        differences = [interval(ndcg_gain), interval(recall_gain)] if place else ["", ""]
        coverage, seconds = (np.mean([getattr(one, field) for one in theirs]) for field in ("coverage", "seconds"))
        lines.append([label, method.name, *means, *differences, f"{coverage:.0%}", f"{seconds:.2f}"])
        label = ""
    return lines


def interval(differences: Array) -> str:
    """Mean and 95 % interval over readers; its sign is certain where the interval leaves out 0."""
    half = 1.96 * differences.std(ddof=1) / len(differences) ** 0.5 if len(differences) > 1 else float("inf")
    return f"{differences.mean():+.4f} ± {half:.4f}"


def ours(data: Split) -> Method:
    return learned("ours, tuned", choose(data.train, data.validation, ndcg, START), data)


def untuned(data: Split) -> Method:
    return learned("ours, start", START, data)


def learned(name: str, config: AlsConfig, data: Split) -> Method:
    start = time.perf_counter()
    factors = fit(data.both, config, threads=1)
    seconds = time.perf_counter() - start
    return judged(name, described(config), product(factors.users, factors.items), data, seconds)


def implicit_package(data: Split) -> Method:
    """Chosen as `features.factors.tuning.choose` does; implicit has no nu."""
    coordinates = tuple(one for one in coordinates_of(data.train) if one.name != "nu")
    wanted = judged_readers(data.train, data.validation)

    def qualities(config: AlsConfig) -> Array:
        users, items, _ = run_implicit(data.train, config)
        return ranking_quality(users, items, data.train.by_user, wanted.by_user, K).ndcg

    config = replace(START, nu=0.0)
    if int((np.diff(wanted.by_user.starts) > 0).sum()) >= MIN_READERS:
        config = climb_surely(qualities, config, FITS, coordinates)
    users, items, seconds = run_implicit(data.both, config)
    return judged("implicit, tuned", described(config), product(users, items), data, seconds)


def run_implicit(data: Interactions, config: AlsConfig) -> tuple[Array, Array, float]:
    model, seconds = by_implicit(
        data, config.factors, config.regularisation, config.alpha + 1, config.iterations, threads=1
    )
    return np.asarray(model.user_factors), np.asarray(model.item_factors), seconds  # type: ignore[attr-defined]


def most_read(data: Split) -> Method:
    start = time.perf_counter()
    counts = np.diff(data.both.by_item.starts).astype(np.float32)[:, None]
    ones = np.ones((data.both.users, 1), np.float32)
    return judged("most read", "", product(ones, counts), data, time.perf_counter() - start)


def item_neighbours(data: Split) -> Method:
    """Sums over what a reader read of the cosines of titles' readers, each title's best NEIGHBOURS kept (Sarwar et al. 2001)."""
    import scipy.sparse

    start = time.perf_counter()
    rows = data.both.by_user
    ones = np.ones(data.both.entries, np.float32)
    matrix = scipy.sparse.csr_matrix((ones, rows.columns, rows.starts), (data.both.users, data.both.items))
    lengths = np.sqrt(np.asarray(matrix.sum(axis=0)).ravel())
    scaled = (matrix @ scipy.sparse.diags(1.0 / np.maximum(lengths, 1.0))).tocsc().astype(np.float32)
    parts = []
    for first in range(0, data.both.items, 256):
        cosines = (scaled[:, first : first + 256].T @ scaled).toarray()
        cosines[np.arange(len(cosines)), first + np.arange(len(cosines))] = 0.0
        if cosines.shape[1] > NEIGHBOURS:
            cosines[cosines < np.partition(cosines, -NEIGHBOURS, axis=1)[:, -NEIGHBOURS, None]] = 0.0
        parts.append(scipy.sparse.csr_matrix(cosines))
    alike = scipy.sparse.vstack(parts).T.tocsr()
    seconds = time.perf_counter() - start
    return judged(
        "item-kNN", f"{NEIGHBOURS} neighbours", lambda block: (matrix[block] @ alike).toarray(), data, seconds
    )


def product(users: Array, items: Array) -> ScoresOf:
    return lambda block: users[block] @ items.T


def ndcg(factors: Factors, seen: Rows, wanted: Rows) -> Array:
    return ranking_quality(factors.users, factors.items, seen, wanted, K).ndcg


def judged(name: str, chosen: str, scores_of: ScoresOf, data: Split, seconds: float) -> Method:
    """Recall and NDCG as bandi.evaluation.ranking has them, and the titles that lists name, for scores of any kind."""
    readers = np.flatnonzero(np.diff(data.test.by_user.starts))
    k = min(K, data.both.items)
    discounts = 1.0 / np.log2(np.arange(2, k + 2))
    recall, gain = np.zeros(len(readers)), np.zeros(len(readers))
    named = np.zeros(data.both.items, np.bool_)
    for first in range(0, len(readers), BLOCK):
        block = readers[first : first + BLOCK]
        for i, (reader, scores) in enumerate(zip(block, np.asarray(scores_of(block)), strict=True), first):
            scores[data.both.by_user.row(reader)[0]] = -np.inf
            top = np.argpartition(-scores, k - 1)[:k]
            top = top[np.argsort(-scores[top], kind="stable")]
            wanted = data.test.by_user.row(reader)[0]
            hits, most = np.isin(top, wanted), min(k, len(wanted))
            recall[i], gain[i] = hits.sum() / most, (hits @ discounts) / discounts[:most].sum()
            named[top[scores[top] > -np.inf]] = True
    return Method(name, chosen, recall, gain, float(named.mean()), seconds)


def described(config: AlsConfig) -> str:
    """factors, regularisation, alpha, nu, iterations."""
    return f"{config.factors}, {config.regularisation:g}, {config.alpha:g}, {config.nu:g}, {config.iterations}"


if __name__ == "__main__":
    main()
