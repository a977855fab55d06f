"""Kernels over the later steps of a title's funnel: adding rows, refitting what titles share, drawing values.

A step's exposure in a title is what its trials would have earned by now if every reader and title were average:
E_i(now) = sum over trials of weight * F(now - start). With F(t) = sum_j w_j (1 - exp(-t / tau_j)) on fixed time constants
this is trials_i - sum_j w_j I_ij(now), I_ij(now) = sum of weight * exp(-(now - start) / tau_j): one decaying number for
each constant, and new w_j need no pass over the trials. I_ij is kept as its value at a landmark in time that all titles share
(forward decay; Cormode, Shkapenyuk, Srivastava and Xu 2009), so that a request computes six exponentials, whatever its titles.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from bandi.model.records import Array

HOUR_MS = 3_600_000.0
TAUS_MS = np.array([1.0, 6.0, 24.0, 72.0, 192.0, 576.0]) * HOUR_MS
"""Time constants of all delay curves: one hour to 24 days."""
RING = 4_096
"""Latest rewards of a step whose delays are kept."""
NO_TIME = -1.0
"""A landmark before the first trial."""
_FURTHEST = 60.0
"""Time constants by which a trial may lie ahead of its landmark before that moves."""

RATE, SHAPE, NEXT, RINGED, MOST_SPREAD = 0, 1, 2, 3, 4
"""Columns of `shared[step]`: mean reward per exposure, Gamma shape of titles' factors, rewards at the next refit, delays ringed,
largest variance of titles' factors."""
READER_SHAPE, COINS_EACH, CLOCK_MS, MOST_READER_SPREAD, COINS_KNOWN, WEIGHED, USUAL_WORTH = 0, 1, 2, 3, 4, 5, 6
"""Places of `globals_`: Gamma shape of readers' factors, mean coins of a payer, latest time, largest variance of readers'
factors, payers that the mean coins rest on, titles with a worth, worth of the others."""
COINS_WORTH = 10.0
"""Payers that the mean of all titles is worth in a title's coins per payer."""
FACTORS = 2.0 ** np.arange(-4.0, 6.5, 0.5)
"""Readers' factors by which `reader_shares` tells them apart."""

_RATE_WORTH = 2.0
"""Rewards that the configured rate of a step is worth."""
_SHAPE_WORTH = 10.0
"""Pairs of rewards in one title that the first guess of a shape is worth."""
_FIRST_SHAPE = 1.0
_DELAY_WORTH = 20.0
"""Rewards that the configured delay curve is worth."""
_GROWTH = 1.1
_RIDGE = 1e-3
ALIKE = 1e-9
"""Variance of factors that are all 1."""
CAP = 20.0
"""A title's coins per payer count up to this many times the mean: one gift must not crown a title."""
_CAP_FROM = 20.0
"""Payers that the mean must rest on before it caps."""


@njit(cache=True, nogil=True)
def reader_factor(readers: Array, user: int, shape: float) -> float:
    """Posterior mean of how much likelier than average a reader pays: Gamma(shape + paid, shape + expected)."""
    if user < 0 or user >= len(readers):
        return 1.0
    return (shape + max(float(readers[user, 1]), 0.0)) / (shape + max(float(readers[user, 0]), 0.0))


@njit(cache=True, nogil=True)
def share_readers(readers: Array, shape: float, shares: Array) -> None:
    """Part of the reading that readers of each of `FACTORS` do, by what they were expected to pay: float64[21], written to
    `shares`. Before anything was expected all of it is done by readers of factor 1.
    """
    shares[:] = 0.0
    for user in range(len(readers)):
        expected = float(readers[user, 0])
        if expected > 0.0:
            place = 8.0 + 2.0 * math.log2(reader_factor(readers, user, shape))
            shares[min(max(int(place + 0.5), 0), len(shares) - 1)] += expected
    total = shares.sum()
    if total > 0.0:
        shares /= total
    else:
        shares[8] = 1.0


@njit(cache=True, nogil=True)
def open_shares(weights: Array, landmarks: Array, now_ms: float, shares: Array) -> None:
    """What a unit of `immature` of each step and constant is worth at `now_ms`: float64[steps, 6], written to `shares`."""
    for j in range(len(landmarks)):
        decay = 0.0
        if landmarks[j] != NO_TIME:
            decay = math.exp(-max(now_ms - landmarks[j], 0.0) / TAUS_MS[j])
        for step in range(len(weights)):
            shares[step, j] = weights[step, j] * decay


@njit(cache=True, nogil=True, inline="always")
def exposure(trials: Array, immature: Array, shares: Array, item: int, step: int) -> float:
    """E_i of one title at the time of `shares`, at least 0."""
    total = trials[item, step]
    for j in range(shares.shape[1]):
        total -= shares[step, j] * immature[item, step, j]
    return float(max(total, 0.0))


