"""False alarms of change detection; ways to forget in five small worlds: regret and tracking error, beside no forgetting; 95 % intervals over seeds.

`python -m bench.nonstationary [SEEDS]`; docs/policies/non-stationary.md has the table.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np

from bandi.evaluation.intervals import t_interval
from bandi.evaluation.worlds.changing import READERS, SLOTS, STEP_MS, WORLDS, Followed, follow
from bandi.model.policy_config import ChangeDetection, EpsilonGreedy, PolicyConfig, Prior, Thompson, Ucb1
from bandi.policies.arms import BetaArms
from bandi.policies.bernoulli import BernoulliPolicy
from bandi.policies.change_detection import Changes
from bandi.policies.protocol import Candidates, Outcomes, Request
from bandi.policies.registry import make_policy
from bench.measure import machine, table, time_call

TITLES = 20
DAYS = 20
POLICIES: dict[str, PolicyConfig] = {
    "thompson": Thompson(),
    "half_life 3d": Thompson(half_life="3d"),
    "window 6d": Thompson(window="6d"),
    "change_detection": Thompson(change_detection=ChangeDetection()),
    "ucb1": Ucb1(exploration=0.3),
    "ucb1, change_detection": Ucb1(exploration=0.3, change_detection=ChangeDetection()),
    "epsilon_greedy": EpsilonGreedy(),
    "epsilon_greedy, change_detection": EpsilonGreedy(change_detection=ChangeDetection()),
}


def runs(config: PolicyConfig, world: str, steps: int, seeds: int) -> list[Followed]:
    """One run for each seed."""
    paths = [WORLDS[world](steps, TITLES, np.random.default_rng([seed, 0])) for seed in range(seeds)]
    return [follow(make_policy(config, 1), path, seed) for seed, path in enumerate(paths)]


def false_alarms(rate: float, stated: float, impressions: int) -> float:
    """Share of 1,000 titles of a steady rate that are taken for changed at least once."""
    random, titles = np.random.default_rng(int(1e6 * rate)), 1_000
    changes = Changes(ChangeDetection(false_alarms=stated))
    arms = BetaArms(Prior(), None, 1, memory=changes)
    items = np.repeat(np.arange(titles, dtype=np.int32), 500)
    zeros, ones = np.zeros(len(items), np.int32), np.ones(len(items), np.float32)
    alarmed, tests = np.zeros(titles, np.bool_), np.zeros(titles)
    for _ in range(impressions // 500):
        clicks = (random.random(len(items)) < rate).astype(np.float32)
        arms.update(Outcomes(items, zeros, ones, clicks, zeros.astype(np.int64)))
        before, tests = tests, changes.dump(titles)["progress"][:, 1]
        alarmed |= tests < before
    return float(alarmed.mean())


def costs() -> list[list[str]]:
    """Learning 20,000 rows of 1,000 titles, ranking them, and what an arm takes, by way to forget."""
    random, titles, n = np.random.default_rng(1), 1_000, 20_000
    items, zeros, ones = random.integers(0, titles, n).astype(np.int32), np.zeros(n, np.int32), np.ones(n, np.float32)
    clicks = (random.random(n) < 0.1).astype(np.float32)
    rows = []
    for name, config in list(POLICIES.items())[:4]:
        policy, hours = make_policy(config, 1), iter(range(1_000))
        assert isinstance(policy, BernoulliPolicy)
        candidates, ranks = Candidates(np.arange(titles, dtype=np.int32)), iter(range(10**6))

        def learn(policy: BernoulliPolicy = policy, hours: Iterator[int] = hours) -> None:
            at_ms = np.full(n, next(hours) * STEP_MS, np.int64)
            policy.update(Outcomes(items, zeros, ones, clicks, at_ms))

        def rank(
            policy: BernoulliPolicy = policy, candidates: Candidates = candidates, ranks: Iterator[int] = ranks
        ) -> None:
            policy.rank(Request(np.ones(1, np.float32), 200 * STEP_MS), candidates, 20, next(ranks))

        learned, ranked = time_call(learn, runs=15), time_call(rank, runs=15, calls=200)
        per_arm = policy.arms.nbytes / policy.arms.items
        rows.append([name, f"{1e9 * learned.median / n:.0f} ns", str(ranked), f"{per_arm:.0f} bytes"])
    return rows


def main() -> None:
    """Print the tables."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    print(f"{machine()}; {seeds} seeds, {TITLES} titles, {READERS} lists of {SLOTS} an hour for {DAYS} days\n")
    print("share of 1,000 steady titles with a false alarm within 20,000 impressions, by stated rate\n")
    stated = (0.01, 0.1, 0.5)
    rows = [[f"{rate}", *(f"{false_alarms(rate, each, 20_000):.3f}" for each in stated)] for rate in (0.003, 0.05, 0.4)]
    print(table(["click rate", *(f"stated {each}" for each in stated)], rows))
    print("\na row learned, 20 of 1,000 titles ranked, and memory (room for growth included)\n")
    print(table(["way to forget", "a row", "a list", "a title"], costs()) + "\n", flush=True)
    regrets, errors = [], []
    for world in WORLDS:
        found = {name: runs(config, world, 24 * DAYS, seeds) for name, config in POLICIES.items()}
        base = np.array([run.regret for run in found["thompson"]])
        regret_row, error_row = [world], [world]
        for name, each in found.items():
            regret = np.array([run.regret for run in each])
            shown = f"{regret.mean():.1f}"
            if name != "thompson":
                gap = t_interval(regret - base)
                shown += f" ({gap.low:+.1f} to {gap.high:+.1f})"
            regret_row.append(shown)
            error_row.append(f"{1_000 * np.mean([run.error for run in each]):.0f}")
        regrets.append(regret_row)
        errors.append(error_row)
    print("clicks lost per 1,000 impressions (in brackets: the paired difference from `thompson`)\n")
    print(table(["world", *POLICIES], regrets))
    print("\nerror of posterior means of the best titles, in clicks per 1,000 impressions\n")
    print(table(["world", *POLICIES], errors))


if __name__ == "__main__":
    main()
