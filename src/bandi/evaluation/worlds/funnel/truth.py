"""The funnel world's truth: one draw of titles, readers, sessions and organic starts. Policies are never given it.

A title's hook, stickiness and willingness to pay are drawn independently; of each a stated share of the variance is told by
its genre, author and tags, the rest is its own. A reader's taste is that of several groups by Dirichlet shares, and some of
their own. What a reader would do with a title is fixed by (seed, reader, title), a click's luck by (seed, visit, title):
whatever policy leads reader u to title i, u reads and pays there alike (but for having paid before), so policies are
compared on common random numbers.
"""

from __future__ import annotations

import math

import numpy as np

from bandi.evaluation.worlds.funnel._behaviour import Clicking, Paying, Titles
from bandi.evaluation.worlds.funnel._population import mean_attraction, mean_value
from bandi.evaluation.worlds.funnel.catalogue import draw_catalogue, visible_scores
from bandi.evaluation.worlds.funnel.parameters import FunnelParameters
from bandi.evaluation.worlds.funnel.timetable import Timetable, draw_organic, draw_sessions
from bandi.evaluation.worlds.webtoon import DAY_MS, START_MS
from bandi.model.records import Array

_SAMPLE = 1_000
"""Readers, drawn by their activity, over whom means of the population are taken."""


