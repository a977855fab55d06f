"""What follows a start, for each title: how many read on, how many pay, how much; with delay, rarity and readers in view.

A start (a reader's first click on a title) leads through one or two later steps to coins: `continued`, then `coins`, or
`coins` alone. For each step s and title i:

    rewards R_is ~ Poisson(rate_s * w_is * E_is),   w_is ~ Gamma(shape_s, shape_s),
    E_is = sum over trials of reader factor * F_s(age)

so the posterior of the title's factor is Gamma(shape_s + R_is, shape_s + rate_s * E_is): a title without history is
average, one with a long history is itself (empirical Bayes; Robbins 1956; Morris 1983; the Gamma-Poisson form of
DuMouchel 1999). Where content predicts a title's factor (`believing`; learning/step_priors.py) the prior is Gamma(a, a
/ m) with that title's own mean m and shape a, and the posterior Gamma(a + R_is, a / m + rate_s * E_is). The trials of
the second step are the rewards of the first: early reading tells of coins before coins come (a surrogate; Athey,
Chetty, Imbens and Kang 2019). F_s is the delay curve (Chapelle 2014: an unmatured trial is part of a trial), kept on
fixed time constants, so that E_is costs a few numbers a title (see _chain_kernels.py). Readers have factors of the same
form, from what they have paid and were expected to pay. rate_s, shape_s and F_s are learned from all titles together,
again each time a tenth more rewards have come.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bandi.model.records import Array
from bandi.policies import _chain_kernels as kernel
from bandi.policies._earning_kernels import title_factors, value_titles
from bandi.policies.protocol import Outcomes, State, StepPriors

_FIRST = 64


@dataclass(frozen=True, slots=True)
class StepPrior:
    """What is believed of a step before its first reward. rate: rewards per trial, above 0; delay_ms: mean, 0: no delay.

    most_spread: largest variance of titles' factors; 0: titles are alike in this step.
    """

    rate: float
    delay_ms: float
    most_spread: float = 5.0


CONTINUED = StepPrior(0.4, 1.5 * 86_400_000)
PAID = StepPrior(0.01, 4.5 * 86_400_000)


class ChainStatistics:
    """Counts of one or two steps after a start. 64 bytes a title and step, 16 a title, 8 bytes a reader.

    trials, rewards: float64[titles, steps]; immature: float64[titles, steps, 6]; landmarks: float64[6]; values:
    float64[titles], coins; readers: float32[readers, 2], payments expected and made; shared: float64[steps, 5];
    weights: float64[steps, 6], the delay curves; reader_shares: float64[21], the part of the reading that readers of each of
    `FACTORS` do; worths: float64[titles], coins expected of a start when all were learned from together, for `known_worths`.
    """

    def __init__(self, priors: Sequence[StepPrior] = (CONTINUED, PAID), most_reader_spread: float = 20.0) -> None:
        """most_reader_spread: largest variance of readers' factors; 0: readers are alike."""
        steps = len(priors)
        self.steps = steps
        self.prior_rates = np.array([prior.rate for prior in priors])
        self.prior_ms = np.array([prior.delay_ms for prior in priors], np.float64)
        self.trials, self.rewards = np.zeros((0, steps)), np.zeros((0, steps))
        self.immature = np.zeros((0, steps, len(kernel.TAUS_MS)))
        self.landmarks = np.full(len(kernel.TAUS_MS), kernel.NO_TIME)
        self.values, self.worths = np.zeros(0), np.zeros(0)
        self.readers = np.zeros((0, 2), np.float32)
        self.items, self._users = 0, 0
        self.ring = np.zeros((steps, kernel.RING, 2), np.int64)
        self.weights = np.array([_curve(prior.delay_ms) for prior in priors])
        self.shared = np.array(
            [[prior.rate, _shape(prior.most_spread), 5.0, 0.0, prior.most_spread] for prior in priors]
        )
        usual = float(np.prod(self.prior_rates))
        self.globals_ = np.array([_shape(most_reader_spread), 1.0, 0.0, most_reader_spread, 0.0, 0.0, usual])
        self.reader_shares = np.zeros(len(kernel.FACTORS))
        self._share_readers()
        self._believed = StepPriors(np.zeros((steps, 0), np.float32), np.zeros((steps, 0), np.float32))

    def believing(self, priors: StepPriors | None) -> ChainStatistics:
        """The same statistics, read by what content predicts of titles; None: these themselves. Not to be updated. O(1).

        Predictions are no part of the statistics: they come with each request, as priors of clicks do, so that the same
        history gives the same state whatever was predicted meanwhile. Raises ValueError where they are of other steps.
        """
        if priors is None:
            return self
        if len(priors.means) != self.steps:
            raise ValueError(f"step_priors: expected {self.steps} steps, found {len(priors.means)}")
        view = copy.copy(self)
        view._believed = priors
        return view

    def update(self, outcomes: Outcomes) -> None:
        """Add rows of later steps, in their order. O(rows); every tenth more rewards O(titles + readers) once.

        Raises ValueError for rows of the first step.
        """
        rows = len(outcomes.items)
        if not rows:
            return
        if outcomes.steps is None:
            raise ValueError("steps: expected int32[n], found none: impressions are not the chain's")
        users = outcomes.users if outcomes.users is not None else np.full(rows, -1, np.int32)
        values = outcomes.values if outcomes.values is not None else np.zeros(rows)
        delays = outcomes.delays_ms if outcomes.delays_ms is not None else np.zeros(rows, np.int64)
        before = self.items
        self._grow(int(outcomes.items.max()) + 1, int(users.max()) + 1)
        kernel.add_rows(
            outcomes.steps, outcomes.items, outcomes.trials, outcomes.rewards, outcomes.occurred_ms,
            np.asarray(values, np.float64), users, delays, self.trials, self.rewards, self.immature, self.landmarks,
            self.values, self.readers, self.ring, self.weights, self.prior_rates, self.prior_ms, self.shared,
            self.globals_, self.reader_shares, self.worths, before,
        )  # fmt: skip

    def values_of(self, items: Array, now_ms: int, explore: float, seed: np.uint64) -> Array:
        """Coins that a start of each title is expected to bring, to an average reader: float64[n].

        explore: 0, posterior means; 1, draws from the posterior (by `seed`); between, a draw's distance from the mean counts
        by it. O(n).
        """
        values = np.empty(len(items))
        value_titles(
            items, self.trials, self.rewards, self.immature, self.landmarks, self.values, self.weights, self.shared,
            self.globals_, min(self.items, len(self.trials)), *self._believed, float(now_ms), explore, seed, values,
        )  # fmt: skip
        return values

    def known_worths(self) -> tuple[Array, float]:
        """Coins that a start of each title was expected to bring at the last refit, and of titles beyond: (float64[m], coins)."""
        return self.worths[: int(self.globals_[kernel.WEIGHED])], float(self.globals_[kernel.USUAL_WORTH])

    def factors_of(self, items: Array, step: int, now_ms: int) -> Array:
        """How much more than average each title does in a step (0: the first after the start): float64[n], means. O(n)."""
        factors = np.empty(len(items))
        title_factors(
            items, self.trials, self.rewards, self.immature, self.landmarks, self.weights, self.shared, self.globals_,
            min(self.items, len(self.trials)), *self._believed, step, float(now_ms), factors,
        )  # fmt: skip
        return factors

    def payments_of(self, items: Array, now_ms: int) -> Array:
        """Rewards of the last step that a start of each title is expected to bring in the end: float64[n], means. O(n)."""
        expected = np.ones(len(items))
        for step in range(self.steps):
            expected *= self.shared[step, kernel.RATE] * self.factors_of(items, step, now_ms)
        return expected

    def factor_of(self, user: int) -> float:
        """How much likelier than average one reader pays, posterior mean; -1: 1."""
        return float(kernel.reader_factor(self.readers, user, self.globals_[kernel.READER_SHAPE]))

    def reader_factors(self, users: Array) -> Array:
        """How much likelier than average each reader pays: float64[n], posterior means; users: int[n], -1: 1. O(n)."""
        shape = self.globals_[kernel.READER_SHAPE]
        known = (users >= 0) & (users < self._users)
        expected, made = self.readers[users[known]].T.clip(min=0.0)
        factors = np.ones(len(users))
        factors[known] = (shape + made) / (shape + expected)
        return factors

    def delay_curve(self, step: int, ages_ms: Array) -> Array:
        """F of a step (0: the first after the start) at ages: float64[n]; all 1 where delays are ignored."""
        weights = self.weights[step]
        if not weights.any():
            return np.ones(len(ages_ms))
        curve: Array = -np.expm1(-np.asarray(ages_ms, np.float64)[:, None] / kernel.TAUS_MS) @ weights
        return curve

    def exposure_of(self, items: Array, step: int, now_ms: int) -> Array:
        """Mature trials that those of each title are worth in a step: float64[n], at least 0. O(n)."""
        shares = np.empty((self.steps, len(kernel.TAUS_MS)))
        kernel.open_shares(self.weights, self.landmarks, max(float(now_ms), self.globals_[kernel.CLOCK_MS]), shares)
        known, found = items < self.items, np.zeros(len(items))
        own = items[known]
        found[known] = np.maximum(self.trials[own, step] - self.immature[own, step] @ shares[step], 0.0)
        return found

    def rewards_of(self, items: Array, step: int) -> Array:
        """Rewards of each title in a step that were seen: float64[n]. O(n)."""
        found = np.zeros(len(items))
        known = items < self.items
        found[known] = self.rewards[items[known], step]
        return found

    def payers_of(self, items: Array) -> Array:
        """Rewards of the last step that were seen: float64[n]. O(n)."""
        return self.rewards_of(items, -1)

    def dump(self) -> State:
        """Copy of everything."""
        return {
            "trials": self.trials[: self.items].copy(),
            "rewards": self.rewards[: self.items].copy(),
            "immature": self.immature[: self.items].copy(),
            "landmarks_ms": self.landmarks.copy(),
            "values": self.values[: self.items].copy(),
            "readers": self.readers[: self._users].copy(),
            "ring": self.ring.copy(),
            "delays": self.weights.copy(),
            "shared": self.shared.copy(),
            "globals": self.globals_.copy(),
            "reader_shares": self.reader_shares.copy(),
            "worths": self.worths[: self.items].copy(),
        }

    def load(self, state: State) -> None:
        """Replace by what `dump` gave. Raises ValueError where it does not fit."""
        trials = np.asarray(state["trials"])
        if trials.ndim != 2 or trials.shape[1] != self.steps:
            raise ValueError(f"trials: expected float64[titles, {self.steps}], found {list(trials.shape)}")
        for name, mine in (
            ("ring", self.ring),
            ("delays", self.weights),
            ("shared", self.shared),
            ("globals", self.globals_),
            ("landmarks_ms", self.landmarks),
            ("reader_shares", self.reader_shares),
        ):
            if np.asarray(state[name]).shape != mine.shape:
                raise ValueError(f"{name}: expected {list(mine.shape)}, found {list(np.asarray(state[name]).shape)}")
        rows = {"rewards": trials.shape, "immature": (*trials.shape, len(kernel.TAUS_MS))}
        rows |= {"values": trials.shape[:1], "worths": trials.shape[:1]}
        for name, shape in rows.items():
            if np.asarray(state[name]).shape != shape:
                raise ValueError(f"{name}: expected {list(shape)}, found {list(np.asarray(state[name]).shape)}")
        self.trials, self.rewards = np.array(trials, np.float64), np.array(state["rewards"], np.float64)
        self.immature, self.landmarks = (
            np.array(state["immature"], np.float64),
            np.array(state["landmarks_ms"], np.float64),
        )
        self.values, self.readers = np.array(state["values"], np.float64), np.array(state["readers"], np.float32)
        self.ring, self.weights = np.array(state["ring"], np.int64), np.array(state["delays"], np.float64)
        self.shared, self.globals_ = np.array(state["shared"], np.float64), np.array(state["globals"], np.float64)
        self.reader_shares = np.array(state["reader_shares"], np.float64)
        self.worths = np.array(state["worths"], np.float64)
        self.items, self._users = len(trials), len(self.readers)

    def merge(self, other: State) -> None:
        """Add the statistics of another shard; what titles share is learned anew. Raises ValueError where they do not fit."""
        shard = ChainStatistics([StepPrior(float(rate), 1.0) for rate in self.prior_rates])
        shard.load(other)
        self._grow(shard.items, shard._users)
        kernel.add_shard(
            shard.trials, shard.rewards, shard.immature, shard.landmarks, shard.values, shard.readers, shard.ring,
            shard.shared, shard.globals_, self.trials, self.rewards, self.immature, self.landmarks, self.values,
            self.readers, self.ring, self.shared, self.globals_,
        )  # fmt: skip
        for step in range(self.steps):
            kernel.refit(
                self.trials, self.rewards, self.immature, self.landmarks, self.values, self.readers, self.ring, self.weights,
                self.prior_rates, self.prior_ms, self.shared, self.globals_, self.reader_shares, self.worths, self.items, step,
            )  # fmt: skip

    def _share_readers(self) -> None:
        kernel.share_readers(self.readers[: self._users], self.globals_[kernel.READER_SHAPE], self.reader_shares)

    def _grow(self, items: int, users: int) -> None:
        if items > len(self.trials):
            more = max(items, len(self.trials) * 3 // 2, _FIRST)
            self.trials, self.rewards = _grown(self.trials, more), _grown(self.rewards, more)
            self.immature, self.values = _grown(self.immature, more), _grown(self.values, more)
            self.worths = _grown(self.worths, more)
        if users > len(self.readers):
            self.readers = _grown(self.readers, max(users, len(self.readers) * 3 // 2, _FIRST))
        self.items, self._users = max(self.items, items), max(self._users, users)


def _shape(most_spread: float) -> float:
    """The first guess: a variance of 1, or as much as there may be."""
    return 1.0 / max(min(1.0, most_spread), kernel.ALIKE)


def _grown(array: Array, rows: int) -> Array:
    grown = np.zeros((rows, *array.shape[1:]), array.dtype)
    grown[: len(array)] = array
    return grown


def _curve(mean_ms: float) -> Array:
    """Weights on the time constants with that mean: the two constants around it, so that the mean is right."""
    taus, weights = kernel.TAUS_MS, np.zeros(len(kernel.TAUS_MS))
    if mean_ms <= 0:
        return weights
    mean = float(np.clip(mean_ms, taus[0], taus[-1]))
    above = max(1, int(np.searchsorted(taus, mean)))
    share = (mean - taus[above - 1]) / (taus[above] - taus[above - 1])
    weights[above - 1], weights[above] = 1.0 - share, share
    return weights
