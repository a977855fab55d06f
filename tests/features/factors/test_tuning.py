"""The climb finds planted optima within its budget, and never leaves its start for something worse."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandi.evaluation.ranking import ranking_quality
from bandi.features.factors.als import AlsConfig, Factors, fit
from bandi.features.factors.interactions import Interactions, Rows, gather_interactions
from bandi.features.factors.tuning import choose, climb
from bandi.model.errors import InvalidInputError


def ndcg(factors: Factors, seen: Rows, wanted: Rows) -> float:
    return float(ranking_quality(factors.users, factors.items, seen, wanted).ndcg.mean())


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
@given(st.floats(0.1, 1_000), st.floats(1, 100), st.sampled_from([0.0, 0.5, 1.0]))
def test_a_planted_optimum_is_found(regularisation: float, alpha: float, nu: float) -> None:
    """A smooth score with one peak: within a factor of 1.5 of it, by 80 calls at most."""

    def score(config: AlsConfig) -> float:
        away = np.log(config.regularisation / regularisation) ** 2 + np.log(config.alpha / alpha) ** 2
        return -float(away + (config.nu - nu) ** 2 + np.log(config.factors / 64) ** 2)

    found = climb(score, AlsConfig(), fits=80)
    assert abs(np.log(found.regularisation / regularisation)) < np.log(1.5)
    assert abs(np.log(found.alpha / alpha)) < np.log(1.5)
    assert abs(found.nu - nu) <= 0.25
    assert found.factors == 64


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
    poor = AlsConfig(regularisation=0.01, alpha=100.0)
    found = choose(train, held, ndcg, poor, fits=20)
    before, after = (ndcg(fit(train, config), train.by_user, held.by_user) for config in (poor, found))
    assert after > before + 0.1
    assert choose(train, held, ndcg, poor, fits=20) == found


def test_one_fit_is_the_start() -> None:
    train, held = six_tastes()
    assert choose(train, held, ndcg, fits=1) == AlsConfig()


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
    choose(train, held, ndcg, fits=4, on_fit=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_start_out_of_range_is_named() -> None:
    train, held = six_tastes()
    with pytest.raises(InvalidInputError, match="alpha"):
        choose(train, held, ndcg, AlsConfig(alpha=-1.0))
