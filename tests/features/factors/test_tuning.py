"""The climb finds planted optima within its budget, and never leaves its start for something worse."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandi.evaluation.ranking import ranking_quality
from bandi.features.factors.als import AlsConfig, Factors, fit
from bandi.features.factors.interactions import Interactions, Rows, gather_interactions
from bandi.features.factors.tuning import (
    COORDINATES,
    FITS,
    MIN_READERS,
    RIDGE,
    Coordinate,
    choose,
    climb,
    climb_surely,
    stepped,
)
from bandi.model.errors import InvalidInputError
from bandi.model.records import Array


def ndcg(factors: Factors, seen: Rows, wanted: Rows) -> Array:
    return ranking_quality(factors.users, factors.items, seen, wanted).ndcg


def six_tastes(seed: int = 1) -> tuple[Interactions, Interactions]:
    """Readers of twenty titles each of their own taste, beside some of anything; a fifth of their reads held out."""
    random = np.random.default_rng(seed)
    users = np.repeat(np.arange(120), 14)
    own = random.integers(0, 20, len(users)) * 6 + users % 6
    items = np.where(random.random(len(users)) < 0.8, own, random.integers(0, 120, len(users)))
    pairs = np.unique(users * 120 + items)
    held = random.random(len(pairs)) < 0.2
    first, second = (
        gather_interactions(p // 120, p % 120, np.ones(len(p)), (120, 120)) for p in (pairs[~held], pairs[held])
    )
    return first, second


@settings(max_examples=30, deadline=None)
@given(st.floats(0.5, 30), st.floats(1, 30), st.sampled_from([0.0, 0.5, 1.0]))
def test_a_planted_optimum_is_found(threshold: float, alpha: float, nu: float) -> None:
    """A smooth score with one peak where peaks are met: within a factor of 1.7 of it, by 80 calls at most."""
    regularisation = threshold * (1 + alpha)

    def score(config: AlsConfig) -> float:
        away = np.log(config.regularisation / regularisation) ** 2 + np.log(config.alpha / alpha) ** 2
        return -float(away + (config.nu - nu) ** 2 + np.log(config.factors / 64) ** 2)

    found = climb(score, AlsConfig(), fits=80)
    assert abs(np.log(found.regularisation / regularisation)) < np.log(1.7)
    assert abs(np.log(found.alpha / alpha)) < np.log(1.7)
    assert abs(found.nu - nu) <= 0.25
    assert found.factors == 64


@settings(max_examples=100, deadline=None)
@given(st.floats(0.5, 30), st.floats(0.3, 30), st.floats(0.0, 0.4))
def test_a_ridge_with_a_cliff_is_climbed_within_the_budget(threshold: float, alpha: float, slope: float) -> None:
    """As worlds have it: a slow rise to the best threshold, all lost at twice that; along the ridge little changes.

    From far away, by the fits of `bandi train --tune`: within 0.007 of the best.
    """

    def score(config: AlsConfig) -> float:
        along = np.log(config.alpha / alpha)
        across = np.log(config.regularisation / (1 + config.alpha) / threshold) + slope * along
        return float(0.4 - 0.01 * along**2 - (0.02 if across < 0 else 0.25) * across**2)

    found = climb(score, AlsConfig(), FITS)
    assert score(found) > 0.393
    assert score(found) >= score(AlsConfig())


@given(st.sampled_from(COORDINATES), st.floats(0.5, 30), st.floats(0.4, 100), st.sampled_from([1.0, 0.5, 0.25]))
def test_a_step_there_and_back_is_nearly_the_same_setting(
    coordinate: Coordinate, threshold: float, alpha: float, share: float
) -> None:
    """And stepping alpha lets the threshold fall as the ridge does, while its own step leaves alpha."""
    config = AlsConfig(regularisation=threshold * (1 + alpha), alpha=alpha, nu=0.5, factors=64, iterations=20)
    there = stepped(config, coordinate, share)
    back = stepped(there, coordinate, -share)
    assert back.regularisation == pytest.approx(config.regularisation, rel=0.02)
    assert back.alpha == pytest.approx(config.alpha, rel=0.02)
    fallen = there.regularisation / (1 + there.alpha) / threshold
    if coordinate.name == "alpha":
        assert fallen == pytest.approx((there.alpha / alpha) ** -RIDGE, rel=0.02)
    elif coordinate.name == "threshold":
        assert there.alpha == alpha
        assert fallen == pytest.approx(coordinate.step**share, rel=0.02)
    else:
        assert (there.alpha, there.regularisation) == (config.alpha, config.regularisation)


@given(st.integers(1, 30), st.integers(0, 2**32))
def test_the_budget_holds_and_the_start_is_never_left_for_worse(fits: int, seed: int) -> None:
    """Scores without any order, some not finite."""
    called: list[AlsConfig] = []
    scores: dict[AlsConfig, float] = {}

    def score(config: AlsConfig) -> float:
        called.append(config)
        drawn = np.random.default_rng([seed, len(called)]).normal()
        scores[config] = float("nan") if drawn > 1.5 else drawn
        return scores[config]

    found = climb(score, AlsConfig(), fits)
    assert len(called) == len(set(called)) <= fits
    finite = [value for value in scores.values() if np.isfinite(value)]
    if np.isfinite(scores[AlsConfig()]):
        assert scores[found] >= scores[AlsConfig()]
    if finite and found in scores and np.isfinite(scores[found]):
        assert scores[found] <= max(finite)
    for config in called:
        config.check()


def test_a_poor_start_is_mended_on_held_out_reads() -> None:
    train, held = six_tastes()
    poor = AlsConfig(factors=8, regularisation=0.01, alpha=100.0, iterations=5)
    found = choose(train, held, ndcg, poor, fits=20)
    before, after = (ndcg(fit(train, config), train.by_user, held.by_user).mean() for config in (poor, found))
    assert after > before + 0.1
    assert choose(train, held, ndcg, poor, fits=20) == found


@pytest.mark.parametrize("readers", [MIN_READERS, 100, 1_000])
def test_luck_does_not_leave_the_start(readers: int) -> None:
    """No setting is better than another: in at most 5 % of 400 climbs the start is left (16 more by chance: one in 10,000)."""
    left = 0
    for seed in range(400):
        random = np.random.default_rng([seed, readers])

        def qualities(config: AlsConfig, random: np.random.Generator = random) -> Array:
            return random.normal(0.3, 0.2, readers)

        left += climb_surely(qualities, AlsConfig(), fits=20) != AlsConfig()
    assert left <= 20 + 16


@pytest.mark.parametrize(("readers", "expected"), [(MIN_READERS - 1, 64), (60, 64), (2_000, 128)])
def test_a_small_gain_is_believed_of_many_readers_alone(readers: int, expected: int) -> None:
    """128 factors are better by a tenth of the spread between readers, and by nothing else: few readers cannot tell."""

    def qualities(config: AlsConfig) -> Array:
        even = np.linspace(-1, 1, readers)
        return 0.3 + even * (0.2 if config.factors == 128 else 0.0) + (0.01 if config.factors == 128 else 0.0)

    assert climb_surely(qualities, AlsConfig(), fits=8).factors == expected


def test_a_start_that_cannot_be_judged_is_left() -> None:
    def qualities(config: AlsConfig) -> Array:
        return np.full(50, np.nan if config == AlsConfig() else 0.5)

    assert climb_surely(qualities, AlsConfig(), fits=8) != AlsConfig()


def test_fewer_readers_than_thirty_choose_nothing() -> None:
    train, held = six_tastes()
    rows = np.repeat(np.arange(120), np.diff(held.by_user.starts))
    few = rows < MIN_READERS - 1
    held = gather_interactions(rows[few], held.by_user.columns[few], np.ones(int(few.sum())), (120, 120))
    poor = AlsConfig(factors=8, regularisation=0.01, alpha=100.0, iterations=5)
    assert choose(train, held, ndcg, poor, fits=20) == poor


def test_no_more_factors_are_tried_than_the_matrix_can_have() -> None:
    train, held = six_tastes()
    tried: list[int] = []

    def judge(factors: Factors, seen: Rows, wanted: Rows) -> Array:
        tried.append(factors.config.factors)
        return np.full(120, float(factors.config.factors))

    choose(train, held, judge, AlsConfig(factors=32, iterations=1), fits=20)
    assert max(tried) == 120


def test_one_fit_is_the_start() -> None:
    train, held = six_tastes()
    start = AlsConfig(factors=8, iterations=2)
    assert choose(train, held, ndcg, start, fits=1) == start


def test_without_readers_to_judge_by_the_start_stays() -> None:
    """Nothing held out; and held out only of readers who have nothing else."""
    train, _ = six_tastes()
    nobody = gather_interactions(np.zeros(0, int), np.zeros(0, int), np.zeros(0), (120, 120))
    start = AlsConfig(regularisation=3.0)
    assert choose(train, nobody, ndcg, start) == start
    assert choose(nobody, train, ndcg, start) == start


def test_progress_counts_fits() -> None:
    train, held = six_tastes()
    seen: list[tuple[int, int]] = []
    choose(
        train,
        held,
        ndcg,
        AlsConfig(factors=8, iterations=2),
        fits=4,
        on_fit=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_start_out_of_range_is_named() -> None:
    train, held = six_tastes()
    with pytest.raises(InvalidInputError, match="alpha"):
        choose(train, held, ndcg, AlsConfig(alpha=-1.0))
