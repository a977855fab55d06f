"""Intervals of the push report against published figures and by coverage."""

import numpy as np
import pytest

from bandi.evaluation.push_report import newcombe, push_report, welch
from bandi.learning.push.messages import MOMENTS, Moments
from bandi.learning.push.strata import STRATA, prior_weights
from bandi.learning.push.uplift import uplift
from bandi.model.records import Array


def test_newcombe_gives_the_published_intervals() -> None:
    """Newcombe (1998), table II, method 10: 56/70 against 48/80, and 10/10 against 0/20."""
    found = newcombe(56, 70, 48, 80)
    assert [found.low, found.high] == pytest.approx([0.0524, 0.3339], abs=1e-4)
    found = newcombe(10, 10, 0, 20)
    assert [found.low, found.high] == pytest.approx([0.6791, 1.0], abs=1e-4)


def sums_of(values: Array) -> Array:
    return np.array([len(values), values.sum(), (values**2).sum()])


def test_welch_covers_the_difference_as_often_as_it_says() -> None:
    """2,000 pairs of samples of unequal size and spread: 95 % +/- 4 standard errors (false alarm below 1e-4)."""
    random = np.random.default_rng(3)
    covered = 0
    for _ in range(2_000):
        found = welch(sums_of(random.normal(1.0, 3.0, 60)), sums_of(random.normal(0.5, 1.0, 12)))
        assert found is not None
        covered += found.low <= 0.5 <= found.high
    assert abs(covered / 2_000 - 0.95) < 4 * np.sqrt(0.95 * 0.05 / 2_000)
    assert welch(sums_of(np.ones(1)), sums_of(np.ones(9))) is None


def test_last_touch_credits_more_than_messages_cause() -> None:
    sums = np.zeros((STRATA, 2, MOMENTS))
    sums[5, 0] = (100, 40, 80, 20, 0)  # held back
    sums[5, 1] = (900, 450, 1_000, 225, 360)
    moments = Moments(sums)
    report = push_report(moments, uplift(moments, prior_weights(), 1.0))
    assert (report.sent, report.held, report.coins_held, report.coins_sent) == (900, 100, 0.4, 0.5)
    assert report.uplift is not None and report.gap is not None
    assert report.uplift.estimate == pytest.approx(0.1)
    assert [report.credited, report.gap] == pytest.approx([0.4, 0.3])
    assert [(kind.sent, kind.held) for kind in report.strata] == [(900, 100)]


def test_nothing_is_claimed_of_nothing() -> None:
    moments = Moments(np.zeros((STRATA, 2, MOMENTS)))
    report = push_report(moments, uplift(moments, prior_weights(), 1.0))
    assert (report.uplift, report.payers, report.gap, report.strata) == (None, None, None, ())