class FunnelWorld:
    """One draw; the same parameters and seed give the same world. Nothing here changes after it was made, but for two caches.

    catalogue: what is visible of titles; titles: the truth about them; hooks: float32[days, titles], log-odds of a click
    beyond the mean, by day; power: float64[readers], purchasing power; editor_ranks: int32[titles],
    1 the best; examination: float64[slots].
    """

    def __init__(self, parameters: FunnelParameters, seed: int) -> None:
        self.parameters, self.seed = parameters, seed
        self.catalogue = draw_catalogue(parameters, seed)
        self.titles, self.hooks = self._draw_titles()
        self.editor_ranks = self._editor_ranks()
        activity = self._random(11).gamma(parameters.readers.activity_shape, 1.0, parameters.readers.count) + 1e-9
        self._activity = np.cumsum(activity / activity.sum())
        self.power = self._draw_power()
        self._shares, self._own, self._centres = self._draw_tastes()
        self._taste, self._taste_day = np.zeros((0, 0), np.float32), -1
        sessions, self.clicking, self.paying = parameters.sessions, _clicking(parameters), _paying(parameters)
        self.examination = 1.0 / (1.0 + np.arange(sessions.slots)) ** sessions.examination
        self.sessions = draw_sessions(parameters, self._activity, self._random(12))
        self._populations: dict[int, Array] = {}
        self._population_values: Array | None = None
        self._organic: Timetable | None = None
        draw = self._random(13).random(min(_SAMPLE, parameters.readers.count))
        self._sample = self._readers_at(draw)

    @property
    def organic(self) -> Timetable:
        """What readers look up without a list: by popularity and taste among the titles on sale."""
        if self._organic is None:
            self._organic = draw_organic(self, self._activity, self._random(14))
        return self._organic

    @property
    def activity(self) -> Array:
        """Each reader's share of all that readers do: float64[readers], sums to 1."""
        return np.diff(self._activity, prepend=0.0)

    def tastes(self, day: int) -> Array:
        """float32[readers, genres] on that day."""
        if self._taste_day != day and (self._taste_day < 0 or len(self._centres) > 1):
            centres = self._centres[min(day, len(self._centres) - 1)]
            self._taste = (self._shares @ centres + self._own).astype(np.float32)
            self._taste_day = day
        return self._taste

    def available(self, at_ms: int) -> Array:
        """Dense ids of the titles launched by then: int32, ascending."""
        return np.flatnonzero(self.catalogue.launched_ms <= at_ms).astype(np.int32)

    def population(self, day: int) -> Array:
        """Mean attraction of each title to those who come, unseen and unread: float64[titles]. O(titles * 1,000) a day."""
        if day not in self._populations:
            found = np.zeros(len(self.titles.genres))
            taste = self.tastes(day)[self._sample]
            mean_attraction(self.hooks[day], taste, self.titles, self.clicking, found)
            self._populations[day] = found
        return self._populations[day]

    def population_values(self) -> Array:
        """Mean coins expected of a start by those who come and have never paid: float64[titles]."""
        if self._population_values is None:
            self._population_values = np.zeros(len(self.titles.genres))
            mean_value(self.power[self._sample], self.titles, self.paying, self._population_values)
        return self._population_values

    def cannot_win(self, day: int) -> Array:
        """bool[titles]: mean attraction below `cannot_win_margin` times that of the k-th best on sale that day."""
        mean = self.population(day)
        on_sale = np.sort(mean[self.available(START_MS + day * DAY_MS)])[::-1]
        bar = on_sale[min(len(on_sale), len(self.examination)) - 1]
        return np.asarray(mean < self.parameters.run.cannot_win_margin * bar)

    def _random(self, purpose: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, purpose])

    def _readers_at(self, uniform: Array) -> Array:
        return np.searchsorted(self._activity, uniform).clip(max=len(self._activity) - 1).astype(np.int32)

    def _draw_titles(self) -> tuple[Titles, Array]:
        wanted, catalogue = self.parameters, self.catalogue
        n, days = wanted.titles.count, wanted.run.days
        random = self._random(2)
        visible = visible_scores(catalogue, 3, random)
        shares = np.array([wanted.hook.visible, wanted.stickiness.visible, wanted.payment.visible])
        scores = np.sqrt(shares)[:, None] * visible + np.sqrt(1.0 - shares)[:, None] * random.normal(size=(3, n))
        stays = 1.0 / (1.0 + np.exp(-_logit(wanted.stickiness.mean) - wanted.stickiness.spread * scores[1]))
        spread = wanted.payment.willingness_spread
        willingness = np.exp(spread * scores[2] - spread * spread / 2.0)
        least, most = wanted.payment.free_episodes_least, wanted.payment.free_episodes_most
        free = random.integers(least, most + 1, n).astype(np.int32)
        age = np.arange(days)[:, None] - (catalogue.launched_ms[None, :] - START_MS) / DAY_MS
        faded = 1.0 - 2.0 ** (-np.maximum(age, 0.0) / wanted.hook.fade_half_life_days)
        walk = np.cumsum(self._random(3).normal(0.0, wanted.drift.hook_per_day, (days, n)), axis=0)
        hooks = wanted.hook.spread * scores[0] - wanted.hook.fade * faded + walk
        return Titles(catalogue.genres, stays, free, willingness), hooks.astype(np.float32)

    def _editor_ranks(self) -> Array:
        """By a noisy guess of each title's hook when it is new, or on the first day: int32[titles], 1 the best."""
        launch_days = np.maximum(self.catalogue.launched_ms - START_MS, 0) // DAY_MS
        hooks = self.hooks[launch_days, np.arange(len(launch_days))]
        guess = hooks + self._random(4).normal(0.0, self.parameters.editors.noise, len(hooks))
        return (np.argsort(np.argsort(-guess)) + 1).astype(np.int32)

    def _draw_power(self) -> Array:
        """Of each reader: float64[readers], 0 for those who never pay, mean 1 over the others."""
        payment, random = self.parameters.payment, self._random(15)
        spread, count = payment.power_spread, self.parameters.readers.count
        power = np.exp(random.normal(0.0, spread, count) - spread * spread / 2.0)
        return np.asarray(np.where(random.random(count) < payment.never_pays, 0.0, power))

    def _draw_tastes(self) -> tuple[Array, Array, Array]:
        """Shares in groups float64[readers, groups], own tastes float64[readers, genres], centres float64[days, groups, genres]."""
        readers, genres, random = self.parameters.readers, self.parameters.titles.genres, self._random(16)
        step = self.parameters.drift.taste_per_day
        days = self.parameters.run.days if step else 1
        centres = random.normal(0.0, 1.0, (readers.groups, genres))
        walk = random.normal(0.0, step, (days, readers.groups, genres)).cumsum(axis=0) if step else 0.0
        shares = random.dirichlet(np.full(readers.groups, readers.mixing), readers.count)
        own = random.normal(0.0, readers.taste_spread, (readers.count, genres))
        return shares, own, np.asarray(centres + walk).reshape(days, readers.groups, genres)


def _logit(share: float) -> float:
    return math.log(share / (1.0 - share))


def _clicking(parameters: FunnelParameters) -> Clicking:
    hook, fatigue = parameters.hook, parameters.fatigue
    return Clicking(_logit(hook.mean), hook.taste_strength, hook.highest, fatigue.per_showing, fatigue.half_life_days)


def _paying(parameters: FunnelParameters) -> Paying:
    payment, stickiness = parameters.payment, parameters.stickiness
    return Paying(
        chance=payment.chance,
        highest=payment.highest,
        after_first=payment.after_first,
        hesitation=payment.hesitation_days,
        coins_mean=payment.coins_mean,
        coins_log=math.log(payment.coins_mean) - payment.coins_spread**2 / 2.0,
        coins_spread=payment.coins_spread,
        further_chance=payment.further_chance,
        further_days=payment.further_days,
        pace_log=math.log(stickiness.days_per_episode) - stickiness.pace_spread**2 / 2.0,
        pace_spread=stickiness.pace_spread,
    )