@njit(cache=True, nogil=True)
def _add_trial(
    trials: Array, immature: Array, landmarks: Array, item: int, step: int, weight: float, start_ms: float
) -> None:  # fmt: skip
    trials[item, step] += weight
    for j in range(len(TAUS_MS)):
        if landmarks[j] == NO_TIME:
            landmarks[j] = start_ms
        ahead = (start_ms - landmarks[j]) / TAUS_MS[j]
        if ahead > _FURTHEST:
            immature[:, :, j] *= math.exp(-ahead)
            landmarks[j], ahead = start_ms, 0.0
        immature[item, step, j] += weight * math.exp(ahead)


@njit(cache=True, nogil=True)
def _take_average_trials(trials: Array, immature: Array, item: int, step: int, count: float, held: float) -> None:
    """Take back `count` of `held` trials of unknown weight and age: so much of all there is, never more."""
    left = 1.0 - min(count / held, 1.0) if held > 0.0 else 0.0
    trials[item, step] *= left
    immature[item, step] *= left


@njit(cache=True, nogil=True)
def seen_curve(starts: Array, delays: Array, now_ms: float, prior_ms: float) -> tuple[Array, Array]:
    """The delay curve from rewards alone: (delays float64[n + 20], ascending; F at them, 0 to 1).

    A reward is seen only if its delay is at most its trial's age T, so short delays are seen first (right truncation). The
    product-limit estimate in reversed time (Lagakos, Barraj and De Gruttola 1988): F(t) is the product over delays d > t of
    1 - 1 / #{i: d_i <= d <= T_i}. Before data come, `_DELAY_WORTH` rewards of an exponential of mean `prior_ms`, seen whole.
    """
    prior = int(_DELAY_WORTH)
    n = len(starts) + prior
    ages, found = np.full(n, np.inf), np.empty(n)
    for k in range(prior):
        found[k] = -math.log1p(-(k + 0.5) / prior) * prior_ms
    for r in range(len(starts)):
        found[prior + r] = float(delays[r])
        ages[prior + r] = max(now_ms - float(starts[r]), float(delays[r]))
    found.sort()
    ages.sort()
    curve = np.ones(n)
    for k in range(n - 2, -1, -1):
        at_risk = (k + 2) - np.searchsorted(ages, found[k + 1])
        curve[k] = curve[k + 1] * (1.0 - 1.0 / max(at_risk, 1.0000001))
    return found, curve


@njit(cache=True, nogil=True)
def fit_delays(starts: Array, delays: Array, now_ms: float, prior_ms: float, weights: Array) -> None:
    """Weights w_j (float64[6], written, their sum 1) of sum_j w_j (1 - exp(-t / tau_j)) nearest to `seen_curve`.

    Least squares at 50 quantiles with a slight pull to equal weights. Weights may be negative: a mixture of exponentials
    alone cannot wait, but delays often do. prior_ms of 0: delays are ignored, all weights 0, every trial is whole at once.
    """
    weights[:] = 0.0
    if prior_ms <= 0.0:
        return
    found, curve = seen_curve(starts, delays, now_ms, prior_ms)
    size, points = len(weights), 50
    normal, right = np.zeros((size, size)), np.zeros((size, 2))
    row = np.empty(size)
    for point in range(points):
        place = min(int((0.02 + 0.96 * point / (points - 2)) * len(found)), len(found) - 1)
        if point == points - 1:
            place = len(found) - 1
        for j in range(size):
            row[j] = -math.expm1(-found[place] / TAUS_MS[j])
        for i in range(size):
            right[i, 0] += row[i] * curve[place]
            for j in range(size):
                normal[i, j] += row[i] * row[j]
    for i in range(size):
        normal[i, i] += _RIDGE * points
        right[i, 0] += _RIDGE * points / size
        right[i, 1] = 1.0
    _solve(normal, right)
    excess = (right[:, 0].sum() - 1.0) / right[:, 1].sum()
    weights[:] = right[:, 0] - excess * right[:, 1]
    _keep_a_share(weights)


@njit(cache=True, nogil=True)
def _keep_a_share(weights: Array) -> None:
    """Keep F within 0 to 1 at all times, but for a twentieth: pull the weights, where need be, to their positive parts alone."""
    positive = np.maximum(weights, 0.0)
    positive /= positive.sum()
    mixed = weights.copy()
    for pull in range(11):
        mixed[:] = (1.0 - pull / 10.0) * weights + pull / 10.0 * positive
        low, high = 0.0, 0.0
        for point in range(120):
            t = TAUS_MS[0] * 0.1 * math.exp(0.1 * point)  # six minutes to 600 days
            value = 0.0
            for j in range(len(mixed)):
                value -= mixed[j] * math.expm1(-t / TAUS_MS[j])
            low, high = min(low, value), max(high, value)
        if low >= -0.05 and high <= 1.05:
            break
    weights[:] = mixed


