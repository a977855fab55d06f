"""The readers' side of a run of a whole service: what they click, read and look at next, and what the best list had got.

A reader who visits looks at a list, clicks in it, reads what they clicked episode by episode, and may then look at the list
that stands beside the end of the title read last, and so on. All chance is drawn for each visit beforehand, so that every
service meets the same readers with the same luck: a list at the same step is clicked by the same coins.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bandi.evaluation.worlds.webtoon import World
from bandi.model.records import Array

MAX_EPISODES = 12
"""Episodes read in one go at most."""


@dataclass(frozen=True, slots=True)
class Coins:
    """The chance of some visits, uniform on 0 to 1. slots: float64[visits, lists, k]; episodes, goes_on: [visits, lists, ...]."""

    slots: Array
    episodes: Array
    goes_on: Array


@dataclass(frozen=True, slots=True)
class Looked:
    """What became of n lists. clicked: bool[n, k]; expected, best: float64[n], clicks expected of the list and of the best one.

    episodes: int64[n, k], how many of each clicked title were read; goes_on: bool[n]; last: int64[n], the title read last.
    """

    clicked: Array
    expected: Array
    best: Array
    episodes: Array
    goes_on: Array
    last: Array


class Sittings:
    """Readers of one world, who remember what they have read; one object for each service."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self._random = np.random.default_rng([seed, 8])
        self._read = np.zeros((len(world.taste), len(world.quality)), np.bool_)

    def toss(self, visits: int) -> Coins:
        """The chance of the next visits; the same for every service, whatever it shows."""
        lists, k = 1 + self.world.parameters.reading.most_lists, len(self.world.examination)
        return Coins(
            self._random.random((visits, lists, k)),
            self._random.random((visits, lists, k)),
            self._random.random((visits, lists)),
        )

    def look(
        self, readers: Array, shown: Array, about: Array, available: Array, coins: Coins, visits: Array, step: int
    ) -> Looked:
        """Readers int64[n] look at lists `shown` int64[n, k] (-1: an empty slot), the first of a visit at step 0.

        about: int64[n], the title that each list stands beside, or -1; visits: int64[n], rows of the coins.
        """
        world = self.world
        k = shown.shape[1]
        there = shown >= 0
        examination = world.examination[:k] * there
        probability = self._attraction(readers[:, None], np.where(there, shown, 0), about[:, None]) * examination
        clicked = coins.slots[visits, step, :k] < probability
        best = self._best(readers, about, available)
        episodes = np.where(clicked, self._episodes(coins.episodes[visits, step, :k]), 0)
        rows, slots = np.nonzero(clicked)
        self._read[readers[rows], shown[rows, slots]] = True
        last = np.full(len(shown), -1)
        last[rows] = shown[rows, slots]  # of several the lowest slot, which is read last
        goes_on = (last >= 0) & (coins.goes_on[visits, step] < world.parameters.reading.goes_on)
        return Looked(clicked, probability.sum(axis=1), best, episodes, goes_on, last)

    def _attraction(self, readers: Array, titles: Array, about: Array) -> Array:
        """With the mood of the title just read, and less where the title is known already."""
        reading = self.world.parameters.reading
        mood: Array | float = 0.0
        if reading.mood and (about >= 0).any():
            mood = np.where(about >= 0, reading.mood * self.world.likeness(titles, np.maximum(about, 0)), 0.0)
        attraction = self.world.attraction(readers, titles, mood)
        return np.asarray(np.where(self._read[readers, titles], reading.again * attraction, attraction))

    def _best(self, readers: Array, about: Array, available: Array) -> Array:
        """Clicks expected of the best list for each reader as they are now: float64[n]."""
        slots = min(len(self.world.examination), len(available))
        if not slots:
            return np.zeros(len(readers))
        everything = self._attraction(readers[:, None], available[None, :], about[:, None])
        best = -np.partition(-everything, slots - 1, axis=1)[:, :slots]
        return np.asarray((-np.sort(-best, axis=1)) @ self.world.examination[:slots])

    def _episodes(self, uniform: Array) -> Array:
        """Episodes read, at least one: geometric, by the inverse of its distribution."""
        continues = self.world.parameters.reading.continues
        if continues in (0.0, 1.0):
            return np.full(uniform.shape, 1 if continues == 0.0 else MAX_EPISODES)
        more = np.floor(np.log(np.maximum(uniform, 1e-12)) / np.log(continues))
        return np.asarray(np.minimum(1 + more, MAX_EPISODES).astype(np.int64))
