"""Readers to draw experiments from: exact totals of any number of them, from how many of each kind came."""

from dataclasses import dataclass

import numpy as np
import pytest

from bandi.experiments.inference import Totals, accumulated
from bandi.model.records import Array


@dataclass(frozen=True)
class Population:
    """rows: float64[kinds, 2] of coins now and before; shares: float64[kinds]."""

    rows: Array
    shares: Array

    def looks(self, random: np.random.Generator, experiments: int, days: int, daily: int, lift: float = 0.0) -> Totals:
        """Totals float64[experiments, days] of `daily` new readers a day, coins now raised by `lift`."""
        counts = random.multinomial(daily, self.shares, (experiments, days)).astype(float)
        rows = self.rows * [1.0 + lift, 1.0]
        squares = (rows[:, :, None] * rows[:, None, :]).reshape(len(rows), 4)
        cubes = (counts @ (squares[:, :, None] * rows[:, None, :]).reshape(len(rows), 8)).reshape(
            experiments, days, 2, 2, 2
        )
        products = (counts @ squares).reshape(experiments, days, 2, 2)
        return accumulated(Totals(counts.sum(axis=-1), counts @ rows, products, cubes))


@pytest.fixture(scope="session")
def population() -> Population:
    """A tenth pay, log-normal amounts, of 60 sizes; what was paid before explains about half."""
    random = np.random.default_rng(3)
    level = random.normal(0.0, 0.8, 60)
    now, before = np.exp(level + random.normal(0.0, 0.5, 60)), np.exp(level + random.normal(0.0, 0.5, 60))
    rows = np.vstack([np.stack([now, before], axis=1), [[0.0, 0.0]]])
    return Population(rows, np.append(np.full(60, 0.1 / 60), 0.9))
