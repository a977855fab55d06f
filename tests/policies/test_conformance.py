"""What every policy must do, whatever it is: the same tests for all."""

from collections.abc import Callable

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bandi.model.policy_config import Conditional, ContextualConfig, Editor, Fitted, PolicyConfig, Surrogate, Value
from bandi.policies.protocol import Candidates, ContentPriors, Outcomes, Request
from bandi.policies.registry import make_policy, policy_version

MakeOutcomes = Callable[..., Outcomes]
NOT_CLICKS_ALONE = (Conditional, Surrogate, Value)
NOW = Request(np.ones(1, np.float32), 1_000)


def candidates(n: int) -> Candidates:
    return Candidates(np.arange(n, dtype=np.int32), np.arange(n, 0, -1).astype(np.int32))


def test_the_same_seed_gives_the_same_list(config: PolicyConfig, outcomes: MakeOutcomes) -> None:
    one, other = make_policy(config, 1), make_policy(config, 1)
    for policy in (one, other):
        policy.update(outcomes(np.arange(50) % 7, rewards=np.arange(50) % 2))
    for seed in (0, 1, 2**64 - 1):
        first, second = one.rank(NOW, candidates(30), 10, seed), other.rank(NOW, candidates(30), 10, seed)
        assert first.items.tolist() == second.items.tolist()
        assert first.scores.tobytes() == second.scores.tobytes()


@pytest.mark.parametrize(("n", "k"), [(0, 5), (1, 1), (1, 9), (5, 5), (7, 3), (300, 299), (300, 300), (1000, 1)])
def test_lists_have_distinct_items_of_the_candidates(config: PolicyConfig, n: int, k: int) -> None:
    ranked = make_policy(config, 1).rank(NOW, candidates(n), k, 3)
    assert len(ranked.items) == len(ranked.scores) == min(n, k)
    assert len(set(ranked.items.tolist())) == min(n, k)
    assert set(ranked.items.tolist()) <= set(range(n))


def test_what_is_handed_out_does_not_change_later(config: PolicyConfig) -> None:
    policy = make_policy(config, 1)
    first = policy.rank(NOW, candidates(20), 5, 1)
    kept = first.items.tolist(), first.scores.tolist()
    policy.rank(NOW, candidates(20), 5, 2)
    assert (first.items.tolist(), first.scores.tolist()) == kept


def test_what_is_rewarded_rises(config: PolicyConfig, outcomes: MakeOutcomes) -> None:
    if isinstance(config, Editor | Fitted) or getattr(config, "epsilon", 0.0) == 1.0:
        pytest.skip("by design it does not learn")
    if isinstance(config, NOT_CLICKS_ALONE):
        pytest.skip("its order depends on what follows the clicks")
    policy = make_policy(config, 1)
    for _ in range(20):
        policy.update(outcomes(np.arange(10), trials=50, rewards=np.where(np.arange(10) == 6, 40, 1)))
    first = [policy.rank(NOW, candidates(10), 1, seed).items[0] for seed in range(40)]
    assert first.count(6) >= 30


def test_items_never_seen_can_be_ranked_and_learned(config: PolicyConfig, outcomes: MakeOutcomes) -> None:
    policy = make_policy(config, 1)
    policy.update(outcomes([2]))
    far = Candidates(np.array([1, 5_000_000], np.int32), np.array([1, 2], np.int32))
    assert set(policy.rank(NOW, far, 2, 1).items.tolist()) == {1, 5_000_000}
    policy.update(outcomes([100_000], rewards=1))
    posterior = policy.posterior(np.array([100_000, 99_999], np.int32), 0, 0)
    assert posterior.trials.tolist() == pytest.approx([1, 0])
    assert posterior.successes.tolist() == pytest.approx([1, 0])


