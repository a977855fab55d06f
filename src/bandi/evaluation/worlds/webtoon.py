"""A webtoon service with known truth.

Reader u clicks title i in slot s with probability examination(s) * attraction(u, i) (the position-based model of
Richardson, Dominowska and Ragno 2007), attraction = logistic(base + quality_i + taste_strength * taste_u[genre_i] +
style_strength * style_taste_u . style_i / sqrt(dimensions) + extra). A reader's tastes are those of a group, or of several
groups by shares (`mixing`), and some of their own. Policies see none of it: they are given items, readers' ids and clicks.

Everything drawn after the first version has a generator of its own, so that older worlds stay what they were.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np

from bandi.evaluation.worlds.accounts import accounts
from bandi.evaluation.worlds.parameters import WorldParameters
from bandi.evaluation.worlds.texts import Told, describe
from bandi.model.catalog import Item, User
from bandi.model.records import Array

DAY_MS = 86_400_000
START_MS = 1_750_000_000_000
"""The first day of every world (June 2025): a run must not depend on the day on which it is made."""


@dataclass(frozen=True, slots=True)
class Visits:
    """Readers as they come. readers: int64[n]; times_ms: int64[n], ascending."""

    readers: Array
    times_ms: Array


class World:
    """One draw of the world. All truth is here; the same parameters and seed give the same world.

    genres: int64[titles]; quality: float64[titles], log-odds; launched_ms: int64[titles]; editor_rank: int32[titles];
    taste: float32[readers, genres]; examination: float64[k]; group_of: int64[readers], the group of most weight;
    style: float32[titles, dimensions], traits; style_taste: float32[readers, dimensions].
    """

    def __init__(self, parameters: WorldParameters, seed: int) -> None:
        random = np.random.default_rng([seed, 1])
        titles, readers = parameters.titles, parameters.readers
        self.parameters, self.seed = parameters, seed
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
        self._mix(groups, own)
        self.launched_ms[:early] -= self._ages_ms(early)
        activity = random.gamma(readers.activity_shape, 1.0, readers.count) + 1e-9
        self._activity = np.cumsum(activity / activity.sum())
        self.examination = 1.0 / (1.0 + np.arange(parameters.run.k)) ** parameters.positions.examination
        self._base = np.log(titles.appeal_mean / (1.0 - titles.appeal_mean))
        self.population = self._population()

    def _ages_ms(self, titles: int) -> Array:
        """How long before the first day the back catalogue was launched: int64[titles]."""
        days = np.random.default_rng([self.seed, 9]).random(titles) * self.parameters.titles.back_catalogue_days
        return np.asarray((days * DAY_MS).astype(np.int64))

    def _mix(self, groups: Array, own: Array) -> None:
        """Shares in several groups where `mixing` asks for them, and tastes for titles' traits."""
        titles, readers = self.parameters.titles, self.parameters.readers
        random = np.random.default_rng([self.seed, 5])
        shares = np.eye(readers.groups)[self.group_of] if titles.style_dimensions or readers.mixing else None
        if readers.mixing:
            shares = random.dirichlet(np.full(readers.groups, readers.mixing), readers.count)
            self.group_of = shares.argmax(axis=1)
            self.taste = (shares @ groups + own).astype(np.float32)
        self.style = random.normal(0.0, 1.0, (titles.count, titles.style_dimensions)).astype(np.float32)
        self.style_taste = np.zeros((0, 0), np.float32)
        if titles.style_dimensions and shares is not None:
            centres = random.normal(0.0, 1.0, (readers.groups, titles.style_dimensions))
            apart = random.normal(0.0, readers.style_spread, (readers.count, titles.style_dimensions))
            self.style_taste = (shares @ centres + apart).astype(np.float32)

    def items(self) -> list[Item]:
        """The catalogue, as a service would load it; dense ids follow this order."""
        titles = self.parameters.titles
        told = Told(titles.genres, self.genres, self.style, titles.korean, titles.stray_words, titles.adults_only)
        return [
            msgspec.structs.replace(item, launched_at=int(launched) / 1000, editor_rank=int(rank))
            for item, launched, rank in zip(
                describe(told, np.random.default_rng([self.seed, 6])), self.launched_ms, self.editor_rank, strict=True
            )
        ]

    def users(self) -> list[User]:
        """The readers, as a service would load them; reader u has the id `r<u>`."""
        return accounts(self.group_of, self.parameters.readers, np.random.default_rng([self.seed, 7]))

    def visits(self, count: int, random: np.random.Generator) -> Visits:
        """The next readers, drawn by their activity, spread evenly over the run."""
        readers = np.searchsorted(self._activity, random.random(count)).clip(max=len(self._activity) - 1)
        length = self.parameters.run.days * DAY_MS
        return Visits(readers, START_MS + np.arange(count, dtype=np.int64) * length // max(1, count))

    def attraction(self, readers: Array, titles: Array, extra: Array | float = 0.0) -> Array:
        """Probability of a click on an examined title: float64, readers and titles broadcast together; extra: log-odds."""
        taste = self.taste[readers, self.genres[titles]]
        odds = self._base + self.quality[titles] + self.parameters.titles.taste_strength * taste + extra
        if len(self.style_taste):
            style = np.einsum("...d,...d->...", self.style_taste[readers], self.style[titles])
            odds = odds + self.parameters.titles.style_strength / np.sqrt(self.style.shape[1]) * style
        return np.asarray(np.minimum(1.0 / (1.0 + np.exp(-odds)), self.parameters.titles.highest))

    def likeness(self, titles: Array, others: Array) -> Array:
        """How alike titles are, -1 to 1: float64, broadcast. Half is the genre (1 or 0), half the traits' mean product."""
        same = 1.0 * (self.genres[titles] == self.genres[others])
        if not self.style.shape[1]:
            return np.asarray(same)
        product = np.einsum("...d,...d->...", self.style[titles], self.style[others]) / self.style.shape[1]
        return np.asarray(0.5 * same + 0.5 * np.clip(product, -1.0, 1.0))

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
