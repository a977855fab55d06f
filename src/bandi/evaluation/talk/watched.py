"""A policy with somebody looking over its shoulder: what it knew of payments when it chose, and what it believes at the end.

The policy meets nothing but its own outcomes; the truth is asked after the run.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bandi.evaluation.worlds.funnel.lessons import Step
from bandi.evaluation.worlds.funnel.truth import FunnelWorld
from bandi.evaluation.worlds.webtoon import DAY_MS, START_MS
from bandi.model.policy_config import Conditional, PolicyConfig, Retention
from bandi.model.records import Array
from bandi.policies.chain_policy import ChainPolicy
from bandi.policies.protocol import Candidates, Outcomes, Policy, Posterior, Ranked, Request, State, StepPriors

MOST_PAYMENTS = 32
"""So many payments and more are counted together."""
_DEVIATIONS = 2.0 * 1.959964
"""Width of a normal's central 95 % interval in standard deviations."""


@dataclass(frozen=True, slots=True)
class Mechanism:
    """What a policy knew and believes of coins; NaN where it believes nothing of them.

    shown_after: int64[MOST_PAYMENTS + 1], impressions on titles of which the service knew so many payments (from lists) by
    then. correlation: Spearman's, over titles that were shown, of what the policy believes with the truth. blur: of the last
    bandit, mean over impressions of the posterior's standard deviation, as a multiple of the truth's between those titles: at
    1 the belief about a title is as wide as titles differ.
    """

    shown_after: Array
    correlation: float
    blur: float


class WatchedPolicy:
    """A policy whose choices are counted by the payments known of them. taught: later steps that the policy learns."""

    def __init__(self, policy: Policy, steps: tuple[Step, ...], taught: int, titles: int) -> None:
        self.policy = policy
        self._taught, self._coins_step = taught, 1 + steps.index("coins")
        self._payments = np.zeros(titles, np.int64)
        self.shown_after = np.zeros(MOST_PAYMENTS + 1, np.int64)
        self.step_priors: StepPriors | None = None

    def rank(self, request: Request, candidates: Candidates, k: int, seed: int) -> Ranked:
        """The policy's list, counted."""
        ranked = self.policy.rank(request, candidates, k, seed)
        self.step_priors = candidates.step_priors
        np.add.at(self.shown_after, np.minimum(self._payments[ranked.items], MOST_PAYMENTS), 1)
        return ranked

    def update(self, outcomes: Outcomes) -> None:
        """Payments are counted; the policy learns the steps it knows of."""
        if outcomes.steps is None:
            self.policy.update(outcomes)
            return
        paid = outcomes.steps == self._coins_step
        np.add.at(self._payments, outcomes.items[paid], outcomes.rewards[paid].astype(np.int64))
        taught = outcomes.steps <= self._taught
        if taught.any():
            self.policy.update(outcomes if taught.all() else outcomes.only(taught))

    def posterior(self, items: Array, segment: int, now_ms: int) -> Posterior:
        """The policy's."""
        return self.policy.posterior(items, segment, now_ms)

    def most_tried(self, limit: int) -> Array:
        """The policy's."""
        return self.policy.most_tried(limit)

    def merge(self, other: State) -> None:
        """Into the policy."""
        self.policy.merge(other)

    def dump(self) -> State:
        """The policy's."""
        return self.policy.dump()

    def load(self, state: State) -> None:
        """Into the policy."""
        self.policy.load(state)


def steps_to_send(policy: PolicyConfig) -> tuple[tuple[Step, ...], int]:
    """Steps of a run, and how many of them, the first ones, the policy learns; the others are for counting alone."""
    taught: tuple[Step, ...] = tuple(
        "coins" if name == "coins" else "continued" for name in getattr(policy, "then", ())
    )
    return (*taught, *(("coins",) if "coins" not in taught else ())), len(taught)


def objective_of(policy: PolicyConfig) -> Literal["click", "continued", "coins"]:
    """What an impression is rewarded for."""
    match policy.objective:
        case "continued" | "coins" as name:
            return name
        case _:
            return "click"


def mechanism_of(
    watched: WatchedPolicy, config: PolicyConfig, world: FunnelWorld, title_impressions: Array
) -> Mechanism:
    """What the policy believes of the titles that it showed, at the end of the run, beside the truth."""
    items = np.flatnonzero(title_impressions).astype(np.int32)
    last_day = world.parameters.run.days - 1
    now_ms = START_MS + (last_day + 1) * DAY_MS
    coins = world.population_values()[items]
    payers = coins / world.parameters.payment.coins_mean
    believed, blur = np.zeros(0), math.nan
    if isinstance(watched.policy, ChainPolicy):
        chain = watched.policy.chain.believing(watched.step_priors)
        if isinstance(config, Retention):
            believed = chain.factors_of(items, 0, now_ms)
        elif isinstance(config, Conditional):
            counts = (_rows(chain.trials, items), _rows(chain.rewards, items))
            believed, deviation = _beta(*counts, chain.prior_rates)
            blur = _blur(deviation, payers, title_impressions[items])
        else:
            believed = chain.values_of(items, now_ms, 0.0, np.uint64(0))
    elif config.objective == "coins":
        posterior = watched.policy.posterior(items, -1, now_ms)
        attraction = world.population(last_day)[items]
        believed, coins = posterior.mean, coins * attraction
        blur = _blur((posterior.high - posterior.low) / _DEVIATIONS, payers * attraction, title_impressions[items])
    if len(believed) < 3:
        return Mechanism(watched.shown_after, math.nan, math.nan)
    return Mechanism(watched.shown_after, rank_correlation(believed, coins), blur)


def _rows(array: Array, items: Array) -> Array:
    """Rows of titles; zeros for those that nobody started."""
    rows: Array = np.zeros((len(items), *array.shape[1:]))
    known = items < len(array)
    rows[known] = array[items[known]]
    return rows


def _blur(deviation: Array, truth: Array, impressions: Array) -> float:
    """Mean deviation over impressions in standard deviations of the truth; NaN where titles do not differ."""
    spread = float(truth.std())
    return float(np.average(deviation, weights=impressions)) / spread if spread > 0.0 else math.nan


def _beta(trials: Array, rewards: Array, prior_rates: Array) -> tuple[Array, Array]:
    """Mean and standard deviation of the conditional bandit's last step: Beta(rewards + rate, misses + 1 - rate)."""
    a = rewards[:, -1] + prior_rates[-1]
    b = np.maximum(trials[:, -1] - rewards[:, -1], 0.0) + 1.0 - prior_rates[-1]
    return a / (a + b), np.sqrt(a * b / (a + b + 1.0)) / (a + b)


def rank_correlation(one: Array, other: Array) -> float:
    """Spearman's (1904), with mean ranks where values are equal; NaN where one has no differences. float64[n] each."""
    ranks = [_ranks(values) for values in (one, other)]
    if min(float(values.std()) for values in ranks) == 0.0:
        return math.nan
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def _ranks(values: Array) -> Array:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Array = (np.cumsum(counts) - (counts - 1) / 2.0)[place]
    return ranks