@njit(cache=True, nogil=True)
def _solve(matrix: Array, right: Array) -> None:
    """Solve matrix @ x = right in place (x in `right`), for a small positive definite matrix, by Gauss and Jordan."""
    size = len(matrix)
    for pivot in range(size):
        scale = 1.0 / matrix[pivot, pivot]
        matrix[pivot] *= scale
        right[pivot] *= scale
        for row in range(size):
            if row != pivot:
                factor = matrix[row, pivot]
                matrix[row] -= factor * matrix[pivot]
                right[row] -= factor * right[pivot]


@njit(cache=True, nogil=True)
def counted_coins(coins: float, payers: float, shared: Array, globals_: Array) -> float:
    """A title's coins, capped as they are read: the sums stay whole, so that a refund takes back what a purchase brought."""
    if globals_[COINS_KNOWN] < _CAP_FROM:
        return max(coins, 0.0)
    return float(min(max(coins, 0.0), CAP * globals_[COINS_EACH] * max(payers, 0.0)))


@njit(cache=True, nogil=True)
def _weigh_titles(
    trials: Array, rewards: Array, immature: Array, shares: Array, values: Array, shared: Array, globals_: Array, used: int,
    worths: Array,
) -> None:  # fmt: skip
    """Coins expected of a start of each title as of now, posterior means: float64[used], written to `worths`."""
    last = trials.shape[1] - 1
    usual = globals_[COINS_EACH]
    for step in range(last + 1):
        usual *= shared[step, RATE]
    for item in range(used):
        worth = usual
        for step in range(last + 1):
            shape, exposed = shared[step, SHAPE], shared[step, RATE] * exposure(trials, immature, shares, item, step)
            worth *= (shape + max(rewards[item, step], 0.0)) / (shape + exposed)
        payers = max(rewards[item, last], 0.0)
        coins = counted_coins(values[item], payers, shared, globals_) / globals_[COINS_EACH]
        worths[item] = worth * (coins + COINS_WORTH) / (payers + COINS_WORTH)
    globals_[WEIGHED], globals_[USUAL_WORTH] = used, usual


@njit(cache=True, nogil=True)
def refit(
    trials: Array, rewards: Array, immature: Array, landmarks: Array, values: Array, readers: Array, ring: Array,
    weights: Array, prior_rates: Array, prior_ms: Array, shared: Array, globals_: Array, reader_shares: Array,
    worths: Array, used: int, step: int,
) -> None:  # fmt: skip
    """What titles share in one step, from all of them: delay curve, mean rate, spread (moments of counts). O(titles + readers)."""
    now_ms = globals_[CLOCK_MS]
    ringed = min(int(shared[step, RINGED]), RING)
    fit_delays(ring[step, :ringed, 0], ring[step, :ringed, 1], now_ms, prior_ms[step], weights[step])
    shares = np.empty((len(weights), len(TAUS_MS)))
    open_shares(weights, landmarks, now_ms, shares)
    total, exposed, pairs, squares = 0.0, 0.0, 0.0, 0.0
    for item in range(used):
        exposed += exposure(trials, immature, shares, item, step)
        total += max(rewards[item, step], 0.0)
    rate = (total + _RATE_WORTH) / (exposed + _RATE_WORTH / prior_rates[step])
    for item in range(used):
        count = max(rewards[item, step], 0.0)
        expected = rate * exposure(trials, immature, shares, item, step)
        pairs += count * (count - 1.0)
        squares += expected * expected
    spread = (pairs - squares + _SHAPE_WORTH / _FIRST_SHAPE) / (squares + _SHAPE_WORTH)
    shared[step, RATE] = rate
    shared[step, SHAPE] = 1.0 / max(min(max(spread, 0.02), shared[step, MOST_SPREAD]), ALIKE)
    last = trials.shape[1] - 1
    if step == last:
        coins = 0.0
        for item in range(used):
            coins += counted_coins(values[item], rewards[item, last], shared, globals_)
        globals_[COINS_EACH] = max(coins, 1e-9) / max(total, 1.0) if total > 0 else 1.0
        globals_[COINS_KNOWN] = total
        pairs, squares = 0.0, 0.0
        for user in range(len(readers)):
            count, expected = max(float(readers[user, 1]), 0.0), max(float(readers[user, 0]), 0.0)
            pairs += count * (count - 1.0)
            squares += expected * expected
        spread = (pairs - squares + _SHAPE_WORTH / _FIRST_SHAPE) / (squares + _SHAPE_WORTH)
        globals_[READER_SHAPE] = 1.0 / max(min(max(spread, 0.1), globals_[MOST_READER_SPREAD]), ALIKE)
        share_readers(readers, globals_[READER_SHAPE], reader_shares)
    open_shares(weights, landmarks, now_ms, shares)
    _weigh_titles(trials, rewards, immature, shares, values, shared, globals_, used, worths)


