"""One list that gives up a stated share of its clicks for coins: values drawn for the pool, then the trade."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from bandi.model.records import Array
from bandi.policies._chain_kernels import (
    CLOCK_MS,
    COINS_EACH,
    RATE,
    SHAPE,
    TAUS_MS,
    counted_coins,
    exposure,
    open_shares,
)
from bandi.policies._random import beta_draw, log_gamma_draw, stream

_STEPS = 12
"""Halvings of the trade-off: 1 / 4,096 of its range."""
_COINS_WORTH = 10.0
"""Payers that the mean of all titles is worth in a title's coins per payer."""


@njit(cache=True, nogil=True)
def _factor_prior(shared: Array, prior_means: Array, prior_shapes: Array, item: int, step: int) -> tuple[float, float]:
    """Gamma(shape, rate) of a title's factor before its own starts: what content predicts, else mean 1 and the common shape."""
    if item < prior_means.shape[1]:
        shape = float(prior_shapes[step, item])
        return shape, shape / float(prior_means[step, item])
    return shared[step, SHAPE], shared[step, SHAPE]


@njit(cache=True, nogil=True)
def value_titles(
    items: Array, trials: Array, rewards: Array, immature: Array, landmarks: Array, values: Array, weights: Array,
    shared: Array, globals_: Array, used: int, prior_means: Array, prior_shapes: Array, now_ms: float, explore: float,
    seed: np.uint64, out: Array,
) -> None:  # fmt: skip
    """Coins that a start of each title is expected to bring, to a reader of factor 1: float64[n], written to `out`.

    explore: 0, posterior means; 1, draws from the posterior; between, a draw's excess over the mean counts by it.
    prior_means, prior_shapes: float32[steps, known], as in protocol.StepPriors.
    """
    steps = trials.shape[1]
    shares = np.empty((steps, len(TAUS_MS)))
    open_shares(weights, landmarks, max(now_ms, globals_[CLOCK_MS]), shares)
    for i in range(len(items)):
        item, value, state = items[i], 1.0, stream(seed, i)
        for step in range(steps):
            rate = shared[step, RATE]
            shape, worth = _factor_prior(shared, prior_means, prior_shapes, item, step)
            count, exposed = 0.0, 0.0
            if item < used:
                count = max(rewards[item, step], 0.0)
                exposed = rate * exposure(trials, immature, shares, item, step)
            factor = (shape + count) / (worth + exposed)
            if explore > 0.0 and step == steps - 1:  # the steps before are soon known
                state, logarithm = log_gamma_draw(shape + count, state)
                factor += explore * (math.exp(logarithm) / (worth + exposed) - factor)
            value *= rate * factor
        payers = max(rewards[item, steps - 1], 0.0) if item < used else 0.0
        coins = counted_coins(values[item], payers, shared, globals_) if item < used else 0.0
        out[i] = value * (coins + _COINS_WORTH * globals_[COINS_EACH]) / (payers + _COINS_WORTH)


@njit(cache=True, nogil=True)
def _best(keys: Array, k: int, order: Array) -> None:
    """The k places of the highest keys, highest first; equal keys by place."""
    filled = 0
    for i in range(len(keys)):
        if filled < k:
            at, filled = filled, filled + 1
        elif keys[i] > keys[order[k - 1]]:
            at = k - 1
        else:
            continue
        while at > 0 and keys[order[at - 1]] < keys[i]:
            order[at] = order[at - 1]
            at -= 1
        order[at] = i


@njit(cache=True, nogil=True)
def _clicks(order: Array, means: Array, examination: Array) -> float:
    total = 0.0
    for slot in range(len(order)):
        total += means[order[slot]] * examination[slot]
    return total


@njit(cache=True, nogil=True)
def trade(
    draws: Array, means: Array, values: Array, examination: Array, give_up: float, keys: Array, order: Array
) -> float:
    """The list that earns most among those that give up at most `give_up` of the expected clicks; returns the trade-off x.

    Keys are draws * ((1 - x) + x * value / mean value): the Lagrangian of coins under a constraint on clicks, whose lists
    run from the most clicks (x = 0) to the most coins (x = 1). draws, means, values, keys: float64[n]; order: int32[k],
    written. O(n + k) for each of a dozen halvings.
    """
    k = len(order)
    mean_value = 0.0
    for i in range(len(draws)):
        mean_value += values[i]
    mean_value = max(mean_value / max(len(draws), 1), 1e-300)
    keys[:] = draws
    _best(keys, k, order)
    least = (1.0 - give_up) * _clicks(order, means, examination)
    low, high = 0.0, 1.0
    for step in range(_STEPS + 1):
        x = 1.0 if step == 0 else 0.5 * (low + high)
        for i in range(len(draws)):
            keys[i] = draws[i] * ((1.0 - x) + x * values[i] / mean_value)
        _best(keys, k, order)
        if _clicks(order, means, examination) >= least:
            low = x
            if step == 0:
                return x
        else:
            high = x
    for i in range(len(draws)):
        keys[i] = draws[i] * ((1.0 - low) + low * values[i] / mean_value)
    _best(keys, k, order)
    return low


@njit(cache=True, nogil=True)
def best_products(draws: Array, keys: Array, order: Array) -> None:
    """The places of the highest draws * keys, highest first: int32[k], written to `order`; keys become the products."""
    for i in range(len(draws)):
        keys[i] *= draws[i]
    _best(keys, len(order), order)


@njit(cache=True, nogil=True)
def draw_steps(
    items: Array, trials: Array, rewards: Array, prior_rates: Array, used: int, seed: np.uint64, keys: Array
) -> None:
    """Products of one Beta draw for each step, of priors worth one trial: float64[n], written to `keys`."""
    for i in range(len(items)):
        item, state, product = items[i], stream(seed, i), 1.0
        for step in range(trials.shape[1]):
            successes, failures = 0.0, 0.0
            if item < used:
                successes = max(rewards[item, step], 0.0)
                failures = max(trials[item, step] - successes, 0.0)
            rate = prior_rates[step]
            state, value = beta_draw(successes + rate, failures + 1.0 - rate, state)
            product *= value
        keys[i] = product


@njit(cache=True, nogil=True)
def title_factors(
    items: Array, trials: Array, rewards: Array, immature: Array, landmarks: Array, weights: Array, shared: Array,
    globals_: Array, used: int, prior_means: Array, prior_shapes: Array, step: int, now_ms: float, out: Array,
) -> None:  # fmt: skip
    """Posterior means of titles' factors in one step: float64[n], 1 is average, written to `out`. Priors as in `value_titles`."""
    shares = np.empty((trials.shape[1], len(TAUS_MS)))
    open_shares(weights, landmarks, max(now_ms, globals_[CLOCK_MS]), shares)
    for i in range(len(items)):
        count, exposed = 0.0, 0.0
        if items[i] < used:
            count = max(rewards[items[i], step], 0.0)
            exposed = exposure(trials, immature, shares, items[i], step)
        shape, worth = _factor_prior(shared, prior_means, prior_shapes, items[i], step)
        out[i] = (shape + count) / (worth + shared[step, RATE] * exposed)
