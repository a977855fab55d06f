"""Counts of later steps against plain sums; delay, spread and readers recovered over many seeds."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandi.model.records import Array
from bandi.policies import _chain_kernels as kernel
from bandi.policies.chain import CONTINUED, PAID, ChainStatistics
from bandi.policies.protocol import Outcomes, StepPriors

DAY = 86_400_000


def rows(
    items: object, steps: object, trials: object = 0.0, rewards: object = 0.0, at_ms: object = 0, delays_ms: object = 0,
    values: object = 0.0, users: object = 0,
) -> Outcomes:  # fmt: skip
    shape = np.atleast_1d(np.asarray(items)).shape

    def column(value: object, kind: type) -> Array:
        return np.ascontiguousarray(np.broadcast_to(np.asarray(value, kind), shape))

    return Outcomes(
        column(items, np.int32), np.zeros(shape, np.int32), column(trials, np.float32), column(rewards, np.float32),
        column(at_ms, np.int64), steps=column(steps, np.int32), values=column(values, np.float64),
        users=column(users, np.int32), delays_ms=column(delays_ms, np.int64),
    )  # fmt: skip


def cut(outcomes: Outcomes, first: int, stop: int) -> Outcomes:
    return outcomes.only(np.arange(first, min(stop, len(outcomes.items))))


def history(seed: int, n: int = 600) -> Outcomes:
    """Starts, continuations, payments and a few refunds, in order of arrival."""
    random = np.random.default_rng(seed)
    steps = random.choice([1, 2], n, p=[0.7, 0.3])
    reward = np.where(steps == 2, 1.0, random.random(n) < 0.4) * np.where(random.random(n) < 0.05, -1.0, 1.0)
    return rows(
        random.integers(0, 30, n), steps, np.where(reward == 0, 1.0, 0.0), reward,
        np.sort(random.integers(0, 40 * DAY, n)), np.where(reward == 0, 0, random.integers(0, 9 * DAY, n)),
        np.where(steps == 2, reward * random.gamma(1.0, 30.0, n), 0.0), random.integers(-1, 50, n),
    )  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 600), max_size=5), st.integers(0, 3))
def test_rows_may_be_cut_anywhere(cuts: list[int], seed: int) -> None:
    outcomes, whole, parts = history(seed), ChainStatistics(), ChainStatistics()
    whole.update(outcomes)
    bounds = [0, *sorted(cuts), 600]
    for first, stop in zip(bounds, bounds[1:], strict=False):
        parts.update(cut(outcomes, first, stop))
    one, other = whole.dump(), parts.dump()
    assert all(one[name].tobytes() == other[name].tobytes() for name in one)


def test_titles_that_come_late_do_not_show_in_what_was_learned_before() -> None:
    """A refit in the middle of a call knows no title of the rest of it: one row at a time gives the same bytes."""
    together = rows([0] * 12 + [7], [1] * 13, [1.0] * 6 + [0.0] * 6 + [1.0], [0.0] * 6 + [1.0] * 6 + [0.0])
    whole, parts = ChainStatistics(), ChainStatistics()
    whole.update(together)
    for at in range(13):
        parts.update(cut(together, at, at + 1))
    one, other = whole.dump(), parts.dump()
    assert one["shared"][0, kernel.NEXT] > 5.0  # there was a refit
    assert all(one[name].tobytes() == other[name].tobytes() for name in one)


def test_after_a_merge_the_pool_knows_what_titles_of_the_shard_are_worth() -> None:
    shard, empty = ChainStatistics(), ChainStatistics()
    for _ in range(10):
        shard.update(rows([3] * 20, 1, trials=1.0))
        shard.update(rows([3] * 20, 1, rewards=1.0))
        shard.update(rows([3], 2, rewards=1.0, values=30.0))
    empty.merge(shard.dump())
    worths, usual = empty.known_worths()
    assert len(worths) == 4 and worths[3] > 2 * worths[0] and usual > 0
    assert empty.shared[0, kernel.RATE] == pytest.approx(shard.shared[0, kernel.RATE], rel=0.2)


def test_exposure_is_the_sum_of_what_each_trial_would_have_earned_by_now() -> None:
    random = np.random.default_rng(1)
    starts = random.integers(0, 30 * DAY, 400)
    chain = ChainStatistics()
    chain.update(rows(np.zeros(400), 1, trials=1.0, at_ms=starts))
    for now in (30 * DAY, 33 * DAY, 90 * DAY):
        ages = (now - starts)[:, None] / kernel.TAUS_MS
        expected = (chain.weights[0] * -np.expm1(-ages)).sum()
        shares = np.empty((2, 6))
        kernel.open_shares(chain.weights, chain.landmarks, float(now), shares)
        found = kernel.exposure(chain.trials, chain.immature, shares, 0, 0)
        assert found == pytest.approx(expected, rel=1e-9)


def test_a_refund_takes_a_payment_back_exactly() -> None:
    chain = ChainStatistics()
    chain.update(rows([3, 3], 1, [1, 0], [0, 1], 5, [0, 2 * DAY]))
    before = chain.dump()
    chain.update(rows([3], 2, rewards=1.0, at_ms=5, delays_ms=3 * DAY, values=40.0))
    assert chain.rewards[3, 1] == 1 and chain.values[3] == 40 and chain.readers[0, 1] == 1
    chain.update(rows([3], 2, rewards=-1.0, at_ms=5, delays_ms=4 * DAY, values=-40.0))
    after = chain.dump()
    for name in ("trials", "rewards", "immature", "values", "readers"):
        assert after[name].tobytes() == before[name].tobytes()


@pytest.mark.parametrize("curve", ["exponential", "gamma"])
def test_the_delay_curve_is_learned_from_what_has_come_so_far(curve: str) -> None:
    """Starts go on until now, so short delays are seen first; the curve must not believe them. 20 seeds each."""
    errors, naive = [], []
    for seed in range(20):
        random = np.random.default_rng(seed)
        starts = random.integers(0, 14 * DAY, 3_000)
        delays = (random.exponential(4.56, 3_000) if curve == "exponential" else random.gamma(2.0, 2.28, 3_000)) * DAY
        seen = starts + delays <= 14 * DAY
        weights = np.zeros(6)
        kernel.fit_delays(starts[seen], delays[seen].astype(np.int64), 14.0 * DAY, 4.0 * DAY, weights)
        assert weights.sum() == pytest.approx(1)
        grid = np.array([1, 2, 4, 8]) * DAY
        fitted = (weights * -np.expm1(-grid[:, None] / kernel.TAUS_MS)).sum(1)
        errors.append(fitted - (delays <= grid[:, None]).mean(1))
        naive.append((delays[seen] <= grid[:, None]).mean(1) - (delays <= grid[:, None]).mean(1))
    off, before = np.abs(np.mean(errors, 0)).max(), np.abs(np.mean(naive, 0)).max()
    assert off < 0.06
    assert off < before / 2


def test_without_rewards_the_curve_is_the_configured_one_and_late_delays_alone_break_nothing() -> None:
    weights, none = np.zeros(6), np.zeros(0, np.int64)
    kernel.fit_delays(none, none, 0.0, 4.0 * DAY, weights)
    grid = np.array([1, 4, 12]) * DAY
    assert (weights * -np.expm1(-grid[:, None] / kernel.TAUS_MS)).sum(1) == pytest.approx(
        -np.expm1(-grid / (4.0 * DAY)), abs=0.05
    )
    late = np.full(5, 20 * DAY)
    kernel.fit_delays(np.zeros(5, np.int64), late, 20.0 * DAY, 4.0 * DAY, weights)
    assert np.isfinite(weights).all() and weights.sum() == pytest.approx(1)


def simulate(seed: int, chain: ChainStatistics, titles: int = 150, starts: int = 60_000, days: int = 40) -> Array:
    """Starts evenly over the days; 40 % continue within hours, of those 5 % * the title's factor pay after 4.5 days."""
    random = np.random.default_rng(seed)
    factors = random.gamma(1.0, 1.0, titles)
    item = random.integers(0, titles, starts)
    at = np.sort(random.integers(0, days * DAY, starts))
    user = random.integers(0, 5_000, starts)
    continues = np.flatnonzero(random.random(starts) < 0.4)
    reads_after = random.exponential(0.25, len(continues)) * DAY
    pays = random.random(len(continues)) < 0.05 * factors[item[continues]]
    paid, pays_after = continues[pays], reads_after[pays] + random.exponential(4.5, pays.sum()) * DAY
    who = np.concatenate([np.arange(starts), continues, paid])
    delay = np.concatenate([np.zeros(starts), reads_after, pays_after]).astype(np.int64)
    step = np.concatenate([np.ones(starts), np.ones(len(continues)), np.full(len(paid), 2)])
    trial = np.concatenate([np.ones(starts), np.zeros(len(continues) + len(paid))])
    arrived = at[who] + delay
    order = np.argsort(arrived, kind="stable")
    order = order[arrived[order] <= days * DAY]
    chain.update(
        rows(item[who][order], step[order], trial[order], 1.0 - trial[order], at[who][order], delay[order],
             np.where(step == 2, 30.0, 0.0)[order], user[who][order])
    )  # fmt: skip
    return factors


