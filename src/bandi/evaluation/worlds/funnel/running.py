"""Running a policy in the funnel world: one ranking a visit, learning every few visits, events as they arrive.

A list is made by what the service knew when its batch began, so a reader who comes twice within a batch may be shown a
title just started; that impression is not clicked again. Started titles are no candidates from the next batch on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bandi.evaluation.worlds.funnel._behaviour import Lists, sieve
from bandi.evaluation.worlds.funnel.audience import Audience
from bandi.evaluation.worlds.funnel.beliefs import NO_BELIEFS, Believe
from bandi.evaluation.worlds.funnel.happening import Happening
from bandi.evaluation.worlds.funnel.lessons import Lessons, Step
from bandi.evaluation.worlds.funnel.oracle import Oracle
from bandi.evaluation.worlds.funnel.result import FunnelResult
from bandi.evaluation.worlds.funnel.truth import FunnelWorld
from bandi.evaluation.worlds.webtoon import DAY_MS, START_MS
from bandi.policies.protocol import Candidates, Outcomes, Policy, Request

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How a policy is run.

    update_every: visits between two updates, at least 1. segments: of readers, 0: all are one; a policy needs 1 + segments.
    fit_every_days: between two fits of the segments. objective: what step 0 rewards: the click, or what follows it, credited
    to the impression when it happens. steps: what the policy learns of starts, as steps 1, 2.
    """

    update_every: int = 50
    segments: int = 0
    fit_every_days: int = 7
    objective: Literal["click", "continued", "coins"] = "click"
    steps: tuple[Step, ...] = ()


CLICKS = Plan()
"""Learning clicks, all readers alike."""


def run_funnel(
    name: str,
    policy: Policy | Oracle,
    world: FunnelWorld,
    plan: Plan = CLICKS,
    progress: Progress | None = None,
    organic: Callable[[Outcomes], None] | None = None,
    believe: Believe | None = None,
) -> FunnelResult:
    """One run. progress: called with the visits done since. organic: called with outcomes of organic starts (steps only).

    believe: asked at the beginning of each day what titles start from; None: as the policy has it.
    """
    run = _Run(policy, world, plan, organic, believe)
    for day in range(world.parameters.run.days):
        run.begin(day)
        first, end = world.sessions.bounds[day : day + 2].tolist()
        for start in range(first, end, plan.update_every):
            stop = min(start + plan.update_every, end)
            run.batch(day, start, stop)
            if progress is not None:
                progress(stop - start)
    run.finish()
    return run.happening.result(name)


class _Run:
    """What holds a run together: the world's side (happening), the service's side (audience, lessons) and the policy."""

    def __init__(
        self,
        policy: Policy | Oracle,
        world: FunnelWorld,
        plan: Plan,
        organic: Callable[[Outcomes], None] | None,
        believe: Believe | None,
    ) -> None:
        self._policy, self._world, self._plan = policy, world, plan
        self._audience = Audience(
            world.parameters.readers.count, world.catalogue.vectors, plan.segments, world.seed, plan.fit_every_days
        )
        learn = None if isinstance(policy, Oracle) else policy.update
        self._lessons = Lessons(plan.objective, plan.steps, self._audience, learn, organic)
        self.happening = Happening(world, self._lessons.kinds)
        self._lists = np.full((plan.update_every, len(world.examination)), -1, np.int32)
        self._organic_done = 0
        self._believe, self._beliefs = believe, NO_BELIEFS

    def begin(self, day: int) -> None:
        """A day begins: what is on sale, what is known of readers, and what titles start from."""
        self._available = self._world.available(START_MS + day * DAY_MS)
        self._ranks = self._world.editor_ranks
        self._audience.refresh(day)
        if self._believe is not None:
            self._beliefs = self._believe(START_MS + day * DAY_MS)
        self.happening.begin(day)

    def batch(self, day: int, first: int, stop: int) -> None:
        """Visits first to stop, of one day: what arrived, what was looked up, the lists, the clicks, what follows."""
        sessions = self._world.sessions
        times = sessions.times_ms[first:stop]
        self._start_organically(int(times[0]))
        self._lessons.give(self.happening.arrived(int(times[0])))
        readers = sessions.readers[first:stop]
        days = (times - START_MS) / DAY_MS
        lists = Lists(readers, days, times, self._lists[: stop - first])
        self._rank(day, first, lists)
        segments = self._audience.segments(readers, self._world.seed, first)
        looked, starts = self.happening.look(first, lists, segments)
        self._lessons.impressions(lists, looked.clicked, starts, segments)
        self._lessons.give(starts)

    def finish(self) -> None:
        """What readers looked up after the last visit."""
        self._start_organically(START_MS + self._world.parameters.run.days * DAY_MS)

    def _rank(self, day: int, first: int, lists: Lists) -> None:
        memory = self.happening.memory(lists.items.size)
        if isinstance(self._policy, Oracle):
            self._policy.fill(lists, day, self._available, memory)
            return
        weights, vectors = self._audience.weights, self._audience.vectors
        slots, seed = lists.items.shape[1], self._world.seed << 40
        titles = self._world.catalogue.vectors
        times, rank = lists.times_ms.tolist(), self._policy.rank
        for n, reader in enumerate(lists.readers.tolist()):
            items, ranks = sieve(self._available, self._ranks, memory.started, reader)
            request = Request(weights[reader], times[n], reader, vectors[reader])
            chosen = rank(request, Candidates(items, ranks, titles, *self._beliefs), slots, seed + first + n).items
            lists.items[n, : len(chosen)] = chosen
            lists.items[n, len(chosen) :] = -1
        if lists.items.max(initial=-1) >= len(titles):
            raise ValueError(f"the policy named title {lists.items.max()}, there are {len(titles)}")

    def _start_organically(self, before_ms: int) -> None:
        stop = int(np.searchsorted(self._world.organic.times_ms, before_ms))
        if stop > self._organic_done:
            rows = slice(self._organic_done, stop)
            readers = self._world.organic.readers[rows]
            segments = self._audience.segments(readers, self._world.seed, -stop)
            self._lessons.give(self.happening.start_organically(rows, segments))
            self._organic_done = stop
