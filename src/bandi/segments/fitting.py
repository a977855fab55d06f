"""Fitting segments to readers' vectors: a mixture on the unit sphere (soft), or k-means (hard).

Soft: expectation maximisation of a mixture of von Mises-Fisher distributions (Banerjee, Dhillon, Ghosh and Sra 2005, eqs.
3.3 to 3.5), with one concentration for all segments: a broad segment would
otherwise swallow its neighbours, and one number is what `softness` then sets by what readers read next. Hard: the
algorithm of Lloyd (1982). Both begin from several k-means++ starts (`starts`) on a sample, of which the best goes on with all.

Sums are made over stretches of rows that only their number decides, and added in their order: a seed gives the same segments bit by bit on
any number of threads.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array
from bandi.segments._segment_kernels import add_rows, lengths
from bandi.segments.model import MAX_SEGMENTS, Method, SegmentModel, refuse_rows
from bandi.segments.numbering import largest_first, match_numbering
from bandi.segments.starts import spread_centres
from bandi.segments.von_mises_fisher import likeliest_concentration, log_normaliser

SAMPLE = 20_000
"""Readers on whom starts are tried."""
STARTS = 6
_SAMPLE_ITERATIONS = 25
_ITERATIONS = 200
_LEAST_GAIN = {"soft": 1e-6, "hard": 1e-7}
"""Of the mean objective per reader in one iteration, below which fitting ends: nats; half a squared distance."""
_KEEP_GAIN = {"soft": 0.05, "hard": 0.001}
"""How much better than the earlier segments a new start must be: a different but equally good partition helps nobody."""
_PARTS, _PART = 64, 2_048
"""Stretches of rows at most, and rows in one at least."""
OnIteration = Callable[[int], None]
"""Called after each iteration over all readers with its number, from 1."""


@dataclass(frozen=True, slots=True)
class _Fit:
    """Where a climb stands. centres: float32[k, d]; shares: float64[k]; objective: mean per reader, to be raised."""

    centres: Array
    shares: Array
    concentration: float
    objective: float = -math.inf


def fit_segments(
    vectors: Array,
    k: int = 8,
    method: Method = "soft",
    seed: int = 1,
    previous: SegmentModel | None = None,
    previous_memberships: Array | None = None,
    on_iteration: OnIteration | None = None,
    threads: int = 0,
) -> SegmentModel:
    """Fit k segments. O(iterations n k d).

    vectors: float32[n, d]; only directions count, and rows of zeros (readers without a history) take no part. previous:
    the segments of the last training, if the titles' space is the same; previous_memberships: float32[n, k_old], the same
    readers' weights in those segments, if it is not. With either, the earlier partition is one of the starts, stays unless
    another is clearly better, and gives the numbers (`match_numbering`); without, the largest segment is 0.

    Where fewer than k readers differ, fewer segments are used and the last are empty; without readers, segment 0 has all.
    Raises InvalidInputError, naming the rows that are not finite.
    """
    _check(vectors, k, method, previous_memberships)
    vectors = np.ascontiguousarray(vectors, np.float32)
    found = lengths(vectors)
    refuse_rows(np.isfinite(found))
    known = found > 0
    if previous is not None and previous_memberships is None:
        previous_memberships = previous.memberships(vectors, threads)
    rows = _directions(vectors, found, known)
    if not len(rows):
        return _nobody(k, vectors.shape[1], method)
    earlier = None if previous_memberships is None else np.asarray(previous_memberships, np.float32)[known]
    model = _Fitting(rows, method, threads or os.cpu_count() or 1).run(k, seed, earlier, on_iteration)
    if earlier is None:
        return model.renumbered(largest_first(model.shares))
    return model.renumbered(match_numbering(earlier, model.memberships(rows, threads)))


class _Fitting:
    """One fit over rows: float32[n, d] of length 1."""

    def __init__(self, rows: Array, method: Method, threads: int) -> None:
        self._rows, self._method, self._threads = rows, method, threads

    def run(self, k: int, seed: int, earlier: Array | None, on_iteration: OnIteration | None) -> SegmentModel:
        random = np.random.default_rng(seed)
        rows = self._rows
        places = np.arange(len(rows))
        if len(rows) > SAMPLE:
            places = np.sort(random.choice(len(rows), SAMPLE, replace=False))
        with ThreadPoolExecutor(self._threads) as pool:
            sample = np.ascontiguousarray(rows[places])
            starts = [self._climb(sample, spread_centres(sample, k, random), pool) for _ in range(STARTS)]
            best = max(starts, key=lambda start: start.objective)
            if earlier is not None:
                kept = self._climb(sample, _centres_of(sample, earlier[places], k, random), pool)
                if kept.objective > best.objective - _KEEP_GAIN[self._method]:
                    best = kept
            fit = self._climb(rows, replace(best, objective=-math.inf), pool, _ITERATIONS, on_iteration)
        empty = fit.shares <= 0
        centres = np.where(empty[:, None], np.float32(0), fit.centres)
        concentration = math.inf if self._method == "hard" else fit.concentration
        return SegmentModel(centres, (fit.shares / fit.shares.sum()).astype(np.float32), concentration)

    def _climb(
        self,
        rows: Array,
        start: _Fit | Array,
        pool: ThreadPoolExecutor,
        iterations: int = _SAMPLE_ITERATIONS,
        on_iteration: OnIteration | None = None,
    ) -> _Fit:
        """Improve until an iteration gains little. start: a fit, or centres of length 1, 0 for those not to be used."""
        fit = start if isinstance(start, _Fit) else self._begin(rows, start, pool)
        for iteration in range(1, iterations + 1):
            following = self._improve(rows, fit, pool)
            if on_iteration is not None:
                on_iteration(iteration)
            gain = following.objective - fit.objective
            fit = following
            if gain < _LEAST_GAIN[self._method]:
                break
        return fit

    def _begin(self, rows: Array, centres: Array, pool: ThreadPoolExecutor) -> _Fit:
        used = (centres != 0).any(axis=1)
        offsets = np.where(used, 0.0, -np.inf).astype(np.float32)
        sums, masses, _ = _pass(rows, centres, offsets, math.inf, pool)
        return self._from_sums(centres, sums, masses, -math.inf)

    def _improve(self, rows: Array, fit: _Fit, pool: ThreadPoolExecutor) -> _Fit:
        """One iteration. The objective that it gives is that of the fit before."""
        concentration = math.inf if self._method == "hard" else fit.concentration
        offsets = SegmentModel(fit.centres, fit.shares.astype(np.float32), concentration).offsets
        sums, masses, total = _pass(rows, fit.centres, offsets, concentration, pool)
        objective = total / len(rows)
        if self._method == "soft":
            objective += log_normaliser(fit.concentration, rows.shape[1])
        return self._from_sums(fit.centres, sums, masses, objective)

    def _from_sums(self, centres: Array, sums: Array, masses: Array, objective: float) -> _Fit:
        """Eqs. 3.3 to 3.5: shares, centres and concentration at once. A segment that has lost all readers stays where it was."""
        resultants = np.sqrt((sums**2).sum(axis=1))
        scale = masses if self._method == "hard" else resultants
        moved = np.where(scale[:, None] > 0, sums / np.where(scale > 0, scale, 1.0)[:, None], centres)
        count, d = masses.sum(), sums.shape[1]
        concentration = likeliest_concentration(float(resultants.sum() / count), d)
        return _Fit(moved.astype(np.float32), masses / count, concentration, objective)


def _pass(
    rows: Array, centres: Array, offsets: Array, concentration: float, pool: ThreadPoolExecutor
) -> tuple[Array, Array, float]:
    """Sums float64[k, d], masses float64[k] and objective over all rows, in an order that no thread can change."""
    parts = min(max(len(rows) // _PART, 1), _PARTS)
    bounds = np.linspace(0, len(rows), parts + 1).astype(np.int64).tolist()
    sums, masses = np.zeros((parts, *centres.shape)), np.zeros((parts, len(centres)))
    if parts == 1:
        return sums[0], masses[0], add_rows(rows, 0, len(rows), centres, offsets, concentration, sums[0], masses[0])
    work = [
        pool.submit(add_rows, rows, bounds[p], bounds[p + 1], centres, offsets, concentration, sums[p], masses[p])
        for p in range(parts)
    ]
    objective = math.fsum(part.result() for part in work)
    return sums.sum(axis=0), masses.sum(axis=0), objective


def _centres_of(rows: Array, memberships: Array, k: int, random: np.random.Generator) -> Array:
    """The centres that k segments with these members have in this space; where there were fewer, further ones from afar."""
    columns = memberships[:, :k]
    centres = columns.T.astype(np.float64) @ rows.astype(np.float64)
    sizes = np.sqrt((centres**2).sum(axis=1, keepdims=True))
    centres = np.where(sizes > 1e-6, centres / np.maximum(sizes, 1e-6), 0.0).astype(np.float32)
    return spread_centres(rows, k, random, centres[(centres != 0).any(axis=1)])


def _directions(vectors: Array, found: Array, known: Array) -> Array:
    """The known rows scaled to length 1: the array itself where they are so already."""
    if not known.all():
        vectors, found = vectors[known], found[known]
    if not len(found) or np.abs(found - 1.0).max() < 1e-5:
        return vectors
    return (vectors / found[:, None]).astype(np.float32)


def _nobody(k: int, d: int, method: Method) -> SegmentModel:
    shares = np.zeros(k, np.float32)
    shares[0] = 1.0
    return SegmentModel(np.zeros((k, d), np.float32), shares, math.inf if method == "hard" else 1.0)


def _check(vectors: Array, k: int, method: str, previous_memberships: Array | None) -> None:
    if not 1 <= k <= MAX_SEGMENTS:
        raise InvalidInputError(Problem("segments.k", str(k), f"1 to {MAX_SEGMENTS}"))
    if method not in _LEAST_GAIN:
        raise InvalidInputError(Problem("segments.method", repr(method), "soft or hard"))
    if vectors.ndim != 2 or vectors.shape[1] < 1:
        raise InvalidInputError(Problem("vectors", f"shape {list(vectors.shape)}", "a row for each reader"))
    if previous_memberships is not None and len(previous_memberships) != len(vectors):
        found, expected = f"{len(previous_memberships)} rows", f"{len(vectors)}, one for each vector"
        raise InvalidInputError(Problem("previous_memberships", found, expected))