def test_spread_of_titles_and_their_factors_are_recovered() -> None:
    """Gamma factors of variance 1: mean of the learned variance within 20 % over 12 seeds; factors correlate with the truth."""
    spreads, correlations, slopes = [], [], []
    for seed in range(12):
        chain = ChainStatistics(most_reader_spread=0.0)
        factors = simulate(seed, chain)
        spreads.append(1.0 / chain.shared[1, kernel.SHAPE])
        found = chain.factors_of(np.arange(150, dtype=np.int32), 1, 40 * DAY)
        correlations.append(np.corrcoef(found, factors)[0, 1])
        slopes.append(np.polyfit(found, factors, 1)[0])
    assert np.mean(spreads) == pytest.approx(1.0, rel=0.2)
    assert np.mean(correlations) > 0.85
    assert np.mean(slopes) == pytest.approx(1.0, abs=0.1)  # shrunk as much as is right: calibrated


def test_a_new_title_is_not_taken_for_one_that_nobody_pays_for() -> None:
    """200 starts of yesterday, no payment: with delay in view nearly average, without it far below. All of 10 seeds."""
    for seed in range(10):
        found = {}
        for delay in (PAID.delay_ms, 0.0):
            steps = (CONTINUED, dataclasses.replace(PAID, delay_ms=delay))
            chain = ChainStatistics(steps, most_reader_spread=0.0)
            simulate(seed, chain)
            chain.update(rows(np.full(200, 200), 1, 1.0, at_ms=39 * DAY))
            chain.update(rows(np.full(80, 200), 1, 0.0, 1.0, at_ms=39 * DAY, delays_ms=DAY // 4))
            found[delay] = float(chain.factors_of(np.array([200], np.int32), 1, 40 * DAY)[0])
        assert found[0.0] < 0.45
        assert found[PAID.delay_ms] > found[0.0] + 0.15


def test_a_large_purchase_is_taken_back_whole_although_it_was_capped() -> None:
    chain = ChainStatistics(most_reader_spread=0.0)
    gift = {"at_ms": 0, "delays_ms": DAY, "users": 1}
    chain.update(rows([0] * 70 + [1] * 70, 1, trials=1.0, users=np.arange(140)))
    chain.update(rows([0] * 70 + [1] * 70, 1, rewards=1.0, delays_ms=1_000, users=np.arange(140)))
    chain.update(rows([0], 2, rewards=1.0, values=10_000.0, **gift))
    chain.update(rows([1] * 60, 2, rewards=1.0, values=3.0, at_ms=0, delays_ms=DAY, users=np.arange(60)))
    crowned, other = chain.values_of(np.array([0, 1], np.int32), 20 * DAY, 0.0, np.uint64(0))
    assert chain.values[0] == 10_000 and crowned < 20 * other  # one gift does not crown a title
    chain.update(rows([0], 2, rewards=-1.0, values=-10_000.0, **gift))
    assert chain.values[0] == 0.0 and chain.rewards[0, 1] == 0.0
    assert chain.values_of(np.array([0], np.int32), 20 * DAY, 0.0, np.uint64(0))[0] < other


def test_withdrawn_rows_leave_no_negative_counts() -> None:
    chain = ChainStatistics()
    chain.update(rows([0] * 50, 1, trials=1.0, users=1))
    chain.update(rows([0] * 50, 1, rewards=1.0, users=1))
    chain.update(rows([0] * 30, 2, rewards=1.0, values=5.0, users=1))
    chain.update(rows([0] * 50, 1, rewards=-1.0, users=1))
    chain.update(rows([0] * 50, 1, trials=-1.0, users=1))
    assert chain.trials[0].min() >= 0 and chain.immature[0, 1].min() >= 0


def test_a_curve_of_payments_that_all_wait_stays_a_share() -> None:
    """Wait for free: all delays near five days. Six exponentials cannot follow it, but F stays within a twentieth of 0 to 1."""
    for seed, spread in ((1, 0.5), (2, 0.01), (3, 2.0)):
        random = np.random.default_rng(seed)
        delays = (np.maximum(random.normal(5.0, spread, 2_000), 0.01) * DAY).astype(np.int64)
        weights = np.zeros(6)
        kernel.fit_delays(np.zeros(2_000, np.int64), delays, 60.0 * DAY, 4.0 * DAY, weights)
        grid = np.geomspace(0.01, 100, 300) * DAY
        share = (weights * -np.expm1(-grid[:, None] / kernel.TAUS_MS)).sum(1)
        assert share.min() >= -0.051 and share.max() <= 1.051
        assert weights.sum() == pytest.approx(1)


def test_readers_who_paid_are_likelier_to_pay_again() -> None:
    chain = ChainStatistics()
    random = np.random.default_rng(3)
    payers = random.random(2_000) < 0.1
    for day in range(30):
        users = random.integers(0, 2_000, 2_000)
        items = random.integers(0, 50, 2_000)
        chain.update(rows(items, 1, 1.0, at_ms=day * DAY, users=users))
        chain.update(rows(items, 1, 0.0, 1.0, at_ms=day * DAY, delays_ms=1_000, users=users))
        pays = random.random(2_000) < np.where(payers[users], 0.1, 0.0)
        chain.update(rows(items[pays], 2, 0.0, 1.0, day * DAY, 3_600_000, 30.0, users[pays]))
    shape = chain.globals_[kernel.READER_SHAPE]
    factor = np.array([kernel.reader_factor(chain.readers, user, shape) for user in range(2_000)])
    assert factor[payers].mean() > 5 * factor[~payers].mean()
    assert kernel.reader_factor(chain.readers, -1, shape) == kernel.reader_factor(chain.readers, 10**6, shape) == 1.0


def test_shards_add_up() -> None:
    outcomes, whole = history(5), ChainStatistics()
    whole.update(outcomes)
    one, other = ChainStatistics(), ChainStatistics()
    one.update(cut(outcomes, 0, 300))
    other.update(cut(outcomes, 300, 600))
    one.merge(other.dump())
    assert one.rewards[:30] == pytest.approx(whole.rewards[:30])
    assert one.values[:30] == pytest.approx(whole.values[:30])
    # what a trial weighs in the last step depends on what was known of its reader, so shards differ a little there
    assert one.trials[:30, 0] == pytest.approx(whole.trials[:30, 0])


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="trials: expected"):
        ChainStatistics((PAID,)).load(ChainStatistics().dump())
    broken = ChainStatistics().dump()
    broken["ring"] = np.zeros((1, 2, 3), np.int64)
    with pytest.raises(ValueError, match="ring: expected"):
        ChainStatistics().load(broken)


def test_what_content_predicts_is_the_prior_of_a_factor() -> None:
    """Against the conjugate posterior by hand; titles beyond the predictions, and a chain without, are as ever."""
    chain, items, now = ChainStatistics(), np.arange(40, dtype=np.int32), 90 * DAY
    chain.update(history(7))
    random = np.random.default_rng(1)
    means, shapes = random.uniform(0.2, 4.0, (2, 33)), random.uniform(0.5, 9.0, (2, 33))
    priors = StepPriors(means.astype(np.float32), shapes.astype(np.float32))
    believing = chain.believing(priors)
    for step in (0, 1):
        counts = np.maximum(chain.rewards_of(items, step), 0.0)
        exposed = chain.shared[step, kernel.RATE] * chain.exposure_of(items, step, now)
        shape, mean = np.full(40, chain.shared[step, kernel.SHAPE]), np.ones(40)
        shape[:33], mean[:33] = priors.shapes[step], priors.means[step]
        assert believing.factors_of(items, step, now) == pytest.approx((shape + counts) / (shape / mean + exposed))
    assert (believing.factors_of(items, 0, now)[33:] == chain.factors_of(items, 0, now)[33:]).all()
    new, nothing = items[30:33], np.uint64(0)
    ratio = believing.values_of(new, now, 0.0, nothing) / chain.values_of(new, now, 0.0, nothing)
    assert ratio == pytest.approx(priors.means[:, 30:].prod(axis=0))
    assert chain.believing(None) is chain


def test_draws_of_a_title_follow_the_gamma_that_content_predicts() -> None:
    """20,000 draws of a new title's last factor: mean within 5 standard errors, variance within 10 %."""
    chain, mean, shape = ChainStatistics(), 3.0, 4.0
    believing = chain.believing(
        StepPriors(np.array([[1.0], [mean]], np.float32), np.array([[1.0], [shape]], np.float32))
    )
    one = np.zeros(1, np.int32)
    average = float(chain.values_of(one, 0, 0.0, np.uint64(0))[0])
    draws = np.array([believing.values_of(one, 0, 1.0, np.uint64(seed))[0] for seed in range(20_000)]) / average
    assert abs(draws.mean() - mean) < 5.0 * mean / np.sqrt(shape * len(draws))
    assert draws.var() == pytest.approx(mean * mean / shape, rel=0.1)


def test_predictions_are_no_part_of_the_state_and_of_the_same_steps() -> None:
    chain, priors = ChainStatistics(), StepPriors(np.full((2, 30), 2.0, np.float32), np.ones((2, 30), np.float32))
    chain.update(history(3))
    one, other = chain.dump(), chain.believing(priors).dump()
    assert all(one[name].tobytes() == other[name].tobytes() for name in one)
    with pytest.raises(ValueError, match="expected 1 steps, found 2"):
        ChainStatistics((PAID,)).believing(priors)


def test_the_reading_is_shared_among_readers_by_their_factors() -> None:
    shares = np.empty(len(kernel.FACTORS))
    kernel.share_readers(np.zeros((0, 2), np.float32), 1.0, shares)
    assert shares.tolist() == (kernel.FACTORS == 1.0).astype(float).tolist()
    readers = np.array([[1.0, 1.0], [3.0, 0.0], [0.0, 0.0], [1e-6, 900.0]], np.float32)
    kernel.share_readers(readers, 1.0, shares)
    assert shares.sum() == pytest.approx(1.0)
    assert shares[kernel.FACTORS == 1.0] == pytest.approx(0.25)
    assert shares[kernel.FACTORS == 0.25] == pytest.approx(0.75)
    assert shares[-1] > 0.0  # beyond the last factor


def test_worths_of_the_last_refit_are_what_starts_were_then_expected_to_bring() -> None:
    chain = ChainStatistics()
    assert chain.known_worths()[1] == pytest.approx(0.4 * 0.01)
    items = np.arange(2_000) % 40
    chain.update(rows(items.tolist(), 1, trials=1.0))
    chain.update(rows(items.tolist(), 1, rewards=1.0))
    for _ in range(10):
        chain.update(rows([3], 2, rewards=1.0, values=30.0))
    worths, usual = chain.known_worths()
    assert len(worths) == 40
    now = chain.values_of(np.arange(40, dtype=np.int32), int(chain.globals_[kernel.CLOCK_MS]), 0.0, np.uint64(1))
    assert worths.argmax() == now.argmax() == 3
    assert worths[3] == pytest.approx(now[3], rel=0.5) and worths[5] == pytest.approx(now[5], rel=0.5)
    assert worths[5] < worths[3] / 5
    again = ChainStatistics()
    again.load(chain.dump())
    assert (again.known_worths()[0] == worths).all() and again.known_worths()[1] == usual
