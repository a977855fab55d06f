"""What readers do: look at a list and click, read on, pay. Kernels over batches; all luck is by counting (_chance.py).

Reader u clicks title i in slot s at time t with probability examination(s) * attraction(u, i, t) (the position-based model of
Richardson, Dominowska and Ragno 2007), attraction = logistic(base + hook_i(t) + taste_strength * taste_u[genre_i] - fatigue).
A start is read to episode e with probability stays_i**(e - 1). Whoever wants to go past the free episodes f_i pays with
probability chance * willingness_i * power_u * (after_first, if they have paid for any title before the start).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from bandi.evaluation.worlds.funnel._chance import (
    CLICK,
    COINS,
    CONTINUE,
    FURTHER,
    FURTHER_PACE,
    HESITATE,
    PACE,
    PAY,
    chance,
    normal,
)
from bandi.evaluation.worlds.funnel._fatigue import place_of
from bandi.model.records import Array

NEVER = -1
"""As a delay: it does not happen."""
EPISODE = 4
"""Whoever reads this one has continued."""
MOST_PURCHASES = 12
"""Of one reader for one title."""
_DAY_MS = 86_400_000.0


class Titles(NamedTuple):
    """genres: int32[titles]; stays: float64[titles], 0 to 1; free: int32[titles], episodes; willingness: float64[titles]."""

    genres: Array
    stays: Array
    free: Array
    willingness: Array


class Clicking(NamedTuple):
    """Log-odds, but for highest (a probability) and half_life (days)."""

    base: float
    taste_strength: float
    highest: float
    per_showing: float
    half_life: float


class Paying(NamedTuple):
    """Probabilities and factors; times in days; `coins_log` the mean of the logarithm of coins."""

    chance: float
    highest: float
    after_first: float
    hesitation: float
    coins_mean: float
    coins_log: float
    coins_spread: float
    further_chance: float
    further_days: float
    pace_log: float
    pace_spread: float


class Memory(NamedTuple):
    """What a run remembers of readers. started: uint8[readers, titles / 8], bits; keys, levels, used: see _fatigue.py.

    paid_ms: int64[readers], of the first payment; the largest int64: none.
    """

    started: Array
    keys: Array
    levels: Array
    used: Array
    paid_ms: Array


class Lists(NamedTuple):
    """A batch. readers: int32[n]; days: float64[n], since the run's first; times_ms: int64[n]; items: int32[n, slots], -1: none."""

    readers: Array
    days: Array
    times_ms: Array
    items: Array


class Looked(NamedTuple):
    """What came of it. clicked: bool[n, slots]; clicks, coins: float64[n, slots], expected by the truth."""

    clicked: Array
    clicks: Array
    coins: Array


class Followed(NamedTuple):
    """What came of starts. Delays from the start in ms, NEVER: does not happen; float64 coins of all purchases."""

    continued: Array
    paid: Array
    coins: Array
    purchases: Array
    gap: Array


@njit(cache=True, nogil=True, inline="always")
def attraction(hook: float, taste: float, level: float, clicking: Clicking) -> float:
    """Probability of a click on an examined title. level: showings not forgotten."""
    odds = clicking.base + hook + clicking.taste_strength * taste - clicking.per_showing * level
    return min(1.0 / (1.0 + math.exp(-odds)), clicking.highest)


@njit(cache=True, nogil=True, inline="always")
def is_started(started: Array, reader: int, title: int) -> bool:
    """Whether the reader has started the title."""
    started_already: bool = (started[reader, title >> 3] >> np.uint8(title & 7)) & np.uint8(1) != 0
    return started_already


@njit(cache=True, nogil=True, inline="always")
def payment_chance(title: int, power: float, has_paid: bool, titles: Titles, paying: Paying) -> float:
    """Probability of paying at the paywall."""
    p = paying.chance * titles.willingness[title] * power * (paying.after_first if has_paid else 1.0)
    return float(min(p, paying.highest))


@njit(cache=True, nogil=True, inline="always")
def start_value(title: int, power: float, has_paid: bool, titles: Titles, paying: Paying) -> float:
    """Coins expected of a start: reaching the paywall, paying there, coins of a payer."""
    reaches = titles.stays[title] ** titles.free[title]
    return float(reaches * payment_chance(title, power, has_paid, titles, paying) * paying.coins_mean)


@njit(cache=True, nogil=True)
def sieve(available: Array, ranks: Array, started: Array, reader: int) -> tuple[Array, Array]:
    """The titles that the reader has not started, and their editors' ranks: int32[n] each, ascending by title."""
    items, kept = np.empty(len(available), np.int32), np.empty(len(available), np.int32)
    n = 0
    for title in available:
        items[n], kept[n] = title, ranks[title]
        n += 0 if is_started(started, reader, title) else 1
    return items[:n], kept[:n]


