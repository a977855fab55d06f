"""Priors from content against the truth that counts were drawn from, over many seeds; and against bad input."""

import math
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandi.learning._content_kernels import digamma, likelihood, slopes
from bandi.learning.content_features import content_of, level_alone
from bandi.learning.content_priors import (
    fit_titles,
    foretold,
    learn_content_priors,
    mean_likelihood,
)
from bandi.model.policy_config import Prior
from bandi.segments.profiles import Labels

GENRES = 6


def labels(codes: np.ndarray, names: int) -> Labels:
    return Labels(["", *(f"l{i}" for i in range(1, names))], np.arange(len(codes) + 1), codes.astype(np.int32))


class Drawn(NamedTuple):
    """Counts, the content that they follow, and the truth."""

    counts: np.ndarray
    genres: np.ndarray
    effects: np.ndarray
    shifts: np.ndarray
    means: np.ndarray
    rates: np.ndarray

    @property
    def content(self):
        return content_of(len(self.genres), {"genre": labels(self.genres, GENRES + 1)})


def drawn(
    seed: int, items: int = 600, segments: int = 1, worth: float = 30.0, shift: float = 0.0, effect: float = 0.6
) -> Drawn:
    """Titles with rates about their genre's, and segments with rates about the title's and their genre's shift."""
    random = np.random.default_rng(seed)
    genres = random.integers(1, GENRES + 1, items)
    effects = random.normal(0.0, effect, GENRES + 1)
    shifts = random.normal(0.0, shift, (segments, GENRES + 1))
    means = 1.0 / (1.0 + np.exp(2.2 - effects[genres]))
    rates = random.beta(means * worth, (1.0 - means) * worth).clip(1e-6, 1.0 - 1e-6)
    odds = np.log(rates / (1.0 - rates))[:, None] + shifts.T[genres]
    trials = random.integers(0, 300, (items, segments))
    counts = np.stack([random.binomial(trials, 1.0 / (1.0 + np.exp(-odds))), trials], axis=2).astype(np.float32)
    return Drawn(counts, genres, effects, shifts, means, rates)


def pooled(made: Drawn):
    successes, trials = made.counts.sum(axis=1, dtype=np.float64).T
    return fit_titles(successes, trials - successes, made.content, Prior())


def test_effects_and_strength_are_recovered() -> None:
    """40 seeds of 600 titles. A genre's mean rate is about 100 titles' mean: its log-odds have a standard error below 0.09.

    False alarms: a mean of 240 such errors beyond 0.03 is one of 5 standard errors, as is a mean ln strength off by 0.1.
    """
    errors, strengths = [], []
    for seed in range(40):
        made = drawn(seed)
        found = pooled(made)
        of_genre = np.array([found.odds[0][made.genres == g].mean() for g in range(1, GENRES + 1)])
        errors.append(of_genre - (made.effects[1:] - 2.2))
        strengths.append(math.log(found.strength / 30.0))
    assert np.std(errors) < 0.12
    assert abs(np.mean(errors)) < 0.03
    assert abs(np.mean(strengths)) < 0.1
    assert np.std(strengths) < 0.25


@pytest.mark.parametrize("worth", [5.0, 100.0])
def test_well_predicted_titles_start_from_a_narrow_belief(worth: float) -> None:
    found = [pooled(drawn(seed, worth=worth)).strength for seed in range(10)]
    assert worth / 1.5 < np.exp(np.mean(np.log(found))) < worth * 1.5


def test_predictive_intervals_cover() -> None:
    """Central 90 % intervals of titles that were not learned from hold 90 % of their true rates.

    20 seeds of 200 titles each: a share has a standard error of 0.005 between titles, and about 0.01 with what is learned in
    common; the bounds are 3 of these off.
    """
    covered = []
    for seed in range(20):
        made = drawn(seed, items=800)
        learned_from = made._replace(counts=np.where(np.arange(800)[:, None, None] < 600, made.counts, 0.0))
        mean, worth = foretold(pooled(learned_from), made.content)
        random = np.random.default_rng(seed)
        draws = random.beta((mean * worth)[600:], ((1.0 - mean) * worth)[600:], (4_000, 200))
        low, high = np.quantile(draws, [0.05, 0.95], axis=0)
        covered.append(np.mean((made.rates[600:] >= low) & (made.rates[600:] <= high)))
    assert 0.87 < np.mean(covered) < 0.93


