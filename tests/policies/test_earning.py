"""The trade of clicks for coins: never more than allowed, as good as the best, nothing where nothing is allowed."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandi.model.policy_config import Earning, Thompson
from bandi.policies._chain_kernels import FACTORS, share_readers
from bandi.policies._earning_kernels import RATES, losses, rate_for, trade
from bandi.policies.chain_policy import discount
from bandi.policies.protocol import Candidates, Outcomes, Request
from bandi.policies.registry import make_policy

NOW = Request(np.ones(1, np.float32), 1_000)
rates = st.lists(st.floats(0.01, 0.5), min_size=6, max_size=6)
coins = st.lists(st.floats(0.01, 50.0), min_size=6, max_size=6)


ALL_ALIKE = (FACTORS == 1.0).astype(np.float64)


def traded(clicks: np.ndarray, values: np.ndarray, give_up: float, k: int) -> tuple[np.ndarray, float]:
    order = np.empty(k, np.int32)
    rate = trade(clicks, clicks, values, discount(k), give_up, 1.0, ALL_ALIKE, np.empty(len(clicks)), order)
    return order, rate


@settings(max_examples=200, deadline=None)
@given(rates, coins, st.floats(0.0, 0.5))
def test_a_list_never_earns_less_nor_gets_more_clicks_than_that_for_clicks(
    clicks_of: list[float], values_of: list[float], give_up: float
) -> None:
    clicks, values, weights = np.array(clicks_of), np.array(values_of), discount(3)
    order, _ = traded(clicks, values, give_up, 3)
    best, _ = traded(clicks, values, 0.0, 3)
    assert len(set(order.tolist())) == 3
    assert clicks[order] @ weights <= clicks[best] @ weights + 1e-12
    assert (clicks * values)[order] @ weights >= (clicks * values)[best] @ weights - 1e-9


@pytest.mark.parametrize("give_up", [0.02, 0.1])
@pytest.mark.parametrize("reader_shape", [0.5, 3.0])
def test_readers_together_give_up_what_the_dial_says(give_up: float, reader_shape: float) -> None:
    """Over pools and readers of many kinds; 5 % of the dial is far more than the pools' luck (40 of 80 titles)."""
    random, k, weights = np.random.default_rng(3), 10, discount(10)
    readers = np.zeros((3_000, 2), np.float32)
    readers[:, 0] = random.gamma(1.0, 1.0, 3_000)
    readers[:, 1] = random.poisson(readers[:, 0] * random.gamma(reader_shape, 1 / reader_shape, 3_000))
    shares, lost, most = np.empty(len(FACTORS)), 0.0, 0.0
    share_readers(readers, reader_shape, shares)
    factors = (reader_shape + readers[:, 1]) / (reader_shape + readers[:, 0])
    for _ in range(40):
        clicks, values = np.exp(random.normal(-3, 0.7, 80)), np.exp(random.normal(0, 1, 80))
        order, keys = np.empty(k, np.int32), np.empty(80)
        trade(clicks, clicks, values, weights, 0.0, 1.0, shares, keys, order)
        best = clicks[order] @ weights
        for reader in random.integers(0, 3_000, 60):
            trade(clicks, clicks, values, weights, give_up, factors[reader], shares, keys, order)
            lost += readers[reader, 0] * (best - clicks[order] @ weights)
            most += readers[reader, 0] * best
    assert lost / most == pytest.approx(give_up, rel=0.12)


@settings(max_examples=100, deadline=None)
@given(rates, coins, st.floats(0.001, 0.5))
def test_the_rate_is_the_highest_whose_loss_is_within_the_dial(
    clicks_of: list[float], values_of: list[float], give_up: float
) -> None:
    """Between two rates that were tried the loss is read from a line, so it is within those of its neighbours."""
    clicks, values, weights = np.array(clicks_of), np.array(values_of), discount(3)
    order, rate = traded(clicks, values, give_up, 3)
    lost, keys = np.empty(len(RATES) + 1), np.empty(6)
    losses(clicks, clicks, values, weights, keys, order, lost)
    assert (np.diff(lost) >= 0).all() and lost[0] >= 0 and lost[-1] < 1
    above = np.searchsorted(RATES, rate, "right")
    if above <= len(RATES) - 1:
        assert lost[above] >= give_up - 1e-9
    if above > 0:
        assert lost[above - 1] <= give_up + 1e-9
    assert rate_for(give_up, lost, ALL_ALIKE) == rate


@settings(max_examples=60, deadline=None)
@given(rates, coins, st.floats(0.0, 0.5))
def test_no_mixture_of_lists_with_as_many_clicks_earns_more(
    clicks_of: list[float], values_of: list[float], give_up: float
) -> None:
    """Every list on the Lagrangian's path is optimal at its own number of clicks (Everett 1963): brute force over all lists."""
    clicks, values, weights = np.array(clicks_of), np.array(values_of), discount(3)
    order, _ = traded(clicks, values, give_up, 3)
    mine = clicks[order] @ weights, (clicks * values)[order] @ weights
    for other in itertools.permutations(range(6), 3):
        chosen = list(other)
        if clicks[chosen] @ weights >= mine[0] + 1e-12:
            assert (clicks * values)[chosen] @ weights <= mine[1] * (1 + 1e-9)


@settings(max_examples=60, deadline=None)
@given(rates, coins)
def test_all_that_may_be_given_up_means_coins_alone(clicks_of: list[float], values_of: list[float]) -> None:
    clicks, values = np.array(clicks_of), np.array(values_of)
    order, rate = traded(clicks, values, 1.0, 3)
    assert np.isinf(rate)
    assert (clicks * values)[order].sum() == pytest.approx(np.sort(clicks * values)[-3:].sum())


