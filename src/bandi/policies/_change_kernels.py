"""The kernels of change detection: blocks of a title's past, merged as they age, and the test over their borders."""

from __future__ import annotations

import math

from numba import njit

from bandi.model.records import Array
from bandi.policies._arm_kernels import MAX_TRIALS

BLOCK_TRIALS = 64.0
"""Trials that close a block; a title is tested whenever one closes."""
BLOCKS = 32
"""Most blocks of a title, the open one among them."""


@njit(cache=True, nogil=True, error_model="numpy")
def divergence(p: float, q: float) -> float:
    """Kullback and Leibler's of two Bernoulli laws, natural logarithms; 0 <= p <= 1, 0 < q < 1."""
    total = 0.0
    if p > 0.0:
        total += p * math.log(p / q)
    if p < 1.0:
        total += (1.0 - p) * math.log((1.0 - p) / (1.0 - q))
    return max(total, 0.0)


@njit(cache=True, nogil=True, error_model="numpy")
def likeliest_change(blocks: Array, closed: int) -> tuple[int, float]:
    """(border, statistic): the border between closed blocks with the largest generalised likelihood ratio.

    sup n1 kl(m1, m) + n2 kl(m2, m) over borders, with m1, m2 the means before and behind it and m that of all (Besson et al.
    2022, equation 3). blocks: float32[blocks, 2], successes and trials.
    """
    successes, trials = 0.0, 0.0
    for i in range(closed):
        successes += max(float(blocks[i, 0]), 0.0)
        trials += float(blocks[i, 1])
    border, largest = 0, 0.0
    mean = successes / trials
    if not 0.0 < mean < 1.0:
        return border, largest
    k, n = 0.0, 0.0
    for i in range(closed - 1):
        k += max(float(blocks[i, 0]), 0.0)
        n += float(blocks[i, 1])
        before, behind = min(k / n, 1.0), min((successes - k) / (trials - n), 1.0)
        statistic = n * divergence(before, mean) + (trials - n) * divergence(behind, mean)
        if statistic > largest:
            border, largest = i + 1, statistic
    return border, largest


@njit(cache=True, nogil=True)
def is_change(statistic: float, borders: int, tests: int, false_alarms: float) -> bool:
    """Whether the statistic is above what a title that does not change exceeds, ever, with probability `false_alarms`.

    At one border, for true rate p, n1 kl(m1, m) + n2 kl(m2, m) <= n1 kl(m1, p) + n2 kl(m2, p), and by Chernoff each term
    exceeds x with probability 2 exp(-x) at most; so the sum less 2 ln 2 is at most a Gamma(2) variable: exp(-y) (1 + y).
    Times the borders; the j-th test may spend 1 / (2 j (1 + ln j)**2) of the rate, which sums to 1 at most.
    """
    y = statistic - 2.0 * math.log(2.0)
    share = 2.0 * tests * (1.0 + math.log(tests)) ** 2
    return y > 0.0 and math.log(borders * share) - y + math.log1p(y) <= math.log(false_alarms)


@njit(cache=True, nogil=True)
def _level(trials: float) -> int:
    return math.floor(math.log2(max(trials, BLOCK_TRIALS) / BLOCK_TRIALS))


@njit(cache=True, nogil=True)
def _join(blocks: Array, at: int, closed: int) -> int:
    """Blocks at and at + 1 become one; the number of closed ones."""
    blocks[at] += blocks[at + 1]
    for i in range(at + 1, closed - 1):
        blocks[i] = blocks[i + 1]
    blocks[closed - 1 : closed + 1] = 0.0
    if blocks[at, 1] > MAX_TRIALS:
        blocks[at] *= 0.5
    return closed - 1


@njit(cache=True, nogil=True)
def age(blocks: Array, closed: int) -> int:
    """Join old blocks: at most two of a size (powers of two), as in exponential histograms (Bifet and Gavalda 2007)."""
    run, level, i = 0, -1, closed - 1
    while i >= 0:
        here = _level(blocks[i, 1])
        run, level = (run + 1, level) if here == level else (1, here)
        if run == 3:
            closed = _join(blocks, i, closed)
            run, level, i = 0, -1, closed
        i -= 1
    if closed >= BLOCKS - 1:
        closed = _join(blocks, 0, closed)
    return closed


@njit(cache=True, nogil=True)
def forget_before(counts: Array, blocks: Array, closed: int, border: int) -> int:
    """Only the blocks from `border` on stay, and of each segment's counts that share; the number of closed blocks."""
    before, behind = blocks[:border].sum(axis=0), blocks[border:closed].sum(axis=0)
    trials = behind[1] / (before[1] + behind[1])
    successes = behind[0] / (before[0] + behind[0]) if before[0] + behind[0] > 0.0 else trials
    for s in range(len(counts)):
        counts[s, 1] *= trials
        counts[s, 0] = min(counts[s, 0] * successes, counts[s, 1])
    for i in range(closed - border):
        blocks[i] = blocks[border + i]
    blocks[closed - border :] = 0.0
    return closed - border


@njit(cache=True, nogil=True)
def add_and_test(
    counts: Array, blocks: Array, progress: Array, alarms: Array, items: Array, segments: Array, trials: Array,
    rewards: Array, false_alarms: float,
) -> None:  # fmt: skip
    """Add rows one after another; a title whose block is full is tested.

    counts: float32[items, segments, 2]; blocks: float32[items, BLOCKS, 2]; progress: int32[items, 2], closed blocks and tests
    since the last alarm; alarms: int64[1]. A segment that there is no more counts as segment 0.
    """
    for i in range(len(items)):
        item = items[i]
        cell, own = counts[item, segments[i] if segments[i] < counts.shape[1] else 0], blocks[item]
        closed = progress[item, 0]
        if trials[i] > 0.0 and own[closed, 1] >= BLOCK_TRIALS:  # its last trial has had until now to be rewarded
            closed += 1
            if closed > 1:
                progress[item, 1] += 1
                border, statistic = likeliest_change(own, closed)
                if border > 0 and is_change(statistic, closed - 1, progress[item, 1], false_alarms):
                    closed = forget_before(counts[item], own, closed, border)
                    progress[item, 1] = 0
                    alarms[0] += 1
            closed = age(own, closed)
            progress[item, 0] = closed
        own[closed, 0] += rewards[i]
        own[closed, 1] += trials[i]
        cell[0] += rewards[i]
        cell[1] += trials[i]
        if cell[1] > MAX_TRIALS:
            cell *= 0.5
