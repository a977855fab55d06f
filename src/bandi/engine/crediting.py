"""The credit report: what purchases are credited to, and beside it what a holdout says the lists brought.

The log is read twice (learning/credit.py says why), and no state is needed: names and configuration come from its documents.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np

from bandi.catalog.interning import Interner
from bandi.learning.credit import By, Credit, CreditRule, PurchaseReading, Purchases, TouchReading, credit
from bandi.learning.first_decisions import FirstDecisions
from bandi.learning.uplift import uplift
from bandi.log.folder import LogFolder
from bandi.log.protocol import Log
from bandi.log.sqlite import open_log_read_only
from bandi.model.config import Config, Holdout
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.holdout import covers, is_held_out
from bandi.model.records import Array, DocumentKind, Stretch
from bandi.model.variants import counting_placements, shown_at

DAY_MS = 86_400_000
OnRecords = Callable[[int, int], None]
"""Called with the records read so far, and how many there are: twice those of the log."""
NO_HOLDOUT = "no holdout: what would have been bought without the lists is not known; put [holdout] into bandi.toml"
_ids_decoder = msgspec.msgpack.Decoder(dict[str, str | int | list[str]])
_config_decoder = msgspec.msgpack.Decoder(Config)


class CreditRow(msgspec.Struct, frozen=True):
    """Purchases and coins of one group, by last touch and position-weighted."""

    key: str
    last_purchases: float
    last_coins: float
    weighted_purchases: float
    weighted_coins: float


class Incremental(msgspec.Struct, frozen=True):
    """What the placements' lists bring beyond what the held-out get, in coins per reader who was asked for since `since_ms`.

    low, high: 95 % bounds of the difference; coins: difference times treated readers. last_touch, weighted: coins per treated
    reader that each rule credits to these placements. of_last_touch: difference / last_touch with bounds, None where that is 0.
    cap: coins of a reader were cut to this; variance_left: of the difference's variance, after allowing for earlier coins.
    """

    placements: list[str]
    serves: str
    since_ms: int
    treated: int
    held: int
    treated_mean: float
    held_mean: float
    difference: float
    low: float
    high: float
    coins: float
    last_touch: float
    weighted: float
    of_last_touch: tuple[float, float, float] | None
    cap: float | None
    variance_left: float


class CreditReport(msgspec.Struct, frozen=True):
    """rows: most coins first. unknown: why `incremental` is None, else nothing. since_ms: purchases from then on, None: all.

    refunded: coins given back, which nobody is credited with; unmatched: coins of refunds that no purchase has; nameless: purchases
    without a reader or a title, which cannot be credited.
    """

    by: str
    window_ms: int
    first: float
    last: float
    since_ms: int | None
    rows: list[CreditRow]
    organic: CreditRow
    incremental: Incremental | None
    unknown: str
    refunded: float
    unmatched: float
    nameless: int


class _LogReading:
    """First pass: purchases, names, configuration, and who takes part in the holdout's experiment."""

    def __init__(self) -> None:
        self.names = Interner()
        self.config = Config(placements={})
        self.purchases = PurchaseReading()
        self.first = FirstDecisions()
        self.last_ms = 0

    @property
    def covered(self) -> list[int]:
        """Dense ids of the placements that hold readers out."""
        return [
            self.names.lookup("placement", name)
            for name in counting_placements(self.config)
            if covers(self.config.holdout, shown_at(self.config, name))
        ]

    def fold(self, stretch: Stretch) -> None:
        for document in stretch.documents:
            if document.kind == DocumentKind.IDS:
                ids = _ids_decoder.decode(document.payload)
                namespace, texts = ids["namespace"], ids["texts"]
                assert isinstance(namespace, str) and isinstance(texts, list)
                self.names.add(namespace, texts)
            elif document.kind == DocumentKind.CONFIG:
                before, self.config = self.config.holdout, _config_decoder.decode(document.payload)
                if self.config.holdout != before:
                    self.first.restart(document.position)
        self.purchases.fold(stretch.events.positions, stretch.events.rows)
        self.last_ms = max(self.last_ms, int(stretch.events.rows["occurred_ms"].max(initial=0)))
        if self.config.holdout is not None:
            self.first.fold(stretch.decisions, self.covered)


def credit_report(
    folder: Path,
    rule: CreditRule,
    by: By = "placement",
    days: float | None = None,
    winsorise: float | None = None,
    on_records: OnRecords = lambda _done, _total: None,
) -> CreditReport:
    """The report on the log of `folder`, which may be in use. days: purchases of so many last days of the log; None: all.

    Raises InvalidInputError where there is no log, ValueError for weights that do not fit, and what reading raises.
    """
    if not LogFolder(folder).root.exists():
        raise InvalidInputError(
            Problem("log", "none", "a folder with a log", "load events: bandi load FOLDER events FILE")
        )
    log = open_log_read_only(folder)
    try:
        return _report(log, rule, by, days, winsorise, on_records)
    finally:
        log.close()


