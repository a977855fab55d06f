"""A small world whose click rates change, for policies that forget: regret against the best list of each moment.

Titles' rates are a path, float64[steps, titles], made beforehand from a seed; at each step some readers ask, see a list,
click or do not, and the policy learns. No reader differs from another and no slot from another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bandi.model.records import Array
from bandi.policies.protocol import Candidates, Outcomes, Policy, Request

STEP_MS = 3_600_000
READERS = 10
"""Requests of a step, between two updates."""
SLOTS = 3
_LOOK_EVERY = 25
_STANDARD_PRIOR = (2.0, 18.0)
"""Beta law of the titles' first rates: 0.1 on average."""


@dataclass(frozen=True, slots=True)
class Followed:
    """How a policy fared. regret: clicks lost per 1,000 impressions; error: root mean square of the posterior mean's
    distance from the rate, over the titles of the best list, at every 25th step."""

    regret: float
    error: float


def steady(steps: int, titles: int, random: np.random.Generator) -> Array:
    """Rates that stay."""
    rates = random.beta(*_STANDARD_PRIOR, titles)
    return np.broadcast_to(rates, (steps, titles)).copy()


def drifting(steps: int, titles: int, random: np.random.Generator) -> Array:
    """Log-odds walk at random: a standard deviation of 1.5 over the whole time, pulled to where they began."""
    first = random.beta(*_STANDARD_PRIOR, titles)
    odds = np.log(first / (1 - first))
    path, step, pull = np.empty((steps, titles)), 3.0 / np.sqrt(steps), 2.0 / steps
    here = odds.copy()
    for t in range(steps):
        here += pull * (odds - here) + step * random.standard_normal(titles)
        path[t] = here
    rates: Array = 1 / (1 + np.exp(-path))
    return rates.clip(0.002, 0.6)


def shuffled(steps: int, titles: int, random: np.random.Generator) -> Array:
    """At a third and at two thirds of the time all titles change places."""
    rates, path = random.beta(*_STANDARD_PRIOR, titles), np.empty((steps, titles))
    for part in np.array_split(np.arange(steps), 3):
        path[part] = rates
        rates = random.permutation(rates)
    return path


def fading(steps: int, titles: int, random: np.random.Generator) -> Array:
    """At half the time the three best titles fall to a tenth of their rates."""
    path = steady(steps, titles, random)
    best = np.argsort(-path[0])[:SLOTS]
    path[steps // 2 :, best] *= 0.1
    return path


def rising(steps: int, titles: int, random: np.random.Generator) -> Array:
    """At half the time the three poorest titles become the best: what is not shown cannot be noticed."""
    path = steady(steps, titles, random)
    poorest = np.argsort(path[0])[:SLOTS]
    path[steps // 2 :, poorest] = min(1.5 * path[0].max(), 0.9)
    return path


WORLDS: dict[str, Callable[[int, int, np.random.Generator], Array]] = {
    "steady": steady,
    "drifting": drifting,
    "shuffled": shuffled,
    "fading": fading,
    "rising": rising,
}


def follow(policy: Policy, rates: Array, seed: int) -> Followed:
    """One run over a path of rates. Clicks' randomness depends on the seed alone, not on the policy's lists."""
    steps, titles = rates.shape
    random = np.random.default_rng([seed, 1])
    candidates, weights = Candidates(np.arange(titles, dtype=np.int32)), np.ones(1, np.float32)
    rows = READERS * SLOTS
    zeros, ones = np.zeros(rows, np.int32), np.ones(rows, np.float32)
    lost, squares = 0.0, []
    for t in range(steps):
        request = Request(weights, t * STEP_MS)
        asked = range(t * READERS, (t + 1) * READERS)
        shown = np.concatenate([policy.rank(request, candidates, SLOTS, (seed << 32) + i).items for i in asked])
        coins = random.random((READERS, titles))
        clicks = coins[np.repeat(np.arange(READERS), SLOTS), shown] < rates[t, shown]
        policy.update(Outcomes(shown, zeros, ones, clicks.astype(np.float32), np.full(rows, t * STEP_MS)))
        best = np.argpartition(-rates[t], SLOTS)[:SLOTS].astype(np.int32)
        lost += READERS * rates[t, best].sum() - rates[t, shown].sum()
        if t % _LOOK_EVERY == 0:
            squares.append((policy.posterior(best, 0, t * STEP_MS).mean - rates[t, best]) ** 2)
    return Followed(1_000 * lost / (steps * rows), float(np.sqrt(np.mean(squares))))