def test_dump_and_load_go_round_bit_for_bit(config: PolicyConfig, outcomes: MakeOutcomes) -> None:
    policy, other = make_policy(config, 3), make_policy(config, 3)
    random = np.random.default_rng(1)
    for _ in range(5):
        rows = random.integers(0, 200, 400)
        policy.update(
            outcomes(rows, 1, random.random(400) < 0.2, random.integers(0, 3, 400), random.integers(0, 10**9, 400))
        )
        other.load(policy.dump())
        dumped, again = policy.dump(), other.dump()
        assert dumped.keys() == again.keys()
        assert all(dumped[name].tobytes() == again[name].tobytes() for name in dumped)


def test_a_state_that_does_not_fit_is_refused(config: PolicyConfig) -> None:
    with pytest.raises(ValueError, match="counts"):
        make_policy(config, 2).load(make_policy(config, 1).dump())


rows_strategy = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 1), st.booleans()), max_size=60)


@given(one=rows_strategy, other=rows_strategy)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_shards_add_up(config: PolicyConfig, outcomes: MakeOutcomes, one: list, other: list) -> None:
    """Learning apart and merging is learning together: exactly, for counts are whole numbers at one moment."""
    whole, left, right = (make_policy(config, 2) for _ in range(3))
    for policy, rows in ((whole, one + other), (left, one), (right, other)):
        if rows:
            items, segments, rewards = zip(*rows, strict=True)
            policy.update(outcomes(items, 1, rewards, segments, 86_400_000))
    left.merge(right.dump())
    everything = np.arange(21, dtype=np.int32)
    for segment in (0, 1):
        merged, direct = (policy.posterior(everything, segment, 86_400_000) for policy in (left, whole))
        assert merged.trials.tolist() == direct.trials.tolist()
        assert merged.successes.tolist() == direct.successes.tolist()


@given(rows=rows_strategy, cuts=st.lists(st.integers(0, 60), max_size=5))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_how_outcomes_are_cut_into_calls_does_not_matter(
    config: PolicyConfig, outcomes: MakeOutcomes, rows: list, cuts: list
) -> None:
    """Bit for bit, with times far enough apart that the landmark of forgetting moves."""
    whole, parts = make_policy(config, 2), make_policy(config, 2)
    bounds = sorted({0, len(rows), *(min(cut, len(rows)) for cut in cuts)})
    for policy, pieces in ((whole, [(0, len(rows))]), (parts, list(zip(bounds, bounds[1:], strict=False)))):
        for first, stop in pieces:
            if first < stop:
                items, segments, rewards = zip(*rows[first:stop], strict=True)
                policy.update(outcomes(items, 1, rewards, segments, np.arange(first, stop) * 10**9))
    one, other = whole.dump(), parts.dump()
    assert all(one[name].tobytes() == other[name].tobytes() for name in one)


def test_evidence_loses_half_its_weight_in_a_half_life(config: PolicyConfig, outcomes: MakeOutcomes) -> None:
    half_life = getattr(config, "half_life", None)
    if half_life is None:
        pytest.skip("it does not forget")
    ms = {"7d": 7 * 86_400_000, "1h": 3_600_000, "1d": 86_400_000}[half_life]
    policy = make_policy(config, 1)
    policy.update(outcomes([0], 64, 32, occurred_ms=5 * ms))
    policy.update(outcomes([0], 64, 32, occurred_ms=4 * ms))  # late: it weighs by its own time
    for steps in (0, 1, 3):
        posterior = policy.posterior(np.zeros(1, np.int32), 0, (5 + steps) * ms)
        assert posterior.trials[0] == pytest.approx(96 / 2**steps, rel=1e-5)
    policy.update(outcomes([0], 64, 0, occurred_ms=500 * ms))  # the landmark moves: what was before has vanished
    posterior = policy.posterior(np.zeros(1, np.int32), 0, 500 * ms)
    assert posterior.trials[0] == pytest.approx(64, rel=1e-5)
    assert posterior.successes[0] == pytest.approx(0, abs=1e-5)


