"""What is seen of the weights: tails of known shape, mass that was never logged, pauses."""

import numpy as np
import pytest

from bandi.evaluation.off_policy.diagnostics import diagnose, overlap, unsupported_mass
from bandi.evaluation.off_policy.tails import pareto_k, share_of_largest


@pytest.mark.parametrize("shape", [0.2, 0.5, 0.8, 1.2])
def test_pareto_k_finds_the_shape(shape: float) -> None:
    """The mean over 40 samples of 20,000 (424 in the tail each) within 0.1; the prior pulls a little to 0.5."""
    found = []
    for seed in range(40):
        k = pareto_k((1.0 - np.random.default_rng(seed).random(20_000)) ** -shape)
        assert k is not None
        found.append(k)
    assert np.mean(found) == pytest.approx(shape, abs=0.1)


@pytest.mark.parametrize("weights", [np.ones(1_000), np.tile([0.5, 1.0, 8.0], 400), np.arange(10.0), np.zeros(500)])
def test_weights_of_few_values_have_no_tail(weights: np.ndarray) -> None:
    assert pareto_k(weights) is None


def test_a_bounded_tail_is_light() -> None:
    k = pareto_k(np.random.default_rng(1).random(10_000))
    assert k is not None
    assert k < 0.2


def test_the_share_of_the_largest() -> None:
    assert share_of_largest(np.ones(1_000)) == pytest.approx(0.01)
    assert share_of_largest(np.append(np.ones(99), 99.0)) == pytest.approx(0.5)
    assert share_of_largest(np.zeros(10)) == 0
    assert share_of_largest(np.ones(3)) == pytest.approx(1 / 3)


def test_mass_on_what_was_never_logged() -> None:
    policy = np.array([[0.5, 0.1], [0.3, 0.2], [0.2, 0.7]])
    items, positions = np.array([0, 1, 0, 0]), np.array([0, 0, 1, 1])
    assert unsupported_mass(policy, items, positions) == pytest.approx((0.2 + 0.9) / 2)
    both = np.stack([policy, np.full((3, 2), 1 / 3)])
    found = unsupported_mass(both, items, positions, np.array([0, 1, 0, 1]))
    assert found == pytest.approx((0.2 + 1 / 3 + 0.9 + 2 / 3) / 4)


def test_overlap_shares_rows_and_weight() -> None:
    bins = overlap(np.array([0.0, 1.0, 1.5, 200.0]))
    assert sum(row for _, row, _ in bins) == pytest.approx(1)
    assert sum(mass for _, _, mass in bins) == pytest.approx(1)
    by_edge = {edge: (row, mass) for edge, row, mass in bins}
    assert by_edge[0.0] == (0.25, 0.0)
    assert by_edge[1.0] == pytest.approx((0.5, 2.5 / 202.5))
    assert by_edge[64.0] == pytest.approx((0.25, 200 / 202.5))


def test_pauses_and_single_rows() -> None:
    seen = diagnose(np.ones(4), np.array([0, 1, 0, 0.0]), 0.0, np.array([0, 10, 90, 100]))
    assert seen.longest_pause == pytest.approx(0.8)
    assert (seen.rows, seen.positives, seen.mean_weight, seen.mean_weight_error) == (4, 1, 1.0, 0.0)
    alone = diagnose(np.ones(1), np.ones(1), 0.0, np.zeros(1, np.int64))
    assert alone.longest_pause == 0
    assert alone.mean_weight_error == np.inf
