"""The first pass: every cell is seen once, and the facts of each column are kept."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bandi.diet.facts import ColumnFacts
from bandi.diet.sources import Source

DICTIONARY_BYTES = 128 << 20
"""Most memory for the different texts of all columns together; the largest set is forgotten first."""

OnStep = Callable[[str, int, int], None]
"""Called with the kind of work, how much is done and how much there is."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What all rows of a table say. columns: by name, in the file's order."""

    rows: int
    columns: dict[str, ColumnFacts]


def survey(source: Source, on_step: OnStep | None = None) -> Survey:
    """Read a table once; O(cells) time, memory bounded whatever the columns hold. Raises InvalidInputError."""
    columns = {name: ColumnFacts(name, dtype, from_text=source.kind == "csv") for name, dtype in source.schema.items()}
    rows = 0
    with ThreadPoolExecutor(2) as pool:
        for batch in source.batches():
            list(pool.map(lambda name, frame=batch.frame: columns[name].fold(frame[name]), columns))
            _within_bounds(columns)
            rows += batch.frame.height
            if on_step is not None:
                on_step("looking", batch.done, source.total)
    return Survey(rows, columns)


def _within_bounds(columns: dict[str, ColumnFacts]) -> None:
    counts = [facts.distinct for facts in columns.values() if facts.distinct is not None]
    while sum(count.known_bytes for count in counts) > DICTIONARY_BYTES:
        max(counts, key=lambda count: count.known_bytes).forget()
