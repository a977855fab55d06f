"""Kernels of `messages`: each reader's messages hang together, latest first, by row numbers."""

from __future__ import annotations

import numpy as np
from numba import njit

from bandi.learning._journey_facts import CLICK, PURCHASE, REFUND
from bandi.model.records import Array

MESSAGE = np.dtype(
    [("request", "<u8"), ("send_ms", "<i8"), ("until_ms", "<i8"), ("coins", "<f8"), ("credited", "<f8"),
     ("user", "<i4"), ("item", "<i4"), ("earlier", "<i4"), ("run", "<i4"), ("anyway", "<f4"), ("uplift", "<f4"),
     ("stratum", "<i2"), ("held", "u1"), ("touched", "u1"), ("spare", "<i4")]
)  # fmt: skip
"""One message, sent or held back; 80 bytes.

request: 0 where it was held back; until_ms: the end of its window; coins: what its reader paid in the window, for any title;
credited: what last touch gives it; touched: its click is the reader's latest on the title; anyway, uplift: coins expected
without it, and through it.
"""

_DAY_MS = 86_400_000


@njit(cache=True, nogil=True)
def link(rows: Array, first: int, stop: int, latest: Array) -> None:
    """Hang rows first to stop into their readers' lists."""
    for row in range(first, stop):
        user = rows[row]["user"]
        rows[row]["earlier"] = -1
        if user >= 0:
            rows[row]["earlier"] = latest[user]
            latest[user] = row


@njit(cache=True, nogil=True)
def follow(events: Array, rows: Array, latest: Array) -> None:
    """What events mean for the messages of their readers, in log order."""
    for i in range(len(events)):
        event = events[i]
        kind, user = event["kind"], event["user"]
        if not 0 <= user < len(latest) or latest[user] < 0:
            continue
        if kind != CLICK and kind != PURCHASE and kind != REFUND:  # noqa: PLR1714
            continue
        row = latest[user]
        while row >= 0:
            message = rows[row]
            own = event["item"] == message["item"]
            if kind == CLICK:
                if own:
                    message["touched"] = event["request"] != 0 and event["request"] == message["request"]
            elif message["send_ms"] <= event["occurred_ms"] < message["until_ms"]:
                coins = event["value"] if kind == PURCHASE else -event["value"]
                message["coins"] += coins
                if own and message["touched"]:
                    message["credited"] += coins
            row = message["earlier"]


@njit(cache=True, nogil=True)
def within_caps(
    users: Array, items: Array, send_ms: Array, rows: Array, latest: Array, per_day: int, per_week: int,
    again_after_ms: int, allowed: Array,
) -> None:  # fmt: skip
    """allowed: bool[n]; counts on both sides of the time, so that no stretch of 24 hours or 7 days holds more."""
    for i in range(len(users)):
        row = latest[users[i]] if users[i] < len(latest) else -1
        day, week = 0, 0
        while row >= 0:
            message = rows[row]
            apart = abs(send_ms[i] - message["send_ms"])
            day += apart < _DAY_MS
            week += apart < 7 * _DAY_MS
            if message["item"] == items[i] and apart < again_after_ms:
                allowed[i] = False
            row = message["earlier"]
        if day >= per_day or week >= per_week:
            allowed[i] = False
