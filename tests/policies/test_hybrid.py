"""The hybrid model against one dense regression over shared and own weights: means, joint draws, corrections, merging."""

import msgspec
import numpy as np
import pytest

from bandi.model.policy_config import LinTs, LinUcb, Prior
from bandi.policies.hybrid import HybridPolicy
from bandi.policies.protocol import Candidates, Outcomes, Request
from bandi.policies.registry import make_policy

PRIOR = Prior(mean=0.2, strength=2.0)
D, TITLES = 3, 5
K = 2 * D - 1


def vectors(random: np.random.Generator, n: int) -> np.ndarray:
    found = random.normal(size=(n, D))
    found[:, 1:] /= np.linalg.norm(found[:, 1:], axis=1, keepdims=True)
    found[:, 0] = 1.0
    return found.astype(np.float32)


TABLE = vectors(np.random.default_rng(0), TITLES)


def world(seed: int, n: int, titles: int = TITLES - 1) -> Outcomes:
    random = np.random.default_rng(seed)
    return outcomes_of(random.integers(0, titles, n), random.random(n) < 0.3, vectors(random, n))


def outcomes_of(items: np.ndarray, rewards: np.ndarray, x: np.ndarray, trials: float = 1.0, times: int = 0) -> Outcomes:
    n = len(items)
    return Outcomes(
        np.asarray(items, np.int32), np.zeros(n, np.int32), np.full(n, trials, np.float32),
        np.asarray(rewards, np.float32), np.full(n, times, np.int64), vectors=x, title_vectors=TABLE,
    )  # fmt: skip


def make(config: LinTs | LinUcb) -> HybridPolicy:
    policy = make_policy(config, 1)
    assert isinstance(policy, HybridPolicy)
    return policy


def design(x: np.ndarray, items: np.ndarray) -> np.ndarray:
    """Rows over (beta, theta_0, ..., theta_4)."""
    x = np.broadcast_to(x, (len(items), D)).astype(np.float64)
    own = np.zeros((len(items), TITLES, D))
    own[np.arange(len(items)), items] = x
    t = TABLE[items].astype(np.float64)
    return np.concatenate([t, x[:, 1:] * t[:, 1:], own.reshape(len(items), -1)], axis=1)