def test_giving_up_nothing_is_thompson_sampling() -> None:
    random = np.random.default_rng(1)
    outcomes = Outcomes(
        random.integers(0, 300, 5_000).astype(np.int32), np.zeros(5_000, np.int32), np.ones(5_000, np.float32),
        (random.random(5_000) < 0.1).astype(np.float32), np.zeros(5_000, np.int64),
    )  # fmt: skip
    plain, earning = make_policy(Thompson(), 1), make_policy(Earning(give_up=0.0), 1)
    for policy in (plain, earning):
        policy.update(outcomes)
    shown = Candidates(np.arange(300, dtype=np.int32))
    # the sampler's own draws differ with the length asked for, so lists are alike in law, not in each draw
    ours = np.concatenate([earning.rank(NOW, shown, 10, seed).items for seed in range(600)])
    theirs = [
        np.concatenate([plain.rank(NOW, shown, 10, seed + n).items for seed in range(600)]) for n in (1_000, 2_000)
    ]
    counts, one, other = (np.bincount(items, minlength=300) for items in (ours, *theirs))
    assert np.abs(counts - one).sum() < 1.15 * np.abs(other - one).sum()


def test_a_reader_likelier_to_pay_gives_up_more_clicks() -> None:
    policy = make_policy(Earning(give_up=0.05), 1)
    n = 400
    items = np.arange(n, dtype=np.int32) % 40
    users = np.arange(n, dtype=np.int32) % 100
    ones, zeros = np.ones(n, np.float32), np.zeros(n, np.float32)
    start = Outcomes(
        items, np.zeros(n, np.int32), ones, zeros, np.zeros(n, np.int64), steps=np.full(n, 1, np.int32), users=users
    )
    policy.update(start)
    policy.update(
        Outcomes(
            items, np.zeros(n, np.int32), zeros, ones, np.zeros(n, np.int64), steps=np.full(n, 1, np.int32), users=users
        )
    )
    pay = users == 7
    policy.update(
        Outcomes(
            items[pay], np.zeros(pay.sum(), np.int32), zeros[pay], ones[pay], np.zeros(pay.sum(), np.int64), steps=np.full(pay.sum(), 2, np.int32),
            users=users[pay], values=np.full(pay.sum(), 30.0), delays_ms=np.full(pay.sum(), 3_600_000),
        )
    )  # fmt: skip
    clicked = np.repeat(np.arange(40, dtype=np.int32), np.arange(40))
    for rewards, rows in ((0.0, np.repeat(np.arange(40, dtype=np.int32), 300)), (1.0, clicked)):
        trials = np.full(len(rows), 1.0 - rewards, np.float32)
        policy.update(Outcomes(rows, np.zeros(len(rows), np.int32), trials, 1 - trials, np.zeros(len(rows), np.int64)))
    shown, mean = Candidates(np.arange(40, dtype=np.int32)), policy.posterior(np.arange(40, dtype=np.int32), 0, 0).mean
    later = NOW._replace(occurred_ms=30 * 86_400_000)

    def clicks_of(user: int, give_up: float) -> float:
        lists = [policy.rank(later._replace(user=user, give_up=give_up), shown, 5, seed).items for seed in range(300)]
        return float(np.mean([mean[items] @ discount(5) for items in lists]))

    plain, payer, other = clicks_of(8, 0.0), clicks_of(7, 0.05), clicks_of(8, 0.05)
    assert payer < other < plain


def test_what_is_ranked_beyond_the_list_gives_up_nothing() -> None:
    """Asked for 60 of which 10 are shown, the first 10 give up as little as a list of 10 does."""
    policy, random = make_policy(Earning(give_up=0.05, position="ignored"), 1), np.random.default_rng(3)
    n = 30_000
    items = random.integers(0, 300, n).astype(np.int32)
    zeros, ones = np.zeros(n, np.float32), np.ones(n, np.float32)
    clicks = (random.random(n) < 0.02 + 0.1 * (items % 10 == 0)).astype(np.float32)
    policy.update(Outcomes(items, np.zeros(n, np.int32), ones, clicks, np.zeros(n, np.int64)))
    users = random.integers(0, 500, n).astype(np.int32)
    later = {"users": users, "delays_ms": np.full(n, 3_600_000)}
    policy.update(
        Outcomes(
            items, np.zeros(n, np.int32), ones, zeros, np.zeros(n, np.int64), steps=np.full(n, 1, np.int32), **later
        )
    )
    policy.update(
        Outcomes(
            items, np.zeros(n, np.int32), zeros, ones, np.zeros(n, np.int64), steps=np.full(n, 1, np.int32), **later
        )
    )
    pays = (random.random(n) < 0.02 * random.gamma(0.5, 2.0, 300)[items]).astype(np.float32)
    coins = {"values": 30.0 * pays, **later}
    policy.update(
        Outcomes(
            items, np.zeros(n, np.int32), zeros, pays, np.zeros(n, np.int64), steps=np.full(n, 2, np.int32), **coins
        )
    )
    shown, weights = Candidates(np.arange(300, dtype=np.int32)), discount(10)
    now = Request(np.ones(1, np.float32), 30 * 86_400_000)
    mean = policy.posterior(np.arange(300, dtype=np.int32), 0, 0).mean

    def clicks_of(request: Request, asked: int) -> float:
        lists = [policy.rank(request, shown, asked, seed).items[:10] for seed in range(200)]
        return float(np.mean([mean[items] @ weights for items in lists]))

    plain, longer, unaware = clicks_of(now, 10), clicks_of(now._replace(shown=10), 60), clicks_of(now, 60)
    assert longer > 0.98 * plain
    assert unaware < longer