@njit(cache=True, nogil=True)
def add_rows(
    row_steps: Array, items: Array, row_trials: Array, row_rewards: Array, occurred_ms: Array, row_values: Array, users: Array,
    delays_ms: Array, trials: Array, rewards: Array, immature: Array, landmarks: Array, values: Array, readers: Array,
    ring: Array, weights: Array, prior_rates: Array, prior_ms: Array, shared: Array, globals_: Array, reader_shares: Array,
    worths: Array, used: int,
) -> None:  # fmt: skip
    """Add rows of one step one after another, so that the result does not depend on how they were cut into calls."""
    steps = trials.shape[1]
    last = steps - 1
    for r in range(len(items)):
        step, item, user, start = row_steps[r] - 1, items[r], users[r], occurred_ms[r]
        if not 0 <= step < steps:
            continue
        used = max(used, item + 1)
        globals_[CLOCK_MS] = max(globals_[CLOCK_MS], float(start + delays_ms[r]))
        factor = reader_factor(readers, user, globals_[READER_SHAPE])
        if row_trials[r] != 0.0 and step == 0:  # the trials of a second step are the rewards of the first
            count = float(row_trials[r])
            if last > 0:
                _add_trial(trials, immature, landmarks, item, step, count, float(start))
            elif count > 0.0:
                _add_trial(trials, immature, landmarks, item, step, count * factor, float(start))
            else:
                _take_average_trials(trials, immature, item, step, -count, trials[item, step])
        met = float(row_trials[r]) if steps == 1 else 0.0
        reward = float(row_rewards[r])
        if reward != 0.0:
            rewards[item, step] += reward
            if reward > 0.0:
                place = int(shared[step, RINGED]) % RING
                ring[step, place, 0], ring[step, place, 1] = start, delays_ms[r]
                shared[step, RINGED] += 1.0
            if step < last:
                met = reward
                if reward > 0.0:
                    _add_trial(trials, immature, landmarks, item, step + 1, reward * factor, float(start))
                else:
                    _take_average_trials(trials, immature, item, step + 1, -reward, rewards[item, step] - reward)
            elif 0 <= user < len(readers):
                readers[user, 1] += reward
        if met != 0.0 and 0 <= user < len(readers):
            count = max(rewards[item, last], 0.0)
            own = shared[last, RATE] * trials[item, last]
            title = (shared[last, SHAPE] + count) / (shared[last, SHAPE] + max(own, 0.0))
            readers[user, 0] += met * shared[last, RATE] * title
        if step == last:
            values[item] += row_values[r]
        if reward > 0.0 and shared[step, RINGED] >= shared[step, NEXT]:
            shared[step, NEXT] = max(shared[step, RINGED] * _GROWTH, shared[step, RINGED] + 5.0)
            refit(
                trials, rewards, immature, landmarks, values, readers, ring, weights, prior_rates, prior_ms, shared,
                globals_, reader_shares, worths, used, step,
            )  # fmt: skip


@njit(cache=True, nogil=True)
def add_shard(
    shard_trials: Array, shard_rewards: Array, shard_immature: Array, shard_landmarks: Array, shard_values: Array,
    shard_readers: Array, shard_ring: Array, shard_shared: Array, shard_globals: Array, trials: Array, rewards: Array,
    immature: Array, landmarks: Array, values: Array, readers: Array, ring: Array, shared: Array, globals_: Array,
) -> None:  # fmt: skip
    """Add all counts of a shard; the curves and shapes stay until the next refit, which is due at the next reward."""
    count = len(shard_trials)
    trials[:count] += shard_trials
    rewards[:count] += shard_rewards
    values[:count] += shard_values
    for j in range(len(landmarks)):
        if shard_landmarks[j] == NO_TIME:
            continue
        later = max(landmarks[j], shard_landmarks[j])
        if landmarks[j] != NO_TIME:
            immature[:, :, j] *= math.exp(-(later - landmarks[j]) / TAUS_MS[j])
        landmarks[j] = later
        immature[:count, :, j] += shard_immature[:, :, j] * math.exp(-(later - shard_landmarks[j]) / TAUS_MS[j])
    readers[: len(shard_readers)] += shard_readers
    for step in range(len(shared)):
        for place in range(min(int(shard_shared[step, RINGED]), RING)):
            to = int(shared[step, RINGED]) % RING
            ring[step, to] = shard_ring[step, place]
            shared[step, RINGED] += 1.0
        shared[step, NEXT] = shared[step, RINGED]
    globals_[CLOCK_MS] = max(globals_[CLOCK_MS], shard_globals[CLOCK_MS])