def dense(parts: list[Outcomes]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance (per noise variance) of all weights."""
    a, b = PRIOR.strength * np.eye(K + TITLES * D), np.zeros(K + TITLES * D)
    for data in parts:
        rows = design(data.vectors, data.items)
        a += (rows * data.trials[:, None]).T @ rows
        b += rows.T @ (data.rewards - PRIOR.mean * data.trials)
    return np.linalg.solve(a, b), np.linalg.inv(a)


def scores(policy: HybridPolicy, x: np.ndarray, draws: float = 0.0, bonus: float = 0.0, seed: int = 1) -> np.ndarray:
    candidates = Candidates(np.arange(TITLES, dtype=np.int32), None, TABLE)
    return policy.scores(Request(np.ones(1, np.float32), 0, vector=x), candidates, draws, bonus, seed)


def test_it_is_the_regression_written_out() -> None:
    """Means, the paper's deviations, and 20,000 joint draws whose covariance is within 5 % of the largest variance."""
    data = world(1, 6_000)
    policy = make(LinTs(model="hybrid", dimensions=D, prior=PRIOR))
    policy.update(data)
    few = world(2, 30)
    fresh = make(LinUcb(model="hybrid", dimensions=D, prior=PRIOR))
    fresh.update(few)
    x = vectors(np.random.default_rng(3), 1)[0]
    rows = design(x, np.arange(TITLES))
    for found, parts in ((policy, [data]), (fresh, [few])):
        mean, covariance = dense(parts)
        assert scores(found, x) == pytest.approx(PRIOR.mean + rows @ mean, abs=1e-8)
        deviation = np.sqrt(np.einsum("ij,jk,ik->i", rows, covariance, rows))
        assert scores(found, x, bonus=0.5) - scores(found, x) == pytest.approx(0.5 * deviation, abs=1e-8)
    drawn = np.cov(np.array([scores(fresh, x, draws=0.3, seed=seed) for seed in range(20_000)]).T)
    expected = 0.09 * rows @ covariance @ rows.T
    assert abs(drawn - expected).max() < 0.05 * expected.diagonal().max()


def test_corrections_and_clicks_that_come_later_are_exact() -> None:
    data, extra = world(4, 300), world(5, 100)
    policy = make(LinTs(model="hybrid", dimensions=D, prior=PRIOR))
    policy.update(data)
    before = policy.dump()
    policy.update(outcomes_of(extra.items, np.zeros(100), extra.vectors))
    policy.update(outcomes_of(extra.items, extra.rewards, extra.vectors, trials=0.0))
    x = vectors(np.random.default_rng(3), 1)[0]
    mean, _ = dense([data, extra])
    assert scores(policy, x) == pytest.approx(PRIOR.mean + design(x, np.arange(TITLES)) @ mean, abs=1e-8)
    policy.update(outcomes_of(extra.items, -extra.rewards, extra.vectors, trials=-1.0))
    after = policy.dump()
    for name in ("shared/precision", "shared/mean", "titles/mean", "titles/cross", "titles/inverse"):
        assert after[name] == pytest.approx(before[name], abs=1e-8)
    policy.update(outcomes_of(np.zeros(1), np.zeros(1), extra.vectors[:1], trials=-1e4))
    policy.update(outcomes_of(np.array([4]), np.zeros(1), extra.vectors[:1], trials=-1.0))
    policy.update(outcomes_of(np.zeros(1), np.zeros(1), np.full((1, D), np.nan, np.float32)))
    assert policy.refused == 3
    assert all((policy.dump()[name] == after[name]).all() for name in ("shared/mean", "titles/mean"))


def test_merged_shards_believe_what_one_would() -> None:
    one, other = world(6, 400, 3), world(7, 300, TITLES)
    left, right = (make(LinTs(model="hybrid", dimensions=D, prior=PRIOR)) for _ in range(2))
    left.update(one)
    right.update(other)
    left.merge(right.dump())
    x = vectors(np.random.default_rng(3), 1)[0]
    mean, covariance = dense([one, other])
    rows = design(x, np.arange(TITLES))
    assert scores(left, x) == pytest.approx(PRIOR.mean + rows @ mean, abs=1e-8)
    deviation = np.sqrt(np.einsum("ij,jk,ik->i", rows, covariance, rows))
    assert scores(left, x, bonus=1.0) - scores(left, x) == pytest.approx(deviation, abs=1e-8)


def test_a_new_title_starts_from_what_its_words_predict() -> None:
    """Title 4 has no outcome; titles like it are clicked or not."""
    x = np.tile(TABLE[4], (2_000, 1))
    items = np.arange(2_000) % 4
    policy = make(LinTs(model="hybrid", dimensions=D, prior=PRIOR))
    policy.update(outcomes_of(items, 0.5 * (TABLE[items] @ TABLE[4] > 1.0), x))
    alike = TABLE[:4] @ TABLE[4] > 1.0
    assert 0 < alike.sum() < 4
    assert scores(policy, x[0])[4] > 0.3


def test_memory_is_bounded() -> None:
    policy = make(LinTs(model="hybrid", dimensions=D, most_titles=3))
    x = vectors(np.random.default_rng(1), 1)
    for item in range(5):
        policy.update(outcomes_of(np.array([item]), np.ones(1), x, times=item))
    assert policy.dump()["titles/item"].tolist() == [3, 4, 2]


@pytest.mark.parametrize("config", ["lin_ts", "lin_ucb"])
def test_it_does_not_forget_and_says_so(config: str) -> None:
    text = f'{{"use": "{config}", "model": "hybrid", "half_life": "7d"}}'
    with pytest.raises(msgspec.ValidationError, match="half_life"):
        msgspec.json.decode(text, type=LinTs | LinUcb)
