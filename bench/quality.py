"""Ranking quality on any rating set, beside `implicit` and simple peers; run: python -m bench.quality [--leave-one-out] FOLDER...

FOLDER: as `bandi init` and `bandi load` make it; `world:READERS,TITLES,READS,SEED` in its place is a world of bench.factors.
Every click, read and purchase counts, a title of a reader once, from its first. Within each reader by time: the last fifth to
test, the fifth before to choose by, at least a title each; with --leave-one-out the last title to test, the last but one to
choose by. Ours and implicit climb from the same start, by the same coordinates (ours: nu besides) and with as many fits, to
the best NDCG@20 (Rendle et al. 2021 say why an untuned baseline proves nothing), then learn once from all but the test part.
Differences are paired over readers, with 95 % intervals.
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

from bandi.engine.recovery import recover
from bandi.evaluation.ranking import ranking_quality
from bandi.features.factors.als import AlsConfig, Factors, fit
from bandi.features.factors.interactions import Interactions, Rows, gather_interactions
from bandi.features.factors.tuning import COORDINATES, FITS, choose, climb, judged_readers
from bandi.log.protocol import Log
from bandi.log.sqlite import open_log_read_only
from bandi.model.events import EventKind
from bandi.model.records import Array
from bench.factors import by_implicit, world
from bench.measure import machine, table

K = 20
NEIGHBOURS = 50


BLOCK = 512

ScoresOf = Callable[[Array], Array]
"""Scores of all titles for some readers: float[readers, titles], fresh."""
HeldOut = Callable[[Array], tuple[Array, Array]]
"""From how many titles each reader has to how many of the last are for the test, and of those before for choosing."""


@dataclass(frozen=True, slots=True)
class Split:
    """To learn from while choosing, to choose by, to learn from for the test, to test on; all of one shape."""

    train: Interactions
    validation: Interactions
    both: Interactions
    test: Interactions


@dataclass(frozen=True, slots=True)
class Method:
    """A row of the table. coverage: the share of all titles that is in some reader's list."""

    name: str
    chosen: str
    recall: Array
    ndcg: Array
    coverage: float
    seconds: float
    choosing: float


START = AlsConfig(regularisation=20.0, alpha=1.0)
"""Where both climb from; not the default, which keeps more directions apart on thin data."""


def main() -> None:
    arguments = sys.argv[1:]
    leave_one_out = "--leave-one-out" in arguments
    print(machine(), f"load average {os.getloadavg()[0]:.1f}\n")
    rows = []
    for name in arguments:
        if name != "--leave-one-out":
            rows += compared(name, split(*pairs_of(name), held_out_last if leave_one_out else held_out_share))
    header = [
        "data", "method", "chosen (factors, regularisation, alpha, nu, iterations)", "recall@20", "NDCG@20",
        "NDCG: ours minus it", "recall: ours minus it", "titles named", "fit (s)", "choosing (s)",
    ]  # fmt: skip
    print(table(header, rows))


def compared(name: str, data: Split) -> list[list[str]]:
    readers = int((np.diff(data.test.by_user.starts) > 0).sum())
    entries, shape = data.both.entries + data.test.entries, f"{data.both.users:,} x {data.both.items:,}"
    label = f"{Path(name).stem}: {shape}, {entries:,} pairs, {readers:,} readers judged"
    if not readers:
        return [[label, "nobody to judge by", *[""] * 8]]
    found = [ours(data), untuned(data), implicit_package(data), item_neighbours(data), most_read(data)]
    lines = []
    for method in found:
        differences = ["", ""]
        if method is not found[0]:
            differences = [
                interval(a - b)
                for a, b in (
                    (found[0].ndcg, method.ndcg),
                    (found[0].recall, method.recall),
                )
            ]
        means = [f"{method.recall.mean():.4f}", f"{method.ndcg.mean():.4f}"]
        times = [f"{method.seconds:.2f}", f"{method.choosing:.0f}"]
        lines.append([label, method.name, method.chosen, *means, *differences, f"{method.coverage:.0%}", *times])
        label = ""
    return lines


def interval(differences: Array) -> str:
    """Mean and 95 % interval over readers; its sign is certain where the interval leaves out 0."""
    half = 1.96 * differences.std(ddof=1) / len(differences) ** 0.5 if len(differences) > 1 else float("inf")
    return f"{differences.mean():+.4f} ± {half:.4f}"


def ours(data: Split) -> Method:
    start = time.perf_counter()
    config = choose(data.train, data.validation, ndcg, START)
    return learned("ours, tuned", config, data, time.perf_counter() - start)


def untuned(data: Split) -> Method:
    return learned("ours, start", START, data, 0.0)


def learned(name: str, config: AlsConfig, data: Split, choosing: float) -> Method:
    start = time.perf_counter()
    factors = fit(data.both, config, threads=2)
    seconds = time.perf_counter() - start
    by_product = product(factors.users, factors.items)
    return judged(name, described(config), by_product, data, seconds, choosing)


