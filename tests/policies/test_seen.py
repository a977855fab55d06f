"""Showings without a click: what is remembered of them, what is learned from them, and what that is worth."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bandi.evaluation.intervals import t_interval
from bandi.model.config import Seen
from bandi.model.policy_config import PolicyConfig, Prior, Thompson
from bandi.model.records import Array
from bandi.policies._seen_kernels import fit_ratios
from bandi.policies.protocol import Candidates, Outcomes, Policy, Request
from bandi.policies.registry import make_policy, policy_version
from bandi.policies.seen import SeenPolicy

MakeOutcomes = Callable[..., Outcomes]
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
TITLES = 40


def rows(shown: Sequence[tuple[int, int, int, float, float]]) -> Outcomes:
    """Outcomes of (user, item, occurred_ms, trial, reward)."""
    columns = list(zip(*shown, strict=True)) if shown else [()] * 5
    users, items, at, trials, rewards = columns
    return Outcomes(
        np.array(items, np.int32), np.zeros(len(shown), np.int32), np.array(trials, np.float32),
        np.array(rewards, np.float32), np.array(at, np.int64), users=np.array(users, np.int32),
    )  # fmt: skip


def wrapped(config: PolicyConfig, **seen: object) -> SeenPolicy:
    policy = make_policy(config, 1, Seen(**seen))  # type: ignore[arg-type]
    assert isinstance(policy, SeenPolicy)
    return policy


def order(policy: Policy, user: int, now_ms: int = 0, k: int = 10) -> list[int]:
    candidates = Candidates(np.arange(10, dtype=np.int32), np.arange(1, 11).astype(np.int32))
    return [int(i) for i in policy.rank(Request(np.ones(1, np.float32), now_ms, user), candidates, k, 7).items]


def same(one: Policy, other: Policy) -> bool:
    mine, theirs = one.dump(), other.dump()
    return mine.keys() == theirs.keys() and all(mine[name].tobytes() == theirs[name].tobytes() for name in mine)


def test_without_readers_it_is_the_policy_within(config: PolicyConfig, outcomes: MakeOutcomes) -> None:
    bare, seen = make_policy(config, 1), wrapped(config)
    for policy in (bare, seen):
        policy.update(outcomes(np.arange(50) % 7, rewards=np.arange(50) % 2, occurred_ms=np.arange(50) * HOUR_MS))
    for seed in range(5):
        request, candidates = Request(np.ones(1, np.float32), 0), Candidates(np.arange(30, dtype=np.int32))
        one, other = bare.rank(request, candidates, 10, seed), seen.rank(request, candidates, 10, seed)
        assert one.items.tolist() == other.items.tolist()
        assert one.scores.tobytes() == other.scores.tobytes()
    dumped = seen.dump()
    assert all(dumped[name].tobytes() == array.tobytes() for name, array in bare.dump().items())


def test_any_policys_list_moves_what_the_reader_passed_over_to_its_end(config: PolicyConfig) -> None:
    policy = wrapped(config, strength=1.0)
    first = order(policy, 3)[0]
    policy.update(rows([(3, first, 0, 1.0, 0.0)]))
    assert order(policy, 3)[-1] == first
    assert sorted(order(policy, 3)) == list(range(10))
    assert len(order(policy, 3, k=4)) == 4


def test_a_click_starts_a_title_anew_and_other_readers_are_not_concerned() -> None:
    policy = wrapped(Thompson(prior=Prior(mean=0.1, strength=1e6)), strength=1.0)
    before = order(policy, 4)
    policy.update(rows([(3, 5, 0, 1.0, 0.0), (3, 6, 0, 1.0, 0.0)]))
    assert set(order(policy, 3)[-2:]) == {5, 6}
    policy.update(rows([(3, 5, 0, 0.0, 1.0)]))
    assert order(policy, 3)[-1] == 6
    assert order(policy, 4) == before


def test_a_showing_taken_back_counts_no_more() -> None:
    policy = wrapped(Thompson(prior=Prior(mean=0.1, strength=1e6)), strength=0.9)
    policy.update(rows([(3, 5, 0, 1.0, 0.0)]))
    assert order(policy, 3)[-1] == 5
    policy.update(rows([(3, 5, 0, -1.0, 0.0)]))
    untouched = wrapped(Thompson(prior=Prior(mean=0.1, strength=1e6)), strength=0.9)
    assert order(policy, 3) == order(untouched, 3)


def test_showings_lose_half_their_weight_in_a_half_life() -> None:
    """With strength 0.5 one showing halves a score; n half-lives later the factor is 0.5 ** (0.5 ** n)."""
    policy = wrapped(Thompson(prior=Prior(mean=0.1, strength=1e6)), strength=0.5, half_life="1d")
    policy.update(rows([(3, 5, 0, 1.0, 0.0)]))
    candidates = Candidates(np.array([5], np.int32))
    for days in (0, 1, 2, 5):
        scores = [
            policy.rank(Request(np.ones(1, np.float32), days * DAY_MS, user), candidates, 1, 1).scores[0]
            for user in (3, 4)
        ]
        assert scores[0] / scores[1] == pytest.approx(0.5 ** (0.5**days), rel=1e-5)


def test_the_table_is_bounded_and_forgets_the_oldest() -> None:
    policy = wrapped(Thompson(), strength=1.0, pairs=2_048, half_life="1000d")
    policy.update(rows([(user, user % 50, user, 1.0, 0.0) for user in range(20_000)]))
    pairs = policy.dump()["seen/pairs"]
    assert len(pairs) == 2_048
    kept = pairs["user"][pairs["user"] >= 0]
    assert len(kept) > 1_900
    assert np.median(kept) > 20_000 - 2_048


rows_strategy = st.lists(
    st.tuples(
        st.integers(-1, 4), st.integers(0, 5), st.integers(0, 40).map(lambda hour: hour * HOUR_MS),
        st.sampled_from([1.0, 1.0, 0.0, -1.0]), st.sampled_from([0.0, 0.0, 1.0]),
    ),
    max_size=60,
)  # fmt: skip


@given(shown=rows_strategy, cuts=st.lists(st.integers(0, 60), max_size=5))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_how_rows_are_cut_does_not_matter_and_a_snapshot_goes_round(
    config: PolicyConfig, shown: list[tuple[int, int, int, float, float]], cuts: list[int]
) -> None:
    whole, parts = wrapped(config), wrapped(config)
    whole.update(rows(shown))
    bounds = sorted({0, len(shown), *(min(cut, len(shown)) for cut in cuts)})
    for first, stop in zip(bounds, bounds[1:], strict=False):
        parts.update(rows(shown[first:stop]))
        again = wrapped(config)
        again.load(parts.dump())
        assert same(again, parts)
        parts = again
    assert same(whole, parts)
    assert (whole.ratios <= 1.0).all()


def test_cuts_do_not_matter_while_the_table_grows_and_ratios_are_learned() -> None:
    random = np.random.default_rng(1)
    n = 12_000
    shown = list(
        zip(
            random.integers(0, 400, n).tolist(), random.integers(0, 30, n).tolist(), (np.arange(n) * 60_000).tolist(),
            [1.0] * n, (random.random(n) < 0.1).astype(float).tolist(), strict=True,
        )
    )  # fmt: skip
    whole, parts = wrapped(Thompson(), pairs=4_096), wrapped(Thompson(), pairs=4_096)
    whole.update(rows(shown))
    for first in range(0, n, 701):
        parts.update(rows(shown[first : first + 701]))
    assert same(whole, parts)
    assert len(whole.dump()["seen/pairs"]) == 4_096


def test_shards_add_up() -> None:
    """Two shards of different readers know together what one would have known of all."""
    shown = [(user, item, HOUR_MS, 1.0, 0.0) for user in range(60) for item in range(3)]
    whole, left, right = (wrapped(Thompson(), strength=0.5) for _ in range(3))
    whole.update(rows(shown))
    left.update(rows([row for row in shown if row[0] % 2]))
    right.update(rows([row for row in shown if not row[0] % 2]))
    left.merge(right.dump())
    for user in range(60):
        assert order(left, user) == order(whole, user)
    assert left.posterior(np.arange(3, dtype=np.int32), 0, 0).trials == pytest.approx([60] * 3)


def test_a_bare_policys_state_loads_and_one_of_another_shape_is_refused() -> None:
    policy = wrapped(Thompson())
    policy.update(rows([(3, 5, 0, 1.0, 0.0)]))
    bare = make_policy(Thompson(), 1)
    policy.load(bare.dump())
    assert policy.dump()["seen/used"].tolist() == [0]
    broken = policy.dump() | {"seen/pairs": np.zeros(3)}
    with pytest.raises(ValueError, match="pairs"):
        policy.load(broken)
    with pytest.raises(ValueError, match="counts"):
        policy.load(make_policy(Thompson(), 2).dump())


def test_versions_tell_whether_showings_count() -> None:
    versions = {policy_version(Thompson(), seen) for seen in (None, Seen(), Seen(strength=0.3), Seen(half_life="1d"))}
    assert len(versions) == 4
    assert policy_version(Thompson(), None) == policy_version(Thompson())


@given(counts=st.lists(st.tuples(st.floats(0, 1e5), st.floats(0, 1e5), st.floats(0, 1e5)), min_size=5, max_size=5))
def test_ratios_begin_at_1_and_never_rise(counts: list[tuple[float, float, float]]) -> None:
    sums, ratios = np.zeros((6, 6, 2)), np.empty(6)
    for bucket, (observed, expected, variance) in enumerate(counts, 1):
        sums[bucket, 0, 0], sums[0, bucket, 0] = observed, expected
        sums[bucket, 0, 1] = sums[0, bucket, 1] = variance
    fit_ratios(sums, ratios)
    assert ratios[0] == 1.0
    assert (np.diff(ratios) <= 1e-12).all()
    assert (ratios >= 0.0).all()


def clicks_of_lists(seed: int, truth: Array) -> SeenPolicy:
    """Four days in which 400 readers are shown titles, the popular ones five times as often, and tire of them as `truth` says.

    truth: float64[6], by bucket of earlier showings; no policy chooses. Showings do not fade and a click starts anew.
    """
    random = np.random.default_rng(seed)
    policy = wrapped(Thompson(), half_life="1000d")
    appeal = random.uniform(0.05, 0.4, TITLES)
    share = np.where(appeal > 0.2, 5.0, 1.0)
    buckets = np.array([0, 1, 2, 3, 3, 4, 4, 4, 4, 5])
    shown = np.zeros((400, TITLES), np.int64)
    for moment in range(96):
        users = np.repeat(np.arange(400, dtype=np.int32), 2)
        items = random.choice(TITLES, len(users), p=share / share.sum()).astype(np.int32)
        keep = np.unique(users.astype(np.int64) * TITLES + items, return_index=True)[1]
        users, items = users[keep], items[keep]
        before = shown[users, items]
        clicks = random.random(len(users)) < appeal[items] * truth[buckets[np.minimum(before, 9)]]
        shown[users, items] = np.where(clicks, 0, before + 1)
        at = np.full(len(users), moment * HOUR_MS)
        policy.update(
            Outcomes(
                items, np.zeros_like(items), np.ones(len(items), np.float32), clicks.astype(np.float32), at, users=users
            )
        )
    return policy


@pytest.mark.parametrize("truth", [[1.0, 0.8, 0.6, 0.45, 0.3, 0.2], [1.0] * 6], ids=["tired", "never tired"])
def test_the_ratios_recover_the_truth_though_popular_titles_are_shown_more(truth: list[float]) -> None:
    """30 seeds, about 75,000 showings each: the mean is within 0.05 of the truth for 1 to 8 showings, with t intervals of 95 %.

    The bound allows for the pull of few clicks towards 1 and for the cut at 1.
    """
    ratios = np.array([clicks_of_lists(seed, np.array(truth)).ratios for seed in range(30)])
    for bucket in range(1, 5):
        interval = t_interval(ratios[:, bucket])
        assert interval.low - 0.05 < truth[bucket] < interval.high + 0.05, (bucket, interval)


def run(seed: int, seen: Seen | None, tiring: Array, visits: int = 2_500) -> float:
    """Expected clicks of lists of 5 for 100 readers over a month; showings fade with a half-life of 3 days."""
    random = np.random.default_rng(seed)
    policy = make_policy(Thompson(), 1, seen)
    appeal, shown = random.beta(2, 10, TITLES), np.zeros((100, TITLES))
    candidates, weights, expected = Candidates(np.arange(TITLES, dtype=np.int32)), np.ones(1, np.float32), 0.0
    zeros, ones = np.zeros(5, np.int32), np.ones(5, np.float32)
    for visit in range(visits):
        now = visit * 30 * DAY_MS // visits
        shown *= 2.0 ** (-30 / visits / 3.0)
        user = int(random.integers(100))
        items = policy.rank(Request(weights, now, user), candidates, 5, (seed << 32) + visit).items
        chances = appeal[items] * tiring[np.minimum(np.round(shown[user, items]), 9).astype(int)]
        clicks = random.random(TITLES)[items] < chances
        expected += chances.sum()
        shown[user, items] = np.where(clicks, 0.0, shown[user, items] + 1.0)
        at, who = np.full(5, now), np.full(5, user, np.int32)
        policy.update(Outcomes(items, zeros, ones, clicks.astype(np.float32), at, users=who))
    return float(expected)


def test_a_service_whose_readers_tire_gains_and_another_loses_next_to_nothing() -> None:
    """20 seeds, paired. Tired: the 95 % interval of the gain in clicks lies above 2 %. Never tired: it lies above -1.5 %."""
    tired = np.array([1.0, 0.7, 0.5, 0.35, 0.35, 0.25, 0.25, 0.25, 0.25, 0.2])
    gains = []
    for tiring in (tired, np.ones(10)):
        relative = [run(seed, Seen(), tiring) / run(seed, None, tiring) - 1.0 for seed in range(20)]
        gains.append(t_interval(np.array(relative)))
    assert gains[0].low > 0.02
    assert gains[1].low > -0.015
