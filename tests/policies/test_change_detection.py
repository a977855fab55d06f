"""The detector: its false alarms against the rate that it states, what it finds, and what is left after an alarm."""

import math

import numpy as np
import pytest
from scipy.stats import binom

from bandi.evaluation.intervals import t_interval
from bandi.evaluation.worlds.changing import follow, shuffled
from bandi.model.config_text import parse_config
from bandi.model.errors import ConfigError
from bandi.model.policy_config import ChangeDetection, EpsilonGreedy, Prior, Thompson, Ucb1
from bandi.policies._change_kernels import BLOCKS, age, divergence, is_change, likeliest_change
from bandi.policies.arms import BetaArms
from bandi.policies.change_detection import Changes
from bandi.policies.protocol import Outcomes
from bandi.policies.registry import make_policy


def arms(false_alarms: float = 0.01, segments: int = 1) -> tuple[BetaArms, Changes]:
    changes = Changes(ChangeDetection(false_alarms=false_alarms))
    return BetaArms(Prior(), None, segments, memory=changes), changes


def feed(learner: BetaArms, clicks: np.ndarray, items: np.ndarray, segments: object = 0) -> None:
    """Clicks in their impressions' rows."""
    n = len(items)
    learner.update(
        Outcomes(
            items.astype(np.int32), np.broadcast_to(np.asarray(segments, np.int32), n).copy(), np.ones(n, np.float32),
            clicks.astype(np.float32), np.zeros(n, np.int64),
        )
    )  # fmt: skip


