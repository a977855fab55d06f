"""Which (reader, title) pairs a message could be about: readers who read on, stopped lately, and stand near or at the wall."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandi.learning.push.strata import walls
from bandi.model.records import Array


class Titles(NamedTuple):
    """By dense id. shown: bool[items], whether a message may name it; free_episodes, episodes, wait_free (hours): float64[items],
    NaN: not known.
    """

    shown: Array
    free_episodes: Array
    episodes: Array
    wait_free: Array


class Stopped(NamedTuple):
    """Who counts as a continued reader who stopped. least_ms, most_ms: since the last read; near: free episodes left, at most."""

    least_episode: int
    near: int
    least_ms: int
    most_ms: int


class Pairs(NamedTuple):
    """users, items: int32[n]; read_ms: int64[n], the last read; walls: int8[n]; by reader, then by place."""

    users: Array
    items: Array
    read_ms: Array
    walls: Array

    def take(self, which: Array) -> Pairs:
        """Some of them."""
        return Pairs(*(column[which] for column in self))


def continued_pairs(bookmarks: Array, titles: Titles, stopped: Stopped, now_ms: int) -> Pairs:
    """The pairs at `now_ms`, from MARK[readers, kept]. A title read to its last episode is none. O(readers)."""
    marks = bookmarks.reshape(-1)
    since = now_ms - marks["read_ms"]
    size = len(titles.shown)
    kept = (marks["item"] >= 0) & (marks["item"] < size) & (marks["episode"] >= stopped.least_episode)
    places = np.flatnonzero(kept & (since >= stopped.least_ms) & (since <= stopped.most_ms))
    items, episodes = marks["item"][places], marks["episode"][places]
    free = titles.free_episodes[items]
    near = ~(free - episodes > stopped.near)  # NaN is near: nothing says that it is far
    fits = titles.shown[items] & near & ~(episodes >= titles.episodes[items])
    places, items, episodes, free = places[fits], items[fits], episodes[fits], free[fits]
    users = (places // max(bookmarks.shape[1], 1)).astype(np.int32)
    at = walls(episodes, since[places], free, titles.wait_free[items])
    return Pairs(users, items, marks["read_ms"][places], at)
