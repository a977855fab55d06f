"""Which reward counts for which impression: from records of the log to outcomes of arms.

What is known of one (request, item) is its earliest impression and its earliest reward, and what the pair is worth is a
function of these two times alone; so late and out-of-order events end in the same counts, whatever their order:

    impression alone                  one trial, at the impression's time
    reward within the window of it    one trial and one reward, both at the impression's time
    reward outside the window         one trial; counted as `late`
    reward alone                      one trial and one reward at the reward's time (a click implies that the item was
                                      seen; its impression or its decision was lost, or is still to come): an `orphan`

Each record puts out the change of worth. A request names its placement, so a pair has one; where that placement is not
configured, events that name different placements themselves are different pairs. A record without a request has no
pair: an impression is a trial, a reward a trial and a reward, each time. The table is bounded: two generations, as in
duplicates.py.

journeys.py goes before: it says which request a purchase or a read without one follows from, and which a refund undoes; one
that undoes several comes as several rows of one position. A reward that is undone has not happened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bandi.learning import _attribution_kernel as kernel
from bandi.learning._table_kernels import read_only, rebuild_near
from bandi.model.events import EventKind
from bandi.model.records import Array, Stretch
from bandi.policies.protocol import Outcomes

_FIRST_SLOTS = 1_024
_MAX_OUTPUT = 1 << 18
_MODES = {"reported": kernel.REPORTED, "implied": kernel.IMPLIED}


@dataclass(frozen=True, slots=True)
class PlacementRule:
    """What counts at one placement. impressions: "reported" or "implied"; reward_kind: an EventKind; count: reads' episode."""

    placement: int
    impressions: str
    reward_kind: int
    window_ms: int
    count: int = 1


@dataclass(frozen=True, slots=True)
class Counters:
    """Counts since the log began."""

    events: dict[str, int]
    decisions: int
    trials: int
    successes: int
    orphans: int
    late: int
    unattributed: int


