"""Plans at several effects, and what is known of a metric from few figures."""

from __future__ import annotations

import numpy as np
import pytest
from tests.engine.test_experiments import CONFIG

from bandi.experiments.inference import Baseline, plan
from bandi.experiments.plans import Design, Terms, amount_baseline, conversion_baseline, design_of, plans
from bandi.model.config_text import parse_config
from bandi.model.errors import InvalidInputError, UnknownNameError

EVEN = Design(("control", "bold"), (0.5, 0.5), 0.2)


def test_each_effect_is_planned_as_by_itself_with_the_share_of_arrivals():
    known = Baseline(3.0, 40.0, 0.3)
    found = plans(known, (0.05, 0.2), (1_000.0, 500.0), EVEN, Terms(power=0.9, window_days=7))
    assert found.arrivals == (200.0, 100.0)
    alone = plan(known, 0.2, np.array([200.0, 100.0]), np.array([0.5, 0.5]), 0.05, 0.9, 7.0)
    assert (found.effects[1].difference, found.effects[1].sequence) == (alone.difference, alone.sequence)
    assert found.effects[1].fixed_adjusted == alone.fixed_adjusted


def test_notes_name_the_effects_they_are_of():
    found = plans(
        conversion_baseline(0.05), (0.01, 0.5), (2_000.0,), Design((), (0.5, 0.5), 1.0, ("mind this",)), Terms()
    )
    assert found.notes[0] == "mind this"
    assert any(note.startswith("at +50 %: values are skewed") for note in found.notes)
    assert "no covariates: what readers did before the experiment would save readers" in found.notes


@pytest.mark.parametrize("deviation", [None, 0.0, 30.0])
def test_amounts_of_few_readers_have_the_moments_of_drawn_ones(deviation):
    known, random = amount_baseline(0.1, 50.0, deviation), np.random.default_rng(5)
    size = 400_000
    amounts = random.exponential(50.0, size) if deviation is None else random.normal(50.0, deviation, size)
    drawn = amounts * (random.random(size) < 0.1)
    assert drawn.mean() == pytest.approx(known.value, rel=0.02)
    assert drawn.var() == pytest.approx(known.variance, rel=0.03)
    if deviation is None:
        assert ((drawn - drawn.mean()) ** 3).mean() / drawn.std() ** 3 == pytest.approx(known.skewness, rel=0.05)


def test_a_rate_has_the_moments_of_a_coin():
    known = conversion_baseline(0.2, 0.5)
    assert (known.value, known.variance, known.explained) == (0.2, pytest.approx(0.16), 0.5)
    assert known.skewness == pytest.approx(0.6 / 0.4)


def test_weights_and_share_come_from_the_configuration_the_control_first():
    config = parse_config(
        CONFIG.replace("variants.control", "variants.zero").replace("owner = ", 'control = "zero"\nowner = ')
    )
    found = design_of(config, "bold")
    assert (found.variants, found.weights, found.share) == (("zero", "treatment"), (0.5, 0.5), 0.5)
    with pytest.raises(UnknownNameError, match="did you mean bold"):
        design_of(config, "bolt")


def test_targeting_is_noted():
    config = parse_config(CONFIG.replace("share = 0.5", 'share = 0.5\nregions = ["kr"]'))
    assert "count those alone" in design_of(config, "bold").notes[0]


@pytest.mark.parametrize(
    ("make", "where"),
    [
        (lambda: conversion_baseline(0.0), "rate"), (lambda: conversion_baseline(float("nan")), "rate"),
        (lambda: amount_baseline(0.1, 0.0, None), "mean"), (lambda: amount_baseline(0.1, float("inf"), None), "mean"),
        (lambda: amount_baseline(0.1, 5.0, -1.0), "deviation"), (lambda: plans(Baseline(1.0, 1.0), (), (1.0,), EVEN, Terms()), "effects"),
        (lambda: plans(Baseline(1.0, 1.0), (0.1,), (1.0,), Design((), (0.5, 0.6), 1.0), Terms()), "weights"),
    ],
)  # fmt: skip
def test_bad_input_is_named(make, where):
    with pytest.raises(InvalidInputError) as caught:
        make()
    assert caught.value.problems[0].where == where
