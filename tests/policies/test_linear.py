"""Linear models of titles against dense matrices in float64: updates, corrections, forgetting, merging, ranking, regret."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandi.evaluation.intervals import t_interval
from bandi.model.policy_config import LinTs, LinUcb, PolicyConfig, Prior, Thompson
from bandi.policies._linear_kernels import beliefs
from bandi.policies._normal import normal_quantile
from bandi.policies._random import stream, unit
from bandi.policies.linear import LinearPolicy
from bandi.policies.protocol import Candidates, Outcomes, Request
from bandi.policies.registry import make_policy

DAY = 86_400_000
PRIOR = Prior(mean=0.2, strength=3.0)


def vectors(random: np.random.Generator, n: int, d: int) -> np.ndarray:
    found = random.normal(size=(n, d))
    found[:, 1:] /= np.linalg.norm(found[:, 1:], axis=1, keepdims=True)
    found[:, 0] = 1.0
    return found.astype(np.float32)


def outcomes_of(
    items: np.ndarray, rewards: np.ndarray, x: np.ndarray, times: object = 0, trials: object = 1.0
) -> Outcomes:
    n = len(items)
    return Outcomes(
        np.asarray(items, np.int32), np.zeros(n, np.int32), np.broadcast_to(np.asarray(trials, np.float32), n).copy(),
        np.asarray(rewards, np.float32), np.broadcast_to(np.asarray(times, np.int64), n).copy(), vectors=x,
    )  # fmt: skip


def world(seed: int, n: int, d: int, titles: int = 5) -> Outcomes:
    random = np.random.default_rng(seed)
    return outcomes_of(
        random.integers(0, titles, n), random.random(n) < 0.3, vectors(random, n, d), random.integers(0, 3 * DAY, n)
    )


def make(config: PolicyConfig) -> LinearPolicy:
    policy = make_policy(config, 1)
    assert isinstance(policy, LinearPolicy)
    return policy


def believed(policy: LinearPolicy, items: np.ndarray, x: np.ndarray, now_ms: int = 0) -> tuple[np.ndarray, np.ndarray]:
    titles = policy.titles
    means, variances = np.empty(len(items)), np.empty(len(items))
    beliefs(
        titles.rows, titles.row_of, titles.used, items.astype(np.int32), x, titles.prior_mean, titles.ridge,
        titles.decay(now_ms), titles.half_life_ms, means, variances,
    )  # fmt: skip
    return means, variances


def dense(data: Outcomes, item: int, x: np.ndarray, weights: np.ndarray | float = 1.0) -> tuple[float, float]:
    """x'mu and x'A^-1 x, the sums written out."""
    own = data.items == item
    seen = data.vectors[own].astype(np.float64)
    w = np.broadcast_to(weights, len(own))[own]
    a = PRIOR.strength * np.eye(len(x)) + (seen * (w * data.trials[own])[:, None]).T @ seen
    b = seen.T @ (w * (data.rewards[own] - PRIOR.mean * data.trials[own]))
    wide = x.astype(np.float64)
    return PRIOR.mean + wide @ np.linalg.solve(a, b), wide @ np.linalg.solve(a, wide)


@pytest.mark.parametrize("d", [2, 3, 16, 32, 64])
def test_beliefs_are_those_of_the_sums_written_out(d: int) -> None:
    data, random = world(d, 700, d), np.random.default_rng(9)
    policy = make(LinTs(dimensions=d, prior=PRIOR))
    policy.update(data)
    for x in vectors(random, 5, d):
        means, variances = believed(policy, np.arange(6), x)
        for item in range(6):  # the last has no outcomes
            mean, variance = dense(data, item, x)
            assert means[item] == pytest.approx(mean, abs=2e-5)
            assert variances[item] == pytest.approx(variance, rel=1e-4)


def test_a_hundred_thousand_updates_do_not_drift() -> None:
    """One title, d = 32, all float32 errors of 100,000 rank-one updates: below 1e-4 of the belief's own width."""
    data = world(1, 100_000, 32, titles=1)
    policy = make(LinTs(dimensions=32, prior=PRIOR))
    policy.update(data)
    for x in vectors(np.random.default_rng(2), 20, 32):
        mean, variance = dense(data, 0, x)
        means, variances = believed(policy, np.zeros(1), x)
        assert variances[0] == pytest.approx(variance, rel=1e-4)
        assert abs(means[0] - mean) < 1e-3 * np.sqrt(variance)


