"""Lists that give up a stated share of clicks for coins: values drawn for the pool, then the trade at one rate for all readers."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from bandi.model.records import Array
from bandi.policies._chain_kernels import (
    CLOCK_MS,
    COINS_EACH,
    COINS_WORTH,
    FACTORS,
    RATE,
    SHAPE,
    TAUS_MS,
    counted_coins,
    exposure,
    open_shares,
)
from bandi.policies._random import beta_draw, log_gamma_draw, stream

RATES = 2.0 ** np.arange(-7.0, 7.5, 0.5)
"""Rates at which lists are tried: what mean coins of a start are worth, in clicks."""
_STEPS = 20


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
        out[i] = value * (coins + COINS_WORTH * globals_[COINS_EACH]) / (payers + COINS_WORTH)


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
def _list_at(rate: float, draws: Array, values: Array, keys: Array, order: Array) -> None:
    """The list at a rate: keys are draws * (1 + rate * value / mean value), brought to at most a few times the draws."""
    mean = 0.0
    for i in range(len(values)):
        mean += values[i]
    mean = max(mean / max(len(values), 1), 1e-300)
    kept = 0.0 if math.isinf(rate) else 1.0 / (1.0 + rate)
    for i in range(len(draws)):
        keys[i] = draws[i] * (kept + (1.0 - kept) * values[i] / mean)
    _best(keys, len(order), order)


@njit(cache=True, nogil=True)
def losses(
    draws: Array, means: Array, values: Array, examination: Array, keys: Array, order: Array, lost: Array
) -> None:
    """Share of the expected clicks that the list at each of `RATES`, and last at coins alone, loses: float64[30], to `lost`.

    What is lost for nothing by a draw's luck is not counted: at least 0, and ascending. O(n + k) for each rate.
    """
    _list_at(0.0, draws, values, keys, order)
    most = max(_clicks(order, means, examination), 1e-300)
    worst = 0.0
    for point in range(len(lost)):
        _list_at(RATES[point] if point < len(RATES) else np.inf, draws, values, keys, order)
        worst = max(worst, 1.0 - _clicks(order, means, examination) / most)
        lost[point] = worst


@njit(cache=True, nogil=True)
def _lost_by_all(log_rate: float, lost: Array, shares: Array) -> float:
    """Share of all clicks lost where a reader of factor f trades at 2**log_rate * f; lines between the rates tried."""
    total, last = 0.0, len(RATES) - 1
    for reader in range(len(shares)):
        if shares[reader] <= 0.0:
            continue
        place = 2.0 * (log_rate + math.log2(FACTORS[reader]) + 7.0)
        if place <= 0.0:
            loss = lost[0] * 2.0 ** min(place, 0.0)  # near its optimum a list loses with the square of the rate
        elif place >= last:
            loss = lost[last] + (lost[last + 1] - lost[last]) * min((place - last) / 8.0, 1.0)
        else:
            below = int(place)
            loss = lost[below] + (lost[below + 1] - lost[below]) * (place - below)
        total += shares[reader] * loss
    return total


@njit(cache=True, nogil=True)
def rate_for(give_up: float, lost: Array, shares: Array) -> float:
    """The rate of exchange for a reader of factor 1 at which all readers together lose `give_up` of their clicks.

    lost: as `losses` gives it; shares: float64[21], `reader_shares`. Infinite where coins alone cost no more.
    """
    if give_up <= 0.0:
        return 0.0
    low, high = -14.0, 16.0
    if give_up >= 1.0 or _lost_by_all(high, lost, shares) <= give_up:
        return np.inf
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        if _lost_by_all(middle, lost, shares) <= give_up:
            low = middle
        else:
            high = middle
    return float(2.0**low)


@njit(cache=True, nogil=True)
def trade(
    draws: Array, means: Array, values: Array, examination: Array, give_up: float, factor: float, shares: Array, keys: Array,
    order: Array,
) -> float:  # fmt: skip
    """The list that earns most of a reader of this factor, at the rate at which all give up `give_up`; returns its rate.

    Keys are draws * (1 + rate * value / mean value), scaled: the Lagrangian of coins under a constraint on clicks, whose lists
    run from the most clicks (rate 0) to the most coins (infinite). draws, means, values, keys: float64[n]; order: int32[k],
    written. O(n + k) for each of some thirty rates.
    """
    rate = 0.0
    if give_up > 0.0:
        lost = np.empty(len(RATES) + 1)
        losses(draws, means, values, examination, keys, order, lost)
        rate = rate_for(give_up, lost, shares) * factor
    _list_at(rate, draws, values, keys, order)
    return rate


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
