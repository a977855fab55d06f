"""Which titles may be shown to a reader of some age in some region: one mask for all readers of whom the same is known.

A title may be shown while it is active, launched and licensed, where its age rating is at most the reader's age, where its
regions (if it names any) hold the reader's, and where the placement's expression is true of it.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from bandi.catalog.columns import ColumnKind, ColumnName, Columns
from bandi.catalog.items import Items
from bandi.eligibility.expression import Expression
from bandi.model.records import Array

MAX_MASKS = 64
"""Masks kept for one placement: one byte a title each; the one asked for longest ago is let go."""
_AGE_RATING = ColumnName(ColumnKind.CODES, "age_rating")
_REGIONS = ColumnName(ColumnKind.LISTS, "regions")


class UnknownRegion(Enum):
    """What a reader sees of whom no region is known."""

    UNRESTRICTED = "unrestricted"
    """Titles that name no regions."""
    EVERYTHING = "everything"
    """Titles of all regions."""


@dataclass(slots=True)
class _Facts:
    """What holds for one generation of a catalogue. ratings: the distinct age ratings, ascending."""

    items: Items
    columns: Columns
    kept: Array
    ratings: list[float]
    everywhere: Array
    """bool[size]: titles that name no regions."""
    allowed: dict[str, Array]
    """By region: titles that name none or this one, for the regions that were asked for."""


@dataclass(slots=True)
class _Masks:
    """Masks that hold while `shown` is what may be shown; by age class and region ("" for one that no title names)."""

    facts: _Facts
    shown: Array
    by_reader: OrderedDict[tuple[int, str | None], Array] = field(default_factory=OrderedDict)


class Eligibility:
    """The filter of one placement. Safe to ask from several threads, also while the catalogue changes."""

    def __init__(
        self,
        expression: Expression | None = None,
        assumed_age: int = 0,
        unknown_region: UnknownRegion = UnknownRegion.UNRESTRICTED,
    ) -> None:
        """assumed_age: the age, in years, of readers of whom none is known; by default they see only what is for all ages."""
        self._expression = expression
        self._assumed_age = assumed_age
        self._unknown_region = unknown_region
        self._masks: _Masks | None = None
        self._lock = threading.Lock()

    @property
    def needs(self) -> frozenset[ColumnName]:
        """The columns that masks are made of; `Items.columns` builds them before the first request has to."""
        of_expression = frozenset[ColumnName]() if self._expression is None else self._expression.needs
        return of_expression | {_AGE_RATING, _REGIONS}

    def mask(self, items: Items, now_ms: int, age: int | None = None, region: str | None = None) -> Array:
        """Whether each title may be shown to such a reader: bool[size], read-only.

        age: in years; None: unknown. region: as titles name it; None or empty: unknown. O(1) until the catalogue changes or
        the next launch or end of a licence comes; then O(items) for each age class and region. What a call during a change
        of the catalogue gives may hold half of it, so the caller asks again afterwards (a sequence lock).
        """
        with self._lock:
            masks = self._current(items, now_ms)
            known_age = self._assumed_age if age is None else age
            age_class = bisect_right(masks.facts.ratings, known_age)
            reader = (age_class, self._known_region(masks.facts.columns, region))
            mask = masks.by_reader.get(reader)
            if mask is None:
                mask = self._made(masks, *reader)
                masks.by_reader[reader] = mask
                if len(masks.by_reader) > MAX_MASKS:
                    masks.by_reader.popitem(last=False)
            else:
                masks.by_reader.move_to_end(reader)
            return mask

    def _current(self, items: Items, now_ms: int) -> _Masks:
        masks = self._masks
        facts = None if masks is None else masks.facts
        if facts is None or facts.items is not items or facts.columns.generation != items.generation:
            facts = self._facts(items, facts)
        shown = items.shown(now_ms)
        if masks is None or masks.facts is not facts or masks.shown is not shown:
            masks = self._masks = _Masks(facts, shown)
        return masks

    def _facts(self, items: Items, before: _Facts | None) -> _Facts:
        columns = items.columns(self.needs)
        expression, changed = self._expression, None
        if before is not None and before.items is items:
            changed = columns.changed_since(before.columns.generation)
        if expression is None:
            kept = np.ones(columns.size, np.bool_)
        elif before is None or changed is None:
            kept = expression.keeps(columns)
        else:  # a few titles changed: only they are asked about again
            kept = np.zeros(columns.size, np.bool_)
            kept[: len(before.kept)] = before.kept
            kept[changed] = expression.keeps(columns.take(changed))
        ratings = columns.codes(_AGE_RATING.name).values
        numbers = sorted(rating for rating in ratings if isinstance(rating, int | float))
        allowed = {}
        if before is not None and changed is not None:
            of_changed = columns.take(changed)
            for region, old in before.allowed.items():
                allowed[region] = np.ones(columns.size, np.bool_)
                allowed[region][: len(old)] = old
                allowed[region][changed] = _allowed(of_changed, region)
        return _Facts(items, columns, kept, numbers, columns.lists(_REGIONS.name).counts == 0, allowed)

    def _known_region(self, columns: Columns, region: str | None) -> str | None:
        """None: unknown; a name that some title has; or empty for all others, so that they have one mask."""
        if not region:
            return None
        return region if region in columns.lists(_REGIONS.name).numbered else ""

    def _made(self, masks: _Masks, age_class: int, region: str | None) -> Array:
        columns = masks.facts.columns
        size = min(columns.size, len(masks.shown))  # they differ only while the catalogue changes
        mask = masks.shown[:size] & masks.facts.kept[:size]
        if age_class < len(masks.facts.ratings):
            rated = columns.codes(_AGE_RATING.name)
            above = masks.facts.ratings[age_class]
            # a title put since may have a rating with a number behind those of the columns
            young = [not isinstance(rating, int | float) or rating < above for rating in rated.values]
            mask &= np.array(young)[rated.codes[:size]]
        if region:
            mask &= self._by_region(masks.facts, region)[:size]
        elif region is not None or self._unknown_region is UnknownRegion.UNRESTRICTED:
            mask &= masks.facts.everywhere[:size]
        mask.flags.writeable = False
        return mask

    def _by_region(self, facts: _Facts, region: str) -> Array:
        if region not in facts.allowed:
            facts.allowed[region] = _allowed(facts.columns, region)
            if len(facts.allowed) > MAX_MASKS:
                del facts.allowed[next(iter(facts.allowed))]
        return facts.allowed[region]


def _allowed(columns: Columns, region: str) -> Array:
    """Titles that name no regions, or this one. O(regions of all titles)."""
    regions = columns.lists(_REGIONS.name)
    allowed: Array = (regions.counts == 0) | regions.having(region)
    return allowed