def test_the_order_of_outcomes_does_not_matter() -> None:
    data, order = world(3, 2_000, 16), np.random.default_rng(4).permutation(2_000)
    shuffled = Outcomes(
        data.items[order], data.segments, data.trials, data.rewards[order], data.occurred_ms[order], vectors=data.vectors[order]
    )  # fmt: skip
    one, other = make(LinTs(prior=PRIOR)), make(LinTs(prior=PRIOR))
    one.update(data)
    other.update(shuffled)
    for x in vectors(np.random.default_rng(5), 10, 16):
        for mine, theirs in zip(believed(one, np.arange(5), x), believed(other, np.arange(5), x), strict=True):
            assert mine == pytest.approx(theirs, rel=1e-4, abs=1e-6)


def test_what_is_taken_back_was_never_there() -> None:
    """Corrections downdate exactly: 300 outcomes, all taken back in another order, leave the prior."""
    data, order = world(6, 300, 8, titles=2), np.random.default_rng(7).permutation(300)
    policy = make(LinTs(dimensions=8, prior=PRIOR))
    policy.update(data)
    policy.update(outcomes_of(data.items[order], -data.rewards[order], data.vectors[order], trials=-1.0))
    assert policy.titles.refused == 0
    for x in vectors(np.random.default_rng(8), 5, 8):
        means, variances = believed(policy, np.arange(2), x)
        assert means == pytest.approx(PRIOR.mean, abs=1e-4)
        assert variances == pytest.approx(float(x @ x) / PRIOR.strength, rel=1e-3)


def test_what_was_never_there_is_not_taken_back() -> None:
    policy = make(LinTs(dimensions=4, prior=PRIOR))
    x = vectors(np.random.default_rng(1), 2, 4)
    policy.update(outcomes_of(np.zeros(1), np.ones(1), x[:1]))
    before = believed(policy, np.zeros(1), x[1])
    policy.update(outcomes_of(np.zeros(1), np.zeros(1), x[1:], trials=-4.0))  # would make A singular
    policy.update(outcomes_of(np.ones(1), np.zeros(1), x[1:], trials=-1.0))  # of a title without outcomes
    policy.update(outcomes_of(np.zeros(1), np.zeros(1), np.full((1, 4), np.nan, np.float32)))
    policy.update(outcomes_of(np.zeros(1), np.zeros(1), np.full((1, 4), 1e20, np.float32)))
    assert policy.titles.refused == 4
    assert believed(policy, np.zeros(1), x[1]) == before


