"""Segments beside scikit-learn, and the cost of a read; run: python -m bench.segments [sizes].

Readers: planted groups that overlap (8, sizes 1 to 8; noise about as long as the centre), 64 dimensions, float32, vectors of
length 1. Hard: k-means, by inertia (lower is better). Soft: the likelihood of a von Mises-Fisher mixture with one concentration, nats a
reader (higher is better); the peer is GaussianMixture with spherical covariances, whose means, scaled to length 1, get shares and
concentration by the same likelihood, and, the other way about, the likelihood of a spherical Gaussian mixture begun from ours.
"""

from __future__ import annotations

import statistics
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import numpy as np
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture

from bandi.features.audience import reader_vectors
from bandi.model.records import Array
from bandi.segments.choosing import choose_k
from bandi.segments.fitting import fit_segments
from bandi.segments.model import Method, SegmentModel
from bandi.segments.von_mises_fisher import likeliest_concentration, log_normaliser
from bench.measure import machine, table

SIZES = (10_000, 100_000, 1_000_000)
BEARABLE = {"KMeans": 1_000_000, "MiniBatchKMeans": 3_000_000, "GaussianMixture": 100_000}
K, D = 8, 64
RUNS = 3
Found = TypeVar("Found")


def main() -> None:
    print(machine(), "\n")
    sizes = SIZES[: int(sys.argv[1])] if len(sys.argv) > 1 else SIZES
    first = planted(2_000, 9)[0]
    started = time.perf_counter()
    fit_segments(first, K)
    print(f"first call, compiling or loading: {time.perf_counter() - started:.2f} s\n")
    print(f"ours: median of {RUNS} runs; peers: of {RUNS} runs to 10,000 readers, else of one\n", flush=True)
    rows = [row for size in sizes for row in hard(size)]
    print(
        table(
            ["readers", "hard", "s (minimum to maximum), processor s", "inertia a reader", "agreement with the truth"],
            rows,
        ),
        "\n",
    )
    rows = [row for size in sizes for row in soft(size)]
    header = [
        "readers",
        "soft",
        "s (minimum to maximum), processor s",
        "log-likelihood a reader",
        "agreement with the truth",
    ]
    print(table(header, rows), "\n", flush=True)
    print(
        table(
            [
                "titles",
                "vectors of 1,000,000 readers: s (minimum to maximum), processor s",
                "one read: p50 (µs)",
                "p99 (µs)",
            ],
            reads(),
        ),
        "\n",
    )
    print(table(["readers", "choosing among 8 numbers: s, processor s"], [choosing(size) for size in (2_000, 20_000)]))


