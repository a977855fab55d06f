"""What readers do with a title after they started it, and who is credited: from events to outcomes of later objectives.

A purchase comes days after the click that led to it, from the viewer or the shop, and names no request. So what is known
is kept by (reader, title): a *journey* holds a reader's events with a title of which none is further than the longest
window of an objective from the next. It starts at its first click, or at its first read where no click came before (a
click up to 5 s behind the read still does: clocks differ). What it is worth for an objective is a function of what is
known of it, whatever the order in which that came:

    started                            one trial, at the start's time, for the start's placement and segment
    objective reached in its window    one reward, at the start's time, with its delay
    further purchases in the window    their coins, without a reward

Each event puts out the change of worth. A start by a read with neither request nor placement is *organic*: no list is
credited for what follows; it is counted apart. Memory is bounded: two generations, as in attribution.py, but a journey that
anything happens to moves to the newer one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from bandi.learning import _journey_kernels as kernel
from bandi.learning._journey_facts import KEPT, LONG_AGO, NEVER, READ, Generation
from bandi.learning._journey_worth import OUTCOME, RULE, STEP, WORTH, Known
from bandi.learning._table_kernels import read_only
from bandi.learning.journey_tables import dumped, empty, grown, loaded, with_columns
from bandi.model.records import Array
from bandi.policies.protocol import Outcomes

_FIRST = 512
_MAX_OUTPUT = 1 << 18


@dataclass(frozen=True, slots=True)
class LaterObjective:
    """A read or a purchase as the log knows it. kind: an EventKind; count: the episode to reach; value: "coins" or None."""

    name: str
    kind: int
    count: int
    window_ms: int
    value: str | None = None


@dataclass(frozen=True, slots=True)
class PlacementSteps:
    """What a placement's policy looks for. steps: names of later objectives; main: its first objective, "" if it is no later one."""

    placement: int
    steps: tuple[str, ...]
    main: str = ""


class Followed(NamedTuple):
    """rows: EVENT[m], what the events follow from filled in; a refund that undoes several requests is there once for each.

    at: int64[m], which of the events each row is of; outcomes: by placement, those of steps 1 and on, in log order.
    """

    rows: Array
    at: Array
    outcomes: dict[int, Outcomes]


@dataclass(frozen=True, slots=True)
class JourneyCounters:
    """Counts since the log began.

    starts: journeys that have a start; organic: of these, started from no list; refunds; unmatched: refunds that found
    fewer coins than they say; crowded: payments beyond the kept of their journey; credited: reads and purchases without a
    request for which a click was found; cut_short: journeys forgotten before their longest window had passed.
    """

    starts: int
    organic: int
    refunds: int
    unmatched: int
    crowded: int
    credited: int
    cut_short: int


@dataclass(frozen=True, slots=True)
class OrganicTotals:
    """What organic starts led to by one objective: what readers do without being shown anything."""

    starts: float
    rewards: float
    coins: float


