"""The distributions agree with SciPy's."""

import numpy as np
import pytest
from scipy import stats

from bandi.experiments.inference.distributions import (
    chi_square_tail,
    log_gamma,
    normal_quantile,
    normal_two_sided,
    student_quantile,
    student_two_sided,
)

FREEDOM = np.array([1.0, 1.7, 3.0, 12.5, 199.0, 201.0, 5_000.0, 3e8])


def test_student_tail() -> None:
    scores = np.array([0.0, 0.3, 1.0, 2.5, 6.0, 20.0])[:, None]
    np.testing.assert_allclose(
        student_two_sided(scores, FREEDOM), 2.0 * stats.t.sf(scores, FREEDOM), rtol=1e-6, atol=1e-12
    )
    np.testing.assert_allclose(student_two_sided(-scores, FREEDOM), student_two_sided(scores, FREEDOM))


@pytest.mark.parametrize("p", [0.6, 0.975, 0.9995])
def test_student_quantile(p: float) -> None:
    np.testing.assert_allclose(student_quantile(p, FREEDOM), stats.t.ppf(p, FREEDOM), rtol=1e-7)


def test_chi_square_tail() -> None:
    statistics = np.array([0.0, 0.1, 1.0, 5.0, 40.0, 300.0])
    for freedom in (1, 2, 7, 60):
        np.testing.assert_allclose(chi_square_tail(statistics, freedom), stats.chi2.sf(statistics, freedom), rtol=1e-9)


def test_normal_and_gamma() -> None:
    scores = np.array([0.0, 1.0, -3.0, 9.0])
    np.testing.assert_allclose(normal_two_sided(scores), 2.0 * stats.norm.sf(np.abs(scores)), rtol=1e-12)
    assert normal_quantile(0.975) == pytest.approx(1.959963984540054)
    np.testing.assert_allclose(
        log_gamma(np.array([0.5, 10.0, 1e6])), [0.5723649429, 12.8018274801, 12815504.5691476], rtol=1e-9
    )
