"""Who pays for what under a draw of the lot, and what the truth says that a start causes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandi.evaluation.puzzle.design import OUTCOMES, Design, Outcome, Scenario
from bandi.evaluation.puzzle.starts import NEVER, PotentialStarts, Starts
from bandi.evaluation.worlds.funnel._behaviour import Followed, follow
from bandi.evaluation.worlds.funnel.truth import FunnelWorld
from bandi.evaluation.worlds.webtoon import DAY_MS
from bandi.model.records import Array


class Paid(NamedTuple):
    """own: float64[readers, featured], 1 where the title was paid for; all_titles: float64[readers], titles paid for.

    Both of starts since the experiment began. before: float64[readers], titles paid for before it began.
    """

    own: Array
    all_titles: Array
    before: Array


def coupled_power(world: FunnelWorld, coupling: float) -> Array:
    """The world's purchasing power, dealt anew so that its normal scores correlate with those of activity: float64[readers]."""
    if coupling == 0.0:
        return np.asarray(world.power)
    random = np.random.default_rng([world.seed, 31])
    scores = np.sort(random.normal(size=len(world.power)))[np.argsort(np.argsort(world.activity))]
    scores = coupling * scores + np.sqrt(1.0 - coupling**2) * random.normal(size=len(scores))
    power: Array = np.empty(len(scores))
    power[np.argsort(scores)] = np.sort(world.power)
    return power


class Payments:
    """Payments in one world and scenario, for any draw of the lot."""

    def __init__(self, world: FunnelWorld, starts: PotentialStarts, scenario: Scenario, design: Design) -> None:
        self._world, self._starts, self._scenario, self._design = world, starts, scenario, design
        self._power = coupled_power(world, scenario.coupling)
        organic = starts.others.organic
        self._others = Starts(*(column[organic] for column in starts.others)) if self._by_want else starts.others

    @property
    def _by_want(self) -> bool:
        return self._scenario.cause == "wants"

    def started(self, encouraged: Array) -> Array:
        """Whether each featured title is started: bool[readers, featured]. encouraged: bool[readers, featured]."""
        return np.asarray(np.where(encouraged, self._starts.shown, self._starts.withheld) != NEVER)

    def paid(self, encouraged: Array) -> Paid:
        """What is paid under a draw. O(starts log starts)."""
        return self._paid(encouraged, self._substitutes(encouraged))

    def effects(self, encouraged: Array) -> dict[Outcome, Array]:
        """What starting each featured title, and it alone, changes in each outcome: float64[readers, featured].

        All else stays as drawn, and the place's substitute is as if it were not shown: the effect is that of a start.
        """
        found = {outcome: np.zeros(encouraged.shape) for outcome in OUTCOMES}
        if self._by_want:
            return found
        for place in range(encouraged.shape[1]):
            substitutes = self._substitutes(encouraged)
            substitutes[:, place] = self._starts.substitute_withheld[:, place]
            one, other = encouraged.copy(), encouraged.copy()
            one[:, place], other[:, place] = True, False
            shown, withheld = self._paid(one, substitutes), self._paid(other, substitutes)
            for outcome, effects in found.items():
                effects[:, place] = _outcome(shown, place, outcome) - _outcome(withheld, place, outcome)
        return found

    def _substitutes(self, encouraged: Array) -> Array:
        starts = self._starts
        if self._scenario.withheld == "nothing":
            return starts.substitute_withheld.copy()
        return np.where(encouraged, starts.substitute_withheld, starts.substitute_shown)

    def _paid(self, encouraged: Array, substitutes: Array) -> Paid:
        starts = self._starts
        if self._by_want:
            featured, substitutes = starts.withheld, starts.substitute_withheld
        else:
            featured = np.where(encouraged, starts.shown, starts.withheld)
        rows = [self._others, _rows(featured, starts.featured), _rows(substitutes, starts.substitutes)]
        return self._followed(Starts(*(np.concatenate(columns) for columns in zip(*rows, strict=True))))

    def _followed(self, starts: Starts) -> Paid:
        world, design = self._world, self._design
        order = np.argsort(starts.times_ms, kind="stable")
        readers, titles, times = (np.ascontiguousarray(column[order]) for column in starts[:3])
        n = len(order)
        delays = np.zeros((3, n), np.int64)
        followed = Followed(delays[0], delays[1], np.zeros(n), np.zeros(n, np.int64), delays[2])
        paid_ms = np.full(design.readers, NEVER)
        follow(
            world.seed, readers, titles, times, self._power, world.titles, world.paying, paid_ms, followed
        )  # fmt: skip
        paid = (followed.paid >= 0) & (followed.paid <= design.window_days * DAY_MS)
        inside = times >= self._starts.begins_ms
        early = paid & (times + followed.paid < self._starts.begins_ms)
        own = np.zeros((design.readers, len(self._starts.featured)))
        for place, title in enumerate(self._starts.featured.tolist()):
            own[readers[paid & inside & (titles == title)], place] = 1.0
        count = design.readers
        return Paid(
            own,
            np.bincount(readers[paid & inside], minlength=count).astype(np.float64),
            np.bincount(readers[early], minlength=count).astype(np.float64),
        )


def outcome_of(paid: Paid, outcome: Outcome) -> Array:
    """float64[readers, featured]."""
    return np.stack([_outcome(paid, place, outcome) for place in range(paid.own.shape[1])], axis=1)


def _outcome(paid: Paid, place: int, outcome: Outcome) -> Array:
    match outcome:
        case "own":
            return np.asarray(paid.own[:, place])
        case "all":
            return paid.all_titles
        case "elsewhere":
            return np.asarray(paid.all_titles - paid.own[:, place])
        case _:
            return paid.before


def _rows(times_ms: Array, titles: Array) -> Starts:
    readers, places = np.nonzero(times_ms != NEVER)
    return Starts(readers.astype(np.int32), titles[places], times_ms[readers, places], np.zeros(len(readers), np.bool_))
