"""What a policy is told: outcomes made of what the service saw, step by step (policies/protocol.py)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from bandi.evaluation.worlds.funnel._behaviour import Lists
from bandi.evaluation.worlds.funnel.arrivals import CONTINUED, PURCHASED, STARTED
from bandi.evaluation.worlds.funnel.audience import Audience
from bandi.model.records import Array
from bandi.policies.protocol import Outcomes

Step = Literal["continued", "coins"]
Learn = Callable[[Outcomes], None]
_FIRST_KIND = {"continued": CONTINUED, "coins": PURCHASED}


class Lessons:
    """kinds: the events after a start that anybody wants to hear of."""

    def __init__(
        self, objective: str, steps: tuple[Step, ...], audience: Audience, learn: Learn | None, organic: Learn | None
    ) -> None:
        self._objective, self._steps, self._audience = objective, steps, audience
        self._learn, self._organic = learn, organic
        wanted = {*steps, objective} if learn is not None else set()
        self.kinds = frozenset(_FIRST_KIND[name] for name in wanted if name in _FIRST_KIND)

    def impressions(self, lists: Lists, clicked: Array, starts: Array, segments: Array) -> None:
        """Step 0: a trial for each impression, with its click where that is the objective and was seen at once."""
        if self._learn is None:
            return
        shown = lists.items >= 0
        rewards = np.zeros(shown.shape, np.float32)
        if self._objective == "click" and len(starts):
            users_titles = starts["user"].astype(np.int64) << 32 | starts["item"]
            pairs = lists.readers[:, None].astype(np.int64) << 32 | lists.items
            rewards[clicked & np.isin(pairs, users_titles)] = 1.0
        slots = lists.items.shape[1]
        users = np.repeat(lists.readers, slots).reshape(shown.shape)[shown]
        places = np.broadcast_to(np.arange(slots, dtype=np.int32), shown.shape)[shown]
        self._learn(
            Outcomes(
                items=lists.items[shown],
                segments=np.repeat(segments, slots).reshape(shown.shape)[shown],
                trials=np.ones(len(users), np.float32),
                rewards=rewards[shown],
                occurred_ms=np.repeat(lists.times_ms, slots).reshape(shown.shape)[shown],
                values=np.zeros(len(users)),
                users=users,
                delays_ms=np.zeros(len(users), np.int64),
                vectors=self._audience.vectors[users],
                slots=places,
            )
        )

    def give(self, arrived: Array) -> None:
        """ARRIVAL[n] that the service sees now: starts become trials of the steps, what follows them rewards."""
        if not len(arrived):
            return
        begun = arrived[arrived["kind"] == STARTED]
        self._audience.saw(begun["user"], begun["item"])
        organic = arrived["organic"]
        if self._learn is not None:
            listed = arrived[~organic] if organic.any() else arrived
            self._first_step(listed, self._learn)
            self._later_steps(listed, self._learn)
        if self._organic is not None and organic.any():
            self._later_steps(arrived[organic], self._organic)

    def _first_step(self, rows: Array, learn: Learn) -> None:
        """Rewards of the main objective that came after their impressions."""
        if self._objective == "click":
            late = rows[(rows["kind"] == STARTED) & (rows["delay_ms"] > 0)]
        else:
            late = rows[_tells_of(rows["kind"], self._objective)]
        if len(late):
            learn(self._outcomes(late, np.zeros(len(late), np.float32), _rewards(late["kind"]), None))

    def _later_steps(self, rows: Array, learn: Learn) -> None:
        """Each start is a trial of every step; what follows it is a reward of its own. In the order of arrival."""
        begins = rows["kind"] == STARTED
        places = [np.flatnonzero(begins | _tells_of(rows["kind"], name)) for name in self._steps]
        if not sum(map(len, places)):
            return
        of_step = np.repeat(np.arange(1, 1 + len(places), dtype=np.int32), [len(found) for found in places])
        place = np.concatenate(places)
        order = np.argsort(place, kind="stable")
        told = rows[place[order]]
        trials = (told["kind"] == STARTED).astype(np.float32)
        rewards = np.where(trials, np.float32(0), _rewards(told["kind"]))
        learn(self._outcomes(told, trials, rewards, of_step[order]))

    def _outcomes(self, rows: Array, trials: Array, rewards: Array, steps: Array | None) -> Outcomes:
        users = np.ascontiguousarray(rows["user"])
        return Outcomes(
            items=np.ascontiguousarray(rows["item"]),
            segments=np.ascontiguousarray(rows["segment"]),
            trials=trials,
            rewards=rewards,
            occurred_ms=np.ascontiguousarray(rows["started_ms"]),
            steps=steps,
            values=np.ascontiguousarray(rows["value"]),
            users=users,
            delays_ms=np.where(trials > 0, 0, rows["delay_ms"]),
            vectors=self._audience.vectors[users],
        )


def _tells_of(kinds: Array, name: str) -> Array:
    """bool[n]: whether events are of that step; every purchase is of "coins"."""
    return np.asarray(kinds >= PURCHASED if name == "coins" else kinds == CONTINUED)


def _rewards(kinds: Array) -> Array:
    """float32[n]: 1, but 0 for a payer's further purchases, which bring coins only."""
    return np.asarray(kinds <= PURCHASED).astype(np.float32)