def implicit_package(data: Split) -> Method:
    coordinates = tuple(one for one in COORDINATES if one.names != ("nu",))
    wanted = judged_readers(data.train, data.validation)

    def score(config: AlsConfig) -> float:
        users, items, _ = run_implicit(data.train, config)
        return float(ranking_quality(users, items, data.train.by_user, wanted.by_user, K).ndcg.mean())

    start = time.perf_counter()
    config = replace(START, nu=0.0)
    if wanted.entries:
        config = climb(score, config, FITS, coordinates)
    choosing = time.perf_counter() - start
    users, items, seconds = run_implicit(data.both, config)
    return judged("implicit, tuned", described(config), product(users, items), data, seconds, choosing)


def run_implicit(data: Interactions, config: AlsConfig) -> tuple[Array, Array, float]:
    model, seconds = by_implicit(data, config.factors, config.regularisation, config.alpha + 1, config.iterations)
    return np.asarray(model.user_factors), np.asarray(model.item_factors), seconds  # type: ignore[attr-defined]


def most_read(data: Split) -> Method:
    start = time.perf_counter()
    counts = np.diff(data.both.by_item.starts).astype(np.float32)[:, None]
    ones = np.ones((data.both.users, 1), np.float32)
    return judged("most read", "", product(ones, counts), data, time.perf_counter() - start, 0.0)


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
        "item-kNN", f"{NEIGHBOURS} neighbours", lambda block: (matrix[block] @ alike).toarray(), data, seconds, 0.0
    )


def product(users: Array, items: Array) -> ScoresOf:
    return lambda block: users[block] @ items.T


def ndcg(factors: Factors, seen: Rows, wanted: Rows) -> float:
    return float(ranking_quality(factors.users, factors.items, seen, wanted, K).ndcg.mean())


def judged(name: str, chosen: str, scores_of: ScoresOf, data: Split, seconds: float, choosing: float) -> Method:
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
            named[top] = True
    return Method(name, chosen, recall, gain, float(named.mean()), seconds, choosing)


def described(config: AlsConfig) -> str:
    return f"{config.factors}, {config.regularisation:g}, {config.alpha:g}, {config.nu:g}, {config.iterations}"


def pairs_of(name: str) -> tuple[Array, Array, Array]:
    """Reader and title of each pair, and its time's place: int64[n] each, from a folder's log or from a world."""
    if name.startswith("world:"):
        users, items, count, seed = (int(number) for number in name.removeprefix("world:").split(","))
        data = world(users, items, count, seed)
        owners = np.repeat(np.arange(users), np.diff(data.by_user.starts))
        return owners, data.by_user.columns.astype(np.int64), np.random.default_rng(seed).permutation(data.entries)
    folder = Path(name)
    log = open_log_read_only(folder)
    try:
        state = recover(folder, log, log.next_position).state
        users_of, items_of, when = timed_reads(log)
    finally:
        log.close()
    width = max(state.interner.size("item"), 1)
    order = np.lexsort((np.arange(len(when)), when))
    pairs, first = np.unique(users_of[order].astype(np.int64) * width + items_of[order], return_index=True)
    return pairs // width, pairs % width, first


def timed_reads(log: Log) -> tuple[Array, Array, Array]:
    """Reader, title and time of every click, read and purchase by a known reader; which count is said by jobs.training."""
    parts = [(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.int64))]
    for stretch in log.read(0, log.next_position):
        rows = stretch.events.rows
        kinds = rows["kind"]
        taken = (kinds >= EventKind.CLICK) & (kinds <= EventKind.PURCHASE) & (rows["user"] >= 0) & (rows["item"] >= 0)
        parts.append((rows["user"][taken], rows["item"][taken], rows["occurred_ms"][taken]))
    users, items, when = (np.concatenate(column) for column in zip(*parts, strict=True))
    return users, items, when


def split(users: Array, items: Array, when: Array, held_out: HeldOut) -> Split:
    """users, items, when: one row a pair. Readers and titles keep only those that occur."""
    users, items = (np.unique(ids, return_inverse=True)[1] for ids in (users, items))
    order = np.lexsort((when, users))
    users, items = users[order], items[order]
    counts = np.bincount(users) if len(users) else np.zeros(0, np.int64)
    place = np.arange(len(users)) - np.repeat(np.cumsum(counts) - counts, counts)
    last, choosing = held_out(counts)
    from_end = np.repeat(counts, counts) - 1 - place
    test = from_end < np.repeat(last, counts)
    validation = ~test & (from_end < np.repeat(last + choosing, counts))
    shape = (len(counts), int(items.max(initial=-1)) + 1)

    def part(rows: Array) -> Interactions:
        return gather_interactions(users[rows], items[rows], np.ones(int(rows.sum())), shape)

    return Split(part(~test & ~validation), part(validation), part(~test), part(test))


def held_out_share(counts: Array) -> tuple[Array, Array]:
    """Of readers' titles: a fifth to test, a fifth to choose by, at least one each where as many others stay."""
    fifth = np.maximum(counts // 5, (counts >= 2).astype(np.int64))
    return fifth, np.where(counts >= 3, fifth, 0)


def held_out_last(counts: Array) -> tuple[Array, Array]:
    """Of readers' titles: the last to test, the last but one to choose by, where one stays."""
    return (counts >= 2).astype(np.int64), (counts >= 3).astype(np.int64)


if __name__ == "__main__":
    main()