@pytest.mark.parametrize("half_life", ["1d", "12h"])
def test_forgetting_weighs_by_the_outcomes_own_time(half_life: str) -> None:
    """At the time of a row's last outcome the belief is that of weighted sums; the ridge is at most a quarter of a
    half-life late, so it is bounded by the two ridges."""
    data = world(11, 600, 6, titles=1)
    policy = make(LinTs(dimensions=6, prior=PRIOR, half_life=half_life))
    policy.update(data)
    now = int(data.occurred_ms.max())
    weights = 2.0 ** ((data.occurred_ms - now) / ({"1d": DAY, "12h": DAY // 2}[half_life]))
    for x in vectors(np.random.default_rng(12), 5, 6):
        mean, variance = dense(data, 0, x, weights)
        means, variances = believed(policy, np.zeros(1), x, now)
        assert variances[0] == pytest.approx(variance, rel=0.05)
        assert means[0] == pytest.approx(mean, abs=0.01)
        later = believed(policy, np.zeros(1), x, now + 400 * DAY)  # all is forgotten: the prior again
        assert later[0] == pytest.approx(PRIOR.mean, abs=1e-3)
        assert later[1] == pytest.approx(float(x @ x) / PRIOR.strength, rel=1e-3)


def test_a_title_comes_back_after_a_hundred_half_lives() -> None:
    policy = make(LinTs(dimensions=4, prior=PRIOR, half_life="1d"))
    data = world(13, 50, 4, titles=2)
    policy.update(data)
    late = outcomes_of(np.zeros(30), np.ones(30), data.vectors[:30], 200 * DAY)
    policy.update(late)
    fresh = make(LinTs(dimensions=4, prior=PRIOR, half_life="1d"))
    fresh.update(late)
    for x in data.vectors[:3]:
        for one, other in zip(
            believed(policy, np.arange(2), x, 200 * DAY), believed(fresh, np.arange(2), x, 200 * DAY), strict=True
        ):
            assert one == pytest.approx(other, rel=0.05)  # the ridge is up to a quarter of a half-life late


@pytest.mark.parametrize("half_life", [None, "1d"])
def test_merged_shards_believe_what_one_would(half_life: str | None) -> None:
    config = LinTs(dimensions=6, prior=PRIOR, half_life=half_life)
    whole, left, right = make(config), make(config), make(config)
    one, other = world(21, 400, 6), world(22, 400, 6)
    other = outcomes_of(other.items + 2, other.rewards, other.vectors, other.occurred_ms + 2 * DAY)
    for policy, parts in ((whole, (one, other)), (left, (one,)), (right, (other,))):
        for part in parts:
            policy.update(part)
    left.merge(right.dump())
    now = 5 * DAY
    for x in one.vectors[:5]:
        for mine, theirs in zip(
            believed(left, np.arange(8), x, now), believed(whole, np.arange(8), x, now), strict=True
        ):
            assert mine == pytest.approx(theirs, rel=0.02 if half_life else 1e-4, abs=1e-3 if half_life else 1e-6)


def test_memory_is_bounded_and_the_longest_silent_title_gives_way() -> None:
    policy = make(LinTs(dimensions=4, most_titles=10, prior=PRIOR))
    x = vectors(np.random.default_rng(1), 1, 4)
    for item in [*range(10), 3, 57, 3, 99]:  # 57 takes the place of 0, 99 that of 1
        policy.update(outcomes_of(np.array([item]), np.ones(1), x, times=policy.titles.used + item * 1_000))
    policy.update(outcomes_of(np.array([5]), np.ones(1), x, times=10**9))
    _, variances = believed(policy, np.array([0, 1, 2, 57, 99]), x[0])
    prior = float(x[0] @ x[0]) / PRIOR.strength
    assert [bool(v == pytest.approx(prior)) for v in variances] == [True, True, False, False, False]
    assert policy.titles.used == 10
    again = make(LinTs(dimensions=4, most_titles=10, prior=PRIOR))
    again.load(policy.dump())
    assert again.titles.used == 10


@given(
    n=st.integers(1, 400), known=st.integers(0, 300), k=st.integers(1, 60), seed=st.integers(0, 2**64 - 1),
    half_life=st.sampled_from([None, "1d"]),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_the_list_is_that_of_drawing_every_title(n: int, known: int, k: int, seed: int, half_life: str | None) -> None:
    """What is skipped could not have reached the list: the same normals for all titles, sorted, give the same list."""
    d, s = 5, 0.4
    policy = make(LinTs(dimensions=d, prior=PRIOR, exploration=s, half_life=half_life))
    if known:
        policy.update(world(n, 4 * known, d, titles=known))
        policy.update(outcomes_of(np.arange(0, known, 7), np.zeros(len(range(0, known, 7))), vectors(np.random.default_rng(1), len(range(0, known, 7)), d), trials=500.0))  # fmt: skip
    x = vectors(np.random.default_rng(seed % 1000), 1, d)[0]
    items = np.arange(n, dtype=np.int32)
    ranked = policy.rank(Request(np.ones(1, np.float32), 3 * DAY, vector=x), Candidates(items), k, seed)
    means, variances = believed(policy, items, x, 3 * DAY)
    normals = np.array([normal_quantile(unit(np.uint64(stream(np.uint64(seed), i)))) for i in range(n)])
    scores = means + s * normals * np.sqrt(variances)
    order = np.argsort(-scores, kind="stable")[: min(k, n)]
    assert ranked.scores == pytest.approx(scores[order].astype(np.float32), rel=1e-6)
    assert set(ranked.items.tolist()) == set(order.tolist())


def test_linucb_scores_are_mean_and_width() -> None:
    data = world(31, 300, 8)
    policy = make(LinUcb(dimensions=8, prior=PRIOR, exploration=0.7))
    policy.update(data)
    x = vectors(np.random.default_rng(3), 1, 8)[0]
    ranked = policy.rank(Request(np.ones(1, np.float32), 0, vector=x), Candidates(np.arange(6, dtype=np.int32)), 6, 1)
    for item, score in zip(ranked.items.tolist(), ranked.scores.tolist(), strict=True):
        mean, variance = dense(data, item, x)
        assert score == pytest.approx(mean + 0.7 * np.sqrt(variance), rel=1e-4)


@pytest.mark.parametrize("wrong", [np.ones(3, np.float32), np.ones((2, 16), np.float32)])
def test_vectors_of_another_shape_are_refused(wrong: np.ndarray) -> None:
    policy = make(LinTs())
    with pytest.raises(ValueError, match="vector"):
        policy.rank(Request(np.ones(1, np.float32), 0, vector=wrong), Candidates(np.arange(3, dtype=np.int32)), 1, 1)
    with pytest.raises(ValueError, match="vectors"):
        policy.update(outcomes_of(np.zeros(1), np.zeros(1), wrong))


def regret(config: PolicyConfig, seed: int, rounds: int, titles: int = 12, d: int = 4) -> float:
    """Expected clicks lost in a world whose rates are linear in the reader, lists of one."""
    random = np.random.default_rng(seed)
    theta = np.concatenate([np.full((titles, 1), 0.3), random.uniform(-0.2, 0.2, (titles, d - 1))], axis=1)
    readers = vectors(random, rounds, d)
    rates = np.clip(readers @ theta.T, 0.01, 0.99)
    coins = random.random(rounds)
    policy, items = make_policy(config, 1), Candidates(np.arange(titles, dtype=np.int32))
    contextual = not isinstance(config, Thompson)
    lost = 0.0
    for t in range(rounds):
        x = readers[t] if contextual else None
        arm = policy.rank(Request(np.ones(1, np.float32), 0, vector=x), items, 1, (seed << 32) + t).items
        click = np.array([coins[t] < rates[t, arm[0]]], np.float32)
        policy.update(outcomes_of(arm, click, readers[t : t + 1] if contextual else None))  # type: ignore[arg-type]
        lost += rates[t].max() - rates[t, arm[0]]
    return lost


@pytest.fixture(scope="module")
def blind() -> np.ndarray:
    """Regret of Thompson sampling, which cannot see the reader, by seed."""
    return np.array([regret(Thompson(), seed, 2_000) for seed in range(20)])


@pytest.mark.parametrize("config", [LinTs(dimensions=4), LinUcb(dimensions=4)], ids=["lin_ts", "lin_ucb"])
def test_who_sees_the_reader_loses_less_than_who_does_not(config: PolicyConfig, blind: np.ndarray) -> None:
    """20 seeds, 2,000 rounds: the 95 % interval of the paired difference lies above 20 % of Thompson's regret."""
    seen = np.array([regret(config, seed, 2_000) for seed in range(20)])
    assert t_interval(blind * 0.8 - seen).low > 0
