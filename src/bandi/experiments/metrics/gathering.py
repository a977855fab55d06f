"""Second pass over the log: what each exposed reader did before and after their first exposure, one row each.

An event belongs to the time at which it happened, by the reader's clock, whenever it arrived. Purchases count less what was
refunded (learning/credit.py says which refund takes back which purchase), at the time of the purchase.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bandi.experiments.metrics._event_kernels import FREE, NEVER, NO_CELL, gather, rehash
from bandi.experiments.metrics.columns import DAY_MS, OPEN, Column, Counting
from bandi.experiments.metrics.exposed import NONE, Exposed
from bandi.learning.credit import PurchaseReading
from bandi.log.protocol import Log
from bandi.model.events import FIRST_CUSTOM_KIND, EventKind
from bandi.model.records import EVENT, Array
from bandi.model.request_ids import MAX_PLACEMENTS
from bandi.model.variants import variant_name

COVARIATE_MS = 28 * DAY_MS
"""What a reader did in the four weeks before their first exposure explains a part of what they do after it."""
MAX_LOOKS = 1_000
MAX_COLUMNS = 64
_BINS = 256
_FIRST_CELLS, _FIRST_PLACES = 65_536, 65_536
_KINDS = {kind.name.lower(): int(kind) for kind in EventKind}
OnRecords = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Calendar:
    """When is looked: origin_ms: the start of the first reader's day (UTC); step_ms: between looks; ends_ms: int64[looks].

    The last look is the moment of the report itself.
    """

    origin_ms: int
    step_ms: int
    ends_ms: Array

    @property
    def looks(self) -> int:
        """How many."""
        return len(self.ends_ms)

    def look_of(self, times_ms: Array) -> Array:
        """The first look that sees what happened at these moments: int16[n]."""
        return np.searchsorted(self.ends_ms, times_ms, side="right").astype(np.int16)

    def closed_by(self, times_ms: Array) -> Array:
        """The first look by which windows that end at these moments are closed: int16[n]; `looks` where none is."""
        return np.searchsorted(self.ends_ms, times_ms, side="left").astype(np.int16)


def calendar_of(exposed: Exposed, now_ms: int) -> Calendar:
    """A look at the end of every day since the first exposure; of more than `MAX_LOOKS` days, of every second, and so on."""
    first = int(exposed.exposed_ms.min()) if len(exposed.users) else now_ms - 1
    origin = first // DAY_MS * DAY_MS
    days = -(-(now_ms - origin) // DAY_MS)
    step = DAY_MS * max(1, -(-days // MAX_LOOKS))
    ends = origin + step * np.arange(1, -(-(now_ms - origin) // step) + 1, dtype=np.int64)
    ends[-1] = now_ms
    return Calendar(origin, step, ends)


@dataclass(frozen=True, slots=True)
class Done:
    """What exposed readers did, by column. Cells are sums that grow: value at the look, for one reader, of one column.

    before: float64[rows, columns], in the four weeks before exposure; counts: int64[columns], events that counted;
    delays: float64[columns, bins], what came in which part of the window, of readers whose window is closed.
    """

    columns: list[Column]
    calendar: Calendar
    before: Array
    counts: Array
    delays: Array
    sums: Array
    looks: Array
    cells: tuple[Array, Array, Array, Array]
    pairs: tuple[Array, Array]
    specs: Array
    unmatched: float

    def index(self, column: Column) -> int:
        """Its number."""
        return self.columns.index(column)

    def final(self, column: Column) -> Array:
        """float64[rows]: the value of a column with a window, as of now. O(rows), O(places) for titles."""
        at = self.index(column)
        slot = self.specs[at, 5]
        match column.counting:
            case Counting.READERS:
                some: Array = (self.looks[:, slot] != NEVER).astype(np.float64)
                return some
            case Counting.TITLES:
                rows, _ = self._titles(slot)
                titles: Array = np.bincount(rows, minlength=len(self.before)).astype(np.float64)
                return titles
            case _:
                values: Array = self.sums[:, slot]
                return values

    def growing(self, column: Column) -> tuple[Array, Array, Array]:
        """(rows int32, looks int16, values float64): by what an open column, or one of single values, grew."""
        at = self.index(column)
        slot = self.specs[at, 5]
        match column.counting:
            case Counting.READERS:
                rows = np.flatnonzero(self.looks[:, slot] != NEVER).astype(np.int32)
                return rows, self.looks[rows, slot], np.ones(len(rows))
            case Counting.TITLES:
                rows, looks = self._titles(slot)
                return rows.astype(np.int32), looks, np.ones(len(rows))
            case _:
                rows, looks, columns, values = self.cells
                own = np.flatnonzero(columns == at)
                return rows[own], looks[own], values[own]

    def reached(self, column: Column) -> Array:
        """int16[rows]: the look at which a column of readers first had each, NEVER for those it does not have."""
        looks: Array = self.looks[:, self.specs[self.index(column), 5]]
        return looks

    def _titles(self, slot: int) -> tuple[Array, Array]:
        keys, looks = self.pairs
        taken = np.flatnonzero(keys != FREE)
        owners = keys[taken] >> 32
        own = owners % len(self.columns) == slot
        return owners[own] // len(self.columns), looks[taken][own]


class Gathering:
    """Folds events (and, where impressions are implied, decisions) of exposed readers."""

    def __init__(self, exposed: Exposed, columns: Sequence[Column], calendar: Calendar, now_ms: int) -> None:
        """At most `MAX_COLUMNS` columns: they are the bits of a word."""
        rows, self.columns, self.calendar, self._now_ms = len(exposed.users), list(columns), calendar, now_ms
        self._exposed, self._row_of = exposed, exposed.rows_by_user()
        self._here, self._implied = places_of(exposed)
        self._specs, slots = _specs(self.columns)
        self._by_kind = _by_kind(self.columns, exposed)
        self._before = np.zeros((rows, len(columns)))
        self._sums = np.zeros((rows, slots["sums"]))
        self._looks = np.full((rows, slots["looks"]), NEVER, np.int16)
        self._last = np.full((rows, slots["last"]), NO_CELL, np.int32)
        self._counts = np.zeros(len(columns), np.int64)
        self._delays = np.zeros((len(columns), _BINS))
        self._cells = _new_cells(_FIRST_CELLS)
        self._pairs = (np.full(_FIRST_PLACES, FREE, np.int64), np.zeros(_FIRST_PLACES, np.int16))
        self._used = np.zeros(2, np.int64)
        self._purchases = PurchaseReading()

    def fold(self, positions: Array, rows: Array, showings: tuple[Array, Array]) -> None:
        """EVENT[n] with their positions; and, as (positions, DECISION[m]), decisions. O(n + m)."""
        kinds = rows["kind"]
        money = np.flatnonzero((kinds == EventKind.PURCHASE) | (kinds == EventKind.REFUND))
        if len(money):
            users = rows["user"][money]
            known = (users >= 0) & (users < len(self._row_of))
            money, users = money[known], users[known]
            at = self._row_of[users]
            money = money[(at != NONE) & (positions[money] >= self._exposed.since[at])]
            self._purchases.fold(positions[money], rows[money])
        if self._implied.any():  # then lists tell, and reports of the same lists do not count twice
            places = (rows["request"] & np.uint64(MAX_PLACEMENTS - 1)).astype(np.int64)
            places = np.where(rows["request"] != 0, places, rows["placement"])
            told = (kinds == EventKind.IMPRESSION) & (places >= 0) & self._implied[places]
            positions, rows = positions[~told], rows[~told]
        self._gather(positions, rows, np.ones(len(rows)), self._events_by_kind)
        if self._implied.any():
            self._show(*showings)

    @property
    def _events_by_kind(self) -> Array:
        """Purchases come at the end, when it is known what was refunded."""
        by_kind = self._by_kind.copy()
        by_kind[EventKind.PURCHASE] = 0
        return by_kind

    def done(self) -> Done:
        """All so far. O(purchases log purchases)."""
        bought = self._purchases.purchases()
        rows = np.zeros(len(bought.pairs), EVENT)
        rows["placement"] = -1
        rows["kind"], rows["user"], rows["item"] = EventKind.PURCHASE, bought.users, bought.items
        rows["occurred_ms"], rows["value"] = bought.occurred_ms, bought.coins
        self._gather(bought.positions, rows, np.ones(len(rows)), self._by_kind)
        rows_, looks, columns, values = (part[: self._used[0]] for part in self._cells)
        return Done(
            self.columns, self.calendar, self._before, self._counts, self._delays, self._sums, self._looks,
            (rows_, looks, columns, values), self._pairs, self._specs, bought.unmatched,
        )  # fmt: skip

    def _show(self, positions: Array, headers: Array) -> None:
        """A list is as many impressions as it has titles, where showing it implies them."""
        own = np.flatnonzero((headers["placement"] >= 0) & self._implied[headers["placement"]])
        rows = np.zeros(len(own), EVENT)
        rows["kind"], rows["item"] = EventKind.IMPRESSION, -1
        for name in ("user", "occurred_ms", "placement"):
            rows[name] = headers[name][own]
        only = np.zeros(len(self._by_kind), np.uint64)
        only[EventKind.IMPRESSION] = self._by_kind[EventKind.IMPRESSION]
        self._gather(positions[own], rows, headers["k"][own].astype(np.float64), only)

    def _gather(self, positions: Array, rows: Array, amounts: Array, by_kind: Array) -> None:
        done = 0
        while done < len(rows):
            done = gather(
                rows["user"], rows["kind"], rows["item"], rows["episode"], rows["occurred_ms"], rows["value"], positions,
                rows["request"], rows["placement"], amounts, done, self._row_of, self._exposed.exposed_ms,
                self._exposed.since, by_kind, self._here, self._specs, COVARIATE_MS, self._now_ms, self.calendar.origin_ms,
                self.calendar.step_ms, self._before, self._sums, self._looks, self._last, self._delays, self._counts,
                *self._cells, *self._pairs, self._used,
            )  # fmt: skip
            if done < len(rows):
                self._grow()

    def _grow(self) -> None:
        """More room for cells where they are full, and for pairs where they are three fifths of it."""
        cells, pairs = self._used.tolist()
        if cells + len(self.columns) > len(self._cells[0]):
            grown = _new_cells(2 * len(self._cells[0]))
            for new, old in zip(grown, self._cells, strict=True):
                new[:cells] = old[:cells]
            self._cells = grown
        if pairs + len(self.columns) > 3 * len(self._pairs[0]) // 5:
            size = 2 * len(self._pairs[0])
            table = (np.full(size, FREE, np.int64), np.zeros(size, np.int16))
            rehash(*self._pairs, *table)
            self._pairs = table


def places_of(exposed: Exposed) -> tuple[Array, Array]:
    """bool[placements] each: where the experiment's lists stand, and where showing a list implies impressions."""
    here, implied = np.zeros(MAX_PLACEMENTS, np.bool_), np.zeros(MAX_PLACEMENTS, np.bool_)
    experiment = exposed.config.experiments[exposed.experiment]
    owned = [variant_name(exposed.experiment, inner) for inner in experiment.variants]
    shown = {experiment.placement: experiment.placement, **dict.fromkeys(owned, experiment.placement)}
    others = [variant.use_placement for variant in experiment.variants.values()]
    for name, place in (shown | {other: other for other in others if other is not None}).items():
        index = exposed.interner.lookup("placement", name)
        if index >= 0:
            here[index] = True
            implied[index] = exposed.config.placements[place].impressions == "implied"
    return here, implied


