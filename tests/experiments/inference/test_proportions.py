"""Wilson and Newcombe: the papers' own examples, coverage for small counts, and nothing NaN."""

import numpy as np
import pytest

from bandi.experiments.inference import share_difference, share_interval
from bandi.model.errors import InvalidInputError


def test_the_papers_examples() -> None:
    """Newcombe (1998), table II, method 10: 56/70 - 48/80 is 0.0524 to 0.3339; 10/10 - 0/20 is 0.6791 to 1."""
    found = share_difference(np.array([56, 10]), np.array([70, 10]), np.array([48, 0]), np.array([80, 20]))
    np.testing.assert_allclose(found.low, [0.0524, 0.6791], atol=5e-5)
    np.testing.assert_allclose(found.high, [0.3339, 1.0], atol=5e-5)
    wilson = share_interval(np.array(15), np.array(148))
    assert (wilson.low, wilson.high) == (pytest.approx(0.0624, abs=5e-5), pytest.approx(0.1605, abs=5e-5))


def test_small_counts_are_covered() -> None:
    """4 payers of 200 on average: the difference is covered in at least 94 % of 20,000 experiments."""
    random = np.random.default_rng(1)
    k, j = random.binomial(200, 0.02, 20_000), random.binomial(400, 0.02, 20_000)
    found = share_difference(k, np.full(20_000, 200), j, np.full(20_000, 400))
    assert ((found.low <= 0.0) & (found.high >= 0.0)).mean() > 0.94
    assert (found.p_values <= 0.05).mean() < 0.07


def test_nobody_and_nothing() -> None:
    found = share_difference(np.array([0, 0]), np.array([0, 9]), np.array([0, 0]), np.array([5, 9]))
    assert (found.low[0], found.high[0], found.p_values[0]) == (-1.0, 1.0, 1.0)
    assert found.low[1] < 0.0 < found.high[1]
    assert found.p_values[1] == 1.0
    whole = share_interval(np.array(0), np.array(0))
    assert (whole.low, whole.high) == (0.0, 1.0)


@pytest.mark.parametrize(("k", "n"), [(3, 2), (-1, 2), (np.nan, 2)])
def test_bad_counts(k: float, n: float) -> None:
    with pytest.raises(InvalidInputError, match="successes"):
        share_interval(np.array(k), np.array(n))