class _Table:
    """One generation of pairs: an arena in order of insertion, and its index."""

    def __init__(self, capacity: int = _FIRST_SLOTS // 2) -> None:
        slots = _FIRST_SLOTS
        while slots < 2 * capacity:
            slots *= 2
        self.count = 0
        self.keys_a = np.zeros(slots // 2, np.uint64)
        self.keys_b = np.zeros(slots // 2, np.uint64)
        self.entries = np.zeros(slots // 2, kernel.ENTRY)
        self.index = np.full(slots, -1, np.int32)

    @property
    def capacity(self) -> int:
        """Most rows without growing."""
        return len(self.entries)

    def grown(self, capacity: int) -> _Table:
        """The same rows in a larger table."""
        table = _Table(capacity)
        table.fill(self.keys_a[: self.count], self.entries[: self.count])
        return table

    def fill(self, requests: Array, entries: Array) -> None:
        """Replace all rows."""
        self.count = len(requests)
        self.keys_a[: self.count] = requests
        placements = entries["placement"].astype(np.uint64)
        self.keys_b[: self.count] = entries["item"].astype(np.uint64) | placements << np.uint64(32)
        self.entries[: self.count] = entries
        rebuild_near(self.index, self.keys_a, self.keys_b, self.count)

    def last(self, rows: int) -> _Table:
        """The newest `rows` rows."""
        table = _Table(min(rows, self.count))
        first = max(0, self.count - rows)
        table.fill(self.keys_a[first : self.count], self.entries[first : self.count])
        return table


class Attribution:
    """The join of impressions and rewards.

    horizon: pairs that are surely remembered, at least 1; at most twice as many are, and the items of two decisions.
    """

    def __init__(self, rules: Sequence[PlacementRule], horizon: int) -> None:
        if horizon < 1:
            raise ValueError(f"horizon: expected at least 1, found {horizon}")
        self._horizon = horizon
        self._rules = np.zeros(max((rule.placement + 1 for rule in rules), default=0), kernel.RULE)
        for rule in rules:
            self._rules[rule.placement] = (
                _MODES[rule.impressions],
                rule.reward_kind,
                rule.window_ms,
                rule.count if rule.count > 1 else 0,
            )
        self._new = _Table()
        self._old = _Table()
        self._counters = np.zeros(kernel.COUNTERS, np.int64)
        self._out = np.zeros(_FIRST_SLOTS, kernel.OUTCOME)

    def reconfigured(self, rules: Sequence[PlacementRule], horizon: int) -> Attribution:
        """The same pairs and counters under other rules, from the next record on."""
        other = Attribution(rules, horizon)
        other._new, other._old = self._new, self._old
        if horizon < self._horizon:
            other._new, other._old = self._new.last(horizon), self._old.last(horizon)
        other._counters = self._counters
        return other

    def counters(self) -> Counters:
        """Counts since the log began."""
        counts = self._counters.tolist()
        events = {kind.name.lower(): counts[kernel.KINDS + kind] for kind in EventKind}
        events["custom"] = counts[kernel.CUSTOM]
        return Counters(
            events={name: count for name, count in events.items() if count},
            decisions=counts[kernel.DECISIONS],
            trials=counts[kernel.TRIALS],
            successes=counts[kernel.SUCCESSES],
            orphans=counts[kernel.ORPHANS],
            late=counts[kernel.LATE],
            unattributed=counts[kernel.UNATTRIBUTED],
        )

    def fold(self, stretch: Stretch) -> dict[int, Outcomes]:
        """`by_placement` of `rows`."""
        return by_placement(self.rows(stretch))

    def rows(self, stretch: Stretch) -> Array:
        """Outcomes of the stretch's records in log order: OUTCOME[n]. O(records).

        A pair counts for the segment that its first record names; its reader and its slot are those of that record too (an
        event's `position`, or the place in a decision that implies the impression).
        """
        events, decisions = stretch.events, stretch.decisions
        if not len(events.rows) and not len(decisions.headers):
            return self._out[:0]
        cursors = np.zeros(2, np.int64)
        counts = np.zeros(3, np.int64)
        made: list[Array] = []
        event_positions, rows = read_only(events.positions), read_only(events.rows)
        decision_positions, headers = read_only(decisions.positions), read_only(decisions.headers)
        offsets, shown = read_only(decisions.offsets), read_only(decisions.items)
        self._make_output(len(events.rows) + len(decisions.items))
        while True:
            new, old = self._new, self._old
            counts[0], counts[1] = new.count, 0
            status = kernel.join(
                event_positions, rows, decision_positions, headers, offsets, shown, cursors, self._rules,
                new.index, new.keys_a, new.keys_b, new.entries, counts, self._horizon,
                old.index, old.keys_a, old.keys_b, old.entries,
                self._out, self._counters,
            )  # fmt: skip
            new.count = int(counts[0])
            if counts[1]:
                made.append(self._out[: counts[1]].copy())
            if status == kernel.DONE:
                return made[0] if len(made) == 1 else np.concatenate([*made, self._out[:0]])
            if status == kernel.FULL_TABLE:
                self._make_room(int(counts[2]))

    def _make_output(self, records: int) -> None:
        wanted = min(max(2 * records + 2, _FIRST_SLOTS), _MAX_OUTPUT)
        if len(self._out) < wanted:
            self._out = np.zeros(1 << (wanted - 1).bit_length(), kernel.OUTCOME)

    def _make_room(self, need: int) -> None:
        """A larger table, or a new generation once the horizon is reached."""
        if self._new.count >= self._horizon:
            self._old, self._new = self._new, _Table()
        if self._new.count + need > self._new.capacity:
            self._new = self._new.grown(max(2 * self._new.capacity, self._new.count + need))

    def dump(self) -> dict[str, Array]:
        """Plain arrays, the same bytes for the same history. The rules come from the configuration."""
        arrays: dict[str, Array] = {"counters": self._counters.copy(), "horizon": np.array([self._horizon], np.int64)}
        for name, table in (("new", self._new), ("old", self._old)):
            arrays[f"{name}/requests"] = table.keys_a[: table.count].copy()
            for field in kernel.ENTRY.names or ():
                arrays[f"{name}/{field}"] = np.ascontiguousarray(table.entries[field][: table.count])
        return arrays

    def load(self, arrays: dict[str, Array]) -> None:
        """Replace pairs and counters by what `dump` gave."""
        if arrays["counters"].shape != (kernel.COUNTERS,):
            raise ValueError("counters are not of the expected length")
        self._counters = np.array(arrays["counters"], np.int64)
        self._horizon = int(arrays["horizon"][0])
        for name in ("new", "old"):
            requests = arrays[f"{name}/requests"]
            entries = np.zeros(len(requests), kernel.ENTRY)
            for field in kernel.ENTRY.names or ():
                entries[field] = arrays[f"{name}/{field}"]
            table = _Table(len(requests))
            table.fill(requests, entries)
            setattr(self, f"_{name}", table)


def by_placement(rows: Array) -> dict[int, Outcomes]:
    """Outcomes of OUTCOME[n] by placement, in their order."""
    if not len(rows):
        return {}
    placements = rows["placement"]
    if (placements == placements[0]).all():
        return {int(placements[0]): _outcomes(rows)}
    return {int(placement): _outcomes(rows[placements == placement]) for placement in np.unique(placements)}


def _outcomes(rows: Array) -> Outcomes:
    return Outcomes(
        items=np.ascontiguousarray(rows["item"]),
        segments=rows["segment"].astype(np.int32),
        trials=np.ascontiguousarray(rows["trial"]),
        rewards=np.ascontiguousarray(rows["reward"]),
        occurred_ms=np.ascontiguousarray(rows["time_ms"]),
        users=np.ascontiguousarray(rows["user"]),
        slots=rows["slot"].astype(np.int32),
        requests=np.ascontiguousarray(rows["request"]),
    )
