"""Which clicks get the credit for a purchase: the last one, or all of them by their position.

A *touch* is a reader's click on a title that a placement showed (the placement in the request, else the one that the click
names), at most `window_ms` before a purchase of that title by that reader. *Last touch* gives the latest all of it.
*Position-weighted* gives the first and the last 40 % each and those between the rest, evenly. A purchase without a touch is
*organic*. Neither says what would have happened without the clicks: that is what a holdout is for (uplift.py).

Purchases are few among events, and only touches of bought titles matter. So the log is read twice: first purchases, then
clicks on what was bought; memory goes with purchases and their touches, and late events count as if they had come in time.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bandi.learning._credit_kernels import share_out, take_back
from bandi.model.events import EventKind
from bandi.model.records import Array
from bandi.model.request_ids import MAX_PLACEMENTS

By = Literal["placement", "item", "segment"]
_TOUCH = np.dtype([("pair", "<i8"), ("occurred_ms", "<i8"), ("placement", "<i2"), ("segment", "<i2")])


@dataclass(frozen=True, slots=True)
class CreditRule:
    """window_ms: longest time from a touch to the purchase; first, last: shares of the first and the last touch, 1 at most."""

    window_ms: int
    first: float = 0.4
    last: float = 0.4


@dataclass(frozen=True, slots=True)
class Purchases:
    """What was bought and not given back, by pair of reader and title, then time.

    pairs: int64[n], reader << 32 | title; occurred_ms, positions: int64[n]; coins: float64[n], above 0 or a purchase of no
    coins. refunded: coins that refunds took back; unmatched: coins that refunds name and no purchase has; nameless:
    purchases that name no reader or no title.
    """

    pairs: Array
    occurred_ms: Array
    positions: Array
    coins: Array
    refunded: float
    unmatched: float
    nameless: int

    @property
    def users(self) -> Array:
        """int64[n], dense ids."""
        return self.pairs >> 32

    @property
    def items(self) -> Array:
        """int64[n], dense ids."""
        return self.pairs & 0xFFFFFFFF


class PurchaseReading:
    """Gathers purchases and refunds, stretch by stretch."""

    def __init__(self) -> None:
        self._parts: list[tuple[Array, Array]] = []
        self._nameless = 0

    def fold(self, positions: Array, rows: Array) -> None:
        """Events in log order: int64[n], EVENT[n]. O(n)."""
        money = (rows["kind"] == EventKind.PURCHASE) | (rows["kind"] == EventKind.REFUND)
        named = money & (rows["user"] >= 0) & (rows["item"] >= 0)
        self._nameless += int((money & ~named & (rows["kind"] == EventKind.PURCHASE)).sum())
        if named.any():
            self._parts.append((positions[named], rows[named]))

    def purchases(self) -> Purchases:
        """All so far, less refunds; a purchase of which all coins came back is none. O(n log n)."""
        if not self._parts:
            none = np.zeros(0, np.int64)
            return Purchases(none, none, none, np.zeros(0), 0.0, 0.0, self._nameless)
        positions = np.concatenate([part for part, _ in self._parts])
        rows = np.concatenate([part for _, part in self._parts])
        pairs = rows["user"].astype(np.int64) << 32 | rows["item"]
        order = np.lexsort((positions, rows["occurred_ms"], pairs))
        pairs, positions, rows = pairs[order], positions[order], rows[order]
        refunds, coins = rows["kind"] == EventKind.REFUND, np.ascontiguousarray(rows["value"])
        left = np.zeros(len(rows))
        unmatched = take_back(pairs, refunds, np.ascontiguousarray(rows["episode"]), coins, left)
        kept = ~refunds & ((left > 1e-9 * coins) | (coins == 0.0))
        refunded = float(coins[~refunds].sum() - left.sum())
        times = np.ascontiguousarray(rows["occurred_ms"])
        return Purchases(pairs[kept], times[kept], positions[kept], left[kept], refunded, unmatched, self._nameless)


class TouchReading:
    """Gathers the touches of what was bought, stretch by stretch. configured: dense ids of placements in use."""

    def __init__(self, purchases: Purchases, configured: Collection[int]) -> None:
        self._bought = np.unique(purchases.pairs)
        readers = np.unique(purchases.users)
        self._pays = np.zeros(int(readers[-1]) + 1 if len(readers) else 0, np.bool_)
        self._pays[readers] = True
        self._configured = np.zeros(MAX_PLACEMENTS, np.bool_)
        self._configured[list(configured)] = True
        self._parts = [np.zeros(0, _TOUCH)]

    def fold(self, rows: Array) -> None:
        """EVENT[n] in any order. O(n), and O(log purchases) for each click of a reader who pays."""
        users = rows["user"]
        clicks = np.flatnonzero((rows["kind"] == EventKind.CLICK) & (users >= 0) & (users < len(self._pays)))
        clicks = clicks[self._pays[users[clicks]]]
        if not len(clicks):
            return
        own = rows[clicks]
        pairs = own["user"].astype(np.int64) << 32 | own["item"]
        at = np.searchsorted(self._bought, pairs).clip(max=len(self._bought) - 1)
        own, pairs = own[self._bought[at] == pairs], pairs[self._bought[at] == pairs]
        requested = (own["request"] & np.uint64(MAX_PLACEMENTS - 1)).astype(np.int64)
        by_request = (own["request"] != 0) & self._configured[requested]
        touches = np.zeros(len(own), _TOUCH)
        touches["pair"], touches["occurred_ms"], touches["segment"] = pairs, own["occurred_ms"], own["segment"]
        touches["placement"] = np.where(by_request, requested, own["placement"])
        self._parts.append(touches[touches["placement"] >= 0])

    def touches(self) -> Array:
        """By pair, then time: a structured array with pair, occurred_ms, placement and segment."""
        found = np.concatenate(self._parts)
        ordered: Array = found[np.lexsort((found["occurred_ms"], found["pair"]))]
        return ordered


@dataclass(frozen=True, slots=True)
class Credit:
    """keys: int64[groups], dense ids; sums: float64[groups + 1, 4], the last row organic.

    Columns of sums: purchases and coins by last touch, purchases and coins position-weighted. by_last, by_position: float64[n],
    shares of each purchase that touches at the covered placements get.
    """

    keys: Array
    sums: Array
    by_last: Array
    by_position: Array


def credit(purchases: Purchases, touches: Array, rule: CreditRule, by: By, covered: Collection[int]) -> Credit:
    """Share purchases out to touches, summed by placement, title or segment of the touch.

    covered: dense ids of placements. Raises ValueError where the weights are below 0 or their sum above 1.
    """
    if rule.first < 0.0 or rule.last < 0.0 or rule.first + rule.last > 1.0:
        raise ValueError(f"weights: expected from 0, their sum at most 1, found {rule.first} and {rule.last}")
    values = touches["pair"] & 0xFFFFFFFF if by == "item" else touches[by].astype(np.int64)
    keys, groups = np.unique(values, return_inverse=True)
    sums, last = np.zeros((len(keys) + 1, 4)), np.zeros(len(purchases.pairs), np.int64)
    part, inside = np.zeros(len(last)), np.isin(touches["placement"], list(covered))
    share_out(
        purchases.pairs, purchases.occurred_ms, purchases.coins, np.ascontiguousarray(touches["pair"]),
        np.ascontiguousarray(touches["occurred_ms"]), groups.astype(np.int32), inside, rule.window_ms, rule.first,
        rule.last, sums, last, part,
    )  # fmt: skip
    by_last = np.zeros(len(last)) if not len(touches) else np.where(last >= 0, inside[last], False).astype(np.float64)
    return Credit(keys, sums, by_last, part)