def test_an_arm_with_very_many_trials_goes_on_learning(config: PolicyConfig, outcomes: MakeOutcomes) -> None:
    policy = make_policy(config, 1)
    for _ in range(200):
        policy.update(outcomes(np.zeros(1000, np.int32), 40, 10))
    before = policy.posterior(np.zeros(1, np.int32), 0, 0)
    assert before.mean[0] == pytest.approx(0.25, abs=1e-3)
    assert 2_000_000 < before.trials[0] <= 2**22 + 40
    for _ in range(200):
        policy.update(outcomes(np.zeros(1000, np.int32), 40, 0))
    assert policy.posterior(np.zeros(1, np.int32), 0, 0).mean[0] < 0.1


def test_soft_segments_mix_their_statistics(config: PolicyConfig, outcomes: MakeOutcomes) -> None:
    if isinstance(config, Editor | Fitted) or getattr(config, "epsilon", 0.0) == 1.0:
        pytest.skip("its order does not depend on statistics")
    if isinstance(config, NOT_CLICKS_ALONE):
        pytest.skip("its order depends on what follows the clicks")
    if isinstance(config, ContextualConfig):
        pytest.skip("it tells readers apart by their vectors")
    policy = make_policy(config, 2)
    policy.update(outcomes([0, 1], 400, [300, 20], segments=[0, 0]))
    policy.update(outcomes([0, 1], 400, [20, 300], segments=[1, 1]))
    for weights, winner in (([0.9, 0.1], 0), ([0.1, 0.9], 1)):
        request = Request(np.array(weights, np.float32), 0)
        first = [policy.rank(request, candidates(2), 1, seed).items[0] for seed in range(100)]
        assert first.count(winner) >= 85  # epsilon-greedy explores in a tenth of its slots


def test_versions_tell_configurations_apart(config: PolicyConfig) -> None:
    version = policy_version(config)
    assert version == policy_version(config)
    assert version.startswith(str(config.__struct_config__.tag) + "@")
    assert len(version.split("@")[1]) == 8
    assert version != policy_version(msgspec.structs.replace(config, objective="other"))


def test_a_list_follows_the_priors_that_it_is_given(config: PolicyConfig) -> None:
    """Item 3 alone starts from a high rate; 40 of 40 lists begin with it, but for who does not look at rates."""
    if isinstance(config, Editor | Fitted) or getattr(config, "epsilon", 0.0) == 1.0:
        pytest.skip("its order does not depend on statistics")
    if isinstance(config, ContextualConfig | Conditional):
        pytest.skip("its order depends on more than arms")
    high = np.arange(10) == 3
    priors = ContentPriors(
        np.where(high, 900.0, 1.0).astype(np.float32)[None], np.where(high, 100.0, 999.0).astype(np.float32)[None]
    )
    policy = make_policy(config, 1)
    given_priors = candidates(10)._replace(priors=priors)
    first = [policy.rank(NOW, given_priors, 2, seed).items[0] for seed in range(40)]
    assert first.count(3) >= 30


def test_priors_that_are_the_configured_one_change_nothing(config: PolicyConfig, outcomes: MakeOutcomes) -> None:
    """Exactly: the prior Beta(1, 9) given item by item, in one segment and in three."""
    for segments, weights in ((1, [1.0]), (3, [1.0, 1.0, 1.0]), (3, [0.0, 0.5, 0.5])):
        policy = make_policy(config, segments)
        policy.update(outcomes(np.arange(60) % 11, rewards=np.arange(60) % 2, segments=np.arange(60) % segments))
        priors = ContentPriors(np.full((segments, 30), 1, np.float32), np.full((segments, 30), 9, np.float32))
        request = Request(np.array(weights, np.float32), 1_000)
        for seed in range(20):
            one = policy.rank(request, candidates(30), 7, seed)
            other = policy.rank(request, candidates(30)._replace(priors=priors), 7, seed)
            assert one.items.tolist() == other.items.tolist()
            assert one.scores.tolist() == other.scores.tolist()
