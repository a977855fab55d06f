"""Running policies in a world: the real policy code, one ranking per visit, learning every few visits.

Every policy meets the same readers at the same times (common random numbers), and a reader's coin for a title in a slot
is the same for every policy, so differences between policies are paired.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bandi.evaluation.worlds.webtoon import World
from bandi.model.records import Array
from bandi.policies.protocol import Candidates, Outcomes, Policy, Request

BUCKETS = 20
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class RunResult:
    """One policy in one world. All arrays by time bucket, float64[buckets].

    impressions, clicks: counts; expected: clicks expected of the lists shown, by the truth; best: of the best list for
    the population; best_personal: of the best list for each reader; wasted: impressions on titles that cannot win.
    """

    policy: str
    seed: int
    impressions: Array
    clicks: Array
    expected: Array
    best: Array
    best_personal: Array
    wasted: Array

    @property
    def ctr(self) -> float:
        """Clicks per impression."""
        return float(self.clicks.sum() / self.impressions.sum())

    @property
    def regret(self) -> float:
        """Clicks lost against the best possible list for the population."""
        return float(self.best.sum() - self.expected.sum())

    @property
    def waste(self) -> float:
        """Share of impressions on titles that cannot win."""
        return float(self.wasted.sum() / self.impressions.sum())


def run_policy(
    name: str,
    policy: Policy,
    world: World,
    seed: int,
    visits: int,
    update_every: int = 20,
    progress: Progress | None = None,
) -> RunResult:
    """One run of `visits` requests. update_every: requests between two updates (feedback comes in batches)."""
    k = world.parameters.run.k
    coming = world.visits(visits, np.random.default_rng([seed, 2]))
    coins = np.random.default_rng([seed, 3])
    weights = np.ones(1, np.float32)
    truth = _Truth(world, visits, coming.times_ms)
    lists = np.full((update_every, k), -1, np.int32)
    for first in range(0, visits, update_every):
        stop = min(first + update_every, visits)
        candidates, ranks = truth.candidates(int(coming.times_ms[first]))
        shown = Candidates(candidates, ranks)
        length = min(k, len(candidates))
        for visit in range(first, stop):
            request = Request(weights, int(coming.times_ms[visit]), int(coming.readers[visit]))
            lists[visit - first, :length] = policy.rank(request, shown, k, (seed << 40) + visit).items
        outcomes = truth.take(first, stop, coming.readers[first:stop], lists[: stop - first, :length], coins)
        policy.update(outcomes)
        if progress is not None:
            progress(stop - first)
    return truth.result(name, seed)


class _Truth:
    """The world's side of a run: clicks and what they should have been."""

    def __init__(self, world: World, visits: int, times_ms: Array) -> None:
        self._world = world
        self._times = times_ms
        self._bucket = np.arange(visits) * BUCKETS // visits
        self._sums = {
            name: np.zeros(BUCKETS) for name in ("impressions", "clicks", "expected", "best", "best_personal", "wasted")
        }
        self._launches = np.sort(world.launched_ms)
        self._known = -1
        self._candidates: tuple[Array, Array] = (np.zeros(0, np.int32), np.zeros(0, np.int32))
        self._best = 0.0
        self._cannot_win = np.zeros(0, np.bool_)

    def candidates(self, at_ms: int) -> tuple[Array, Array]:
        """Titles launched by then and their editors' ranks; what depends on them is kept until the next launch."""
        launched = int(np.searchsorted(self._launches, at_ms, "right"))
        if launched != self._known:
            self._known = launched
            items = self._world.available(at_ms)
            self._candidates = (items, self._world.editor_rank[items])
            self._best = self._world.best_value(at_ms, self._world.population)
            self._cannot_win = self._world.cannot_win(at_ms)
        return self._candidates

    def take(self, first: int, stop: int, readers: Array, lists: Array, coins: np.random.Generator) -> Outcomes:
        """Clicks on the lists int32[visits, slots], counted and given as outcomes."""
        world = self._world
        slots = lists.shape[1]
        examination = world.examination[:slots]
        probability = world.attraction(readers[:, None], lists) * examination
        clicked = coins.random((stop - first, len(world.examination)))[:, :slots] < probability
        everything = world.attraction(readers[:, None], self._candidates[0][None, :])
        best = -np.partition(-everything, slots - 1, axis=1)[:, :slots] if slots else everything
        personal = (-np.sort(-best, axis=1)) @ examination
        bucket = self._bucket[first:stop]
        for name, value in (
            ("impressions", np.full(stop - first, float(slots))),
            ("clicks", clicked.sum(axis=1)),
            ("expected", probability.sum(axis=1)),
            ("best", np.full(stop - first, self._best)),
            ("best_personal", personal),
            ("wasted", self._cannot_win[lists].sum(axis=1)),
        ):
            self._sums[name] += np.bincount(bucket, value, BUCKETS)
        rows = lists.size
        return Outcomes(
            items=lists.ravel(),
            segments=np.zeros(rows, np.int32),
            trials=np.ones(rows, np.float32),
            rewards=clicked.ravel().astype(np.float32),
            occurred_ms=np.repeat(self._times[first:stop], slots),
            users=np.repeat(readers, slots).astype(np.int32),
            slots=np.tile(np.arange(slots, dtype=np.int32), stop - first),
            requests=np.repeat(np.arange(first + 1, stop + 1, dtype=np.uint64), slots),
        )

    def result(self, name: str, seed: int) -> RunResult:
        """The sums."""
        return RunResult(name, seed, **self._sums)
