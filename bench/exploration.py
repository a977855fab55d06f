"""What a budget of exploration saves and costs: regret and what is spent, by cap, in two small worlds; the cost of a list.

`python -m bench.exploration [SEEDS]`; docs/policies/exploration-budget.md has the tables.
"""

from __future__ import annotations

import sys

import numpy as np

from bandi.evaluation.intervals import t_interval
from bandi.evaluation.worlds.changing import READERS, SLOTS, WORLDS, follow
from bandi.model.config import Exploration
from bandi.model.policy_config import Thompson
from bandi.model.records import DECISION, Array
from bandi.policies.bernoulli import BernoulliPolicy
from bandi.policies.exploration import DAY_MS, Account, explore
from bandi.policies.protocol import Candidates, Outcomes, Posterior, Ranked, Request, State
from bandi.policies.registry import make_policy
from bench.measure import machine, table, time_call

TITLES = 20
DAYS = 20
BUDGETS: dict[str, Exploration] = {
    "no cap": Exploration(),
    "share 0.1": Exploration(share=0.1),
    "share 0.05": Exploration(share=0.05),
    "share 0.02": Exploration(share=0.02),
    "share 0.005": Exploration(share=0.005),
    "0 (greedy)": Exploration(clicks_per_day=0.0),
    "1 safe slot": Exploration(safe_slots=1),
    "2 safe slots": Exploration(safe_slots=2),
}


class Budgeted:
    """Thompson sampling within a budget, its account folded with each batch of outcomes."""

    def __init__(self, config: Exploration) -> None:
        policy = make_policy(Thompson(), 1)
        assert isinstance(policy, BernoulliPolicy)
        self._policy, self._config = policy, config
        self.account = Account()
        self._waiting: list[tuple[int, int, int]] = []
        self.spent, self.expected = 0, 0

    def rank(self, request: Request, candidates: Candidates, k: int, seed: int) -> Ranked:
        made = explore(self._policy, self._config, self.account, request, candidates, k, k, seed)
        self._waiting.append((request.occurred_ms, made.greedy_microclicks, made.explored_microclicks))
        self.expected, self.spent = self.expected + made[1], self.spent + made[2]
        return made.ranked

    def update(self, outcomes: Outcomes) -> None:
        rows = np.zeros(len(self._waiting), DECISION)
        for name, column in zip(
            ("occurred_ms", "greedy_microclicks", "explored_microclicks"), zip(*self._waiting, strict=True), strict=True
        ):
            rows[name] = column
        self._waiting.clear()
        self.account.fold(rows)
        self._policy.update(outcomes)

    def posterior(self, items: Array, segment: int, now_ms: int) -> Posterior:
        return self._policy.posterior(items, segment, now_ms)

    def most_tried(self, limit: int) -> Array:
        return self._policy.most_tried(limit)

    def merge(self, other: State) -> None:
        self._policy.merge(other)

    def dump(self) -> State:
        return self._policy.dump()

    def load(self, state: State) -> None:
        self._policy.load(state)


def world_rows(world: str, seeds: int) -> list[list[str]]:
    """A row for each budget."""
    base, rows = np.zeros(seeds), []
    for name, config in BUDGETS.items():
        regrets, spent = np.zeros(seeds), np.zeros(seeds)
        for seed in range(seeds):
            path = WORLDS[world](24 * DAYS, TITLES, np.random.default_rng([seed, 0]))
            policy = Budgeted(config)
            regrets[seed] = follow(policy, path, seed).regret
            spent[seed] = policy.spent / max(policy.expected, 1)
        if name == "no cap":
            base = regrets
        gap = t_interval(regrets - base)
        against = "" if name == "no cap" else f"{gap.low:+.1f} to {gap.high:+.1f}"
        rows.append([world, name, f"{100 * spent.mean():.2f} %", f"{regrets.mean():.1f}", against])
    return rows


def list_cost(titles: int) -> list[str]:
    """A list of 20 with and without a budget, and a greedy one."""
    random = np.random.default_rng(1)
    policy = make_policy(Thompson(), 1)
    assert isinstance(policy, BernoulliPolicy)
    trials = random.integers(10, 1_000, titles).astype(np.float32)
    clicks = random.binomial(trials.astype(np.int64), random.beta(2, 18, titles)).astype(np.float32)
    items, zeros = np.arange(titles, dtype=np.int32), np.zeros(titles, np.int32)
    policy.update(Outcomes(items, zeros, trials, clicks, np.zeros(titles, np.int64)))
    request, candidates, account = Request(np.ones(1, np.float32), DAY_MS), Candidates(items), Account()
    seeds = iter(range(10**7))

    def within(config: Exploration) -> str:
        def make() -> None:
            explore(policy, config, account, request, candidates, 20, 20, next(seeds))

        return str(time_call(make, runs=15, calls=200))

    alone = time_call(lambda: policy.rank(request, candidates, 20, next(seeds)), runs=15, calls=200)
    return [f"{titles:,}", str(alone), within(Exploration(safe_slots=2)), within(Exploration(clicks_per_day=0))]


def main() -> None:
    """Print the tables."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    print(f"{machine()}; {seeds} seeds, {TITLES} titles, {READERS} lists of {SLOTS} an hour for {DAYS} days\n")
    print(
        table(
            ["candidates", "thompson alone", "within a budget", "greedy"], [list_cost(n) for n in (100, 1_000, 10_000)]
        )
        + "\n",
        flush=True,
    )
    rows = [row for world in ("steady", "shuffled") for row in world_rows(world, seeds)]
    header = ["world", "budget", "spent of expected clicks", "clicks lost per 1,000 impressions", "against no cap"]
    print(table(header, rows))


if __name__ == "__main__":
    main()
