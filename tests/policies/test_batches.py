"""What a policy does between two updates: Thompson sampling shows many lists, UCB1 the same one again and again."""

import numpy as np
import pytest

from bandi.model.policy_config import PolicyConfig, Thompson, Ucb1
from bandi.policies.protocol import Candidates, Outcomes, Request
from bandi.policies.registry import make_policy

TITLES, K, REQUESTS = 50, 5, 100


def distinct_lists(config: PolicyConfig) -> int:
    """How many different lists one hundred requests get while nothing is learned."""
    random = np.random.default_rng(1)
    policy = make_policy(config, 1)
    items = np.repeat(np.arange(TITLES, dtype=np.int32), 40)
    clicks = (random.random(len(items)) < random.beta(2, 10, TITLES)[items]).astype(np.float32)
    trials, zeros = 1.0 + items.astype(np.float32) / 1_000, np.zeros(len(items), np.int32)  # no two titles tie
    policy.update(Outcomes(items, zeros, trials.astype(np.float32), clicks, np.zeros(len(items), np.int64)))
    candidates, request = Candidates(np.arange(TITLES, dtype=np.int32)), Request(np.ones(1, np.float32), 0)
    return len({tuple(policy.rank(request, candidates, K, seed).items.tolist()) for seed in range(REQUESTS)})


@pytest.mark.parametrize(("config", "least", "most"), [(Thompson(), 90, 100), (Ucb1(), 1, 1)])
def test_lists_between_two_updates(config: PolicyConfig, least: int, most: int) -> None:
    assert least <= distinct_lists(config) <= most
