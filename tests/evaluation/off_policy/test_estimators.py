"""Estimators as formulas: what they are equal to at the ends of their parameters, and what must not change them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandi.cli.replay import ESTIMATOR_NAMES
from bandi.evaluation.off_policy import estimators
from bandi.evaluation.off_policy.estimators import (
    ESTIMATORS,
    clipped_ips,
    dm,
    dr,
    dros,
    ips,
    shrunk,
    sndr,
    snips,
    switch_dr,
)
from bandi.evaluation.off_policy.sample import Prediction, Sample
from bandi.evaluation.off_policy.synthetic import LogWorld
from bandi.evaluation.off_policy.weights import importance_weights


def some_sample(seed: int = 1, rows: int = 500) -> Sample:
    """Weights around 1, rewards 0 or 1, a model that is not right."""
    random = np.random.default_rng(seed)
    weights = random.exponential(1.0, rows)
    rewards = (random.random(rows) < 0.3).astype(float)
    prediction = Prediction(random.uniform(0.1, 0.5, rows), random.uniform(0.1, 0.5, rows))
    return Sample(weights, rewards, prediction, prediction)


def test_by_hand() -> None:
    """Three rows, worked out on paper."""
    w, r = np.array([2.0, 0.5, 4.0]), np.array([1.0, 0.0, 1.0])
    model = Prediction(np.array([0.5, 0.25, 0.5]), np.array([0.25, 0.5, 0.75]))
    assert dm(model).value == pytest.approx(0.5)
    assert ips(w, r).value == pytest.approx(2.0)
    assert clipped_ips(w, r, 3.0).value == pytest.approx(5 / 3)
    assert snips(w, r).value == pytest.approx(6 / 6.5)
    assert dr(w, r, model).value == pytest.approx(0.5 + (1.0 - 0.125 + 2.0) / 3)
    assert sndr(w, r, model).value == pytest.approx(0.5 + 2.875 / 6.5)
    assert switch_dr(w, r, model, 2.0).value == pytest.approx(0.5 + 0.875 / 3)
    assert dros(w, r, model, 4.0).value == pytest.approx(0.5 + (1.0 * 0.5 - 2 / 4.25 * 0.25 + 0.8 * 0.5) / 3)


@given(st.integers(0, 10_000))
def test_parameters_lead_from_one_estimator_to_another(seed: int) -> None:
    s = some_sample(seed, 50)
    w, r, model = s.weights, s.rewards, s.prediction
    for largest in (np.inf, float(w.max())):
        assert clipped_ips(w, r, largest).value == pytest.approx(ips(w, r).value)
        assert switch_dr(w, r, model, largest).value == pytest.approx(dr(w, r, model).value)
    assert switch_dr(w, r, model, float(w.min()) / 2).value == pytest.approx(dm(model).value)
    assert dros(w, r, model, np.inf).value == pytest.approx(dr(w, r, model).value)
    assert dros(w, r, model, 1e12).value == pytest.approx(dr(w, r, model).value, rel=1e-6)
    assert dros(w, r, model, 1e-12).value == pytest.approx(dm(model).value, rel=1e-4)
    nothing = Prediction(np.zeros(50), np.zeros(50))
    assert dr(w, r, nothing).value == pytest.approx(ips(w, r).value)
    assert sndr(w, r, nothing).value == pytest.approx(snips(w, r).value)


@given(st.integers(0, 10_000), st.floats(-5, 5))
def test_the_self_normalised_move_with_the_rewards(seed: int, constant: float) -> None:
    """A constant added to all rewards is added to the estimate; SNIPS stays within the rewards."""
    s = some_sample(seed, 50)
    moved = snips(s.weights, s.rewards + constant).value
    value = snips(s.weights, s.rewards).value
    assert value is not None
    assert moved == pytest.approx(value + constant, abs=1e-9)
    assert s.rewards.min() <= value <= s.rewards.max()


@given(st.just(0.0) | st.floats(1e-6, 1e6), st.floats(1e-6, 1e12))
def test_shrunk_weights_are_at_most_what_they_were(weight: float, shrinkage: float) -> None:
    (found,) = shrunk(np.array([weight]), shrinkage)
    assert 0 <= found <= min(weight, np.sqrt(shrinkage) / 2) * (1 + 1e-12)


def test_nothing_to_divide_by_is_none_and_not_nan() -> None:
    assert snips(np.zeros(3), np.ones(3)).value is None
    assert sndr(np.zeros(3), np.ones(3), Prediction(np.ones(3), np.ones(3))).value is None
    assert ips(np.zeros(3), np.ones(3)).value == 0


def test_doubly_robust_in_both_ways() -> None:
    """Over 400 logs the mean of DR meets the truth with a wrong model, and with wrong propensities and the right model.

    Four standard errors each: a false alarm in 16,000 runs.
    """
    world = LogWorld(items=6, slots=2, rate=0.2)
    rates, _, evaluated = world.tables()
    wrong_model, wrong_weights = [], []
    values = (evaluated * rates).sum(axis=0)
    for seed in range(400):
        log = world.log(1_000, seed)
        cell = (log.items, log.positions)
        weights = importance_weights(evaluated, *cell, log.propensities)
        flat = Prediction(np.full(1_000, 0.5), np.full(1_000, 0.5))
        right = Prediction(rates[cell], values[log.positions])
        wrong_model.append(dr(weights, log.clicks, flat).value)
        wrong_weights.append(dr(weights**0.5 * 1.3, log.clicks, right).value)
    for found in (np.array(wrong_model, float), np.array(wrong_weights, float)):
        assert abs(found.mean() - world.value()) < 4 * found.std() / 20
    assert np.std(wrong_weights) < np.std(wrong_model)


def test_the_commands_names_are_the_estimators() -> None:
    assert tuple(ESTIMATORS) == ESTIMATOR_NAMES
    named = {name.lower().replace("-", "_").replace(" ", "_") for name in ESTIMATORS}
    assert all(hasattr(estimators, name) for name in named)


def test_each_name_calls_its_function() -> None:
    s, limit = some_sample(), 1.5
    w, r, model = s.weights, s.rewards, s.prediction
    expected = {
        "DM": dm(model), "IPS": ips(w, r), "clipped IPS": clipped_ips(w, r, limit), "SNIPS": snips(w, r), "DR": dr(w, r, model),
        "SNDR": sndr(w, r, model), "Switch-DR": switch_dr(w, r, model, limit), "DRos": dros(w, r, model, limit),
        "MRDR": dr(w, r, s.robust),
    }  # fmt: skip
    assert {name: e.terms(s, limit).value for name, e in ESTIMATORS.items()} == {
        k: t.value for k, t in expected.items()
    }