@pytest.mark.parametrize("rate", [0.003, 0.05, 0.4])
def test_titles_that_stay_as_they_are_are_hardly_ever_taken_for_changed(rate: float) -> None:
    """1,000 titles of 10,000 impressions each, at a stated rate of 0.2.

    The number of titles with an alarm is at most binomial(1000, 0.2); it is above its 99.99 % quantile with probability
    1e-4 at most. The bound is loose: that it is not hit at all would say that the test never fires, so a title that
    changes from the rate to three times as much must be found (below).
    """
    random = np.random.default_rng(int(1_000 * rate))
    titles, rounds = 1_000, 10_000
    learner, changes = arms(0.2)
    alarmed = np.zeros(titles, np.bool_)
    for _ in range(rounds // 500):
        items = np.repeat(np.arange(titles), 500)
        before = changes.dump(titles)["progress"][:, 1] if learner.items else np.zeros(titles)
        feed(learner, random.random(len(items)) < rate, items)
        alarmed |= changes.dump(titles)["progress"][:, 1] < before
    assert alarmed.sum() <= binom.ppf(1 - 1e-4, titles, 0.2)
    assert changes.alarms <= 1.2 * binom.ppf(1 - 1e-4, titles, 0.2)


@pytest.mark.parametrize(("before", "after"), [(0.05, 0.15), (0.15, 0.05), (0.02, 0.0), (0.0, 0.03), (0.4, 0.5)])
def test_a_jump_is_found_and_what_was_before_is_forgotten(before: float, after: float) -> None:
    """50 titles, 5,000 impressions before and 5,000 after: at least 45 are found, and all means are of the new rate."""
    random = np.random.default_rng(7)
    learner, changes = arms()
    items = np.tile(np.arange(50), 5_000)
    feed(learner, random.random(len(items)) < before, items)
    assert changes.alarms <= 3
    feed(learner, random.random(len(items)) < after, items)
    posterior = learner.posterior(np.arange(50, dtype=np.int32), 0, 0)
    found = posterior.trials < 6_500
    assert found.sum() >= 45
    error = 5 * math.sqrt(max(after, 0.005) / 4_000) + 0.3 * abs(before - after) * 0.1
    assert (np.abs(posterior.mean[found] - after) < error + 0.002).all()


def test_a_gap_of_reports_is_no_matter_of_how_rows_are_cut() -> None:
    """An impression's row may come long before its click's; block by block the sums are the same."""
    random = np.random.default_rng(3)
    clicks, items = random.random(3_000) < 0.1, random.integers(0, 4, 3_000)
    together, apart = arms()[0], arms()[0]
    feed(together, clicks, items)
    for i in range(3_000):
        feed(apart, np.zeros(1), items[i : i + 1])
        if clicks[i]:
            zero, one = np.zeros(1, np.int32), np.ones(1, np.float32)
            apart.update(Outcomes(items[i : i + 1].astype(np.int32), zero, 0 * one, one, np.zeros(1, np.int64)))
    one, other = together.dump(), apart.dump()
    assert all(one[name].tobytes() == other[name].tobytes() for name in one)


def test_segments_keep_their_shares_after_an_alarm() -> None:
    random = np.random.default_rng(5)
    learner, changes = arms(segments=2)
    for rate in (0.05, 0.3):
        zeros = np.zeros(4_000, np.int32)
        feed(learner, random.random(4_000) < rate, zeros, (np.arange(4_000) % 4 == 0).astype(np.int32))
    assert changes.alarms == 1
    counts = learner.readable()[0][0]
    assert counts[:, 1].sum() == pytest.approx(4_000, abs=130)  # two blocks
    assert counts[1, 1] / counts[:, 1].sum() == pytest.approx(0.25, abs=0.01)
    assert counts[:, 0].sum() / counts[:, 1].sum() == pytest.approx(0.3, abs=0.04)


def test_any_past_fits_in_the_blocks_and_is_counted_in_full() -> None:
    blocks, closed = np.zeros((BLOCKS, 2), np.float32), 0
    for n in range(1, 20_000):
        blocks[closed] = (1, 64)
        closed = age(blocks, closed + 1)
        assert closed < BLOCKS
        assert blocks[:closed].sum(axis=0).tolist() == [n, 64 * n]
        assert not blocks[closed:].any()
    sizes = blocks[:closed, 1]
    assert (np.diff(sizes) <= 0).all()  # older ones are longer
    assert max(np.unique(sizes, return_counts=True)[1]) <= 2


def test_the_statistic_is_the_ratio_of_the_likelihoods() -> None:
    """By hand: 10 of 100, then 30 of 100."""
    blocks = np.zeros((BLOCKS, 2), np.float32)
    blocks[:2] = [(10, 100), (30, 100)]

    def log_likelihood(k: int, n: int, p: float) -> float:
        return k * math.log(p) + (n - k) * math.log(1 - p)

    expected = log_likelihood(10, 100, 0.1) + log_likelihood(30, 100, 0.3) - log_likelihood(40, 200, 0.2)
    border, statistic = likeliest_change(blocks, 2)
    assert border == 1
    assert statistic == pytest.approx(expected, rel=1e-6)
    assert divergence(0.0, 0.5) == pytest.approx(math.log(2))


def test_later_tests_ask_for_more_and_their_rates_add_up_to_less_than_what_is_stated() -> None:
    shares = [1 / (2 * j * (1 + math.log(j)) ** 2) for j in range(1, 1_000_000)]
    assert sum(shares) <= 1
    bars = [next(x for x in np.arange(0, 60, 0.05) if is_change(x, 10, j, 0.01)) for j in (1, 10, 100, 10_000)]
    assert bars == sorted(bars)
    assert 9 < bars[0] < bars[-1] < 30


def test_merging_a_shard_keeps_counts_and_goes_on_finding_changes() -> None:
    random = np.random.default_rng(11)
    left, found = arms()
    right, _ = arms()
    for learner in (left, right):
        feed(learner, random.random(1_500) < 0.05, np.zeros(1_500))
    feed(right, np.zeros(3), np.full(3, 9))
    left.merge(right.dump())
    assert left.posterior(np.array([0, 9], np.int32), 0, 0).trials.tolist() == pytest.approx([3_000, 3])
    feed(left, random.random(2_000) < 0.3, np.zeros(2_000))
    assert found.alarms == 1
    assert left.posterior(np.zeros(1, np.int32), 0, 0).trials[0] == pytest.approx(2_000, abs=130)


def test_titles_that_change_places_are_sorted_out_sooner_than_without_it() -> None:
    """20 seeds of 480 hours, two reshuffles: the 95 % interval of the paired difference in regret lies below 0.

    A detector that made no difference would pass by chance in 1 of 40.
    """
    gaps = []
    for seed in range(20):
        path = shuffled(480, 20, np.random.default_rng([seed, 0]))
        configs = (Thompson(change_detection=ChangeDetection()), Thompson())
        changes, all_time = (follow(make_policy(config, 1), path, seed) for config in configs)
        gaps.append(changes.regret - all_time.regret)
    assert t_interval(np.array(gaps)).high < 0


@pytest.mark.parametrize("kind", [Thompson, Ucb1, EpsilonGreedy])
def test_only_one_way_to_forget_may_be_given(kind: type[Thompson]) -> None:
    with pytest.raises(ValueError, match="only one of half_life, window, change_detection may be given"):
        kind(half_life="7d", window="7d")
    name = str(kind.__struct_config__.tag)
    text = f'[placements.home.policy]\nuse = "{name}"\nwindow = "3d"\nchange_detection = {{ false_alarms = 0.1 }}\n'
    with pytest.raises(ConfigError, match=r"bandi.toml:4: .*at most one of half_life, window, change_detection"):
        parse_config(text)
    assert parse_config(text.replace('window = "3d"\n', "")).placements["home"].policy == kind(
        change_detection=ChangeDetection(false_alarms=0.1)
    )
