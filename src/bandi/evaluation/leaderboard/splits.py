"""What readers took, in order of time, and how it is split: to learn from, to choose by, to be judged on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from bandi.features.factors.interactions import Interactions, gather_interactions
from bandi.loading.loads import load_events
from bandi.loading.public.files import locate, prepare
from bandi.loading.public.registry import Format
from bandi.model.answers import Receipt
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.events import Click, Event, milliseconds
from bandi.model.records import Array


@dataclass(frozen=True, slots=True)
class Taken:
    """Readers' titles, each once, from its first click. users, titles, times_ms: int64[n], in the order of the file.

    refused: rows that could not be read, or say no time.
    """

    users: Array
    titles: Array
    times_ms: Array
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Split:
    """To learn from while choosing, to choose by, to learn from for the test, to test on; all of one shape."""

    train: Interactions
    validation: Interactions
    both: Interactions
    test: Interactions


def read_clicks(layout: Format, path: Path) -> Taken:
    """The clicks that `bandi data load` would load. Raises InvalidInputError where there are none."""
    clicks, refused = _Clicks(), 0
    for step, file in locate(layout, path):
        if step.kind == "events":
            with TemporaryDirectory(prefix="bandi-data-") as folder:
                report = load_events(clicks, prepare(step, file, Path(folder)), step.mapping("home"))
            if report.stopped:
                raise InvalidInputError(Problem(str(file), report.stopped, "a whole file"))
            refused += report.refused
    if not clicks.users:
        raise InvalidInputError(Problem(str(path), "no clicks", f"some: {layout.about}"))
    users, titles, times = (np.array(column, np.int64) for column in (clicks.users, clicks.titles, clicks.times_ms))
    order = np.argsort(times, kind="stable")
    _, first = np.unique(users[order] * (int(titles.max()) + 1) + titles[order], return_index=True)
    kept = np.sort(order[first])
    return Taken(users[kept], titles[kept], times[kept], refused + clicks.untimed)


@dataclass(slots=True)
class _Clicks:
    """A destination of events that keeps who clicked what, and when, by numbers in the order of their first click."""

    users: list[int] = field(default_factory=list)
    titles: list[int] = field(default_factory=list)
    times_ms: list[int] = field(default_factory=list)
    untimed: int = 0
    _readers: dict[str, int] = field(default_factory=dict)
    _names: dict[str, int] = field(default_factory=dict)

    def record_many(self, events: Sequence[Event]) -> Receipt:
        """Take the clicks among them."""
        for event in events:
            if not isinstance(event, Click):
                continue
            if event.occurred_at is None:
                self.untimed += 1
            else:
                self.users.append(self._readers.setdefault(event.user, len(self._readers)))
                self.titles.append(self._names.setdefault(event.item, len(self._names)))
                self.times_ms.append(milliseconds(event.occurred_at))
        return Receipt(len(events))


def split_by_time(taken: Taken) -> Split:
    """Within each reader of two titles or more: the last fifth, at least one, to test, and as many before them to choose by.

    Of two titles with one time the one that stands first in the file was first. A reader of two keeps none to choose by, a reader
    of one is only learned from.
    """
    order = np.lexsort((np.arange(len(taken.users)), taken.times_ms, taken.users))
    users, titles = taken.users[order], taken.titles[order]
    counts = np.bincount(users)
    place = np.arange(len(users)) - np.repeat(np.cumsum(counts) - counts, counts)
    from_end = np.repeat(counts, counts) - 1 - place
    last = np.maximum(counts // 5, (counts >= 2).astype(np.int64))
    choosing = np.where(counts >= 3, last, 0)
    test = from_end < np.repeat(last, counts)
    validation = ~test & (from_end < np.repeat(last + choosing, counts))
    shape = (len(counts), int(titles.max()) + 1)

    def part(rows: Array) -> Interactions:
        return gather_interactions(users[rows], titles[rows], np.ones(int(rows.sum())), shape)

    return Split(part(~test & ~validation), part(validation), part(~test), part(test))
