"""The statistics that every Beta–Bernoulli policy keeps: successes and trials per (item, segment), forgetting included.

Forgetting is forward decay (Cormode, Shkapenyuk, Srivastava and Xu 2009): an outcome at time t adds the weight
2**((t - landmark) / half_life), and a reader at `now` scales by 2**(-(now - landmark) / half_life). So an arm needs no
timestamp, a late outcome gets the weight of its own time, and two shards add up. Every 60 half-lives the landmark moves
by whole half-lives and all counts are multiplied by an exact power of two. The other ways to forget, a sliding window and
change detection, keep more of an arm's past in arrays of their own (`Memory`) and write what counts of it into `counts`.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from bandi.model.config_values import duration_ms
from bandi.model.policy_config import Prior
from bandi.model.records import Array
from bandi.policies._arm_kernels import NO_LANDMARK, add_outcomes, gather_means, intervals, start_means_from
from bandi.policies.protocol import Candidates, ContentPriors, Outcomes, Posterior, Ranked, Request, State

_FIRST_ITEMS = 64


class Memory(Protocol):
    """What arms keep of their past beside their counts, to forget some of it."""

    @property
    def nbytes(self) -> int:
        """Memory that it takes."""

    def reserve(self, items: int) -> None:
        """Room for so many items."""

    def add(self, counts: Array, used: int, outcomes: Outcomes) -> None:
        """Add outcomes to `counts` (float32[items, segments, 2]), and forget what is to be forgotten."""

    def merge(self, counts: Array, used: int, other: State) -> None:
        """Add another shard's past and counts. Raises ValueError where they do not fit."""

    def dump(self, used: int) -> State:
        """Copy of what it keeps of the first `used` items."""

    def load(self, state: State) -> None:
        """Replace by what `dump` gave. Raises ValueError where it does not fit."""


