"""The fold of readers' journeys as one Numba kernel over rows of the log; see journeys.py for the rules.

What a journey is worth is a function of what is known of it (_journey_worth.py); an event changes what is known, and the
difference is put out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from bandi.learning._attribution_kernel import CLOCK_SLACK_MS
from bandi.learning._journey_facts import (
    CLICK,
    KEPT,
    LONG_AGO,
    NEVER,
    PURCHASE,
    READ,
    REFUND,
    Generation,
    carry,
    join,
    keep,
    sizes,
)
from bandi.learning._journey_worth import Known, put_out, start_of, undone, weigh
from bandi.learning._table_kernels import find, insert
from bandi.model.records import Array

CREDIT = np.dtype([("at", "<i8"), ("request", "<u8"), ("episode", "<i4"), ("placement", "<i2"), ("segment", "<i2")])
"""What an event without request and placement follows from, or what a refund undoes; at: its row in the stretch."""

STARTS, ORGANIC, REFUNDS, UNMATCHED, CROWDED, CREDITED, CUT_SHORT = 0, 1, 2, 3, 4, 5, 6
COUNTERS = 7
DONE, FULL_TABLE, FULL_OUTPUT = 0, 1, 2


@njit(cache=True, nogil=True)
def _goes_first(ms: int, request: Any, placement: int, segment: int, than_ms: int, than: Any, at: int, of: int) -> bool:
    """The order of starts: by time; of equal times those that say more first, so that no order of records matters."""
    if ms != than_ms:
        return ms < than_ms
    if request != than:
        return bool(request > than)
    return placement > at if placement != at else segment > of


@njit(cache=True, nogil=True)
def _learn_click(journey: Any, event: Any, placement: int) -> None:
    """The earliest click may be the start; the latest is what a later purchase is credited to."""
    time, request, segment = event["occurred_ms"], event["request"], event["segment"]
    if _goes_first(
        time, request, placement, segment,
        journey["click_ms"], journey["click_request"], journey["click_placement"], journey["click_segment"],
    ):  # fmt: skip
        journey["click_ms"], journey["click_request"] = time, request
        journey["click_placement"], journey["click_segment"] = placement, segment
    if journey["touch_ms"] == LONG_AGO or _goes_first(
        -time, request, placement, segment,
        -journey["touch_ms"], journey["touch_request"], journey["touch_placement"], journey["touch_segment"],
    ):  # fmt: skip
        journey["touch_ms"], journey["touch_request"] = time, request
        journey["touch_placement"], journey["touch_segment"] = placement, segment


@njit(cache=True, nogil=True)
def _learn_read(journey: Any, event: Any, placement: int, reached: Array, columns: Array) -> None:
    """The earliest read may be the start; when each episode that an objective names was first reached."""
    time, request, segment = event["occurred_ms"], event["request"], event["segment"]
    if _goes_first(
        time, request, placement, segment,
        journey["read_ms"], journey["read_request"], journey["read_placement"], journey["read_segment"],
    ):  # fmt: skip
        journey["read_ms"], journey["read_request"] = time, request
        journey["read_placement"], journey["read_segment"] = placement, segment
    for c in range(len(columns)):
        if columns[c] <= max(1, event["episode"]):
            reached[c] = min(reached[c], time)


@njit(cache=True, nogil=True)
def _learn(
    table: Generation, used: Array, row: int, event: Any, placement: int, credit: Any, longest_ms: int, columns: Array,
    kept_reads: int, counters: Array,
) -> None:  # fmt: skip
    """Take one event into a journey."""
    journey, kind, time = table.journeys[row], event["kind"], event["occurred_ms"]
    if kind == CLICK:
        _learn_click(journey, event, placement)
        return
    if kind == READ:
        _learn_read(journey, event, placement, table.reached[row], columns)
        if event["episode"] > 0 or kept_reads == 0:
            return
    if kind == PURCHASE and journey["purchases"] >= KEPT:
        start = start_of(journey)[0]
        if start != NEVER and time > start + longest_ms + CLOCK_SLACK_MS:  # a start never moves on by more than that
            journey["beyond"] += event["value"]
            return
    fact = table.facts[used[2]]
    fact["time_ms"], fact["kind"], fact["coins"], fact["episode"] = time, kind, event["value"], event["episode"]
    fact["request"], fact["placement"] = credit["request"], credit["placement"]
    used[2] += 1
    if not keep(table, row, used[2] - 1, kept_reads, counters[CROWDED:]):
        used[2] -= 1


@njit(cache=True, nogil=True)
def _merge(table: Generation, row: int, other: int, kept_reads: int, counters: Array) -> None:
    """Two journeys turn out to be one: the later, `row`, takes in the one before it."""
    mine, gone = table.journeys[row], table.journeys[other]
    mine["first_ms"], mine["earlier"] = gone["first_ms"], gone["earlier"]
    mine["last_ms"] = max(mine["last_ms"], gone["last_ms"])
    mine["epoch"] = min(mine["epoch"], gone["epoch"])
    mine["beyond"] += gone["beyond"]
    if _goes_first(
        gone["click_ms"], gone["click_request"], gone["click_placement"], gone["click_segment"],
        mine["click_ms"], mine["click_request"], mine["click_placement"], mine["click_segment"],
    ):  # fmt: skip
        mine["click_ms"], mine["click_request"] = gone["click_ms"], gone["click_request"]
        mine["click_placement"], mine["click_segment"] = gone["click_placement"], gone["click_segment"]
    if _goes_first(
        gone["read_ms"], gone["read_request"], gone["read_placement"], gone["read_segment"],
        mine["read_ms"], mine["read_request"], mine["read_placement"], mine["read_segment"],
    ):  # fmt: skip
        mine["read_ms"], mine["read_request"] = gone["read_ms"], gone["read_request"]
        mine["read_placement"], mine["read_segment"] = gone["read_placement"], gone["read_segment"]
    if mine["touch_ms"] == LONG_AGO:
        mine["touch_ms"], mine["touch_request"] = gone["touch_ms"], gone["touch_request"]
        mine["touch_placement"], mine["touch_segment"] = gone["touch_placement"], gone["touch_segment"]
    for c in range(table.reached.shape[1]):
        table.reached[row, c] = min(table.reached[row, c], table.reached[other, c])
    join(table, row, other, kept_reads, counters[CROWDED:])
    gone["epoch"] = -1


@njit(cache=True, nogil=True)
def _begin(table: Generation, row: int, event: Any, earlier: int, epoch: int) -> None:
    """A journey of which nothing is known but that something happened now."""
    journey = table.journeys[row]
    journey["first_ms"] = journey["last_ms"] = event["occurred_ms"]
    journey["click_ms"] = journey["read_ms"] = NEVER
    journey["touch_ms"] = LONG_AGO
    journey["click_request"] = journey["read_request"] = journey["touch_request"] = np.uint64(0)
    journey["click_placement"] = journey["read_placement"] = journey["touch_placement"] = -1
    journey["click_segment"] = journey["read_segment"] = journey["touch_segment"] = 0
    journey["beyond"] = 0.0
    journey["user"], journey["item"] = event["user"], event["item"]
    journey["facts"], journey["earlier"], journey["epoch"] = -1, earlier, epoch
    journey["reads"] = journey["purchases"] = journey["refunds"] = 0
    for c in range(table.reached.shape[1]):
        table.reached[row, c] = NEVER


@njit(cache=True, nogil=True)
def _credit(journey: Any, event: Any, placement: int, rules: Array, credit: Any, counters: Array) -> bool:
    """Say which click an event without request and placement follows from: the latest, or else the first, not behind it."""
    kind, time = event["kind"], event["occurred_ms"]
    credit["request"], credit["episode"], credit["segment"] = event["request"], event["episode"], event["segment"]
    credit["placement"] = placement
    if kind == REFUND:  # it says nothing of its own: what it undoes is found when it has been taken off
        credit["request"], credit["placement"] = np.uint64(0), -1
        return True
    if (kind != READ and kind != PURCHASE) or event["request"] != np.uint64(0) or placement >= 0:  # noqa: PLR1714
        return False
    for latest in (True, False):
        click = journey["touch_ms"] if latest else journey["click_ms"]
        if click == LONG_AGO or click == NEVER or click > time + CLOCK_SLACK_MS:  # noqa: PLR1714, SIM109
            continue
        at = journey["touch_placement"] if latest else journey["click_placement"]
        if at < 0 or at + 1 >= len(rules) or rules[at + 1]["main"] != kind or time - click > rules[at + 1]["window_ms"]:
            return False
        credit["request"] = journey["touch_request"] if latest else journey["click_request"]
        credit["segment"] = journey["touch_segment"] if latest else journey["click_segment"]
        credit["placement"] = at
        counters[CREDITED] += 1
        return True
    return False


@njit(cache=True, nogil=True)
def _placement(event: Any, rules: Array) -> Any:
    """The placement inside the request id, or where that is not configured the one that the event names."""
    if event["request"] != np.uint64(0):
        own = np.int64(event["request"] & np.uint64(1023))
        if own + 1 < len(rules) and rules[own + 1]["configured"]:
            return own
    return event["placement"]


@njit(cache=True, nogil=True)
def _matters(journey: Any, event: Any, reached: Array, columns: Array, kept_reads: int) -> bool:
    """Whether an event within a journey may change its worth: most clicks and reads do not."""
    kind, time, episode = event["kind"], event["occurred_ms"], event["episode"]
    if kind == CLICK:
        return bool(time <= journey["click_ms"])
    if kind != READ or time <= journey["read_ms"] or (episode == 0 and kept_reads > 0):
        return True
    for c in range(len(columns)):  # noqa: SIM110
        if columns[c] <= max(1, episode) and time < reached[c]:
            return True
    return False


@njit(cache=True, nogil=True)
def _apply(
    table: Generation, used: Array, pair: int, event: Any, rules: Array, steps: Array, columns: Array, longest_ms: int,
    kept_reads: int, epoch: int, worth: Array, known: Known, out: Array, made: int, credits: Array, counters: Array,
    organic: Array,
) -> tuple[int, int]:  # fmt: skip
    """Take an event into its journey, found, begun, or made of two; returns outcomes made, and how many `credits` say more."""
    kind, time, user, item = event["kind"], event["occurred_ms"], event["user"], event["item"]
    above, row = -1, table.latest[pair]
    while row >= 0 and table.journeys[row]["first_ms"] - longest_ms > time:
        above, row = row, table.journeys[row]["earlier"]
    joins = kind != REFUND and row >= 0 and time <= table.journeys[row]["last_ms"] + longest_ms
    matters = True
    for s in range(worth.shape[1]):
        worth[0, s]["trial"] = worth[2, s]["trial"] = 0
    if joins or (row >= 0 and kind == REFUND):
        other = table.journeys[row]["earlier"]
        if joins and other >= 0 and time <= table.journeys[other]["last_ms"] + longest_ms:
            _count(counters, weigh(table, other, rules, steps, worth[1], known), -1)
            made = put_out(out, made, organic, worth[1], worth[2], user, item)
            _count(counters, weigh(table, row, rules, steps, worth[0], known), -1)
            _merge(table, row, other, kept_reads, counters)
        else:
            matters = _matters(table.journeys[row], event, table.reached[row], columns, kept_reads)
            if matters:
                _count(counters, weigh(table, row, rules, steps, worth[0], known), -1)
        if kind == REFUND:
            known.was_left[:] = known.left
    else:
        _begin(table, used[1], event, row, epoch)
        row = used[1]
        used[1] += 1
        if above >= 0:
            table.journeys[above]["earlier"] = row
        else:
            table.latest[pair] = row
    journey = table.journeys[row]
    if joins:
        journey["first_ms"], journey["last_ms"] = min(journey["first_ms"], time), max(journey["last_ms"], time)
    placement = _placement(event, rules)
    says_more = 1 if _credit(journey, event, placement, rules, credits[0], counters) else 0
    _learn(table, used, row, event, placement, credits[0], longest_ms, columns, kept_reads, counters)
    if matters:
        _count(counters, weigh(table, row, rules, steps, worth[2], known), 1)
        made = put_out(out, made, organic, worth[0], worth[2], user, item)
    if kind == READ and event["episode"] == 0 and kept_reads > 0:
        credits[0]["episode"] = journey["reads"]
        says_more = 1
    if kind == REFUND:
        counters[REFUNDS] += 1
        says_more = _say_what_is_undone(known, journey["purchases"], credits)
    return made, says_more


@njit(cache=True, nogil=True)
def _say_what_is_undone(known: Known, purchases: int, credits: Array) -> int:
    """A credit for each request that the latest refund leaves nothing of; the first, of none where there is none, is filled
    but for that. How many there are, at least 1.
    """
    said, bought = 0, undone(known, purchases, 0)
    while bought >= 0:
        credits[said] = credits[0]
        credits[said]["request"], credits[said]["placement"] = known.requests[bought], known.placements[bought]
        said += 1
        bought = undone(known, purchases, bought + 1)
    return max(said, 1)


@njit(cache=True, nogil=True)
def _count(counters: Array, tally: tuple[int, int, int], sign: int) -> None:
    counters[STARTS] += sign * tally[0]
    counters[ORGANIC] += sign * tally[1]
    counters[UNMATCHED] += sign * tally[2]


@njit(cache=True, nogil=True)
def fold(
    events: Array, cursor: Array, rules: Array, steps: Array, columns: Array, longest_ms: int, kept_reads: int,
    epoch: int, new: Generation, used: Array, horizon: int, old: Generation, worth: Array, known: Known,
    out: Array, credits: Array, counts: Array, counters: Array, organic: Array,
) -> int:  # fmt: skip
    """Fold events from `cursor` on, until done or out of room.

    used: pairs, journeys and facts in the newer generation; counts: outcomes made, credits made, then what the next event
    may need of journeys and facts. An event is folded whole or not at all: the caller makes room and calls again. Whether
    the newer generation is full depends on the events alone, never on how they were cut into calls.
    """
    e = cursor[0]
    status = DONE
    while e < len(events):
        kind, user, item = events[e]["kind"], events[e]["user"], events[e]["item"]
        if user < 0 or item < 0 or (kind != CLICK and kind != READ and kind != PURCHASE and kind != REFUND):  # noqa: PLR1714
            e += 1
            continue
        if counts[0] + 9 * worth.shape[1] > len(out) or counts[1] + KEPT > len(credits):
            status = FULL_OUTPUT
            break
        a, b = np.uint64(user), np.uint64(item)
        pair = find(new.slots, new.users, new.items, a, b)
        held = -1
        counts[2], counts[3] = 1, 1
        if pair < 0:
            held = find(old.slots, old.users, old.items, a, b)
            if held >= 0:
                journeys, facts = sizes(old, held)
                counts[2] += journeys
                counts[3] += facts
        if (
            used[1] >= horizon or used[2] >= horizon or used[0] >= len(new.latest)
            or used[1] + counts[2] > len(new.journeys) or used[2] + counts[3] > len(new.facts)
        ):  # fmt: skip
            status = FULL_TABLE
            break
        if pair < 0:
            insert(new.slots, new.users, new.items, pair, used[0], a, b)
            pair = used[0]
            used[0] += 1
            new.latest[pair] = -1
            if held >= 0:
                carry(old, held, new, pair, used)
        credits[counts[1]]["at"] = e
        counts[0], says_more = _apply(
            new, used, pair, events[e], rules, steps, columns, longest_ms, kept_reads, epoch, worth, known,
            out, counts[0], credits[counts[1] :], counters, organic,
        )  # fmt: skip
        counts[1] += says_more
        e += 1
    cursor[0] = e
    return status
