"""What factors of later steps start from, against the truth that rewards were drawn from; and against bad counts."""

import math
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import gammaln

from bandi.learning.content_features import Content, content_of, level_alone
from bandi.learning.step_priors import learn_step_priors, predicted_factors
from bandi.model.records import Array
from bandi.policies import _chain_kernels as kernel
from bandi.policies.chain import PAID, ChainStatistics, StepPrior
from bandi.policies.protocol import Outcomes
from bandi.segments.profiles import Labels

DAY = 86_400_000
GENRES = 6


class Drawn(NamedTuple):
    """Rewards, what a title of factor 1 would have got, means by genre, factors."""

    rewards: Array
    expected: Array
    means: Array
    factors: Array
    content: Content


def drawn(seed: int, titles: int = 600, shape: float = 2.0, effect: float = 0.6, exposure: float = 10.0) -> Drawn:
    """Gamma factors about their genre's mean; Poisson rewards."""
    random = np.random.default_rng(seed)
    genres = random.integers(0, GENRES, titles).astype(np.int32)
    means = np.exp(random.normal(0.0, effect, GENRES))[genres]
    means /= means.mean()
    factors = means * random.gamma(shape, 1.0 / shape, titles)
    expected = random.gamma(1.0, exposure, titles)
    return Drawn(random.poisson(expected * factors).astype(float), expected, means, factors, by_genre(genres))


def by_genre(genres: Array) -> Content:
    return content_of(len(genres), {"genre": Labels(list("abcdef"), np.arange(len(genres) + 1), genres)})


def test_means_and_spread_are_recovered() -> None:
    """30 seeds of 600 titles: a genre's mean is known to about 0.08 in its logarithm, the shape to about a fifth.

    False alarms: a mean of 180 genres' errors beyond 0.05 is one of 5 standard errors with the pull to the mean that the
    penalty is meant to have; so is a mean ln shape off by 0.2.
    """
    errors, shapes = [], []
    for seed in range(30):
        made = drawn(seed)
        mean, shape = predicted_factors(made.rewards, made.expected, 1.0, made.content)
        errors.append(np.log(mean / made.means))
        shapes.append(math.log(np.median(shape) / 2.0))
    assert abs(np.mean(errors)) < 0.05
    assert np.std(errors) < 0.15
    assert abs(np.mean(shapes)) < 0.2


def test_titles_not_learned_from_are_foretold_better_than_by_one_prior() -> None:
    """All of 10 seeds, and by 0.05 nats a title on average: half the titles, learned from the others."""
    gains = []
    for seed in range(10):
        made, half = drawn(100 + seed), np.arange(600) % 2
        seen = made.rewards * half, made.expected * half
        held = half == 0
        scores = [
            ln_likelihood(made.rewards[held], made.expected[held], mean[held], shape[held])
            for mean, shape in (predicted_factors(*seen, 1.0, design) for design in (made.content, level_alone(600)))
        ]
        gains.append(scores[0] - scores[1])
    assert min(gains) > 0.0
    assert np.mean(gains) > 0.05


def test_where_content_tells_nothing_little_is_lost() -> None:
    """20 seeds without effects: at most 0.01 nats a title on average."""
    losses = []
    for seed in range(20):
        made, half = drawn(seed, effect=0.0), np.arange(600) % 2
        seen, held = (made.rewards * half, made.expected * half), half == 0
        scores = [
            ln_likelihood(made.rewards[held], made.expected[held], mean[held], shape[held])
            for mean, shape in (predicted_factors(*seen, 1.0, design) for design in (made.content, level_alone(600)))
        ]
        losses.append(scores[1] - scores[0])
    assert np.mean(losses) < 0.01


def ln_likelihood(rewards: Array, expected: Array, mean: Array, shape: Array) -> float:
    """Negative binomial, by title, without what does not depend on the prior."""
    rate = shape / mean
    found = (
        gammaln(shape + rewards) - gammaln(shape) + shape * np.log(rate) - (shape + rewards) * np.log(rate + expected)
    )
    return float(found.mean())


def history(chain: ChainStatistics, genres: Array, factors: Array, seed: int) -> None:
    """Starts of all titles but the last ten a month ago; half go on at once, of those a twentieth times the factor pay."""
    random = np.random.default_rng(seed)
    items = random.integers(0, len(genres) - 10, 40_000).astype(np.int32)
    goes_on = random.random(len(items)) < 0.5
    pays = goes_on & (random.random(len(items)) < 0.05 * factors[items])
    for step, who, reward in ((1, items, 0.0), (1, items[goes_on], 1.0), (2, items[pays], 1.0)):
        n = len(who)
        chain.update(
            Outcomes(
                who, np.zeros(n, np.int32), np.full(n, 1.0 - reward, np.float32), np.full(n, reward, np.float32),
                np.zeros(n, np.int64), np.full(n, step, np.int32), np.full(n, 30.0 * (step == 2)),
                np.full(n, -1, np.int32), np.full(n, int(reward) * DAY, np.int64),
            )
        )  # fmt: skip


def test_a_title_that_nobody_started_is_worth_what_its_genre_is() -> None:
    """8 seeds: coins of ten new titles by content beside the truth; by the chain alone all new titles are alike."""
    errors, without = [], []
    for seed in range(8):
        random = np.random.default_rng(seed)
        genres = random.integers(0, GENRES, 200).astype(np.int32)
        factors = np.array([0.3, 0.5, 0.8, 1.2, 2.0, 3.0])[genres]
        chain, new = ChainStatistics(most_reader_spread=0.0), np.arange(190, 200, dtype=np.int32)
        history(chain, genres, factors, seed)
        before = chain.dump()
        believing = chain.believing(learn_step_priors(chain, by_genre(genres), 60 * DAY))
        found = believing.values_of(new, 60 * DAY, 0.0, np.uint64(0))
        alone = chain.values_of(new, 60 * DAY, 0.0, np.uint64(0))
        truth = 0.5 * 0.05 * 30.0 * factors[new]
        errors.append(np.log(found / truth))
        without.append(np.log(alone / truth))
        assert np.ptp(alone) == 0.0
        assert all((before[name] == array).all() for name, array in chain.dump().items())
    assert np.std(errors) < 0.25
    assert np.std(without) > 0.6


def test_steps_in_which_titles_are_alike_stay_so() -> None:
    chain = ChainStatistics((PAID, StepPrior(0.01, 0.0, most_spread=0.0)))
    genres = np.arange(100, dtype=np.int32) % GENRES
    history(chain, genres, 1.0 + genres, 1)
    found = learn_step_priors(chain, by_genre(genres), 60 * DAY)
    assert (found.means[1] == 1.0).all()
    assert (found.shapes[1] == np.float32(chain.shared[1, kernel.SHAPE])).all()


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-5, 1e6), st.floats(0, 1e6), st.integers(0, 5)), min_size=2, max_size=12),
    st.floats(0.01, 1e9),
)
def test_whatever_was_counted_the_belief_is_a_belief(counts: list[tuple[float, float, int]], shape: float) -> None:
    rewards, expected, genres = (np.array(column) for column in zip(*counts, strict=True))
    mean, found = predicted_factors(rewards, expected, shape, by_genre(genres.astype(np.int32)))
    assert np.isfinite(mean).all() and np.isfinite(found).all()
    assert (mean > 0).all() and (found > 0).all()


def test_nothing_counted_means_all_titles_average() -> None:
    chain = ChainStatistics()
    found = learn_step_priors(chain, by_genre(np.arange(20, dtype=np.int32) % GENRES), 0)
    assert found.means == pytest.approx(np.ones((2, 20)), rel=1e-6)
