"""What followed from sampled decisions: which shown items were clicked (or read, or bought) within the window."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from bandi.evaluation.own_log.sampling import Sample
from bandi.model.config import Objective
from bandi.model.config_values import duration_ms
from bandi.model.events import EventKind
from bandi.model.records import Array, Stretch

_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class RewardRule:
    """Which event is a reward: its kind, from which episode on (0: any), and how long after the item was seen."""

    kind: int
    episode: int
    window_ms: int


class Followed(NamedTuple):
    """What followed, by slot of a sample, in its order. rewards: float64[slots], 1.0 where the item was rewarded, else 0.0;
    since_ms: int64[slots], when its window began.
    """

    rewards: Array
    since_ms: Array

    def closed_ms(self, offsets: Array, window_ms: int) -> Array:
        """When nothing more could follow from each list, the last of its slots' windows over. offsets: int64[n + 1]; int64[n]."""
        if len(offsets) < 2:
            return np.zeros(0, np.int64)
        return np.asarray(np.maximum.reduceat(self.since_ms, offsets[:-1]) + window_ms)


def reward_rule(objective: Objective) -> RewardRule:
    """What an objective of `bandi.toml` counts. Reads count from their episode number alone, never by how many there were."""
    episode = objective.count if objective.event == "read" and objective.count > 1 else 0
    return RewardRule(int(EventKind[objective.event.upper()]), episode, duration_ms(objective.window))


def rewards_of(stretches: Iterable[Stretch], sample: Sample, rule: RewardRule) -> Followed:
    """Which slots of the sample were rewarded, and since when they could be.

    An event counts for the slot whose request and item it names, once, within the window of the slot's earliest impression, or
    of the decision where none was reported. O(log) time.
    """
    headers = sample.decisions.headers
    lengths = np.diff(sample.decisions.offsets)
    by_request = np.argsort(headers["request"], kind="stable")
    requests = headers["request"][by_request]
    rank = np.empty(len(headers), np.int64)
    rank[by_request] = np.arange(len(headers))
    keys = np.repeat(rank, lengths) << np.int64(32) | sample.decisions.items.astype(np.int64)
    by_key = np.argsort(keys, kind="stable")
    ordered = keys[by_key]
    seen, rewarded = np.full(len(keys), _NEVER), np.full(len(keys), _NEVER)
    for stretch in stretches:
        rows = stretch.events.rows
        rows = rows[(rows["kind"] == EventKind.IMPRESSION) | _counts(rows, rule)]
        place = np.searchsorted(requests, rows["request"]).clip(max=max(len(requests) - 1, 0))
        hit = requests[place] == rows["request"]
        rows, place = rows[hit], place[hit]
        wanted = place << np.int64(32) | rows["item"].astype(np.int64)
        slot = np.searchsorted(ordered, wanted).clip(max=len(ordered) - 1)
        hit = ordered[slot] == wanted
        rows, slot = rows[hit], by_key[slot[hit]]
        impression = rows["kind"] == EventKind.IMPRESSION
        np.minimum.at(seen, slot[impression], rows["occurred_ms"][impression])
        np.minimum.at(rewarded, slot[~impression], rows["occurred_ms"][~impression])
    since = np.where(seen < _NEVER, seen, np.repeat(headers["occurred_ms"], lengths))
    return Followed(np.asarray((rewarded < _NEVER) & (rewarded - since <= rule.window_ms), np.float64), since)


def _counts(rows: Array, rule: RewardRule) -> Array:
    found: Array = (rows["kind"] == rule.kind) & (rows["episode"] >= rule.episode)
    return found
