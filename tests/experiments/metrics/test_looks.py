"""Totals at each look are what rows of the readers so far say, cubes too, in whatever parts their values came."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bandi.experiments.inference import Totals, totals_of
from bandi.experiments.metrics.looks import Readers, by_age, closed, growing

ROWS, LOOKS, GROUPS, CELLS = 40, 5, 2, 150


def readers(random: np.random.Generator) -> Readers:
    exposed: Any = SimpleNamespace(names=["control", "treatment"])
    groups = random.integers(0, GROUPS, ROWS).astype(np.int16)
    return Readers(exposed, groups, random.integers(0, LOOKS, ROWS).astype(np.int16), GROUPS, LOOKS)


def equal(totals: Totals, group: int, look: int, rows: np.ndarray) -> None:
    expected = totals_of(rows)
    assert totals.readers[group, look] == expected.readers
    np.testing.assert_allclose(totals.sums[group, look], expected.sums, atol=1e-9)
    np.testing.assert_allclose(totals.products[group, look], expected.products, atol=1e-9)
    if totals.cubes is not None:
        np.testing.assert_allclose(totals.cubes[group, look], expected.cubes, atol=1e-9)


@pytest.mark.parametrize("covariates", [0, 1, 2])
@pytest.mark.parametrize("columns", [1, 2])
def test_growing(columns: int, covariates: int) -> None:
    random = np.random.default_rng(columns + 10 * covariates)
    who, before = readers(random), random.normal(size=(ROWS, covariates))
    parts = []
    for _ in range(columns):
        rows = random.integers(0, ROWS, CELLS).astype(np.int32)
        looks = np.minimum(who.entries[rows] + random.integers(0, LOOKS, CELLS), LOOKS).astype(np.int16)
        kept = looks < LOOKS
        parts.append((rows[kept], looks[kept], random.normal(size=CELLS)[kept]))
    totals, aged = growing(who, parts, before), by_age(who, parts, LOOKS)
    assert totals.cubes is not None
    for look in range(LOOKS):
        so_far, on_day = np.zeros((ROWS, columns)), np.zeros((ROWS, columns))
        for column, (rows, looks, values) in enumerate(parts):
            np.add.at(so_far[:, column], rows[looks <= look], values[looks <= look])
            same = looks - who.entries[rows] == look
            np.add.at(on_day[:, column], rows[same], values[same])
        for group in range(GROUPS):
            there = (who.groups == group) & (who.entries <= look)
            equal(totals, group, look, np.hstack([so_far, before])[there])
            equal(aged, group, look, on_day[(who.groups == group) & (who.entries + look < LOOKS)])


def test_closed() -> None:
    random = np.random.default_rng(3)
    who, rows = readers(random), random.normal(size=(ROWS, 3))
    matured = random.integers(0, LOOKS + 2, ROWS).astype(np.int16)
    totals = closed(who, rows, matured)
    assert totals.cubes is not None
    for look in range(LOOKS):
        for group in range(GROUPS):
            equal(totals, group, look, rows[(who.groups == group) & (matured <= look)])
