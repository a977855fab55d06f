"""What a segmentation is once it was fitted: centres, shares and how sharp the weights are.

A reader with the vector x (length 1) has in segment s the weight

    w_s = shares_s exp(concentration centres_s . x) / sum over t of shares_t exp(concentration centres_t . x)

which is the posterior of a mixture of von Mises-Fisher distributions with one concentration (Banerjee, Dhillon, Ghosh and
Sra 2005, "Clustering on the unit hypersphere using von Mises-Fisher distributions", eq. 3.2). An infinite concentration
gives all weight to the nearest centre: hard segments, where centres are means, not scaled to length 1 (k-means).
"""

from __future__ import annotations

import math
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Literal

import numpy as np

from bandi.features.audience import FADE
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array
from bandi.segments._segment_kernels import weigh_history, weigh_rows

MAX_SEGMENTS = 64
Method = Literal["soft", "hard"]
_PARTS_A_THREAD = 8
_SHOWN = 10
"""Bad rows that an error names."""


@dataclass(frozen=True)
class SegmentModel:
    """centres: float32[k, d]; shares: float32[k], of the population, summing to 1; concentration: above 0, inf if hard.

    An empty segment has the share 0 and centre 0, and no reader has weight in it.
    """

    centres: Array
    shares: Array
    concentration: float

    @property
    def method(self) -> Method:
        """Whether readers are shared among segments or belong to one."""
        return "hard" if math.isinf(self.concentration) else "soft"

    @cached_property
    def offsets(self) -> Array:
        """What a segment's score has before the reader is seen: float32[k], -inf where it is empty."""
        with np.errstate(divide="ignore"):
            log_shares: Array = np.log(self.shares)
        if self.method == "soft":
            return log_shares
        halves = np.einsum("sj,sj->s", self.centres, self.centres) / np.float32(2)
        return np.where(self.shares > 0, -halves, -np.inf).astype(np.float32)

    def memberships(self, vectors: Array, threads: int = 0) -> Array:
        """The weights of readers by their vectors: float32[n, k], rows sum to 1. O(n k d).

        vectors: float32[n, d], of any length: only their direction counts; a row of zeros gets `shares`. The same result
        whatever `threads` is (0: one for each core). Raises InvalidInputError, naming the rows that are not finite.
        """
        if vectors.ndim != 2 or vectors.shape[1] != self.centres.shape[1]:
            raise InvalidInputError(
                Problem("vectors", f"shape {list(vectors.shape)}", f"n rows of {self.centres.shape[1]}")
            )
        vectors = np.ascontiguousarray(vectors, np.float32)
        weights = np.empty((len(vectors), len(self.shares)), np.float32)
        facts = (vectors, self.centres, self.offsets, self.concentration, self.shares, weights)
        threads = threads or os.cpu_count() or 1
        bounds = np.linspace(0, len(vectors), _PARTS_A_THREAD * threads + 1).astype(np.int64).tolist()
        with ThreadPoolExecutor(threads) as pool:
            for done in [pool.submit(weigh_rows, *facts, *part) for part in pairwise(bounds)]:
                done.result()
        refuse_rows(np.isfinite(weights[:, 0]))
        return weights

    def membership_of(self, recent: Array, titles: Array) -> Array:
        """The weights of one reader by what they read last: float32[k]; `shares` where nothing is known. O(m d + k d).

        recent: int32[m], newest first; titles: float32[items, d], the table that the segments were fitted with. The weights
        are those of `memberships` of the reader's vector: nothing is kept between calls, so a new read is just this call.
        Raises InvalidInputError for a table of another width.
        """
        if titles.shape[1] != self.centres.shape[1]:
            raise InvalidInputError(
                Problem("titles", f"rows of {titles.shape[1]}", f"{self.centres.shape[1]}", "train again")
            )
        weights: Array = weigh_history(
            recent, titles, FADE, self.centres, self.offsets, self.concentration, self.shares
        )
        return weights

    def renumbered(self, numbers: Array) -> SegmentModel:
        """The same segments; the one that was j is now numbers[j]: int[k], a permutation."""
        order = np.argsort(numbers)
        return SegmentModel(self.centres[order], self.shares[order], self.concentration)

    def arrays(self) -> dict[str, Array]:
        """Plain arrays for an artifact file."""
        concentration = np.array([self.concentration], np.float64)
        return {"centres": self.centres, "shares": self.shares, "concentration": concentration}

    @classmethod
    def from_arrays(cls, arrays: dict[str, Array]) -> SegmentModel:
        """What `arrays` gave. Raises InvalidInputError for one that is missing, of another shape, or not finite."""
        for name in ("centres", "shares", "concentration"):
            if name not in arrays:
                raise InvalidInputError(Problem(f"segments.{name}", "nothing", "an array", "train again"))
        centres = np.ascontiguousarray(arrays["centres"], np.float32)
        shares = np.ascontiguousarray(arrays["shares"], np.float32)
        concentration = np.asarray(arrays["concentration"], np.float64)
        shaped = centres.ndim == 2 and shares.shape == (len(centres),) and concentration.shape == (1,)
        right = {
            "centres": shaped and 1 <= len(centres) <= MAX_SEGMENTS and bool(np.isfinite(centres).all()),
            "shares": shaped and bool((shares >= 0).all()) and abs(float(shares.sum()) - 1.0) < 1e-3,
            "concentration": shaped and bool(concentration[0] > 0),
        }
        for name, fits in right.items():
            if not fits:
                found = f"shape {list(arrays[name].shape)}, or values out of range"
                raise InvalidInputError(Problem(f"segments.{name}", found, cls.__doc__ or "", "train again"))
        return cls(centres, shares, float(concentration[0]))


def refuse_rows(finite: Array) -> None:
    """Raises InvalidInputError naming the first rows that are not finite. finite: bool[n]."""
    wrong = np.flatnonzero(~finite)
    if len(wrong):
        problems = [Problem(f"vectors[{row}]", "NaN or infinity", "finite numbers") for row in wrong[:_SHOWN].tolist()]
        if len(wrong) > _SHOWN:
            problems.append(Problem("vectors", f"{len(wrong)} such rows", "none", f"the first {_SHOWN} are named"))
        raise InvalidInputError(problems)
