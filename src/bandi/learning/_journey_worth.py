"""What a journey is worth, as Numba kernels: a function of what is known of it, and the outcomes of its change.

See journeys.py for the rules, and _journey_facts.py for how journeys lie in memory.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from bandi.learning._attribution_kernel import CLOCK_SLACK_MS
from bandi.learning._journey_facts import NEVER, PURCHASE, READ, REFUND, Generation
from bandi.model.records import Array

RULE = np.dtype(
    [("first", "<i4"), ("steps", "<i4"), ("since", "<i4"), ("configured", "<i4"), ("main", "<i4"), ("window_ms", "<i8")]
)
"""What counts at a placement, by its dense id + 1; at 0 stands what organic starts are counted for.

first, steps: its rows of STEP; since: journeys of an earlier epoch do not count; main: the kind of its main objective where
that is a read or a purchase, else 0; window_ms: of that objective.
"""

STEP = np.dtype([("kind", "<i4"), ("column", "<i4"), ("count", "<i4"), ("valued", "<i4"), ("window_ms", "<i8")])
"""A later objective; column: where `reached` keeps the time of its episode."""

WORTH = np.dtype(
    [("start_ms", "<i8"), ("delay_ms", "<i8"), ("value", "<f8"), ("rest", "<f8"), ("placement", "<i4"),
     ("segment", "<i4"), ("trial", "<i4"), ("reward", "<i4")]
)  # fmt: skip
"""What a journey is worth for one step. value: coins of the rewarded purchase; rest: of further ones."""

OUTCOME = np.dtype(
    [("time_ms", "<i8"), ("delay_ms", "<i8"), ("value", "<f8"), ("trial", "<f4"), ("reward", "<f4"), ("user", "<i4"),
     ("item", "<i4"), ("placement", "<i2"), ("segment", "<i2"), ("step", "<i4")]
)  # fmt: skip


class Known(NamedTuple):
    """Where `weigh` lays out a journey's purchases and reads, latest first: arrays of KEPT places.

    left: float64, coins after refunds; was_left: the same before the latest refund. requests: uint64; placements: int16.
    """

    purchase_ms: Array
    coins: Array
    left: Array
    was_left: Array
    episodes: Array
    requests: Array
    placements: Array
    read_ms: Array


@njit(cache=True, nogil=True)
def start_of(journey: Any) -> tuple[int, int, int]:
    """(time, placement, segment) of the start; NEVER without one.

    The earliest click, where it comes at most the clocks' slack after the earliest read; else that read.
    """
    click, read = journey["click_ms"], journey["read_ms"]
    if click == NEVER and read == NEVER:
        return NEVER, -1, 0
    if read == NEVER or click <= read + CLOCK_SLACK_MS:
        return click, journey["click_placement"], journey["click_segment"]
    return read, journey["read_placement"], journey["read_segment"]


@njit(cache=True, nogil=True)
def _take(left: Array, coins: Array, i: int, owed: float) -> float:
    """Take coins from one purchase; what is still owed. A remainder of rounding is none."""
    taken = min(left[i], owed)
    left[i] -= taken
    if left[i] < 1e-9 * coins[i]:
        left[i] = 0.0
    return float(owed - taken)


@njit(cache=True, nogil=True)
def _lay_out(table: Generation, row: int, known: Known) -> tuple[int, int]:
    """Fill `known`; returns how many reads there are, and refunds that found too few coins.

    A refund is taken from purchases of its episode, then from the others, latest first.
    """
    purchases, reads, unmatched = 0, 0, 0
    beyond = table.journeys[row]["beyond"]
    node = table.journeys[row]["facts"]
    while node >= 0:
        fact = table.facts[node]
        if fact["kind"] == READ:
            known.read_ms[reads] = fact["time_ms"]
            reads += 1
        elif fact["kind"] == PURCHASE:
            known.purchase_ms[purchases], known.episodes[purchases] = fact["time_ms"], fact["episode"]
            known.coins[purchases] = known.left[purchases] = fact["coins"]
            known.requests[purchases], known.placements[purchases] = fact["request"], fact["placement"]
            purchases += 1
        node = fact["next"]
    if table.journeys[row]["refunds"] == 0:
        return reads, 0
    node = table.journeys[row]["facts"]
    while node >= 0:
        fact = table.facts[node]
        node = fact["next"]
        if fact["kind"] != REFUND:
            continue
        owed = fact["coins"]
        for i in range(purchases):
            if fact["episode"] > 0 and known.episodes[i] == fact["episode"]:
                owed = _take(known.left, known.coins, i, owed)
        taken = min(beyond, owed)
        beyond -= taken
        owed -= taken
        for i in range(purchases):
            owed = _take(known.left, known.coins, i, owed)
        if owed > 1e-9 * fact["coins"]:
            unmatched += 1
    return reads, unmatched


@njit(cache=True, nogil=True)
def undone(known: Known, purchases: int, first: int) -> int:
    """The next purchase, from `first` on, whose request has nothing left since the latest refund; -1: none. One of a request."""
    for i in range(first, purchases):
        if known.was_left[i] <= 0.0 or known.left[i] > 0.0 or known.requests[i] == np.uint64(0):
            continue
        others = False
        for j in range(purchases):
            same = known.requests[j] == known.requests[i] and known.placements[j] == known.placements[i]
            if same and (known.left[j] > 0.0 or known.coins[j] == 0.0 or (j < i and known.was_left[j] > 0.0)):
                others = True
        if not others:
            return i
    return -1


@njit(cache=True, nogil=True)
def weigh(table: Generation, row: int, rules: Array, steps: Array, worth: Array, known: Known) -> tuple[int, int, int]:
    """Fill worth: WORTH[steps] of the journey in `row`; returns 1 if it has a start, 1 if that is organic, unmatched refunds."""
    for s in range(len(worth)):
        worth[s]["trial"] = 0
    purchases = table.journeys[row]["purchases"]
    reads, unmatched = _lay_out(table, row, known)
    start, placement, segment = start_of(table.journeys[row])
    if start == NEVER:
        return 0, 0, unmatched
    organic = 1 if placement < 0 else 0
    if placement + 1 >= len(rules) or table.journeys[row]["epoch"] < rules[placement + 1]["since"]:
        return 1, organic, unmatched
    rule = rules[placement + 1]
    for s in range(rule["steps"]):
        step = steps[rule["first"] + s]
        mine = worth[s]
        mine["start_ms"], mine["placement"], mine["segment"], mine["trial"] = start, placement, segment, 1
        mine["reward"], mine["delay_ms"], mine["value"], mine["rest"] = 0, 0, 0.0, 0.0
        if step["kind"] == READ:
            at = table.reached[row, step["column"]]
            if step["count"] <= reads:
                at = min(at, known.read_ms[reads - step["count"]])
            if at != NEVER and at - start <= step["window_ms"]:
                mine["reward"], mine["delay_ms"] = 1, max(0, at - start)
            continue
        for i in range(purchases - 1, -1, -1):
            delay = known.purchase_ms[i] - start
            if delay < -CLOCK_SLACK_MS or delay > step["window_ms"] or (known.left[i] <= 0 and known.coins[i] > 0):
                continue
            coins = known.left[i] if step["valued"] else 0.0
            if mine["reward"] == 0:
                mine["reward"], mine["delay_ms"], mine["value"] = 1, max(0, delay), coins
            else:
                mine["rest"] += coins
    return 1, organic, unmatched


@njit(cache=True, nogil=True)
def _emit(
    out: Array, made: int, organic: Array, mine: Any, step: int, user: int, item: int,
    trial: float, reward: float, value: float, delay_ms: int,
) -> int:  # fmt: skip
    """Append one outcome, or add it to the sums of organic starts; returns how many outcomes there are."""
    if mine["placement"] < 0:
        organic[step, 0] += trial
        organic[step, 1] += reward
        organic[step, 2] += value
        return made
    row = out[made]
    row["time_ms"], row["delay_ms"], row["value"] = mine["start_ms"], delay_ms, value
    row["trial"], row["reward"], row["user"], row["item"] = trial, reward, user, item
    row["placement"], row["segment"], row["step"] = mine["placement"], mine["segment"], step + 1
    return made + 1


@njit(cache=True, nogil=True)
def _put_whole(out: Array, made: int, organic: Array, mine: Any, step: int, user: int, item: int, sign: float) -> int:
    """Put out all that a journey is worth for a step, or take it back."""
    made = _emit(out, made, organic, mine, step, user, item, sign, 0.0, 0.0, 0)
    if mine["reward"]:
        made = _emit(out, made, organic, mine, step, user, item, 0.0, sign, sign * mine["value"], mine["delay_ms"])
    if mine["rest"] != 0.0:
        made = _emit(out, made, organic, mine, step, user, item, 0.0, 0.0, sign * mine["rest"], 0)
    return made


@njit(cache=True, nogil=True)
def put_out(out: Array, made: int, organic: Array, before: Array, after: Array, user: int, item: int) -> int:
    """Put out what a journey's worth has changed by; before, after: WORTH[steps]."""
    for s in range(len(before)):
        was, now = before[s], after[s]
        moved = was["start_ms"] != now["start_ms"] or was["placement"] != now["placement"]
        if moved or was["segment"] != now["segment"] or was["trial"] == 0 or now["trial"] == 0:
            if was["trial"]:
                made = _put_whole(out, made, organic, was, s, user, item, -1.0)
            if now["trial"]:
                made = _put_whole(out, made, organic, now, s, user, item, 1.0)
            continue
        further = now["rest"] - was["rest"]
        if was["reward"] == now["reward"] and was["delay_ms"] == now["delay_ms"]:
            further += now["value"] - was["value"]
        else:
            if was["reward"]:
                made = _emit(out, made, organic, was, s, user, item, 0.0, -1.0, -was["value"], was["delay_ms"])
            if now["reward"]:
                made = _emit(out, made, organic, now, s, user, item, 0.0, 1.0, now["value"], now["delay_ms"])
        if further != 0.0:
            made = _emit(out, made, organic, now, s, user, item, 0.0, 0.0, further, 0)
    return made
