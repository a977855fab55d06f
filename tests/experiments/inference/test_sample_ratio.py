"""Mismatched shares are found and named, right ones are left alone, wrong weights refused."""

import numpy as np
import pytest
from scipy import stats

from bandi.experiments.inference import mismatch_at_every_look, mismatch_once
from bandi.experiments.inference.sample_ratio import mismatch_p_values
from bandi.model.errors import InvalidInputError

WEIGHTS = np.array([0.5, 0.3, 0.2])
NAMES = ["control", "warm", "bold"]


def test_once_is_chi_square() -> None:
    counts = np.array([5_100, 2_950, 1_950])
    found = mismatch_once(counts, WEIGHTS, NAMES)
    assert found.p_value == pytest.approx(stats.chisquare(counts, counts.sum() * WEIGHTS).pvalue)
    assert not found.found
    assert "as meant" in found.words


def test_a_loss_of_readers_is_named() -> None:
    looks = np.array([[500, 300, 200], [25_000, 15_000, 9_300]])
    for found in (mismatch_once(looks[-1], WEIGHTS, NAMES), mismatch_at_every_look(looks, WEIGHTS, NAMES)):
        assert found.found
        assert found.words.startswith("sample ratio mismatch: bold has 18.86% of 49,300 readers, meant were 20.00%")


def test_right_shares_are_left_alone_at_every_look() -> None:
    """2,000 experiments of 100 looks: at most 5 % alarms at 5 %; a share of 0.52 for 0.5 of 20,000 is found in most."""
    random = np.random.default_rng(1)
    right = random.multinomial(200, WEIGHTS, (2_000, 100)).cumsum(axis=1)
    assert (mismatch_p_values(right, WEIGHTS)[:, -1] <= 0.05).mean() <= 0.05
    wrong = random.multinomial(200, [0.52, 0.48], (200, 100)).cumsum(axis=1)
    assert (mismatch_p_values(wrong, np.array([0.5, 0.5]))[:, -1] <= 0.01).mean() > 0.9


def test_no_readers() -> None:
    for found in (
        mismatch_once(np.zeros(3), WEIGHTS, NAMES),
        mismatch_at_every_look(np.zeros((2, 3)), WEIGHTS, NAMES),
        mismatch_at_every_look(np.zeros((0, 3)), WEIGHTS, NAMES),
    ):
        assert (found.found, found.p_value) == (False, 1.0)
        assert "no readers" in found.words


@pytest.mark.parametrize(
    ("weights", "says"),
    [
        ([0.5, 0.3, 0.3], "a sum of 1.1"),
        ([0.5, 0.5, 0.0], "above 0"),
        ([0.5, np.nan, 0.5], "above 0"),
        ([0.5, 0.5], "a count, a weight and a name"),
    ],
)
def test_bad_weights(weights: list[float], says: str) -> None:
    with pytest.raises(InvalidInputError, match=says):
        mismatch_once(np.array([1, 2, 3]), np.array(weights), NAMES)


def test_bad_counts() -> None:
    with pytest.raises(InvalidInputError, match="0 or more"):
        mismatch_once(np.array([1.0, -2.0, 3.0]), WEIGHTS, NAMES)
