"""The density integrates to 1, and its concentration is found again."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bandi.segments.von_mises_fisher import likeliest_concentration, log_normaliser


def test_the_normaliser_has_its_closed_forms_in_three_dimensions() -> None:
    assert log_normaliser(2.5, 3) == pytest.approx(math.log(2.5 / (4 * math.pi * math.sinh(2.5))))
    assert log_normaliser(700.0, 3) == pytest.approx(math.log(700.0 / (2 * math.pi)) - 700.0)


@pytest.mark.parametrize("concentration", [0.01, 4.0, 12.0])
def test_the_density_integrates_to_one(concentration: float) -> None:
    """Against uniform draws on the sphere in 10 dimensions."""
    points = np.random.default_rng(1).normal(size=(400_000, 10))
    cosines = points[:, 0] / np.linalg.norm(points, axis=1)
    log_area = math.log(2) + 5 * math.log(math.pi) - math.lgamma(5)
    measured = math.log(np.exp(concentration * cosines).mean())
    assert measured == pytest.approx(-log_normaliser(concentration, 10) - log_area, abs=0.03)


@pytest.mark.parametrize("d", [2, 3, 8, 64, 500])
@pytest.mark.parametrize("concentration", [0.5, 3.0, 40.0, 900.0])
def test_the_concentration_is_where_the_likelihood_is_highest(d: int, concentration: float) -> None:
    """The mean length at a concentration is minus the slope of the normaliser: from there the concentration comes back."""
    step = concentration * 1e-4
    slope = (log_normaliser(concentration + step, d) - log_normaliser(concentration - step, d)) / (2 * step)
    assert likeliest_concentration(-slope, d) == pytest.approx(concentration, rel=1e-3)


def test_the_concentration_of_draws_is_found(draw: Callable[..., Any]) -> None:
    for d, concentration in ((3, 2.0), (16, 40.0), (64, 100.0)):
        drawn = draw(40_000, d, 1, concentration, d)
        resultant = float(np.linalg.norm(drawn.vectors.mean(axis=0, dtype=np.float64)))
        assert likeliest_concentration(resultant, d) == pytest.approx(concentration, rel=0.03)


def test_the_ends_stay_finite() -> None:
    for d in (1, 2, 64, 1_024):
        for resultant in (0.0, 1e-12, 0.5, 1.0):
            assert 1e-3 <= likeliest_concentration(resultant, d) <= 1e4
        assert math.isfinite(log_normaliser(1e-3, d))
        assert math.isfinite(log_normaliser(1e4, d))
