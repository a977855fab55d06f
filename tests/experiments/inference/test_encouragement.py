"""Encouragement designs: coverage with strong and weak instruments, agreement with two-stage least squares, clear answers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandi.experiments.inference.encouragement import (
    Doubt,
    anderson_rubin,
    compliance,
    encouragement_of,
    encouragement_of_rows,
    first_stage,
    in_words,
    intention_to_treat,
    local_effect,
    strength,
)
from bandi.experiments.inference.totals import stacked, totals_of
from bandi.model.errors import InvalidInputError
from bandi.model.records import Array

EFFECT = 0.7


def confounded(random: np.random.Generator, readers: int, compliers: float, always: float = 0.1) -> Array:
    """Columns encouraged, started, outcome, before. Who starts anyway pays more; the outcome of a start is EFFECT."""
    z = np.tile([0.0, 1.0], readers // 2)
    kind = random.random(readers)
    d = np.where(kind < always, 1.0, np.where(kind < always + compliers, z, 0.0))
    wealth = random.normal(size=readers) + 2.0 * (kind < always)
    return np.stack([z, d, wealth + EFFECT * d + random.normal(size=readers), wealth], axis=1)


def of_totals(rows: Array, columns: list[int]) -> tuple:
    return totals_of(rows[rows[:, 0] == 1.0][:, columns]), totals_of(rows[rows[:, 0] == 0.0][:, columns])


def many(experiments: int, readers: int, compliers: float, columns: list[int], seed: int) -> tuple:
    random = np.random.default_rng(seed)
    pairs = [of_totals(confounded(random, readers, compliers), columns) for _ in range(experiments)]
    return stacked([one for one, _ in pairs]), stacked([other for _, other in pairs])


@pytest.mark.parametrize("columns", [[2, 1], [2, 1, 3]])
def test_strong_instruments_cover(columns: list[int]) -> None:
    """1,000 experiments: 95 % is seen as 93 to 97 % but with a chance of 0.4 %."""
    found = encouragement_of(*many(1_000, 1_000, 0.5, columns, 3))
    assert strength(found).min() > 30.0
    for bounds in (local_effect(found), anderson_rubin(found)):
        assert 0.93 <= ((bounds.low <= EFFECT) & (bounds.high >= EFFECT)).mean() <= 0.97
    assert abs(local_effect(found).estimates.mean() - EFFECT) < 0.03
    stage = first_stage(found)
    assert 0.93 <= ((stage.low <= 0.5) & (stage.high >= 0.5)).mean() <= 0.97


def test_covariates_narrow_and_starters_mislead() -> None:
    plain, adjusted = (encouragement_of(*many(200, 1_000, 0.5, c, 5)) for c in ([2, 1], [2, 1, 3]))
    assert adjusted.intention_variance.mean() < 0.7 * plain.intention_variance.mean()
    rows = confounded(np.random.default_rng(5), 20_000, 0.5)
    starters = rows[rows[:, 1] == 1.0][:, 2].mean() - rows[rows[:, 1] == 0.0][:, 2].mean()
    assert starters > EFFECT + 0.3


def test_weak_instruments_cover_by_anderson_rubin_only() -> None:
    """2 % compliers of 400 readers: 1,000 experiments, a true 95 % is seen below 93 % with a chance of 0.2 %."""
    found = encouragement_of(*many(1_000, 400, 0.02, [2, 1], 7))
    assert np.median(strength(found)) < 10.0
    robust, wald = anderson_rubin(found), local_effect(found)
    assert ((robust.low <= EFFECT) & (robust.high >= EFFECT)).mean() >= 0.93
    assert np.isinf(robust.high).mean() > 0.5  # it says that it does not know
    assert np.isfinite(wald.high[found.doubts == Doubt.JUDGED]).all()  # this one does not


def test_false_alarms_where_a_start_causes_nothing() -> None:
    """2,000 experiments without an effect: 5 % is seen as 3.5 to 6.5 % but with a chance of 0.2 %; p-values agree with intervals."""
    random = np.random.default_rng(11)
    pairs = []
    for _ in range(2_000):
        rows = confounded(random, 400, 0.4)
        rows[:, 2] -= EFFECT * rows[:, 1]
        pairs.append(of_totals(rows, [2, 1]))
    found = encouragement_of(stacked([one for one, _ in pairs]), stacked([other for _, other in pairs]))
    bounds = anderson_rubin(found)
    alarms = (bounds.low > 0.0) | (bounds.high < 0.0)
    assert 0.035 <= alarms.mean() <= 0.065
    assert (alarms == (bounds.p_values < 0.05))[np.isfinite(bounds.high)].all()
    assert 0.035 <= (intention_to_treat(found).p_values < 0.05).mean() <= 0.065


def test_rows_are_clustered_by_reader() -> None:
    """Four rows a reader with one luck in common, 600 experiments; taken for independent, intervals are too narrow."""
    random = np.random.default_rng(13)
    held, apart = [], []
    for _ in range(600):
        readers = np.repeat(np.arange(150), 4)
        z = np.repeat(random.integers(0, 2, 150), 4).astype(float)
        d = np.where(random.random(600) < 0.6, z, 0.0)
        y = EFFECT * d + random.normal(size=150)[readers] + random.normal(size=600)
        for found, whose in ((held, readers), (apart, np.arange(600))):
            bounds = local_effect(encouragement_of_rows(whose, z, d, y))
            found.append(bounds.low <= EFFECT <= bounds.high)
    assert 0.92 <= np.mean(held) <= 0.975
    assert np.mean(apart) < 0.88


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 3))
def test_rows_and_totals_agree_with_two_stage_least_squares(seed: int, controls: int) -> None:
    random = np.random.default_rng(seed)
    rows = confounded(random, 300, 0.5)
    x = random.normal(size=(300, controls))
    found = encouragement_of_rows(np.arange(300), rows[:, 0], rows[:, 1], rows[:, 2], x)
    ones = np.ones((300, 1))
    instruments, regressors = np.hstack([rows[:, :1], ones, x]), np.hstack([rows[:, 1:2], ones, x])
    beta = np.linalg.solve(instruments.T @ regressors, instruments.T @ rows[:, 2])
    assert float(local_effect(found).estimates) == pytest.approx(beta[0], rel=1e-6)
    residual = rows[:, 2] - regressors @ beta
    inverse = np.linalg.inv(instruments.T @ regressors)
    sandwich = inverse @ (instruments.T * residual**2) @ instruments @ inverse.T
    half = float(local_effect(found).high - local_effect(found).estimates)
    factor = 300 / 299 * 299 / (300 - controls - 2)
    assert half / 1.968 == pytest.approx(np.sqrt(sandwich[0, 0] * factor), rel=0.001)
    if not controls:
        one = encouragement_of(*of_totals(rows, [2, 1]))
        assert float(one.intention) == pytest.approx(float(found.intention), rel=1e-9)
        assert float(one.intention_variance) == pytest.approx(float(found.intention_variance), rel=0.02)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 12), st.integers(0, 12), st.sampled_from([0.0, 0.5, 1.0]))
def test_never_nan(seed: int, encouraged: int, withheld: int, starting: float) -> None:
    random = np.random.default_rng(seed)
    arms = [
        totals_of(np.stack([random.integers(0, 2, n), random.random(n) < starting], axis=1).astype(float))
        for n in (encouraged, withheld)
    ]
    found = encouragement_of(*arms)
    for bounds in (intention_to_treat(found), first_stage(found), local_effect(found), anderson_rubin(found)):
        for values in (bounds.estimates, bounds.low, bounds.high, bounds.p_values):
            assert not np.isnan(values).any()
        assert bounds.low <= bounds.high
        assert 0.0 <= bounds.p_values <= 1.0
    assert not np.isnan(strength(found))
    shares = compliance(found)
    assert min(shares.always, shares.compliers) >= 0.0
    assert in_words(found)


def of_arms(encouraged: list, withheld: list):
    return encouragement_of(totals_of(np.array(encouraged, float)), totals_of(np.array(withheld, float)))


def test_nobody_was_moved() -> None:
    found = of_arms([[1, 1], [0, 0], [2, 0], [1, 1]], [[0, 1], [1, 1], [0, 0], [3, 0]])
    assert found.doubts == Doubt.NO_FIRST_STAGE
    assert "changed nobody" in in_words(found)[0]
    assert local_effect(found).low == -np.inf
    assert anderson_rubin(found).high == np.inf


def test_one_sided_and_perfect_obedience() -> None:
    random = np.random.default_rng(1)
    rows = confounded(random, 400, 0.5, always=0.0)
    one_sided = encouragement_of(*of_totals(rows, [2, 1]))
    assert any("nobody started without" in line for line in in_words(one_sided))
    assert compliance(one_sided).always == 0.0
    obeyed = confounded(random, 400, 1.0, always=0.0)
    perfect = encouragement_of(*of_totals(obeyed, [2, 1]))
    assert strength(perfect) == np.inf
    assert local_effect(perfect).estimates == intention_to_treat(perfect).estimates
    assert local_effect(perfect).low == pytest.approx(float(anderson_rubin(perfect).low))


def test_weak_and_turned_round_are_said() -> None:
    weak = encouragement_of(*of_totals(confounded(np.random.default_rng(2), 200, 0.05), [2, 1]))
    assert any("weak instrument" in line for line in in_words(weak))
    rows = confounded(np.random.default_rng(2), 400, 0.5)
    rows[:, 0] = 1.0 - rows[:, 0]
    assert any("start less often" in line for line in in_words(encouragement_of(*of_totals(rows, [2, 1]))))


def test_one_side_only_and_no_spread() -> None:
    rows = encouragement_of_rows(np.arange(5), np.ones(5), np.ones(5), np.arange(5.0))
    assert rows.doubts == Doubt.TOO_FEW
    assert of_arms([[1, 1], [1, 0]], [[1, 0], [1, 0]]).doubts == Doubt.NO_SPREAD
    assert of_arms([[1, 1]], [[1, 0], [2, 0]]).doubts == Doubt.TOO_FEW


@pytest.mark.parametrize(
    ("encouraged", "started", "outcomes", "words"),
    [
        ([1, 0, 2], [1, 0, 0], [0, 0, 0], "encouraged"),
        ([1, 0, 1], [1, 0, 0.5], [0, 0, 0], "started"),
        ([1, 0, 1], [1, 0, 0], [0, np.nan, 0], "NaN"),
        ([1, 0, 1], [1, 0, 0], [0, 0], "rows"),
    ],
)
def test_bad_rows_are_refused(encouraged: list, started: list, outcomes: list, words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        encouragement_of_rows(np.arange(3), np.array(encouraged), np.array(started), np.array(outcomes))


def test_bad_totals_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="0 or 1"):
        of_arms([[1, 2], [0, 1]], [[1, 0], [1, 1]])
    with pytest.raises(InvalidInputError, match="outcome, started"):
        of_arms([[1], [0]], [[1], [1]])
