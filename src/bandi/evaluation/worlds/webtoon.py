"""A webtoon service with known truth.

Reader u clicks title i in slot s with probability examination(s) * attraction(u, i) (the position-based model of
Richardson, Dominowska and Ragno 2007), attraction = logistic(base + quality_i + taste_strength * taste_u[genre_i]).
Policies see none of it: they are given items, readers' ids and clicks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bandi.evaluation.worlds.parameters import WorldParameters
from bandi.model.catalog import Item
from bandi.model.records import Array

DAY_MS = 86_400_000
START_MS = 1_750_000_000_000
"""The first day of every world (June 2025): a run must not depend on the day on which it is made."""
_FIRST = (
    "Lantern",
    "Crimson",
    "Paper",
    "Silent",
    "Iron",
    "Winter",
    "Salt",
    "Moonlit",
    "Hollow",
    "Seventh",
    "Glass",
    "Amber",
)
_SECOND = (
    "Academy",
    "Garden",
    "Hunter",
    "Contract",
    "Kitchen",
    "Throne",
    "Signal",
    "Tide",
    "Ledger",
    "Orchard",
    "Duel",
    "Choir",
)


@dataclass(frozen=True, slots=True)
class Visits:
    """Readers as they come. readers: int64[n]; times_ms: int64[n], ascending."""

    readers: Array
    times_ms: Array


class World:
    """One draw of the world. All truth is here; the same parameters and seed give the same world.

    genres: int64[titles]; quality: float64[titles], log-odds; launched_ms: int64[titles]; editor_rank: int32[titles];
    taste: float32[readers, genres]; examination: float64[k].
    """

    def __init__(self, parameters: WorldParameters, seed: int) -> None:
        random = np.random.default_rng([seed, 1])
        titles, readers = parameters.titles, parameters.readers
        self.parameters = parameters
        self.genres = random.integers(0, len(titles.genres), titles.count)
        self.quality = random.normal(0.0, titles.appeal_spread, titles.count)
        early = titles.launched_before
        late = np.arange(titles.count - early) / max(1, titles.count - early) * parameters.run.days
        self.launched_ms = START_MS + np.concatenate([np.zeros(early), np.floor(late * DAY_MS)]).astype(np.int64)
        guess = self.quality + random.normal(0.0, parameters.editors.noise, titles.count)
        self.editor_rank = (np.argsort(np.argsort(-guess)) + 1).astype(np.int32)
        groups = random.choice([-1.0, 0.0, 1.0], (readers.groups, len(titles.genres)))
        self.group_of = random.integers(0, readers.groups, readers.count)
        own = random.normal(0.0, readers.spread, (readers.count, len(titles.genres)))
        self.taste = (groups[self.group_of] + own).astype(np.float32)
        activity = random.gamma(readers.activity_shape, 1.0, readers.count) + 1e-9
        self._activity = np.cumsum(activity / activity.sum())
        self.examination = 1.0 / (1.0 + np.arange(parameters.run.k)) ** parameters.positions.examination
        self._base = np.log(titles.appeal_mean / (1.0 - titles.appeal_mean))
        self.population = self._population()

    def items(self) -> list[Item]:
        """The catalogue, as a service would load it; dense ids follow this order."""
        names = self.parameters.titles.genres
        return [
            Item(
                id=f"t{i:03d}",
                title=f"{_FIRST[i % 12]} {_SECOND[i // 12 % 12]}" + (f" {i // 144 + 1}" if i >= 144 else ""),
                genre=names[self.genres[i]],
                launched_at=int(self.launched_ms[i]) / 1000,
                editor_rank=int(self.editor_rank[i]),
            )
            for i in range(len(self.quality))
        ]

    def visits(self, count: int, random: np.random.Generator) -> Visits:
        """The next readers, drawn by their activity, spread evenly over the run."""
        readers = np.searchsorted(self._activity, random.random(count)).clip(max=len(self._activity) - 1)
        length = self.parameters.run.days * DAY_MS
        return Visits(readers, START_MS + np.arange(count, dtype=np.int64) * length // max(1, count))

    def attraction(self, readers: Array, titles: Array) -> Array:
        """Probability of a click on an examined title: float64, readers and titles broadcast together."""
        taste = self.taste[readers, self.genres[titles]]
        odds = self._base + self.quality[titles] + self.parameters.titles.taste_strength * taste
        return np.asarray(np.minimum(1.0 / (1.0 + np.exp(-odds)), self.parameters.titles.highest))

    def clicks(self, reader: int, titles: Array, random: np.random.Generator) -> Array:
        """bool[m]: which of the titles, first slot first, this reader clicks."""
        probability = self.attraction(np.array(reader), titles) * self.examination[: len(titles)]
        return np.asarray(random.random(len(titles)) < probability)

    def available(self, at_ms: int) -> Array:
        """Dense ids of the titles launched by then: int32, ascending."""
        return np.flatnonzero(self.launched_ms <= at_ms).astype(np.int32)

    def _population(self) -> Array:
        """Mean attraction of each title over visits: float64[titles]."""
        weights = np.diff(self._activity, prepend=0.0)
        random = np.random.default_rng(0)
        sample = np.arange(len(weights))
        if len(weights) > 4_000:
            sample = random.choice(len(weights), 4_000, p=weights / weights.sum())
            weights = np.full(4_000, 1 / 4_000)
        rows = [
            self.attraction(sample[:, None], titles[None, :])
            for titles in np.array_split(np.arange(len(self.quality)), 64)
            if len(titles)
        ]
        return np.asarray(weights @ np.concatenate(rows, axis=1))

    def best_value(self, at_ms: int, values: Array) -> float:
        """Expected clicks of the best possible list when titles are worth `values` (float64[titles])."""
        best = np.sort(values[self.available(at_ms)])[::-1][: len(self.examination)]
        return float(best @ self.examination[: len(best)])

    def cannot_win(self, at_ms: int) -> Array:
        """bool[titles]: mean attraction below `cannot_win_margin` times that of the k-th best title available then."""
        available = self.available(at_ms)
        ordered = np.sort(self.population[available])[::-1]
        bar = ordered[min(len(ordered), len(self.examination)) - 1]
        return np.asarray(self.population < self.parameters.run.cannot_win_margin * bar)