def _report(
    log: Log, rule: CreditRule, by: By, days: float | None, winsorise: float | None, on_records: OnRecords
) -> CreditReport:
    end = log.next_position
    reading = _LogReading()
    for stretch in log.read(0, end):
        reading.fold(stretch)
        on_records(stretch.stop, 2 * end)
    every = reading.purchases.purchases()
    since_ms = None if days is None else int(reading.last_ms - days * DAY_MS)
    purchases = every if since_ms is None else _since(every, since_ms)
    configured = [reading.names.lookup("placement", name) for name in counting_placements(reading.config)]
    reader = TouchReading(purchases, [index for index in configured if index >= 0])
    for stretch in log.read(0, end):
        reader.fold(stretch.events.rows)
        on_records(end + stretch.stop, 2 * end)
    found = credit(purchases, reader.touches(), rule, by, reading.covered)
    rows = _rows(found, by, reading.names)
    incremental, unknown = _incremental(reading, every, purchases, found, winsorise)
    return CreditReport(
        by, rule.window_ms, rule.first, rule.last, since_ms, rows, _row("organic", found.sums[-1]), incremental, unknown,
        every.refunded, every.unmatched, every.nameless,
    )  # fmt: skip


def _since(purchases: Purchases, since_ms: int) -> Purchases:
    kept = purchases.occurred_ms >= since_ms
    return Purchases(
        purchases.pairs[kept], purchases.occurred_ms[kept], purchases.positions[kept], purchases.coins[kept],
        purchases.refunded, purchases.unmatched, purchases.nameless,
    )  # fmt: skip


def _row(key: str, sums: Array) -> CreditRow:
    return CreditRow(key, *(float(value) for value in sums))


def _rows(found: Credit, by: By, names: Interner) -> list[CreditRow]:
    """Named, most coins first."""
    texts = None if by == "segment" else names.texts(by)
    named = [
        _row(str(key) if texts is None else texts[key], found.sums[n]) for n, key in enumerate(found.keys.tolist())
    ]
    credited = [row for row in named if row.last_purchases or row.weighted_purchases]
    return sorted(credited, key=lambda row: (-row.last_coins, -row.weighted_coins, row.key))


def _incremental(
    reading: _LogReading, every: Purchases, purchases: Purchases, found: Credit, winsorise: float | None
) -> tuple[Incremental | None, str]:
    """The figures, or why there are none."""
    holdout, readers = reading.config.holdout, reading.first.readers()
    if holdout is None:
        return None, NO_HOLDOUT
    held = _held(holdout, readers, reading.names)
    if held.sum() < 2 or (~held).sum() < 2:
        return None, f"too early: {int((~held).sum())} readers and {int(held.sum())} held out were asked for so far"
    started = reading.first.of(every.users)
    before = _per_reader(readers, every.users, np.where(every.positions < started, every.coins, 0.0))
    during = purchases.positions > reading.first.of(purchases.users)
    coins, by_last, by_position = (
        _per_reader(readers, purchases.users, np.where(during, purchases.coins * share, 0.0))
        for share in (1.0, found.by_last, found.by_position)
    )
    result = uplift(coins, before, held, by_last, winsorise=winsorise)
    names = reading.names.texts("placement")
    return Incremental(
        placements=[names[index] for index in reading.covered],
        serves=holdout.serves,
        since_ms=reading.first.since_ms,
        treated=result.treated,
        held=result.held,
        treated_mean=result.treated_mean,
        held_mean=result.held_mean,
        difference=result.difference,
        low=result.low,
        high=result.high,
        coins=result.difference * result.treated,
        last_touch=float(by_last[~held].mean()),
        weighted=float(by_position[~held].mean()),
        of_last_touch=result.ratio,
        cap=result.cap,
        variance_left=result.variance_left,
    ), ""  # fmt: skip


def _held(holdout: Holdout, readers: Array, names: Interner) -> Array:
    texts = names.texts("user")
    return np.fromiter((is_held_out(holdout, texts[reader]) for reader in readers.tolist()), np.bool_, len(readers))


def _per_reader(readers: Array, users: Array, coins: Array) -> Array:
    """Sums by reader: float64[readers]; readers: ascending dense ids. What others paid is left out."""
    places = np.searchsorted(readers, users).clip(max=len(readers) - 1)
    own = readers[places] == users
    sums: Array = np.bincount(places[own], coins[own], len(readers))
    return sums
