"""Kernels of the cascade model: what a click says of the slots below it, and how often readers go on after one.

With alpha_i the probability that a title is clicked where it is looked at and lambda_l that a reader goes on below a click
in slot l (Guo, Liu and Wang 2009, eq. 3-5; lambda = 0 is the cascade of Craswell, Zoeter, Taylor and Ramsey 2008), and

    P_l = product over the slots j below l of (1 - alpha_j)          nothing below is clicked though it is looked at

a list whose last click is in slot l was looked at below it with probability lambda P / (1 - lambda + lambda P); without a
click, and down to the last one, it was looked at for certain. A click is followed by another one with probability
lambda (1 - P), whence lambda is estimated: further clicks / sum of (1 - P). Their own estimate, further clicks / clicks,
is the maximum of a lower bound: it takes all who found nothing more for gone. alpha in P is that of first clicks, as in Craswell
et al.: down to the first click of a list all was looked at, whatever lambda is, so no estimate here feeds on itself.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from bandi.model.records import Array
from bandi.policies._examination_kernels import column_of, first_guess
from bandi.policies._matched_kernels import DAY_MS, stratum_key
from bandi.policies._random import mix

SLOTS = 20
"""Slots that a list is followed in; a trial further below counts whole."""
WAYS = 8
"""Places in the table that a list may take; of those in use the one of the oldest list gives way."""
TRIAL, CLICKS, LOOKED, CHANCE, AGAIN, TRIED, FIRST = 0, 1, 2, 3, 4, 5, 6
"""Of a slot of a list: its trial before weighing, its clicks, the probability that it was looked at; for a click 1 - P and
whether another follows; its trial and its clicks where they stand no further below than the first click, else 0."""
CELL = 7
SUMS = 6
LOOKS, CLICKED, CHANCES, FURTHER, SHOWN, SEEN = 0, 1, 2, 3, 4, 5
"""Of a column of slots: trials down to the first click, first clicks, sum of 1 - P, further clicks, trials before weighing and
as weighed."""
_HALF_LIFE_DAYS = 60.0
_MOST_TRIALS = 4_096.0
_GUESS, _WORTH = 0.5, 5.0
"""lambda before any click, and what it is worth: further clicks that could have been seen."""
_APPEAL, _APPEAL_WORTH = 0.1, 10.0
_LEAST_CHANGE = 1e-4


@njit(cache=True, nogil=True)
def _find(requests: Array, begun_ms: Array, request: np.uint64) -> int:
    """The row of a list, or -1 - the row that it would take."""
    buckets = np.uint64(len(requests) // WAYS)
    first = int(mix(request) % buckets) * WAYS
    oldest = first
    for row in range(first, first + WAYS):
        if requests[row] == request:
            return row
        if requests[row] == np.uint64(0):
            if requests[oldest] != np.uint64(0):
                oldest = row
        elif requests[oldest] != np.uint64(0) and begun_ms[row] < begun_ms[oldest]:
            oldest = row
    return -1 - oldest


@njit(cache=True, nogil=True)
def _cell(appeal: Array, item: int, segment: int) -> int:
    return int(mix(np.uint64(stratum_key(item, segment, 0))) & np.uint64(len(appeal) - 1))


@njit(cache=True, nogil=True)
def _mean_appeal(sums: Array) -> float:
    looks, clicks = _APPEAL_WORTH, _APPEAL * _APPEAL_WORTH
    for column in range(len(sums)):
        looks += max(sums[column, LOOKS], 0.0)
        clicks += max(sums[column, CLICKED], 0.0)
    return float(min(clicks / looks, 0.99))


@njit(cache=True, nogil=True)
def continuation(sums: Array, column: int) -> float:
    """lambda of a column of slots: of its own clicks, drawn to that of all slots, drawn to a half."""
    chances, further = _WORTH, _WORTH * _GUESS
    for each in range(len(sums)):
        chances += max(sums[each, CHANCES], 0.0)
        further += max(sums[each, FURTHER], 0.0)
    own = max(sums[column, FURTHER], 0.0) + _WORTH * min(further / chances, 1.0)
    return float(min(own / (max(sums[column, CHANCES], 0.0) + _WORTH), 1.0))


@njit(cache=True, nogil=True)
def examine(sums: Array, weights: Array) -> None:
    """The share of readers who look at each slot, written: trials as weighed by trials; never more than of a slot above.

    The first guess (_examination_kernels.first_guess) counts as `_APPEAL_WORTH` trials.
    """
    most = 1.0
    for slot in range(len(weights)):
        total, guess = sums[column_of(slot)], first_guess(column_of(slot))
        seen = max(total[SEEN], 0.0) + guess * _APPEAL_WORTH
        most = min(most, seen / (max(total[SHOWN], 0.0) + _APPEAL_WORTH))
        weights[slot] = most


@njit(cache=True, nogil=True)
def _judge(cells: Array, items: Array, segments: Array, appeal: Array, sums: Array, judged: Array) -> None:
    """One list as it is now: float64[SLOTS, CELL], written from LOOKED on."""
    first, last = SLOTS, -1
    for slot in range(SLOTS):
        judged[slot, LOOKED], judged[slot, CHANCE], judged[slot, AGAIN] = 1.0, 0.0, 0.0
        if cells[slot, CLICKS] > 0.0:
            first, last = min(first, slot), slot
    for slot in range(SLOTS):
        judged[slot, TRIED] = cells[slot, TRIAL] if slot <= first else 0.0
        judged[slot, FIRST] = cells[slot, CLICKS] if slot == first else 0.0
    if last < 0:
        return
    mean, nothing = _mean_appeal(sums), 1.0
    for slot in range(SLOTS - 1, first - 1, -1):
        if cells[slot, CLICKS] > 0.0:
            judged[slot, CHANCE] = 1.0 - nothing
            judged[slot, AGAIN] = 0.0 if slot == last else 1.0
            if slot == last:
                going_on = continuation(sums, column_of(slot))
                looked = going_on * nothing / max(1.0 - going_on + going_on * nothing, 1e-9)
                judged[last + 1 :, LOOKED] = min(looked, 1.0)
        if cells[slot, TRIAL] > 0.0:
            own = appeal[_cell(appeal, items[slot], segments[slot])]
            rate = (own[1] + mean * _APPEAL_WORTH) / (own[0] + _APPEAL_WORTH)
            nothing *= 1.0 - min(max(rate, 0.0), 0.99) * min(float(cells[slot, TRIAL]), 1.0)


@njit(cache=True, nogil=True)
def _learn(cells: Array, items: Array, segments: Array, judged: Array, appeal: Array, sums: Array) -> None:
    """Take what has changed of a list into what is known of slots and titles; `cells` are then as judged, but for LOOKED.

    A title's counts are halved now and then: it may fade.
    """
    for slot in range(SLOTS):
        total = sums[column_of(slot)]
        trial, click = judged[slot, TRIED] - cells[slot, TRIED], judged[slot, FIRST] - cells[slot, FIRST]
        total[LOOKS] += trial
        total[CLICKED] += click
        total[CHANCES] += judged[slot, CHANCE] - cells[slot, CHANCE]
        total[FURTHER] += judged[slot, AGAIN] - cells[slot, AGAIN]
        cells[slot, CHANCE:] = judged[slot, CHANCE:]
        if trial == 0.0 and click == 0.0:
            continue
        own = appeal[_cell(appeal, items[slot], segments[slot])]
        own[0] = max(own[0] + np.float32(trial), np.float32(0.0))
        own[1] = max(own[1] + np.float32(click), np.float32(0.0))
        if own[0] > _MOST_TRIALS:
            own *= np.float32(0.5)


@njit(cache=True, nogil=True)
def weigh_rows(
    first: int, stop: int, items: Array, segments: Array, trials: Array, rewards: Array, occurred_ms: Array, slots: Array,
    asked: Array, requests: Array, begun_ms: Array, shown: Array, counted_for: Array, times_ms: Array, cells: Array,
    appeal: Array, sums: Array, clock: Array, out_items: Array, out_segments: Array, out_trials: Array, out_rewards: Array,
    out_times: Array,
) -> int:  # fmt: skip
    """Rows first to stop, each followed by what it changes of other slots of its list; how many rows were written.

    asked: uint64[rows], the lists' requests. A row without request or slot, of a slot from SLOTS on, or of a list that is no
    longer followed is written as it is. The output must have room for SLOTS times the rows.
    """
    made = 0
    judged = np.empty((SLOTS, CELL))
    for r in range(first, stop):
        slot, request, row = slots[r], asked[r], -1
        if request != np.uint64(0) and 0 <= slot < SLOTS:
            row = _find(requests, begun_ms, request)
            if row < 0 and trials[r] > 0.0:
                row = -1 - row
                requests[row], begun_ms[row] = request, occurred_ms[r]
                shown[row], cells[row] = -1, 0.0
        if row >= 0 and shown[row, slot] != items[r] and not (shown[row, slot] == -1 and trials[r] > 0.0):
            row = -1  # another title's slot, or one whose impression is not in the list: nothing to judge
        out_items[made], out_segments[made], out_times[made] = items[r], segments[r], occurred_ms[r]
        out_trials[made], out_rewards[made] = trials[r], rewards[r]
        here = made
        made += 1
        if row < 0:
            continue
        mine = cells[row]
        day = float(occurred_ms[r] // DAY_MS)
        if day > clock[0]:
            sums *= 2.0 ** (-(day - clock[0]) / _HALF_LIFE_DAYS)
            clock[0] = day
        before = mine[slot, TRIAL] * mine[slot, LOOKED]
        mine[slot, TRIAL] += trials[r]
        mine[slot, CLICKS] += rewards[r]
        if trials[r] > 0.0:
            shown[row, slot], counted_for[row, slot], times_ms[row, slot] = items[r], segments[r], occurred_ms[r]
        _judge(mine, shown[row], counted_for[row], appeal, sums, judged)
        _learn(mine, shown[row], counted_for[row], judged, appeal, sums)
        for other in range(SLOTS):
            change = mine[other, TRIAL] * (judged[other, LOOKED] - mine[other, LOOKED])
            if other != slot and 0.0 < abs(change) <= _LEAST_CHANGE:
                continue
            mine[other, LOOKED] = judged[other, LOOKED]
            if other != slot and change != 0.0:
                out_items[made], out_segments[made] = shown[row, other], counted_for[row, other]
                out_times[made], out_trials[made], out_rewards[made] = times_ms[row, other], change, 0.0
                made += 1
                sums[column_of(other), SEEN] += change
        out_trials[here] = mine[slot, TRIAL] * mine[slot, LOOKED] - before
        sums[column_of(slot), SHOWN] += trials[r]
        sums[column_of(slot), SEEN] += out_trials[here]
    return made
