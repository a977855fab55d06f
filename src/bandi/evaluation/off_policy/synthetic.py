"""Decision logs whose truth is known: what the evaluated policy would get is computed, not estimated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bandi.evaluation.decision_log import DecisionLog
from bandi.model.records import Array


@dataclass(frozen=True, slots=True)
class LogWorld:
    """A logging policy, an evaluated policy and click rates, by item and slot.

    rate: typical click rate; spread: standard deviation of the evaluated policy's logits, those of the logging policy have half of
    it, so weights grow with it; seed: of all three tables, drawn by `tables`.
    """

    items: int = 20
    slots: int = 3
    rate: float = 0.1
    spread: float = 1.0
    seed: int = 99

    def tables(self) -> tuple[Array, Array, Array]:
        """Click rates, logging policy, evaluated policy: float64[items, slots] each; the policies' columns sum to 1."""
        random = np.random.default_rng(self.seed)
        shape = (self.items, self.slots)
        rates = np.minimum(self.rate * np.exp(random.normal(0.0, 0.5, shape)), 0.9)
        logging = np.exp(random.normal(0.0, self.spread / 2.0, shape))
        evaluated = np.exp(random.normal(0.0, self.spread, shape))
        return rates, logging / logging.sum(axis=0), evaluated / evaluated.sum(axis=0)

    def value(self) -> float:
        """The evaluated policy's true click rate; slots are equally frequent."""
        rates, _, evaluated = self.tables()
        return float((rates * evaluated).sum()) / self.slots

    def log(self, rows: int, seed: int) -> DecisionLog:
        """A log of the logging policy, a row each second. O(rows log(items))."""
        rates, logging, _ = self.tables()
        random = np.random.default_rng([self.seed, seed])
        positions = random.integers(0, self.slots, rows, dtype=np.int32)
        items = np.empty(rows, np.int32)
        for slot in range(self.slots):
            here = positions == slot
            edges = np.cumsum(logging[:, slot])[:-1]
            items[here] = np.searchsorted(edges, random.random(int(here.sum())), side="right")
        clicks = (random.random(rows) < rates[items, positions]).astype(np.float64)
        names = tuple(str(item) for item in range(self.items))
        times = np.arange(rows, dtype=np.int64) * 1_000
        return DecisionLog(items, positions, clicks, logging[items, positions], times, names)