class BetaArms:
    """counts: float32[items, segments, 2], successes and trials; 8 bytes per arm.

    float32 counts whole numbers up to 2**24, so an arm never holds more than 2**22 trials: there both its counts are
    halved. It remembers its last four million impressions or so and never stops learning.
    """

    def __init__(
        self, prior: Prior, half_life: str | None, segments: int, borrowed: float = 0.0, memory: Memory | None = None
    ) -> None:
        """borrowed: trials that the evidence of other segments is worth at most, 0 or more; memory: not with a half-life."""
        self.borrowed = borrowed
        self._memory = memory
        self.prior_successes = prior.mean * prior.strength
        self.prior_failures = (1.0 - prior.mean) * prior.strength
        self._half_life_ms = 0.0 if half_life is None else float(duration_ms(half_life))
        self._counts = np.zeros((0, segments, 2), np.float32)
        self._items = 0
        self._landmark = np.full(1, NO_LANDMARK, np.int64)
        self.scratch = Scratch(0)

    @property
    def items(self) -> int:
        """Items with statistics (dense ids below this)."""
        return self._items

    @property
    def nbytes(self) -> int:
        """Memory of the statistics."""
        return int(self._counts.nbytes) + (self._memory.nbytes if self._memory is not None else 0)

    def gather(self, request: Request, candidates: Candidates) -> Scratch:
        """Posterior parameters of the candidates: `a`, `b`, `mean`, float64, in the first places of the scratch.

        The scratch belongs to these arms and is written anew by the next call.
        """
        if len(self.scratch.a) < len(candidates.items):
            self.scratch = Scratch(max(256, 2 * len(candidates.items)))
        scratch = self.scratch
        counts, used = self.readable()
        gather_means(
            counts, used, candidates.items, request.segment_weights, self.borrowed, self.decay(request.occurred_ms),
            self.prior_successes, self.prior_failures, scratch.a, scratch.b, scratch.mean,
        )  # fmt: skip
        if candidates.priors is not None:
            start_means_from(
                candidates.items, request.segment_weights, self.prior_successes, self.prior_failures,
                *candidates.priors, scratch.a, scratch.b, scratch.mean,
            )  # fmt: skip
        return scratch

    def update(self, outcomes: Outcomes) -> None:
        """Add outcomes. O(rows); arrays grow by a quarter beyond a million items, by half below."""
        if not len(outcomes.items):
            return
        self._grow(int(outcomes.items.max()) + 1)
        if self._memory is not None:
            self._memory.add(self._counts, self._items, outcomes)
            return
        add_outcomes(
            self._counts, self._items, outcomes.items, outcomes.segments, outcomes.trials, outcomes.rewards,
            outcomes.occurred_ms, self._half_life_ms, self._landmark,
        )  # fmt: skip

    def posterior(self, items: Array, segment: int, now_ms: int, priors: ContentPriors | None = None) -> Posterior:
        """Belief about `items` (int32[n]) in one segment, or in all together (-1). priors: as in `Candidates`."""
        weights = np.full(self._counts.shape[1], float(segment < 0), np.float32)
        if segment >= 0:
            weights[segment] = 1.0
        a, b, mean, low, high = (np.zeros(len(items)) for _ in range(5))
        counts, used = self.readable()
        items = np.asarray(items, np.int32)
        prior = self.prior_successes, self.prior_failures
        gather_means(counts, used, items, weights, 0.0, self.decay(now_ms), *prior, a, b, mean)
        successes, trials = a - prior[0], a - prior[0] + b - prior[1]
        if priors is not None:
            start_means_from(items, weights, *prior, *priors, a, b, mean)
        intervals(a, b, low, high)
        return Posterior(trials, successes, mean, low, high)

    def counted(self, now_ms: int) -> Array:
        """Successes and trials as they weigh at `now_ms`: float32[items, segments, 2], a copy."""
        counts, used = self.readable()
        return np.asarray(counts[:used] * np.float32(self.decay(now_ms)))

    def most_tried(self, limit: int) -> Array:
        """Up to `limit` items with most trials over all segments, most first: int32[m]. O(items)."""
        trials = self._counts[: self._items, :, 1].sum(axis=1)
        tried = np.flatnonzero(trials > 0)
        order = np.argsort(-trials[tried], kind="stable")
        return tried[order[:limit]].astype(np.int32)

    def merge(self, other: State) -> None:
        """Add the counts of another shard. Raises ValueError where they do not fit."""
        counts, landmark = _checked(other, self._counts.shape[1])
        self._grow(len(counts))
        if self._memory is not None:
            self._memory.merge(self._counts, self._items, other)
            return
        both = (int(self._landmark[0]), landmark)
        if self._half_life_ms and NO_LANDMARK not in both and both[0] != both[1]:
            late = max(both)
            self._counts *= np.float32(2.0 ** ((both[0] - late) / self._half_life_ms))
            counts = counts * np.float32(2.0 ** ((both[1] - late) / self._half_life_ms))
        self._counts[: len(counts)] += counts
        self._landmark[0] = max(both)

    def dump(self) -> State:
        """Copy of counts and landmark, and of what is kept beside them."""
        state: State = {"counts": self._counts[: self._items].copy(), "landmark_ms": self._landmark.copy()}
        return state if self._memory is None else state | self._memory.dump(self._items)

    def load(self, state: State) -> None:
        """Replace by what `dump` gave. Raises ValueError where it does not fit."""
        counts, landmark = _checked(state, self._counts.shape[1])
        if self._memory is not None:
            self._memory.load(state)
            self._memory.reserve(len(counts))
        self._counts = np.array(counts, np.float32)
        self._items = len(counts)
        self._landmark[0] = landmark

    def readable(self) -> tuple[Array, int]:
        """The counts, and how many items of them may be read: the writer's thread may put a larger array in their place."""
        counts = self._counts
        return counts, min(self._items, len(counts))

    def decay(self, now_ms: int) -> float:
        """What counts are multiplied by at `now_ms`; 1 without a half-life."""
        if not self._half_life_ms or self._landmark[0] == NO_LANDMARK:
            return 1.0
        return float(2.0 ** ((int(self._landmark[0]) - now_ms) / self._half_life_ms))

    def _grow(self, items: int) -> None:
        if items > len(self._counts):
            old = len(self._counts)
            capacity = max(items, old + old // (4 if old > 1_000_000 else 2), _FIRST_ITEMS)
            shape = (capacity, *self._counts.shape[1:])
            try:  # in place, for a copy takes double; it checks the references, so an array being ranked is copied
                self._counts.resize(shape)
            except ValueError:
                grown = np.zeros(shape, np.float32)
                grown[:old] = self._counts
                self._counts = grown
            if self._memory is not None:
                self._memory.reserve(len(self._counts))
        self._items = max(self._items, items)


class Scratch:
    """Arrays that a ranking works in: float64[capacity] each, and what the kernels need besides."""

    def __init__(self, capacity: int) -> None:
        self.a, self.b, self.mean = np.empty(capacity), np.empty(capacity), np.empty(capacity)
        self.flags = np.zeros(capacity, np.uint8)
        self.values = np.empty(capacity)
        self.places = np.empty(capacity, np.int32)

    def ranked(self, candidates: Candidates, k: int) -> Ranked:
        """The list left in the first k of `places` and `values`."""
        return Ranked(candidates.items[self.places[:k]], self.values[:k].astype(np.float32))


def with_segments(state: State, segments: int) -> State:
    """The counts of a policy's `dump` for another number of segments: those of segments that are no more go to segment 0."""
    named = [name for name in ("counts", "ring", "clicks/counts", "clicks/ring") if name in state]
    return {**state, **{name: _with_segments(state[name], segments) for name in named}}


def _with_segments(counts: Array, segments: int) -> Array:
    kept = min(segments, counts.shape[1])
    wider = np.zeros((len(counts), segments, *counts.shape[2:]), np.float32)
    wider[:, :kept] = counts[:, :kept]
    wider[:, 0] += counts[:, kept:].sum(axis=1)
    return wider


def _checked(state: State, segments: int) -> tuple[Array, int]:
    counts, landmark = np.asarray(state["counts"]), np.asarray(state["landmark_ms"])
    if counts.dtype != np.float32 or counts.ndim != 3 or counts.shape[1:] != (segments, 2) or landmark.shape != (1,):
        raise ValueError(f"counts: expected float32[items, {segments}, 2], found {counts.dtype}{list(counts.shape)}")
    return counts, int(landmark[0])
