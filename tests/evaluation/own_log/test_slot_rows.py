"""Rows of slots: propensities by counting, their known bias, and a model that knows the past alone."""

from math import comb

import numpy as np
import pytest

from bandi.evaluation.own_log.slot_rows import RowsUnderWay, RunningRates, SlotRows
from bandi.evaluation.own_log.walking import AskedAgain, Draws
from bandi.model.records import DECISION, Array


def rows(logged: Array, evaluated: Array, chances: Array | None = None) -> SlotRows:
    """One list of titles 0 and 1, of which the first was clicked."""
    header = np.zeros(1, DECISION)[0]
    items = np.array([0, 1], np.int32)
    asked = AskedAgain(0, header, items, np.ones(2, np.bool_), Draws(logged, chances), (Draws(evaluated),))
    under_way = RowsUnderWay(RunningRates(3, 2))
    under_way.add(asked, np.array([1.0, 0.0]))
    return under_way.finished(1)


def drawn(hits: int, draws: int) -> Array:
    """Lists of which `hits` have title 0 first."""
    lists = np.full((draws, 2), 2, np.int32)
    lists[:hits, 0] = 0
    return lists


def test_counting_and_what_was_never_seen() -> None:
    found = rows(drawn(3, 9), drawn(6, 9))
    assert found.propensities.tolist() == [0.4, 0.1]
    assert found.probabilities[0] == pytest.approx([6 / 9, 0.0])
    assert found.weights(0) == pytest.approx([6 / 9 / 0.4, 0.0])
    assert found.missing[0].tolist() == [0.0, 0.0]
    assert rows(drawn(0, 9), drawn(6, 9)).missing[0] == pytest.approx([6 / 9, 0.0])


def test_chances_go_before_counts() -> None:
    found = rows(drawn(0, 9), drawn(6, 9), np.array([0.25, 0.0]))
    assert found.propensities[0] == 0.25
    assert found.propensities[1] > 0.0
    assert found.missing[0].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("p", [0.01, 0.1, 0.5, 0.9])
def test_the_mean_inverse_propensity_is_short_by_a_known_share(p: float) -> None:
    """Exactly, over all numbers of hits among 30 draws: (1 - (1 - p)**31) / p (Chao and Strawderman 1972)."""
    m = 30
    mean = sum(
        comb(m, hits) * p**hits * (1 - p) ** (m - hits) / rows(drawn(hits, m), drawn(m, m)).propensities[0]
        for hits in range(m + 1)
    )
    assert mean == pytest.approx((1 - (1 - p) ** (m + 1)) / p, rel=1e-9)


def test_the_model_learns_items_and_slots() -> None:
    """Rates 0.1 and 0.4, the second slot looked at half as often: 200,000 rows, to within 15 %."""
    random = np.random.default_rng(1)
    model = RunningRates(2, 2)
    untaught = model.expect(np.array([0, 1, 7]), np.zeros(3, np.int64))
    assert untaught[0] == untaught[1] == untaught[2]
    for _ in range(40):
        items, slots = random.integers(0, 2, 5_000), random.integers(0, 2, 5_000)
        chance = np.array([0.1, 0.4])[items] * np.array([1.0, 0.5])[slots]
        model.learn(items, slots, (random.random(5_000) < chance).astype(float))
    expected = model.expect(np.array([[0, 1], [0, 1]]), np.array([[0, 0], [1, 1]]))
    assert expected == pytest.approx(np.array([[0.1, 0.4], [0.05, 0.2]]), rel=0.15)
    assert model.expect(np.array([-1]), np.array([0])).tolist() == [0.0]