def _new_cells(size: int) -> tuple[Array, Array, Array, Array]:
    return np.zeros(size, np.int32), np.zeros(size, np.int16), np.zeros(size, np.int8), np.zeros(size)


def _specs(columns: Sequence[Column]) -> tuple[Array, dict[str, int]]:
    """The columns as the kernel reads them, and how many there are of each way to keep them (at least one)."""
    specs, used = np.zeros((len(columns), 6), np.int64), {"sums": 0, "looks": 0, "last": 0, "titles": 0, "each": 0}
    for i, column in enumerate(columns):
        match column.counting:
            case Counting.READERS:
                kept = "looks"
            case Counting.TITLES:
                kept = "titles"
            case Counting.EACH:
                kept = "each"
            case _:
                kept = "last" if column.end_ms == OPEN else "sums"
        specs[i] = column.counting, column.episode, column.placement, column.start_ms, column.end_ms, used[kept]
        used[kept] += 1
    return specs, {kept: max(count, 1) for kept, count in used.items()}


def _by_kind(columns: Sequence[Column], exposed: Exposed) -> Array:
    """uint64[kinds]: the columns that an event of a kind counts for, as bits."""
    custom = exposed.interner.texts("kind")
    by_kind = np.zeros(FIRST_CUSTOM_KIND + len(custom), np.uint64)
    for i, column in enumerate(columns):
        for event in column.events:
            kind = _KINDS.get(event, NONE)
            if kind == NONE and event in custom:
                kind = FIRST_CUSTOM_KIND + custom.index(event)
            if kind != NONE:
                by_kind[kind] |= np.uint64(1 << i)
    return by_kind


def read_events(log: Log, gathering: Gathering, on_records: OnRecords) -> Done:
    """Read the whole log."""
    for stretch in log.read(0, log.next_position):
        showings = (stretch.decisions.positions, stretch.decisions.headers)
        gathering.fold(stretch.events.positions, stretch.events.rows, showings)
        on_records(stretch.stop)
    return gathering.done()
