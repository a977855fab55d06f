"""Paths of clicks against coins: by hand, never beyond their ends, and intervals of ratios."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bandi.evaluation.intervals import Interval
from bandi.evaluation.talk.frontiers import (
    Path,
    gain_on_path,
    mean_where_all_reach,
    oracle_gain,
    ratio_of_means,
    relative,
)

finite = st.floats(-1.0, 1.0, allow_subnormal=False)


def test_a_path_by_hand() -> None:
    given_up, gained = relative(Path(np.array([0.98, 0.90]), np.array([110.0, 130.0])), 1.0, 100.0)
    assert given_up == pytest.approx([0.02, 0.10])
    found = gain_on_path(given_up, gained, np.array([0.01, 0.02, 0.06, 0.08, 0.11]))
    assert found[:4] == pytest.approx([0.05, 0.1, 0.2, 0.25])
    assert math.isnan(found[4])


def test_points_that_give_up_nothing_do_not_move_the_origin() -> None:
    found = gain_on_path(np.array([-0.01, 0.04]), np.array([0.5, 0.2]), np.array([0.02]))
    assert found == pytest.approx([0.1])


@given(
    arrays(float, 5, elements=finite), arrays(float, 5, elements=finite), arrays(float, 4, elements=st.floats(0, 1.5))
)
def test_nothing_is_extrapolated(given_up: np.ndarray, gained: np.ndarray, shares: np.ndarray) -> None:
    found = gain_on_path(given_up, gained, shares)
    farthest = max(0.0, given_up.max())
    assert (np.isnan(found) == (shares > farthest)).all()
    inside = found[~np.isnan(found)]
    assert (inside <= max(0.0, gained.max()) + 1e-12).all()
    assert (inside >= min(0.0, gained.min()) - 1e-12).all()


def test_the_oracle_is_read_in_two_ways() -> None:
    path = Path(np.array([0.2, 0.18, 0.1]), np.array([100.0, 150.0, 200.0]))
    shares = np.array([0.1, 0.3, 0.6])
    own = oracle_gain(path, 0.19, 80.0, shares, "own")
    assert own[:2] == pytest.approx([0.5, 0.75])
    assert math.isnan(own[2])
    same = oracle_gain(path, 0.19, 80.0, np.array([1.0 - 0.18 / 0.19, 0.6]), "same clicks")
    assert same[0] == pytest.approx(150.0 / 80.0 - 1.0)
    assert math.isnan(same[1])


def test_a_mean_needs_every_world() -> None:
    assert mean_where_all_reach(np.array([0.1, np.nan])) is None
    interval = mean_where_all_reach(np.array([0.1, 0.3]))
    assert isinstance(interval, Interval)
    assert interval.estimate == pytest.approx(0.2)


def test_a_ratio_by_hand() -> None:
    """Fieller's bounds are the ratios r at which the paired t-test of above - r * below is just on its bound."""
    above, below = np.array([1.0, 2.0, 3.0, 2.5]), np.array([4.0, 5.0, 7.0, 4.5])
    interval = ratio_of_means(above, below)
    assert interval.estimate == pytest.approx(above.mean() / below.mean())
    for bound in (interval.low, interval.high):
        difference = above - bound * below
        t = difference.mean() / (difference.std(ddof=1) / 2.0)
        assert abs(t) == pytest.approx(3.182446, rel=1e-3)


def test_a_constant_below_gives_the_interval_of_the_mean() -> None:
    interval = ratio_of_means(np.array([1.0, 2.0, 3.0]), np.full(3, 2.0))
    assert interval.estimate == pytest.approx(1.0)
    assert interval.high - 1.0 == pytest.approx(4.302652729911275 / math.sqrt(3.0) / 2.0)


@pytest.mark.parametrize("below", [np.array([1.0, -1.0, 0.3]), np.zeros(3)])
def test_a_ratio_to_what_may_be_0_has_no_bounds(below: np.ndarray) -> None:
    interval = ratio_of_means(np.ones(3), below)
    assert interval.low == -math.inf
    assert interval.high == math.inf


def test_the_ratio_is_covered() -> None:
    """2,000 draws at 95 %: fewer than 92.8 % or more than 97.2 % has a chance below 1e-5."""
    random = np.random.default_rng(3)
    hits = 0
    for _ in range(2_000):
        shared = random.normal(0.0, 1.0, 12)
        below = 5.0 + shared
        above = 3.0 + shared + random.normal(0.0, 0.5, 12)
        interval = ratio_of_means(above, below)
        hits += interval.low <= 0.6 <= interval.high
    assert 0.928 <= hits / 2_000 <= 0.972