@njit(cache=True, nogil=True)
def look(
    seed: int, first: int, lists: Lists, hooks: Array, taste: Array, examination: Array, power: Array,
    titles: Titles, clicking: Clicking, paying: Paying, memory: Memory, looked: Looked,
) -> None:  # fmt: skip
    """Readers look at lists, in order; `memory` and `looked` are written. first: number of the batch's first visit.

    hooks: float32[titles], log-odds today; taste: float32[readers, genres]; power: float64[readers].
    """
    count = len(titles.genres)
    for n in range(len(lists.readers)):
        reader = lists.readers[n]
        has_paid = memory.paid_ms[reader] <= lists.times_ms[n]
        forward = 2.0 ** (lists.days[n] / clicking.half_life)
        for slot in range(lists.items.shape[1]):
            title = lists.items[n, slot]
            looked.clicked[n, slot], looked.clicks[n, slot], looked.coins[n, slot] = False, 0.0, 0.0
            if title < 0 or is_started(memory.started, reader, title):
                continue
            place = place_of(memory.keys, reader * count + title)
            level = memory.levels[place] / forward
            p = attraction(hooks[title], taste[reader, titles.genres[title]], level, clicking) * examination[slot]
            looked.clicks[n, slot] = p
            looked.coins[n, slot] = p * start_value(title, power[reader], has_paid, titles, paying)
            if chance(seed, first + n, title, CLICK) < p:
                looked.clicked[n, slot] = True
                memory.started[reader, title >> 3] |= np.uint8(1 << (title & 7))
                continue
            if memory.keys[place] < 0:
                memory.keys[place] = reader * count + title
                memory.used[0] += 1
            memory.levels[place] += forward


@njit(cache=True, nogil=True)
def start_organically(readers: Array, wanted: Array, started: Array, began: Array) -> None:
    """Readers start what they looked up, where they have not yet. wanted: int32[n], titles; began: bool[n], written."""
    for n in range(len(readers)):
        began[n] = not is_started(started, readers[n], wanted[n])
        started[readers[n], wanted[n] >> 3] |= np.uint8(1 << (wanted[n] & 7))


@njit(cache=True, nogil=True)
def start_values(
    readers: Array, started: Array, times_ms: Array, power: Array, titles: Titles, paying: Paying, paid_ms: Array,
    values: Array,
) -> None:  # fmt: skip
    """Coins expected of starts: float64[n], written. started: int32[n], titles."""
    for n in range(len(readers)):
        has_paid = paid_ms[readers[n]] <= times_ms[n]
        values[n] = start_value(started[n], power[readers[n]], has_paid, titles, paying)


@njit(cache=True, nogil=True)
def follow(
    seed: int, readers: Array, started: Array, times_ms: Array, power: Array, titles: Titles, paying: Paying,
    paid_ms: Array, followed: Followed,
) -> None:  # fmt: skip
    """What starts lead to; `paid_ms` and `followed` are written. started: int32[n], titles, in the order of times_ms."""
    for n in range(len(readers)):
        u, i = readers[n], started[n]
        pace = math.exp(paying.pace_log + paying.pace_spread * normal(seed, u, i, PACE)) * _DAY_MS
        stay = chance(seed, u, i, CONTINUE)  # read to episode e where this is below stays**(e - 1)
        goes_on = stay < titles.stays[i] ** (EPISODE - 1)
        followed.continued[n] = np.int64((EPISODE - 1) * pace) if goes_on else NEVER
        followed.paid[n], followed.coins[n], followed.purchases[n], followed.gap[n] = NEVER, 0.0, 0, 0
        if stay >= titles.stays[i] ** titles.free[i]:
            continue
        if chance(seed, u, i, PAY) >= payment_chance(i, power[u], paid_ms[u] <= times_ms[n], titles, paying):
            continue
        wait = -math.log(chance(seed, u, i, HESITATE)) * paying.hesitation * _DAY_MS
        followed.paid[n] = np.int64(titles.free[i] * pace + wait)
        followed.coins[n] = math.exp(paying.coins_log + paying.coins_spread * normal(seed, u, i, COINS))
        followed.purchases[n] = 1
        if paying.further_chance > 0.0:
            further = math.log(chance(seed, u, i, FURTHER)) / math.log(paying.further_chance)
            followed.purchases[n] += min(int(further), MOST_PURCHASES - 1)
        followed.gap[n] = np.int64(-math.log(chance(seed, u, i, FURTHER_PACE)) * paying.further_days * _DAY_MS)
        paid_ms[u] = min(paid_ms[u], times_ms[n] + followed.paid[n])