class Journeys:
    """The fold of clicks, reads, purchases and refunds by reader and title.

    horizon: journeys (and facts about them) that are surely remembered, at least 1; at most twice as many are.
    """

    def __init__(
        self, objectives: Sequence[LaterObjective], placements: Sequence[PlacementSteps], horizon: int
    ) -> None:
        if horizon < 1:
            raise ValueError(f"horizon: expected at least 1, found {horizon}")
        self._objectives = tuple(objectives)
        self._horizon = horizon
        self._epoch = 1
        self._longest_ms = max((objective.window_ms for objective in objectives), default=0)
        counts = {objective.count for objective in objectives if objective.kind == READ}
        self._columns = np.array(sorted(counts), np.int64)
        self._kept_reads = min(max(counts, default=0), KEPT) if max(counts, default=0) > 1 else 0
        self._rules, self._steps = _rules(self._objectives, placements, self._columns)
        self._worth = np.zeros((3, max(1, int(self._rules["steps"].max()))), WORTH)
        self._known = Known(
            purchase_ms=np.zeros(KEPT, np.int64),
            coins=np.zeros(KEPT),
            left=np.zeros(KEPT),
            was_left=np.zeros(KEPT),
            episodes=np.zeros(KEPT, np.int32),
            requests=np.zeros(KEPT, np.uint64),
            placements=np.zeros(KEPT, np.int16),
            read_ms=np.zeros(KEPT, np.int64),
        )
        self._new, self._used = empty(len(self._columns)), np.zeros(3, np.int64)
        self._old, self._old_used = empty(len(self._columns)), np.zeros(3, np.int64)
        self._counters = np.zeros(kernel.COUNTERS, np.int64)
        self._organic = np.zeros((max(1, len(self._objectives)), 3))
        self._out = np.zeros(0, OUTCOME)
        self._credits = np.zeros(0, kernel.CREDIT)

    def reconfigured(
        self,
        objectives: Sequence[LaterObjective],
        placements: Sequence[PlacementSteps],
        horizon: int,
        going_on: Collection[int],
    ) -> Journeys:
        """The same journeys under other rules, from the next record on.

        going_on: placements whose arms carry over. Of the others only journeys that begin from now on count, so that no
        arm gets a reward whose trial it has not seen.
        """
        other = Journeys(objectives, placements, horizon)
        other._epoch = self._epoch + 1
        other._rules["since"] = other._epoch
        for placement in going_on:
            if placement + 1 < min(len(self._rules), len(other._rules)):
                other._rules["since"][placement + 1] = self._rules["since"][placement + 1]
        if other._objectives == self._objectives:
            other._rules["since"][0] = self._rules["since"][0]
            other._organic = self._organic
        other._new, other._used = self._new, self._used
        other._old, other._old_used = self._old, self._old_used
        if not np.array_equal(other._columns, self._columns):
            other._new = with_columns(self._new, self._columns, other._columns)
            other._old = with_columns(self._old, self._columns, other._columns)
        other._counters = self._counters
        return other

    def fold(self, rows: Array) -> Followed:
        """Apply EVENT[n] in log order. O(n), and the facts of each event's journey (at most 3 * KEPT)."""
        if not self._objectives or not len(rows):
            return Followed(rows, np.arange(len(rows)), {})
        self._make_output(len(rows))
        events, cursor, counts = read_only(rows), np.zeros(1, np.int64), np.zeros(4, np.int64)
        made: list[Array] = []
        credits: list[Array] = []
        status = kernel.FULL_OUTPUT
        while status != kernel.DONE:
            counts[:2] = 0
            status = kernel.fold(
                events, cursor, self._rules, self._steps, self._columns, self._longest_ms, self._kept_reads,
                self._epoch, self._new, self._used, self._horizon, self._old, self._worth, self._known,
                self._out, self._credits, counts, self._counters, self._organic,
            )  # fmt: skip
            if counts[0]:
                made.append(self._out[: counts[0]].copy())
            if counts[1]:
                credits.append(self._credits[: counts[1]].copy())
            if status == kernel.FULL_TABLE:
                self._make_room(int(counts[2]), int(counts[3]))
        return Followed(*_credited(rows, credits), _by_placement(made))

    def counters(self) -> JourneyCounters:
        """Counts since the log began."""
        counts = self._counters.tolist()
        return JourneyCounters(
            starts=counts[kernel.STARTS],
            organic=counts[kernel.ORGANIC],
            refunds=counts[kernel.REFUNDS],
            unmatched=counts[kernel.UNMATCHED],
            crowded=counts[kernel.CROWDED],
            credited=counts[kernel.CREDITED],
            cut_short=counts[kernel.CUT_SHORT],
        )

    def organic(self) -> dict[str, OrganicTotals]:
        """What organic starts led to, by objective, since the objectives last changed."""
        totals = zip(self._objectives, self._organic.tolist(), strict=False)
        return {objective.name: OrganicTotals(*sums) for objective, sums in totals}

    def forget(self, user: int) -> None:
        """The reader was taken out of the catalogue: their journeys go with them. What arms have counted stays. O(journeys)."""
        for table, used in ((self._new, self._used), (self._old, self._old_used)):
            table.latest[: used[0]][table.users[: used[0]] == np.uint64(user)] = -1
            journeys = table.journeys[: used[1]]
            own = journeys["user"] == user
            journeys["user"][own], journeys["epoch"][own] = -1, -1

    @property
    def nbytes(self) -> int:
        """Bytes of the tables."""
        return sum(array.nbytes for table in (self._new, self._old) for array in table)

    def dump(self) -> dict[str, Array]:
        """Plain arrays, the same bytes for the same history. The rules come from the configuration."""
        arrays: dict[str, Array] = {
            "counters": self._counters.copy(),
            "organic": self._organic.copy(),
            "numbers": np.array([self._horizon, self._epoch], np.int64),
            "since": np.ascontiguousarray(self._rules["since"]),
        }
        for name, table, used in (("new", self._new, self._used), ("old", self._old, self._old_used)):
            arrays |= {f"{name}/{part}": array for part, array in dumped(table, used).items()}
        return arrays

    def load(self, arrays: dict[str, Array]) -> None:
        """Replace everything by what `dump` gave. Raises ValueError where it does not fit."""
        for name, mine in (("counters", self._counters), ("organic", self._organic), ("since", self._rules["since"])):
            if arrays[name].shape != mine.shape:
                raise ValueError(f"{name}: expected {list(mine.shape)} numbers, found {list(arrays[name].shape)}")
        self._counters = np.array(arrays["counters"], np.int64)
        self._organic = np.array(arrays["organic"], np.float64)
        self._rules["since"] = arrays["since"]
        self._horizon, self._epoch = (int(number) for number in arrays["numbers"])
        self._new, self._used = loaded(arrays, "new", len(self._columns))
        self._old, self._old_used = loaded(arrays, "old", len(self._columns))

    def _make_output(self, records: int) -> None:
        least = 9 * self._worth.shape[1]
        wanted = least + min(max(2 * records, _FIRST), _MAX_OUTPUT)
        if len(self._out) < wanted:
            size = 1 << (wanted - 1).bit_length()
            self._out, self._credits = np.zeros(size, OUTCOME), np.zeros(size, kernel.CREDIT)

    def _make_room(self, journeys: int, facts: int) -> None:
        """Larger arrays, or a new generation once the horizon is reached."""
        if self._used[1] >= self._horizon or self._used[2] >= self._horizon:
            self._counters[kernel.CUT_SHORT] += self._still_open(self._old, self._old_used)
            self._old, self._old_used = self._new, self._used
            self._new, self._used = empty(len(self._columns)), np.zeros(3, np.int64)
        self._new = grown(self._new, self._used, (1, journeys, facts))

    def _still_open(self, table: Generation, used: Array) -> int:
        """Journeys of a generation whose longest window had not passed at the latest time of the other."""
        newest = self._new.journeys["last_ms"][: self._used[1]].max(initial=LONG_AGO)
        rows = table.journeys[: used[1]]
        started = np.minimum(rows["click_ms"], rows["read_ms"])
        return int(((rows["epoch"] >= 0) & (started != NEVER) & (started > newest - self._longest_ms)).sum())


