"""Thompson's regret against known truth, over many seeds."""

import numpy as np

from bandi.evaluation.intervals import t_interval
from bandi.model.policy_config import EpsilonGreedy, PolicyConfig, Thompson
from bandi.policies.protocol import Candidates, Outcomes, Request
from bandi.policies.registry import make_policy

RATES = np.array([0.30, 0.22, 0.20, 0.15, 0.15, 0.10, 0.10, 0.06, 0.04, 0.02])
SEEDS = 40


def regret(config: PolicyConfig, seed: int, rounds: int) -> np.ndarray:
    """Expected clicks lost against always showing the best arm, cumulative: float64[rounds]."""
    random = np.random.default_rng(seed)
    policy = make_policy(config, 1)
    candidates, request = Candidates(np.arange(len(RATES), dtype=np.int32)), Request(np.ones(1, np.float32), 0)
    lost = np.empty(rounds)
    zero, one, now = np.zeros(1, np.int32), np.ones(1, np.float32), np.zeros(1, np.int64)
    for t in range(rounds):
        arm = policy.rank(request, candidates, 1, (seed << 32) + t).items
        click = (random.random(1) < RATES[arm]).astype(np.float32)
        policy.update(Outcomes(arm, zero, one, click, now))
        lost[t] = RATES[0] - RATES[arm[0]]
    return np.cumsum(lost)


def test_thompson_loses_no_more_than_a_logarithm_and_less_than_epsilon_greedy() -> None:
    """40 seeds, 8,000 rounds.

    ln T growth: from T/4 to T/2 and from T/2 to T a logarithm grows equally (a linear regret twice as much the second
    time); the 95 % interval of the difference must not lie above 0.75 of the first growth. Epsilon-greedy goes on paying:
    the 95 % interval of the paired difference at T lies above 0, and so does that of its growth in the last half.
    """
    rounds = 8_000
    thompson = np.array([regret(Thompson(), seed, rounds) for seed in range(SEEDS)])
    greedy = np.array([regret(EpsilonGreedy(epsilon=0.1), seed, rounds) for seed in range(SEEDS)])
    at = [rounds // 4 - 1, rounds // 2 - 1, rounds - 1]
    early, late = (thompson[:, at[1]] - thompson[:, at[0]]), (thompson[:, at[2]] - thompson[:, at[1]])
    assert t_interval(late - 1.75 * early).low <= 0
    assert t_interval(greedy[:, -1] - thompson[:, -1]).low > 0
    assert t_interval((greedy[:, at[2]] - greedy[:, at[1]]) - late).low > 0
    # Lai and Robbins (1985): no consistent policy loses less than about sum of gap / kl times ln T
    assert thompson[:, -1].mean() < 0.1 * rounds * (RATES[0] - RATES.mean())
