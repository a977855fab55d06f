"""The join of impressions and rewards as one Numba kernel over rows of the log; see attribution.py for the rules.

What a pair is worth is a function of its two times (`_worth`); a record changes a time and puts out the difference.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from bandi.learning._table_kernels import find_near, insert
from bandi.model.records import Array

NEVER = np.iinfo(np.int64).max
"""The time of what has not happened."""

LONG_AGO = np.iinfo(np.int64).min
"""Instead of a reward's time: it was paid back, and has not happened."""

UNCONFIGURED, REPORTED, IMPLIED = 0, 1, 2
"""Modes of a placement."""

RULE = np.dtype([("mode", "<i4"), ("reward_kind", "<i4"), ("window_ms", "<i8"), ("count", "<i8")])
"""What counts at a placement, by dense id of the placement."""

ENTRY = np.dtype(
    [
        ("impression_ms", "<i8"),
        ("reward_ms", "<i8"),
        ("item", "<i4"),
        ("user", "<i4"),
        ("placement", "<i2"),
        ("segment", "<i2"),
        ("slot", "<i2"),
        ("spare", "<i2"),
    ]
)
"""What is known of one (request, item, placement): the earliest impression, the earliest reward; 32 bytes.

user, segment and slot are those of the pair's first record; -1: it names no slot, or nobody.
"""

OUTCOME = np.dtype(
    [
        ("time_ms", "<i8"), ("trial", "<f4"), ("reward", "<f4"), ("item", "<i4"), ("user", "<i4"), ("placement", "<i2"),
        ("segment", "<i2"), ("slot", "<i2"), ("position", "<i8"), ("request", "<u8"),
    ]
)  # fmt: skip
"""A change of what an arm has counted; position: of the record that brought it; user, slot: of the
pair's first record; request: 0, none."""

DECISIONS, TRIALS, SUCCESSES, ORPHANS, LATE, UNATTRIBUTED, CUSTOM, KINDS = 0, 1, 2, 3, 4, 5, 6, 7
"""Places of the counters; KINDS + kind counts events of a built-in kind (1 to 15)."""
COUNTERS = KINDS + 16
FIRST_CUSTOM = 16
READ, PURCHASE, REFUND = 3, 4, 6

CLOCK_SLACK_MS = 5_000
"""A reward may be stamped this much before its impression: the two often come from different clocks."""

DONE, FULL_TABLE, FULL_OUTPUT = 0, 1, 2


@njit(cache=True, nogil=True)
def emit(
    out: Array, made: int, time_ms: int, trial: float, reward: float, item: int, placement: int, segment: int, user: int,
    slot: int, position: int, request: np.uint64,
) -> int:  # fmt: skip
    """Append one outcome; returns how many there are."""
    row = out[made]
    row["time_ms"] = time_ms
    row["trial"] = trial
    row["reward"] = reward
    row["item"] = item
    row["placement"] = placement
    row["segment"] = segment
    row["position"] = position
    row["user"] = user
    row["slot"] = slot
    row["request"] = request
    return made + 1


@njit(cache=True, nogil=True)
def _worth(impression_ms: int, reward_ms: int, window_ms: int) -> tuple[int, int, int, int, int]:
    """(trial, reward, time, orphan, late) of what is known of one (request, item): a function of the two times alone."""
    if impression_ms == NEVER and reward_ms == NEVER:
        return 0, 0, 0, 0, 0
    if impression_ms == NEVER:
        return 1, 1, reward_ms, 1, 0
    if reward_ms == NEVER:
        return 1, 0, impression_ms, 0, 0
    if -CLOCK_SLACK_MS <= reward_ms - impression_ms <= window_ms:
        return 1, 1, impression_ms, 0, 0
    return 1, 0, impression_ms, 0, 1


@njit(cache=True, nogil=True)
def _learn(
    entries: Array, row: int, impression_ms: int, reward_ms: int, window_ms: int, out: Array, made: int, counters: Array,
    position: int, request: np.uint64,
) -> int:  # fmt: skip
    """Take one more time into an entry (LONG_AGO: the reward was undone) and put out what its worth has changed by."""
    entry = entries[row]
    old_impression, old_reward = entry["impression_ms"], entry["reward_ms"]
    new_impression = min(old_impression, impression_ms)
    new_reward = NEVER if reward_ms == LONG_AGO else min(old_reward, reward_ms)
    if new_impression == old_impression and new_reward == old_reward:
        return made
    entry["impression_ms"] = new_impression
    entry["reward_ms"] = new_reward
    trial, reward, time, orphan, late = _worth(old_impression, old_reward, window_ms)
    trial_now, reward_now, time_now, orphan_now, late_now = _worth(new_impression, new_reward, window_ms)
    item, placement, segment = entry["item"], entry["placement"], entry["segment"]
    user, slot = entry["user"], entry["slot"]
    if trial and time != time_now:
        made = emit(out, made, time, -trial, -reward, item, placement, segment, user, slot, position, request)
        if trial_now:
            made = emit(
                out, made, time_now, trial_now, reward_now, item, placement, segment, user, slot, position, request
            )
    elif trial_now != trial or reward_now != reward:
        made = emit(
            out, made, time_now, trial_now - trial, reward_now - reward, item, placement, segment, user, slot, position,
            request,
        )  # fmt: skip
    counters[TRIALS] += trial_now - trial
    counters[SUCCESSES] += reward_now - reward
    counters[ORPHANS] += orphan_now - orphan
    counters[LATE] += late_now - late
    return made


