"""iALS beside the `implicit` package: time to the same loss; run: python -m bench.factors [sizes]. Quality: bench.quality.

The same objective (one regularisation for all rows), 64 factors, 2 threads, both from random starts; implicit runs its default
15 iterations with its default 3 conjugate gradient steps, ours until its loss is no greater. Then: how many iterations a
start from an earlier artifact's titles saves, and what folding in and explaining cost.
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # what implicit asks for; numpy reads it when imported

import statistics
import sys
import time
from collections.abc import Callable

import numpy as np

from bandi.features.factors.als import AlsConfig, Factors, fit, loss
from bandi.features.factors.interactions import Interactions, gather_interactions
from bandi.model.records import Array
from bench.measure import machine, table

SIZES = ((10_000, 2_000, 500_000), (30_000, 6_000, 1_500_000), (100_000, 20_000, 5_000_000))
ALPHA, REGULARISATION, FACTORS = 40.0, 1.0, 64


def main() -> None:
    print(machine(), "\n")
    rows = [speed(*size) for size in (SIZES[: int(sys.argv[1])] if len(sys.argv) > 1 else SIZES)]
    header = [
        "readers x titles x reads",
        "ours to its loss (s)",
        "iterations",
        "implicit (s)",
        "implicit / ours",
        "loss ours / implicit",
        "first call, compiling or loading (s)",
        "fold-in of 20 reads (µs)",
    ]
    print(table(header, rows), "\n")
    sizes = SIZES[: int(sys.argv[1])] if len(sys.argv) > 1 else SIZES
    header = [
        "readers x titles x reads",
        "iterations from nothing",
        "from the titles of before",
        "fit (s)",
        "from before (s)",
    ]
    print(table(header, [warm_start(*size) for size in sizes]), "\n")
    header = ["factors", "fold-in of 32 reads (µs)", "explanation (µs)"]
    print(table(header, [folding(factors) for factors in (64, 128, 256)]), "\n")


def world(users: int, items: int, reads: int, seed: int = 1) -> Interactions:
    """Lognormal activity, Zipf-like popularity, and six reads in ten from one's own taste of twenty."""
    random = np.random.default_rng(seed)
    activity = random.lognormal(0, 1, users)
    who = np.repeat(np.arange(users), random.poisson(activity / activity.sum() * reads * 1.15))
    popularity = np.cumsum(1 / (np.arange(items) + 20.0) ** 0.8)
    what = np.searchsorted(popularity, random.random(len(who)) * popularity[-1])
    own = np.minimum(what // 20 * 20 + random.integers(0, 20, users)[who], items - 1)
    what = np.where(random.random(len(who)) < 0.6, own, what)
    pairs = np.unique(who * items + what)
    return gather_interactions(pairs // items, pairs % items, np.ones(len(pairs)), (users, items))


def speed(users: int, items: int, reads: int) -> list[str]:
    data = world(users, items, reads)
    start = time.perf_counter()
    fit(world(100, 50, 1_000), AlsConfig(iterations=1))
    first = time.perf_counter() - start
    theirs, target, ours, iterations, reached = [], 0.0, [], 0, 0.0
    factors: Factors | None = None
    config = AlsConfig(FACTORS, REGULARISATION, ALPHA - 1, nu=0.0, iterations=1)
    for _ in range(3):
        model, seconds = by_implicit(data, FACTORS, REGULARISATION, ALPHA)
        theirs.append(seconds)
        target = loss(data, as_factors(model, data, config))
        factors, total = None, 0.0
        for iteration in range(1, 60):
            start = time.perf_counter()
            factors = fit(data, config, start=factors, threads=2)
            total += time.perf_counter() - start
            reached, iterations = loss(data, factors), iteration
            if reached <= target:
                break
        ours.append(total)
    assert factors is not None
    learned = factors
    read = data.by_user.row(int(np.diff(data.by_user.starts).argmax()))[0][:20]
    _ = learned.gram
    folds = [timed(lambda: learned.fold_in(read)) for _ in range(200)]
    a, b = statistics.median(ours), statistics.median(theirs)
    return [
        f"{users:,} x {items:,} x {data.entries:,}", f"{a:.2f} ({min(ours):.2f} to {max(ours):.2f})", str(iterations),
        f"{b:.2f} ({min(theirs):.2f} to {max(theirs):.2f})", f"{b / a:.1f}", f"{reached / target:.4f}", f"{first:.2f}",
        f"{statistics.median(folds) * 1e6:.0f}",
    ]  # fmt: skip


def warm_start(users: int, items: int, reads: int) -> list[str]:
    """Iterations to within 0.1 % of the loss of 15 from nothing; before: nine reads in ten, and no title of the last tenth."""
    data = world(users, items, reads)
    rows = np.repeat(np.arange(users), np.diff(data.by_user.starts))
    known = np.random.default_rng(1).permutation(items) < items * 0.9
    before = known[data.by_user.columns] & (np.random.default_rng(2).random(len(rows)) < 0.9)
    shape, ones = (users, items), np.ones(int(before.sum()))
    earlier = fit(gather_interactions(rows[before], data.by_user.columns[before], ones, shape)).items
    target = 1.001 * loss(data, fit(data))
    cold, warm = (iterations_to(data, target, start) for start in (None, earlier))
    return [f"{users:,} x {items:,} x {data.entries:,}", str(cold[0]), str(warm[0]), f"{cold[1]:.2f}", f"{warm[1]:.2f}"]


def iterations_to(data: Interactions, target: float, start_items: Array | None) -> tuple[int, float]:
    factors: Factors | None = None
    seconds, iterations = 0.0, 0
    while factors is None or (loss(data, factors) > target and iterations < 60):
        start = time.perf_counter()
        config = AlsConfig(iterations=1)
        factors = fit(data, config, start=factors, start_items=start_items if factors is None else None)
        seconds += time.perf_counter() - start
        iterations += 1
    return iterations, seconds


def folding(factors: int) -> list[str]:
    """Median of 500 calls over 50,000 titles; the Gram matrix was factored once before."""
    random = np.random.default_rng(1)
    items = (0.1 * random.normal(size=(50_000, factors))).astype(np.float32)
    learned = Factors(np.zeros((0, factors), np.float32), items, AlsConfig(factors=factors), 60_000.0)
    _ = learned.gram
    read, weights = random.permutation(50_000)[:32], 2.0 ** (-np.arange(32) / 8)
    calls: tuple[Callable[[], object], ...] = (
        lambda: learned.fold_in(read, weights), lambda: learned.explain(5, read, weights)
    )  # fmt: skip
    return [str(factors), *(f"{statistics.median(timed(call) for _ in range(500)) * 1e6:.0f}" for call in calls)]


def timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def by_implicit(
    data: Interactions, factors: int, regularisation: float, alpha: float, iterations: int = 15, threads: int = 2
) -> tuple[object, float]:
    import implicit
    import scipy.sparse

    rows = data.by_user
    matrix = scipy.sparse.csr_matrix((rows.weights, rows.columns, rows.starts), (data.users, data.items))
    model = implicit.als.AlternatingLeastSquares(
        factors=factors,
        regularization=regularisation,
        alpha=alpha,
        iterations=iterations,
        num_threads=threads,
        random_state=1,
        use_gpu=False,
    )
    start = time.perf_counter()
    model.fit(matrix, show_progress=False)
    return model, time.perf_counter() - start


def as_factors(model: object, data: Interactions, config: AlsConfig) -> Factors:
    users, items = (np.asarray(v, np.float32) for v in (model.user_factors, model.item_factors))  # type: ignore[attr-defined]
    return Factors(users, items, config, float(data.items))


if __name__ == "__main__":
    main()
