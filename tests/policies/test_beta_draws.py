"""The Beta sampler and the top-k kernel against exact distributions; all seeds fixed, false-alarm rates stated."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from bandi.policies._arm_kernels import beta_cdf, beta_quantile
from bandi.policies._beta_top_k import Scratch, _beyond, _prefilter, log_density, top_k
from bandi.policies._random import beta_draw, stream, unit

SHAPES = [1e-2, 0.1, 0.5, 1.0, 1.0 + 1e-6, 1.5, 2.0, 8.0, 30.0, 1e3, 1e5, 1e6]
Floats = NDArray[np.float64]


def draws(a: float, b: float, count: int, seed: int) -> Floats:
    states = np.random.default_rng(seed).integers(0, 2**64, count, dtype=np.uint64)
    return np.array([beta_draw(a, b, state)[1] for state in states])


def largest_gap(sample: Floats, a: float, b: float) -> float:
    """The Kolmogorov–Smirnov statistic, over the points where a float64 can hold the value.

    Shapes below 1 put mass closer to 1 than float64 resolves: those draws come as 1, and are compared as one atom.
    """
    sample = np.sort(sample)
    inside = sample < 1 - 1e-12
    exact = stats.beta.cdf(sample, a, b)[inside]
    ranks = np.flatnonzero(inside)
    above = (ranks + 1) / len(sample) - exact
    below = exact - ranks / len(sample)
    atom = abs(np.mean(~inside) - stats.beta.sf(1 - 1e-12, a, b))
    return float(max(above.max(initial=0), below.max(initial=0), atom))


def test_the_sampler_is_exact_for_shapes_over_eight_decades() -> None:
    """144 Kolmogorov–Smirnov tests; the chance of any false alarm is at most 0.001 (Bonferroni)."""
    count = 4_000
    limit = stats.kstwo.isf(0.001 / len(SHAPES) ** 2, count)
    for i, a in enumerate(SHAPES):
        for j, b in enumerate(SHAPES):
            assert largest_gap(draws(a, b, count, 100 * i + j), a, b) < limit, (a, b)


def test_the_sampler_test_can_fail() -> None:
    """A normal approximation of a skew Beta is found out at the same sample size."""
    count = 4_000
    sample = np.random.default_rng(1).normal(0.02, np.sqrt(0.02 * 0.98 / 101), count).clip(1e-9, 1)
    assert largest_gap(sample, 2.0, 98.0) > stats.kstwo.isf(0.001 / len(SHAPES) ** 2, count)


@pytest.mark.parametrize("a", SHAPES)
@pytest.mark.parametrize("b", SHAPES)
def test_density_distribution_and_quantile_agree_with_scipy(a: float, b: float) -> None:
    x = stats.beta.ppf(0.3, a, b)
    if 1e-12 < x < 1 - 1e-12:
        assert log_density(x, a, b) == pytest.approx(stats.beta.logpdf(x, a, b), rel=1e-6, abs=1e-6)
        assert beta_cdf(x, a, b) == pytest.approx(0.3, abs=1e-7)
    for p in (0.025, 0.5, 0.975):
        exact = stats.beta.ppf(p, a, b)
        assert beta_quantile(p, a, b) == pytest.approx(exact, rel=1e-6, abs=1e-9)


def arms(kind: str, n: int, random: np.random.Generator) -> tuple[Floats, Floats]:
    rates = random.uniform(0.02, 0.3, n)
    trials = {
        "cold": np.zeros(n),
        "warm": random.integers(1, 500, n),
        "mature": random.integers(1_000, 100_000, n),
        "mixed": np.floor(10 ** random.uniform(0, 6, n)),
        "equal": np.full(n, 200),
        "rare": random.integers(0, 30, n),
        "high": random.integers(1, 500, n),
    }[kind]
    if kind == "rare":  # a below one until the first click
        return 0.3 + random.binomial(trials, 0.02), 9.7 + trials
    rates = {"equal": np.full(n, 0.1), "high": random.uniform(0.6, 0.99, n)}.get(kind, rates)
    successes = np.round(trials * rates)
    return 1.0 + successes, (0.7 if kind == "high" else 9.0) + trials - successes


HOSTILE = {
    "below one": (np.array([0.3, 0.5, 0.9, 0.2, 5.0]), np.array([0.4, 3.0, 0.9, 9.0, 5.0])),
    "huge": (np.array([1e8, 1e8, 1e8 + 1e4]), np.array([9e8, 9e8, 9e8])),
    "one giant": (np.array([1e6, 1.0, 2.0, 2.0]), np.array([1.0, 1.0, 90.0, 3.0])),
}


class Ranker:
    """The kernel with its scratch."""

    def __init__(self, a: Floats, b: Floats, k: int) -> None:
        self.a, self.b, self.k = a, b, k
        self.work = Scratch(len(a))

    def __call__(self, seed: int) -> tuple[Floats, NDArray[np.int32]]:
        work = self.work
        top_k(self.a, self.b, len(self.a), self.k, np.uint64(seed), work.values, work.places, work.narrow, work.block)
        return work.values[0, : self.k], work.places[0, : self.k]


def lists(a: Floats, b: Floats, k: int, runs: int, seed: int) -> tuple[Floats, Floats, Floats]:
    """Of the kernel: share of lists with each arm, and the first and last scores of each list."""
    ranker = Ranker(a, b, k)
    included, first, last = np.zeros(len(a)), np.empty(runs), np.empty(runs)
    for run in range(runs):
        values, places = ranker(seed * 1_000_003 + run)
        included[places] += 1
        first[run], last[run] = values[0], values[-1]
    return included / runs, first, last


def brute_force(a: Floats, b: Floats, k: int, runs: int, seed: int) -> tuple[Floats, Floats, Floats]:
    """The same by drawing every arm."""
    random = np.random.default_rng(seed)
    included, first, last = np.zeros(len(a)), np.empty(runs), np.empty(runs)
    for run in range(runs):
        x = random.beta(a, b)
        order = np.argsort(-x)[:k]
        included[order] += 1
        first[run], last[run] = x[order[0]], x[order[-1]]
    return included / runs, first, last


CASES = [
    (kind, n, k)
    for kind in ("cold", "warm", "mature", "mixed", "equal", "rare", "high")
    for n, k in ((300, 20), (40, 1), (40, 39), (150, 80))
]
CASES += [(kind, 0, k) for kind in HOSTILE for k in (1, 2)]


def test_the_top_k_has_the_law_of_drawing_every_arm() -> None:
    """34 arm sets; in each the scores of the first and last slot by Kolmogorov–Smirnov, and the inclusion of every arm.

    The chance of any false alarm is at most 0.001 for each of the two families (Bonferroni).
    """
    runs = 2_500
    for number, (kind, n, k) in enumerate(CASES):
        a, b = HOSTILE[kind] if kind in HOSTILE else arms(kind, n, np.random.default_rng(7))
        ours, exact = lists(a, b, k, runs, number + 1), brute_force(a, b, k, runs, number + 1)
        for slot in (1, 2):
            assert stats.ks_2samp(ours[slot], exact[slot]).pvalue > 0.001 / (2 * len(CASES)), (kind, n, k, slot)
        pooled = (ours[0] + exact[0]) / 2
        error = np.sqrt(np.maximum(pooled * (1 - pooled), 1e-12) * 2 / runs)
        limit = stats.norm.isf(0.001 / (2 * len(CASES) * len(a)))
        assert (np.abs(ours[0] - exact[0]) <= limit * error + 1.5 / runs).all(), (kind, n, k)


def test_the_order_is_by_score_and_the_scores_are_those_of_the_arms() -> None:
    a, b = arms("mixed", 500, np.random.default_rng(3))
    values, places = Ranker(a, b, 30)(11)
    assert (np.diff(values) <= 0).all()
    assert len(set(places.tolist())) == 30


def test_the_prefilter_drops_only_what_the_exact_comparison_drops() -> None:
    """With the same uniform; shapes 1e-2 to 1e6, bars from 1e-6 to 0.999."""
    random = np.random.default_rng(5)
    dropped = 0
    for seed in range(3_000):
        n = int(random.integers(1, 257))
        t = float(random.choice([10 ** random.uniform(-6, -0.001), random.uniform(0.001, 0.999)]))
        total = 10 ** random.uniform(-1, 6, n)
        near = np.clip(t * 10 ** random.normal(-0.05, 10 ** random.uniform(-3, 0), n), 1e-6, 1 - 1e-6)
        a, b = np.maximum(total * near, 1e-2), np.maximum(total * (1 - near), 1e-2)
        a[: n // 8], b[n // 8 : n // 4] = 1.0, 1.0
        size, keep = np.select([a <= 1, b >= 1], [-a - b, a + b]).astype(np.float32), np.ones(256, np.uint8)
        block = Scratch(n).block
        _prefilter(size, (a / (a + b)).astype(np.float32), 0, t, np.uint64(seed), block, keep)
        for i in np.flatnonzero(keep[:n] == 0):
            state = np.uint64(stream(np.uint64(seed), int(i)))
            assert _beyond(a[i], b[i], t, np.log1p(-t), unit(state), state) <= t, (a[i], b[i], t)
            dropped += 1
    assert dropped > 50_000
