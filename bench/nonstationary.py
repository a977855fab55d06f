"""False alarms of change detection; ways to forget in five small worlds: regret and tracking error, beside no forgetting, at two lengths; 95 % intervals over seeds.

`python -m bench.nonstationary [SEEDS]`; docs/policies/non-stationary.md has the table.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from bandi.evaluation.intervals import t_interval
from bandi.evaluation.worlds.changing import READERS, SLOTS, WORLDS, Followed, follow
from bandi.model.config import ChangeDetection, EpsilonGreedy, PolicyConfig, Prior, Thompson, Ucb1
from bandi.policies.arms import BetaArms
from bandi.policies.change_detection import Changes
from bandi.policies.protocol import Outcomes
from bandi.policies.registry import make_policy
from bench.measure import machine, table

TITLES = 20
DAYS = (20, 80)
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


def main() -> None:
    """Print the tables."""
    print("share of 1,000 steady titles with a false alarm within 20,000 impressions, by stated rate\n")
    stated = (0.01, 0.1, 0.5)
    rows = [[f"{rate}", *(f"{false_alarms(rate, each, 20_000):.4f}" for each in stated)] for rate in (0.003, 0.05, 0.4)]
    print(table(["click rate", *(f"stated {each}" for each in stated)], rows) + "\n", flush=True)
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    print(f"{machine()}; {seeds} seeds, {TITLES} titles, {READERS} lists of {SLOTS} an hour\n")
    for days in DAYS:
        began, regrets, errors = time.perf_counter(), [], []
        for world in WORLDS:
            found = {name: runs(config, world, 24 * days, seeds) for name, config in POLICIES.items()}
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
        print(f"{days} days: clicks lost per 1,000 impressions (in brackets: the paired difference from `thompson`)\n")
        print(table(["world", *POLICIES], regrets))
        print("\nerror of posterior means of the best titles, in clicks per 1,000 impressions\n")
        print(table(["world", *POLICIES], errors))
        print(f"\n{time.perf_counter() - began:.0f} s\n", flush=True)


if __name__ == "__main__":
    main()
