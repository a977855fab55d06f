"""Chances of slots: against scipy, against enumeration by counting, and never 0 where a draw would be."""

import numpy as np
import pytest
from scipy.stats import beta

from bandi.model.policy_config import EpsilonGreedy, Thompson
from bandi.policies._slot_chances import beta_above, beta_below, beta_between
from bandi.policies.protocol import Candidates, Outcomes, Policy, Request
from bandi.policies.registry import make_policy
from bandi.policies.slot_chances import shown_chances, slot_chances

REQUEST = Request(np.ones(1, np.float32), 0)
ITEMS = np.arange(12, dtype=np.int32)


def experienced() -> Policy:
    """Thompson sampling that has seen 12 items 40 times each, with rates from 2 to 40 %."""
    policy = make_policy(Thompson(), 1)
    rates = np.linspace(0.02, 0.4, 12)
    policy.update(
        Outcomes(
            ITEMS,
            np.zeros(12, np.int32),
            np.full(12, 40, np.float32),
            (40 * rates).round().astype(np.float32),
            np.zeros(12, np.int64),
        )
    )
    return policy


@pytest.mark.parametrize("a", [0.3, 1.0, 2.5, 40.0, 900.0])
@pytest.mark.parametrize("b", [0.7, 1.0, 12.0, 3_000.0])
def test_the_beta_distribution_is_scipys(a: float, b: float) -> None:
    for x in beta(a, b).ppf([1e-6, 0.01, 0.3, 0.5, 0.9, 0.999]):
        assert beta_below(x, a, b) == pytest.approx(beta(a, b).cdf(x), rel=1e-8)
        assert beta_above(x, a, b) == pytest.approx(beta(a, b).sf(x), rel=1e-8)
    assert (beta_below(0.0, a, b), beta_below(1.0, a, b), beta_above(0.0, a, b), beta_above(1.0, a, b)) == (0, 1, 1, 0)
    low, high = beta(a, b).isf([1e-9, 1e-10])
    assert beta_between(low, high, a, b) == pytest.approx(beta(a, b).sf(low) - beta(a, b).sf(high), rel=1e-5, abs=1e-15)


def test_chances_are_shares_of_many_lists() -> None:
    """Against 20,000 lists ranked one by one: within 4.5 standard errors in each slot (false alarms: 1 in 30,000)."""
    policy, k = experienced(), 4
    shown = np.array([11, 9, 2, 10], np.int32)
    found = slot_chances(policy, REQUEST, Candidates(ITEMS), shown, 4_000, 7)
    assert found is not None
    hits = np.zeros(k)
    for seed in range(20_000):
        hits += policy.rank(REQUEST, Candidates(ITEMS), k, seed).items == shown
    share = hits / 20_000
    error = np.sqrt(np.maximum(share * (1 - share), 1e-4) * (1 / 20_000 + 1 / 4_000))
    assert (abs(found.chances - share) < 4.5 * error).all()
    drawn = (found.lists == shown).mean(axis=0)
    assert (abs(drawn - share) < 4.5 * error).all()


def test_all_items_of_a_slot_sum_to_one() -> None:
    """On average alone: of 20,000 draws within 0.01."""
    policy = experienced()
    sums = np.zeros(3)
    for item in ITEMS:
        found = slot_chances(policy, REQUEST, Candidates(ITEMS), np.full(3, item, np.int32), 20_000, 5)
        assert found is not None
        sums += found.chances
    assert sums == pytest.approx(np.ones(3), abs=0.01)


def test_what_no_draw_shows_has_a_chance() -> None:
    policy = experienced()
    found = slot_chances(policy, REQUEST, Candidates(ITEMS), np.array([0], np.int32), 100, 1)
    assert found is not None
    assert not (found.lists == 0).any()
    assert 0.0 < found.chances[0] < 1e-3


def test_a_list_of_all_candidates_and_strangers() -> None:
    policy = experienced()
    few = Candidates(ITEMS[:2])
    both = slot_chances(policy, REQUEST, few, np.array([0, 1], np.int32), 200, 1)
    assert both is not None
    assert both.chances[0] == pytest.approx(both.chances[1], abs=0.1)
    stranger = slot_chances(policy, REQUEST, few, np.array([7], np.int32), 10, 1)
    assert stranger is not None
    assert stranger.chances[0] == 0.0


@pytest.mark.parametrize("draws", [1, 5, 50])
def test_inverse_chances_of_what_was_shown_are_unbiased(draws: int) -> None:
    """Weights of the policy by itself are 1 on average: of 6,000 lists, within 4.5 standard errors and 1 % in each slot for what the
    20,000 draws of the numerator leave open (false alarms: below 1 in 16,000).
    """
    policy, candidates = experienced(), Candidates(ITEMS)
    numerator = np.empty((3, 12))
    for item in ITEMS:
        exact = slot_chances(policy, REQUEST, candidates, np.full(3, item, np.int32), 20_000, 9)
        assert exact is not None
        numerator[:, item] = exact.chances
    weights = np.empty((6_000, 3))
    for seed in range(6_000):
        shown = policy.rank(REQUEST, candidates, 3, seed).items
        found = shown_chances(policy, REQUEST, candidates, shown, draws, seed + 1_000_000, seed)
        assert found is not None
        weights[seed] = numerator[np.arange(3), shown] / found.chances
    assert (abs(weights.mean(axis=0) - 1) < 4.5 * weights.std(axis=0) / 6_000**0.5 + 0.01).all()
    assert weights.max() < 500


def test_a_seed_that_draws_another_list_is_noticed() -> None:
    policy, candidates = experienced(), Candidates(ITEMS)
    shown = policy.rank(REQUEST, candidates, 3, 1).items[::-1].copy()
    assert shown_chances(policy, REQUEST, candidates, shown, 10, 5, 1) is None


def test_other_policies_have_none() -> None:
    assert slot_chances(make_policy(EpsilonGreedy(), 1), REQUEST, Candidates(ITEMS), ITEMS[:2], 10, 1) is None
