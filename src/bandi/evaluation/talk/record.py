"""One run of the report as one row: what `runs/` keeps, and what the report reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bandi.evaluation.talk.watched import Mechanism
from bandi.evaluation.worlds.funnel.result import COLUMNS, Days, FunnelResult

Row = dict[str, Any]
"""A row of a Parquet file: numbers, texts and lists of numbers."""
_TITLES = ("title_impressions", "title_clicks", "title_payers")
_COUNTS = ("lost", "late", "duplicated")


@dataclass(frozen=True, slots=True)
class Run:
    """A run in a funnel world. mechanism: None for the oracle; seconds: it took, without drawing the world.

    coins_mean: coins of a payer on average, by the world's parameters: expected coins divided by it are expected payers.
    """

    result: FunnelResult
    mechanism: Mechanism | None
    coins_mean: float
    seconds: float

    @property
    def expected_paid_conversion(self) -> float:
        """Payers that the truth expected of the impressions shown, per impression."""
        days = self.result.days
        return float(days.expected_coins.sum() / self.coins_mean / max(1.0, days.impressions.sum()))

    @property
    def unpaid_share(self) -> float:
        """Share of impressions on titles that nobody whom a list led there ever paid for."""
        shown = self.result.title_impressions
        return float(shown[self.result.title_payers == 0].sum() / max(1, shown.sum()))


def run_to_row(run: Run) -> Row:
    """All of it; lists as NumPy arrays."""
    result = run.result
    row: Row = {"policy": result.policy, "seed": result.seed, "readers": result.readers}
    row |= {"coins_mean": run.coins_mean, "seconds": run.seconds}
    row |= {name: getattr(result.days, name) for name in COLUMNS}
    row |= {name: getattr(result, name) for name in (*_TITLES, *_COUNTS)}
    if run.mechanism is not None:
        for name in ("shown_after", "correlation", "blur"):
            row[name] = getattr(run.mechanism, name)
    return row


def run_from_row(row: Row) -> Run:
    """The run. Raises KeyError where a column is missing."""
    days = Days(**{name: np.array(row[name], np.float64) for name in COLUMNS})
    shown, clicks, payers = (np.array(row[name], np.int64) for name in _TITLES)
    lost, late, duplicated = (int(row[name]) for name in _COUNTS)
    result = FunnelResult(
        row["policy"], row["seed"], row["readers"], days, shown, clicks, payers, lost, late, duplicated
    )  # fmt: skip
    mechanism = None
    if "shown_after" in row:
        after = np.array(row["shown_after"], np.int64)
        mechanism = Mechanism(after, row["correlation"], row["blur"])
    return Run(result, mechanism, row["coins_mean"], row["seconds"])
