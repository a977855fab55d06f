"""Intervals against SciPy."""

import numpy as np
import pytest
from scipy import stats

from bandi.evaluation.intervals import t_quantile, wilson_interval


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 9, 30, 200])
def test_students_quantile(freedom: int) -> None:
    assert t_quantile(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=1e-5)


@pytest.mark.parametrize(("clicks", "rows"), [(0, 10), (3, 10), (46, 10_000), (10, 10), (0, 200), (200, 200)])
def test_wilsons_interval(clicks: int, rows: int) -> None:
    found = wilson_interval(np.repeat([1.0, 0.0], [clicks, rows - clicks]))
    expected = stats.binomtest(clicks, rows).proportion_ci(method="wilson")
    assert 0 <= found.low <= found.estimate <= found.high <= 1
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
