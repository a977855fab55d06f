"""What exploring costs, the account of it, and lists within a budget."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandi.model.config import Exploration
from bandi.model.config_text import parse_config
from bandi.model.errors import ConfigError
from bandi.model.policy_config import Earning, EpsilonGreedy, PolicyConfig, Retention, Thompson, Ucb1, Value
from bandi.model.records import DECISION, Array
from bandi.policies.chain_policy import discount
from bandi.policies.exploration import DAY_MS, MICRO, Account, Exploiting, behind_safe_slots, explore
from bandi.policies.protocol import Candidates, Outcomes, Policy, Ranked, Request
from bandi.policies.registry import make_policy

CONFIGS: list[PolicyConfig] = [Thompson(), Ucb1(), EpsilonGreedy(epsilon=0.5), Earning(), Value(), Retention()]
TITLES, K = 30, 5
CANDIDATES = Candidates(np.arange(TITLES, dtype=np.int32))


def request(at_ms: int = 0) -> Request:
    return Request(np.ones(1, np.float32), at_ms)


def learned(config: PolicyConfig) -> Policy:
    """Each title shown 5 to 34 times, clicked at its own rate."""
    policy, random = make_policy(config, 1), np.random.default_rng(1)
    trials = np.arange(TITLES) + 5
    clicks = random.binomial(trials, random.beta(2, 10, TITLES))
    policy.update(
        Outcomes(
            CANDIDATES.items, np.zeros(TITLES, np.int32), trials.astype(np.float32), clicks.astype(np.float32),
            np.zeros(TITLES, np.int64),
        )
    )  # fmt: skip
    return policy


@pytest.fixture(params=CONFIGS, ids=lambda config: str(config.__struct_config__.tag))
def policy(request: pytest.FixtureRequest) -> Exploiting:
    made = learned(request.param)
    assert isinstance(made, Exploiting)
    return made


def means(policy: Exploiting) -> Array:
    return policy.posterior(CANDIDATES.items, 0, 0).mean  # type: ignore[attr-defined]


def test_the_greedy_list_is_that_of_the_highest_means(policy: Exploiting) -> None:
    """And is the same for every seed, where no two are equal."""
    mean = means(policy)
    expected = sorted(range(TITLES), key=lambda item: -mean[item])[:K]
    for seed in range(5):
        greedy = policy.greedy(request(), CANDIDATES, K, seed).items.tolist()
        assert np.sort(mean[greedy]).tolist() == pytest.approx(np.sort(mean[expected]).tolist(), abs=1e-12)


def test_the_cost_is_the_difference_of_expected_clicks(policy: Exploiting) -> None:
    config, account, mean = Exploration(), Account(), means(policy)
    costs = []
    for seed in range(50):
        explored = explore(policy, config, account, request(), CANDIDATES, K, K, seed)
        assert explored.ranked.items.tolist() == policy.rank(request(), CANDIDATES, K, seed).items.tolist()
        greedy = policy.greedy(request(), CANDIDATES, K, seed)
        best, shown = (float(discount(K) @ mean[ranked.items]) for ranked in (greedy, explored.ranked))
        assert explored.greedy_microclicks == pytest.approx(best * MICRO, abs=1)
        assert explored.explored_microclicks == pytest.approx(max(best - shown, 0) * MICRO, abs=1)
        costs.append(explored.explored_microclicks)
    assert max(costs) > 0


@pytest.mark.parametrize("safe", [0, 1, 3, 5, 9])
def test_safe_slots_are_the_greedy_ones(policy: Exploiting, safe: int) -> None:
    config = Exploration(safe_slots=safe)
    differ = 0
    for seed in range(30):
        ranked = explore(policy, config, Account(), request(), CANDIDATES, K, K, seed).ranked
        greedy = policy.greedy(request(), CANDIDATES, K, seed)
        assert ranked.items[:safe].tolist() == greedy.items[:safe].tolist()[:K]
        assert len(set(ranked.items.tolist())) == len(ranked.scores) == K
        assert (np.diff(ranked.scores[: safe + 1]) <= 0).all()
        differ += ranked.items.tolist() != greedy.items.tolist()
    assert (differ > 0) == (safe < K)


def test_safe_slots_raise_scores_no_more_than_needed() -> None:
    greedy = Ranked(np.array([1, 2, 3], np.int32), np.array([0.3, 0.2, 0.1], np.float32))
    explored = Ranked(np.array([9, 2, 8], np.int32), np.array([0.25, 0.22, 0.05], np.float32))
    ranked = behind_safe_slots(greedy, explored, 2)
    assert ranked.items.tolist() == [1, 2, 9]
    assert ranked.scores.tolist() == pytest.approx([0.3, 0.25, 0.25])


def headers(days: list[float], explored: list[int], greedy: int = 1_000) -> Array:
    rows = np.zeros(len(days), DECISION)
    rows["occurred_ms"] = [int(day * DAY_MS) for day in days]
    rows["explored_microclicks"], rows["greedy_microclicks"] = explored, greedy
    return rows


decisions = st.lists(st.tuples(st.floats(0, 4), st.integers(0, 10_000)), max_size=40)


@given(decisions=decisions, cut=st.integers(0, 40))
@settings(max_examples=100, deadline=None)
def test_the_account_is_the_sum_of_its_day_however_the_log_is_cut(decisions: list[tuple[float, int]], cut: int) -> None:
    rows = headers([day for day, _ in decisions], [cost for _, cost in decisions])
    whole, parts = Account(), Account()
    whole.fold(rows)
    parts.fold(rows[:cut])
    parts.fold(rows[cut:])
    assert whole.dump().tolist() == parts.dump().tolist()
    newest, spent, count = -1, 0, 0
    for at, cost in decisions:
        day = int(at * DAY_MS) // DAY_MS
        if day > newest:
            newest, spent, count = day, 0, 0
        spent, count = spent + cost, count + 1
    if decisions:
        assert whole.today(newest * DAY_MS + 5) == (spent, 1_000 * count)
        assert whole.today((newest + 1) * DAY_MS) == (0, 0)
        loaded = Account()
        loaded.load(whole.dump())
        assert loaded.today(newest * DAY_MS) == (spent, 1_000 * count)


@pytest.mark.parametrize("batch", [1, 20, 100])
@pytest.mark.parametrize("config", [Exploration(clicks_per_day=2.0), Exploration(share=0.02, safe_slots=1)])
def test_a_day_never_costs_more_than_the_cap_and_one_batch(policy: Exploiting, config: Exploration, batch: int) -> None:
    """`batch` decisions between two folds; three days. The account is an oracle's, which adds up the lists' own costs."""
    account, mean, weights = Account(), means(policy), discount(K)
    for day in range(3):
        spent = expected = largest_batch = 0.0
        closed = False
        for first in range(0, 400, batch):
            rows, batch_cost = np.zeros(batch, DECISION), 0.0
            left = account.left(config, day * DAY_MS)
            for i in range(batch):
                at, seed = day * DAY_MS + first + i, 1_000 * day + first + i
                made = explore(policy, config, account, request(at), CANDIDATES, K, K, seed)
                greedy = policy.greedy(request(at), CANDIDATES, K, seed)
                best = float(weights @ mean[greedy.items])
                batch_cost += max(best - float(weights @ mean[made.ranked.items]), 0.0)
                expected += best
                if left is not None and left <= 0:
                    assert made.ranked.items.tolist() == greedy.items.tolist()
                    closed = True
                rows[i]["occurred_ms"] = at
                rows[i]["greedy_microclicks"], rows[i]["explored_microclicks"] = made[1:]
            account.fold(rows)
            spent, largest_batch = spent + batch_cost, max(largest_batch, batch_cost)
            cap = config.clicks_per_day if config.clicks_per_day is not None else config.share * expected
            assert spent <= cap + largest_batch + 1e-6 * first
        found_spent, found_expected = account.today(day * DAY_MS)
        assert found_spent == pytest.approx(spent * MICRO, abs=400)
        assert found_expected == pytest.approx(expected * MICRO, abs=400)
        assert closed


def test_two_caps_and_caps_on_editors_are_refused() -> None:
    with pytest.raises(ValueError, match="only one"):
        Exploration(clicks_per_day=1.0, share=0.1)
    with pytest.raises(ConfigError, match=r"bandi.toml:2: placements.home.exploration.share: expected one of the two"):
        parse_config("[placements.home]\nexploration = { clicks_per_day = 3, share = 0.1 }\n")
    with pytest.raises(ConfigError, match="a policy whose expected clicks are known"):
        parse_config('[placements.home]\nexploration = { share = 0.1 }\npolicy = { use = "editor" }\n')
