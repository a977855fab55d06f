"""The pool: the law of its draws is that of independent draws, and whoever may matter gets in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandi.model.records import Array
from bandi.policies._pool_kernels import BINS, _foremost, draw_pool, extend_pool


def pool(
    a: Array, b: Array, worths: Array, size: int, seed: int, exploring: float = 1.0, foremost: Array | None = None
) -> tuple[Array, Array, Array]:
    """(places, draws, means)."""
    n = len(a)
    items, places, draws, means = np.arange(n, dtype=np.int32), np.empty(n + 1, np.int32), np.empty(n), np.empty(n)
    work = np.empty(n, np.float32), np.empty(BINS, np.int32), places, draws, means
    if foremost is None:
        draw_pool(items, a, b, worths, 1.0, size, np.uint64(seed), exploring, *work)
    else:
        order = np.argsort(-foremost)[: size // 2]
        places[: len(order)], draws[: len(order)] = order, foremost[order]
        extend_pool(items, a, b, worths, 1.0, len(order), size, np.uint64(seed), exploring, *work)
    return places[:size], draws[:size], means[:size]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.just(0.0) | st.floats(1e-6, 1e6), min_size=1, max_size=80), st.data())
def test_the_foremost_are_the_largest_to_within_a_bin(values: list[float], data: st.DataObject) -> None:
    size = data.draw(st.integers(1, len(values)))
    start = data.draw(st.integers(0, len(values) - 1))
    keys, places = np.array(values, np.float32), np.empty(len(values) + 1, np.int32)
    left = keys.copy()
    _foremost(left, size, start, np.empty(BINS, np.int32), places)
    chosen = places[:size]
    assert len(set(chosen.tolist())) == size
    assert (left[chosen] == -1).all() and (np.delete(left, chosen) >= 0).all()
    bar = np.sort(keys)[-size]
    if bar > keys.max() / 128:  # below that bins end
        assert keys[chosen].min() >= bar * (1 - 1 / 64)


def test_of_equals_each_is_taken_as_often_as_the_others() -> None:
    """A cold catalogue, 100 of 400, 4,000 times: each 1,000 +- 27; beyond 5.5 deviations in a run of 400 once in 65,000."""
    counts = np.zeros(400)
    for exploring in (0.0, 1.0):
        for seed in range(2_000):
            counts[pool(np.full(400, 1.0), np.full(400, 9.0), np.ones(400), 100, seed, exploring)[0]] += 1
    assert np.abs(counts - 1_000).max() < 5.5 * np.sqrt(4_000 * 0.25 * 0.75)


def test_draws_are_those_of_the_posteriors() -> None:
    a, b = np.array([1.0, 3.0, 0.4]), np.array([9.0, 7.0, 5.0])
    draws = np.array([pool(a, b, np.ones(3), 3, seed)[1] for seed in range(20_000)])
    mean = a / (a + b)
    deviation = np.sqrt(mean * (1 - mean) / (a + b + 1))
    assert np.abs(draws.mean(0) - mean).max() < 4.5 * deviation.max() / np.sqrt(20_000)
    assert draws.std(0) == pytest.approx(deviation, rel=0.05)


def test_those_added_to_the_foremost_leave_the_law_of_all_draws_as_it_is() -> None:
    """The mean over all titles of draws in a full pool is the posterior's; those added never overtake the bar."""
    random, n = np.random.default_rng(1), 30
    a, b = random.gamma(1.0, 1.0, n) + 0.5, random.gamma(5.0, 1.0, n)
    total, mean, rounds = np.zeros(n), a / (a + b), 20_000
    for seed in range(rounds):
        foremost = random.beta(a, b)
        places, draws, means = pool(a, b, np.ones(n), n, seed, 1.0, foremost)
        assert draws[n // 2 :].max() <= draws[: n // 2].min()
        total[places] += draws
        assert (means == mean[places]).all()
    deviation = np.sqrt(mean * (1 - mean) / (a + b + 1) / rounds)
    assert (np.abs(total / rounds - mean) / deviation).max() < 4.5  # 30 titles: a false alarm in 5,000


def test_titles_worth_much_get_in_and_titles_beyond_the_known_count_as_usual() -> None:
    a, b, worths = np.full(300, 5.0), np.full(300, 95.0), np.full(200, 1e-3)
    worths[17] = 50.0
    places, _, _ = pool(a, b, worths, 20, 1)
    assert 17 in places
    assert (np.setdiff1d(places, [17]) >= 200).all()  # 1 each, the others a thousandth


def test_without_exploring_draws_are_means() -> None:
    a, b = np.arange(1.0, 41.0), np.full(40, 60.0)
    places, draws, means = pool(a, b, np.ones(40), 10, 3, 0.0)
    assert sorted(places.tolist()) == list(range(30, 40))
    assert (draws == means).all()