def _rules(
    objectives: tuple[LaterObjective, ...], placements: Sequence[PlacementSteps], columns: Array
) -> tuple[Array, Array]:
    """RULE[placements + 1] and their STEP rows."""
    named = {objective.name: objective for objective in objectives}
    rules = np.zeros(1 + max((steps.placement + 1 for steps in placements), default=0), RULE)
    rules["since"] = 1
    rows: list[tuple[int, int, int, bool, int]] = []
    organic = PlacementSteps(-1, tuple(named))
    for steps in (organic, *placements):
        rule = rules[steps.placement + 1]
        rule["first"], rule["steps"], rule["configured"] = len(rows), len(steps.steps), 1
        if steps.main:
            rule["main"], rule["window_ms"] = named[steps.main].kind, named[steps.main].window_ms
        for name in steps.steps:
            step = named[name]
            column = int(np.searchsorted(columns, step.count)) if step.kind == READ else 0
            rows.append((step.kind, column, step.count, step.value is not None, step.window_ms))
    return rules, np.array(rows, STEP)


def _credited(rows: Array, credits: list[Array]) -> tuple[Array, Array]:
    """The rows, or a copy in which the credited ones say what they follow from, once for each credit; and which row each is."""
    if not credits:
        return rows, np.arange(len(rows))
    found = np.concatenate(credits)
    credited = np.bincount(found["at"], minlength=len(rows))
    at = np.repeat(np.arange(len(rows)), np.maximum(credited, 1))
    filled: Array = rows[at]
    says_more = credited[at] > 0
    for field in ("request", "placement", "segment", "episode"):
        filled[field][says_more] = found[field]
    return filled, at


def _by_placement(made: list[Array]) -> dict[int, Outcomes]:
    if not made:
        return {}
    rows = np.concatenate(made)
    placements = np.unique(rows["placement"]).tolist()
    return {placement: _outcomes(rows[rows["placement"] == placement]) for placement in placements}


def _outcomes(rows: Array) -> Outcomes:
    return Outcomes(
        items=np.ascontiguousarray(rows["item"]),
        segments=rows["segment"].astype(np.int32),
        trials=np.ascontiguousarray(rows["trial"]),
        rewards=np.ascontiguousarray(rows["reward"]),
        occurred_ms=np.ascontiguousarray(rows["time_ms"]),
        steps=rows["step"].astype(np.int32),
        values=np.ascontiguousarray(rows["value"]),
        users=np.ascontiguousarray(rows["user"]),
        delays_ms=np.ascontiguousarray(rows["delay_ms"]),
    )