def test_content_that_tells_nothing_costs_next_to_nothing() -> None:
    """Rates that follow no genre: held-out ln-likelihood a title within 0.01 of the one prior for all, on average over 20 seeds.

    Where genres tell something, the gain is larger than that bound in every one of them.
    """
    nothing, something = [], []
    for seed in range(20):
        for effect, gains in ((0.0, nothing), (0.8, something)):
            made = drawn(seed, effect=effect)
            metrics = learn_content_priors(made.counts, made.content, Prior()).metrics
            gains.append(metrics["held_out_content"] - metrics["held_out_constant"])
    assert np.mean(nothing) > -0.01
    assert min(nothing) > -0.05
    assert min(something) > 0.01


def test_segments_that_shift_by_genre_are_foretold_for_a_title_that_none_has_seen() -> None:
    made = drawn(1, items=900, segments=4, shift=1.0)
    made.counts[700:] = 0.0
    learned = learn_content_priors(made.counts, made.content, Prior())
    mean = learned.priors.successes / (learned.priors.successes + learned.priors.failures)
    for segment in range(1, 4):
        odds = np.log(mean[segment] / (1.0 - mean[segment]))[700:]
        moved = np.array([odds[made.genres[700:] == g].mean() for g in range(1, GENRES + 1)])
        truth = made.effects[1:] + made.shifts[segment][1:]
        assert np.corrcoef(moved, truth)[0, 1] > 0.9


@pytest.mark.parametrize(("shift", "narrow"), [(0.0, True), (1.5, False)])
def test_what_others_know_of_a_title_counts_as_much_as_segments_are_alike(shift: float, narrow: bool) -> None:
    """Shifts that no content tells of: here each title has its own."""
    random = np.random.default_rng(3)
    made = drawn(3, segments=4)
    odds = np.log(made.rates / (1.0 - made.rates))[:, None] + random.normal(0.0, shift, (600, 4))
    made.counts[:, :, 1] = 200
    made.counts[:, :, 0] = random.binomial(200, 1.0 / (1.0 + np.exp(-odds)))
    strength = learn_content_priors(made.counts, made.content, Prior()).metrics["segment_strength"]
    assert (strength > 200.0) == narrow
    assert (strength < 12.0) == (not narrow)


def test_a_segment_does_not_count_its_own_evidence_twice() -> None:
    """More evidence of one segment alone does not move that segment's prior but through what is common."""
    made = drawn(5, segments=3)
    more = made.counts.copy()
    more[0, 1] = (150.0, 300.0)
    less = made.counts.copy()
    less[0, 1] = (0.0, 300.0)
    rates = []
    for counts in (more, less):
        priors = learn_content_priors(counts, made.content, Prior()).priors
        rates.append((priors.successes / (priors.successes + priors.failures))[:, 0])
    assert rates[0][1] == pytest.approx(rates[1][1], rel=0.1)
    assert rates[0][2] > 1.3 * rates[1][2]


def test_nothing_counted_is_the_configured_prior() -> None:
    content = drawn(1, items=20).content
    priors = learn_content_priors(np.zeros((0, 3, 2), np.float32), content, Prior(mean=0.2, strength=5.0)).priors
    assert priors.successes.shape == (3, 20)
    mean = priors.successes / (priors.successes + priors.failures)
    assert mean == pytest.approx(np.full((3, 20), 0.2), abs=1e-6)
    assert (priors.successes + priors.failures <= 5.0 + 1e-5).all()


cells = st.tuples(st.floats(0, 1e6, width=32), st.floats(-10, 1e6, width=32))