@njit(cache=True, nogil=True)
def _impressions(decision: Any, shown: int, rules: Array) -> int:
    """How many of a decision's items count as seen: all or none."""
    placement = decision["placement"]
    if placement < 0 or placement >= len(rules) or rules[placement]["mode"] != IMPLIED:
        return 0
    return shown


@njit(cache=True, nogil=True)
def join(
    event_positions: Array, events: Array, decision_positions: Array, decisions: Array, offsets: Array, shown: Array,
    cursors: Array, rules: Array,
    index: Array, keys_a: Array, keys_b: Array, entries: Array, counts: Array, horizon: int,
    old_index: Array, old_keys_a: Array, old_keys_b: Array, old_entries: Array,
    out: Array, counters: Array,
) -> int:  # fmt: skip
    """Fold records in order of position from `cursors` (event, decision) on, until done or out of room.

    counts[0]: rows of the newer table in use; counts[1]: outcomes made; counts[2]: rows that the next record may need.
    A record is folded whole or not at all: the caller makes room and calls again. Whether the newer table is full
    depends on the records alone, never on how they were cut into calls.
    """
    e, d = cursors[0], cursors[1]
    rows, made = counts[0], counts[1]
    status = DONE
    while e < len(events) or d < len(decisions):
        is_event = d >= len(decisions) or (e < len(events) and event_positions[e] < decision_positions[d])
        need = 1 if is_event else _impressions(decisions[d], offsets[d + 1] - offsets[d], rules)
        if made + 2 * need > len(out):
            status = FULL_OUTPUT
            break
        if need > 0 and (rows >= horizon or rows + need > len(entries)):
            counts[2] = need
            status = FULL_TABLE
            break
        first, count = 0, 1
        if is_event:
            event = events[e]
            position, user = event_positions[e], event["user"]
            e += 1
            kind, request, item = event["kind"], event["request"], event["item"]
            placement, segment, time = event["placement"], event["segment"], event["occurred_ms"]
            user, slot = event["user"], event["position"]
            if kind >= FIRST_CUSTOM:
                counters[CUSTOM] += 1
                continue
            if e == 1 or event_positions[e - 2] != position:  # else one more thing that the same event undoes
                counters[KINDS + kind] += 1
            if request != np.uint64(0):
                own = np.int64(request & np.uint64(1023))
                if own < len(rules) and rules[own]["mode"] != UNCONFIGURED:
                    placement = own
            if placement < 0 and kind <= 2:
                counters[UNATTRIBUTED] += 1
            if placement < 0 or placement >= len(rules) or item < 0 or rules[placement]["mode"] == UNCONFIGURED:
                continue
            impression = kind == 1
            undone = kind == REFUND and request != np.uint64(0) and rules[placement]["reward_kind"] == PURCHASE
            if not impression and not undone and kind != rules[placement]["reward_kind"]:
                continue
            if kind == READ and event["episode"] < rules[placement]["count"]:
                continue
        else:
            header = decisions[d]
            position, user = decision_positions[d], header["user"]
            counters[DECISIONS] += 1
            request, placement = header["request"], np.int64(header["placement"])
            segment, time, impression, item = header["segment"], header["occurred_ms"], True, 0
            user, slot, undone = header["user"], -1, False
            first, count = offsets[d], need
            d += 1
            if count == 0:
                continue
        window = rules[placement]["window_ms"]
        for i in range(count):
            if not is_event:
                item, slot = shown[first + i], i
            if request == np.uint64(0):
                made = emit(
                    out, made, time, 1.0, 0.0 if impression else 1.0, item, placement, segment, user, slot, position,
                    request,
                )  # fmt: skip
                counters[TRIALS] += 1
                if not impression:
                    counters[SUCCESSES] += 1
                    counters[ORPHANS] += 1
                continue
            impression_ms = time if impression else NEVER
            reward_ms = NEVER if impression else LONG_AGO if undone else time
            key = np.uint64(item) | np.uint64(placement) << np.uint64(32)
            row = find_near(old_index, old_keys_a, old_keys_b, request, key)
            if row >= 0:
                made = _learn(
                    old_entries, row, impression_ms, reward_ms, window, out, made, counters, position, request
                )
                continue
            row = find_near(index, keys_a, keys_b, request, key)
            if row < 0 and undone:
                continue
            if row < 0:
                insert(index, keys_a, keys_b, row, rows, request, key)
                row = rows
                rows += 1
                entry = entries[row]
                entry["impression_ms"] = NEVER
                entry["reward_ms"] = NEVER
                entry["item"] = item
                entry["placement"] = placement
                entry["segment"] = segment
                entry["user"] = user
                entry["slot"] = slot
            made = _learn(entries, row, impression_ms, reward_ms, window, out, made, counters, position, request)
    cursors[0], cursors[1] = e, d
    counts[0], counts[1] = rows, made
    return status