def planted(n: int, seed: int) -> tuple[Array, Array]:
    random = np.random.default_rng(seed)
    centres = random.normal(size=(K, D)).astype(np.float32)
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    labels = random.choice(K, n, p=np.arange(1, K + 1) / 36)
    vectors = centres[labels] + np.float32(0.3) * random.standard_normal((n, D), np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors, labels


def timed(call: Callable[[int], Found], runs: int = RUNS) -> tuple[Found, str]:
    """The last result, and the seconds of each seed; processor seconds of all threads tell more where others work beside."""
    walls, processors, found = [], [], []
    for seed in range(1, runs + 1):
        started, used = time.perf_counter(), time.process_time()
        found.append(call(seed))
        walls.append(time.perf_counter() - started)
        processors.append(time.process_time() - used)
    wall, processor = statistics.median(walls), statistics.median(processors)
    return found[-1], f"{wall:.2f} ({min(walls):.2f} to {max(walls):.2f}), {processor:.2f}"


def runs_of(size: int) -> int:
    """Of a peer: one where it takes minutes."""
    return RUNS if size <= 10_000 else 1


def ours(vectors: Array, method: Method) -> tuple[SegmentModel, str]:
    return timed(lambda seed: fit_segments(vectors, K, method, seed, threads=2))


def hard(size: int) -> list[list[str]]:
    vectors, truth = planted(size, 1)
    model, seconds = ours(vectors, "hard")
    rows: list[tuple[str, str, Array]] = [("ours", seconds, model.centres)]
    for name, kind, restarts in (("KMeans", KMeans, 1), ("KMeans", KMeans, 6), ("MiniBatchKMeans", MiniBatchKMeans, 3)):
        if size * restarts <= BEARABLE[name]:
            peer, seconds = timed(partial(by_scikit, kind, restarts, vectors), runs_of(size))
            rows.append((f"{name}, {restarts} starts", seconds, peer))
    found = []
    for name, seconds, centres in rows:
        labels, inertia = nearest(vectors, centres)
        found.append([f"{size:,}", name, seconds, f"{inertia:.5f}", f"{adjusted_rand_score(truth, labels):.3f}"])
    return found


def by_scikit(kind: Any, restarts: int, vectors: Array, seed: int) -> Array:
    return np.asarray(kind(K, n_init=restarts, random_state=seed).fit(vectors).cluster_centers_)


def nearest(vectors: Array, centres: Array) -> tuple[Array, float]:
    distances = 1.0 - 2.0 * vectors @ centres.T.astype(np.float32) + (centres**2).sum(axis=1)
    labels = distances.argmin(axis=1)
    return labels, float(np.take_along_axis(distances, labels[:, None], 1).mean(dtype=np.float64))


def soft(size: int) -> list[list[str]]:
    vectors, truth = planted(size, 1)
    model, seconds = ours(vectors, "soft")
    rows = [[f"{size:,}", "ours", seconds, f"{likelihood(model, vectors):.4f}", agreement(model, vectors, truth)]]
    if size > BEARABLE["GaussianMixture"]:
        return rows
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says when it has not converged within max_iter
        peer, seconds = timed(
            lambda seed: GaussianMixture(K, covariance_type="spherical", max_iter=200, random_state=seed).fit(vectors),
            runs_of(size),
        )
    directions = (peer.means_ / np.linalg.norm(peer.means_, axis=1, keepdims=True)).astype(np.float32)
    theirs = with_centres(directions, vectors)
    rows.append(
        [
            f"{size:,}",
            "GaussianMixture",
            seconds,
            f"{likelihood(theirs, vectors):.4f}",
            agreement(theirs, vectors, truth),
        ]
    )
    from_ours = GaussianMixture(
        K, covariance_type="spherical", max_iter=200, means_init=means(model, vectors), tol=1e-4
    )
    from_ours.fit(vectors)
    gaussian = f"as a Gaussian mixture: {from_ours.score(vectors):.4f}; its own start: {peer.score(vectors):.4f}"
    return [*rows, [f"{size:,}", "GaussianMixture from our centres", "", gaussian, ""]]


def means(model: SegmentModel, vectors: Array) -> Array:
    weights = model.memberships(vectors)
    found: Array = (weights.T @ vectors) / weights.sum(axis=0)[:, None]
    return found


def likelihood(model: SegmentModel, vectors: Array) -> float:
    scores = (np.float32(model.concentration) * vectors @ model.centres.T + np.log(model.shares)).astype(np.float64)
    highest = scores.max(axis=1)
    total = highest + np.log(np.exp(scores - highest[:, None]).sum(axis=1))
    return float(total.mean()) + log_normaliser(model.concentration, vectors.shape[1])


def with_centres(centres: Array, vectors: Array) -> SegmentModel:
    """Shares and concentration of highest likelihood for given centres, by expectation maximisation."""
    model = SegmentModel(centres, np.full(K, 1 / K, np.float32), 20.0)
    for _ in range(50):
        weights = model.memberships(vectors)
        mean = float((weights * (vectors @ centres.T)).sum(dtype=np.float64)) / len(vectors)
        model = replace(
            model,
            shares=weights.mean(axis=0, dtype=np.float64).astype(np.float32),
            concentration=likeliest_concentration(mean, D),
        )
    return model


def agreement(model: SegmentModel, vectors: Array, truth: Array) -> str:
    return f"{adjusted_rand_score(truth, model.memberships(vectors).argmax(axis=1)):.3f}"


def reads() -> list[list[str]]:
    """Every call is of another reader, so that titles' rows come from memory, not from a cache."""
    rows = []
    model = fit_segments(planted(20_000, 1)[0], K)
    for items in (1_000, 100_000, 1_000_000):
        random = np.random.default_rng(items)
        titles = random.standard_normal((items, D), np.float32)
        titles /= np.linalg.norm(titles, axis=1, keepdims=True)
        recent = random.integers(0, items, (1_000_000, 32), np.int32)
        _, batch = timed(partial(vectors_of, recent, titles))
        times = np.empty(20_000)
        for reader in range(len(times)):
            started = time.perf_counter_ns()
            model.membership_of(recent[reader], titles)
            times[reader] = time.perf_counter_ns() - started
        p50, p99 = np.percentile(times[1_000:], [50, 99]) / 1e3
        rows.append([f"{items:,}", batch, f"{p50:.1f}", f"{p99:.1f}"])
    return rows


def vectors_of(recent: Array, titles: Array, _: int) -> Array:
    return reader_vectors(recent, titles, 2)


def choosing(readers: int) -> list[str]:
    random = np.random.default_rng(1)
    titles = planted(2_000, 2)[0]
    taste = random.integers(0, 2_000, (readers, 4))
    close = np.argsort(-titles @ titles.T, axis=1)[:, :60]
    picked = taste[np.arange(readers)[:, None], random.integers(0, 4, (readers, 32))]
    recent = close[picked, random.integers(0, 60, picked.shape)].astype(np.int32)
    started, used = time.perf_counter(), time.process_time()
    choose_k(recent, titles)
    return [f"{readers:,}", f"{time.perf_counter() - started:.1f}, {time.process_time() - used:.1f}"]


if __name__ == "__main__":
    main()