@given(
    rows=st.lists(st.lists(cells, min_size=2, max_size=2), max_size=12),
    more=st.integers(0, 5),
    mean=st.sampled_from([1e-6, 0.01, 0.5, 0.999]),
    strength=st.sampled_from([1e-3, 1.0, 1e6]),
)
@settings(max_examples=60, deadline=None)
def test_whatever_was_counted_priors_are_positive_and_finite(
    rows: list, more: int, mean: float, strength: float
) -> None:
    counts = np.array(rows, np.float32).reshape(len(rows), 2, 2)
    items = len(rows) + more
    codes = np.arange(items) % 3
    content = content_of(items, {"genre": labels(codes, 3)}, {"age": np.where(codes == 1, np.nan, codes * 1e6)})
    priors = learn_content_priors(counts, content, Prior(mean=mean, strength=strength)).priors
    assert priors.successes.shape == priors.failures.shape == (2, items)
    for rows_of in priors:
        assert rows_of.dtype == np.float32
        assert np.isfinite(rows_of).all()
        assert (rows_of > 0).all()


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_a_genre_that_separates_success_from_failure_stays_finite(rate: float) -> None:
    """One genre always succeeds, or all titles fail: the penalty keeps odds bounded."""
    codes = np.arange(40) % 2 + 1
    trials = np.full(40, 1_000.0)
    successes = np.where(codes == 1, trials * rate, 0.0)
    counts = np.stack([successes, trials], axis=1)[:, None].astype(np.float32)
    priors = learn_content_priors(counts, content_of(40, {"genre": labels(codes, 3)}), Prior()).priors
    mean = (priors.successes / (priors.successes + priors.failures))[0]
    assert np.isfinite(mean).all()
    assert mean[1] < 0.05
    assert (mean[0] > 0.5) == (rate == 1.0)


def test_the_slope_of_the_likelihood_is_its_difference_quotient() -> None:
    random = np.random.default_rng(1)
    won, lost = random.integers(0, 50, 30).astype(float), random.integers(0, 500, 30).astype(float)
    odds, spread = random.normal(-2.0, 1.0, 30), random.uniform(0.0, 0.1, 30)
    slope, bend = np.empty(30), np.empty(30)
    slopes(won, lost, odds, spread, 0.02, slope, bend)
    for i in range(30):
        one = slice(i, i + 1)
        up, down = (likelihood(won[one], lost[one], odds[one] + e, spread[one], 0.02) for e in (1e-4, -1e-4))
        assert slope[i] == pytest.approx((up - down) / 2e-4, rel=1e-4, abs=1e-5)
    assert (bend[won + lost > 0] > 0).all()


@pytest.mark.parametrize(
    ("x", "expected"), [(1.0, -0.5772156649015329), (0.5, -1.9635100260214235), (40.0, 3.6763273740348428)]
)
def test_digamma(x: float, expected: float) -> None:
    assert digamma(x) == pytest.approx(expected, abs=1e-7)


def test_labels_of_one_title_and_those_without_a_name_are_left_out() -> None:
    content = content_of(5, {"genre": labels(np.array([1, 1, 2, 0, 0]), 3)}, {"age": np.array([1.0, 3.0])})
    assert content.columns == 3
    assert content.rows[content.starts[1] : content.starts[2]].tolist() == [0, 1]
    assert content.values[content.starts[2] :].sum() == pytest.approx(0.0, abs=1e-6)
    assert level_alone(5).columns == 1


def test_a_likelihood_by_hand() -> None:
    """One success in two trials from Beta(1, 1): 1 / 6 for each of the two orders."""
    one = np.ones(1)
    assert mean_likelihood(one, one, one / 2, 2 * one) == pytest.approx(math.log(1 / 6))


def test_the_same_counts_give_the_same_priors() -> None:
    made = drawn(7, segments=3)
    one, other = (learn_content_priors(made.counts, made.content, Prior()).priors for _ in range(2))
    assert one.successes.tobytes() == other.successes.tobytes()
    assert one.failures.tobytes() == other.failures.tobytes()
