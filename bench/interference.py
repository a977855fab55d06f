"""What sharing statistics does to a comparison of bandits: the effect as an experiment sees it, beside the true one.

Run: python -m bench.interference. A world of 300 titles with known click rates, lists of 5. Thompson sampling explores for
itself; a greedy policy does not. What each is worth when all readers get it is found by giving it all of them (the truth that
an experiment is to foretell); then half of the readers get each, with statistics of their own or shared. Policies are made and
arms shared by the functions that serve variants.
"""

from __future__ import annotations

import statistics

import numpy as np

from bandi.model.policy_config import EpsilonGreedy, Prior, Thompson
from bandi.model.records import Array
from bandi.policies.carrying import share_arms
from bandi.policies.protocol import Candidates, Outcomes, Policy, Request
from bandi.policies.registry import make_policy
from bench.measure import machine, table

TITLES, SHOWN, REQUESTS, BATCH, SEEDS = 300, 5, 20_000, 50, 20
PRIOR = Prior(mean=0.05, strength=20.0)
CONFIGS = (
    Thompson(prior=PRIOR, position="ignored"),
    EpsilonGreedy(prior=PRIOR, position="ignored", epsilon=0.0),
)
EVERYBODY = np.ones(1, np.float32)


def main() -> None:
    print(machine())
    print(
        f"\n{TITLES} titles, {SHOWN} shown, {REQUESTS:,} requests, {SEEDS} worlds: mean (standard error), in points\n"
    )
    found = np.array([one_world(seed) for seed in range(SEEDS)]) * 100
    names = ("each alone, all readers: the truth", "half each, own statistics", "half each, shared statistics")
    rows = []
    for name, rates in zip(names, found.transpose(1, 2, 0), strict=True):
        columns = (*rates, rates[0] - rates[1])
        rows.append([name, *(f"{column.mean():.2f} ({error(column):.2f})" for column in columns)])
    print(table(["", "Thompson, clicks per 100", "greedy, clicks per 100", "difference"], rows))


def error(values: Array) -> float:
    """The standard error of a mean."""
    return float(statistics.stdev(values.tolist()) / len(values) ** 0.5)


def one_world(seed: int) -> list[tuple[float, float]]:
    """Click rates of (Thompson, greedy): each alone, with own statistics, with shared ones."""
    rates = np.random.default_rng(seed).beta(2, 38, TITLES)
    alone = [run(rates, [make_policy(config, 1)], seed)[0] for config in CONFIGS]
    own = run(rates, [make_policy(config, 1) for config in CONFIGS], seed)
    sharing = [make_policy(config, 1) for config in CONFIGS]
    share_arms(*sharing)
    shared = run(rates, sharing, seed)
    return [(found[0], found[1]) for found in (alone, own, shared)]


def run(rates: Array, policies: list[Policy], seed: int) -> list[float]:
    """Clicks per impression of each policy; readers come to them in turn, outcomes every `BATCH` requests."""
    random = np.random.default_rng([seed, 1])
    candidates, request = Candidates(np.arange(TITLES, dtype=np.int32)), Request(EVERYBODY, 0)
    clicks = np.zeros(len(policies))
    for start in range(0, REQUESTS, BATCH):
        turns = range(start, start + BATCH)
        lists = [
            policies[turn % len(policies)].rank(request, candidates, SHOWN, seed << 32 | turn).items for turn in turns
        ]
        clicked = [(random.random(SHOWN) < rates[items]).astype(np.float32) for items in lists]
        for i, policy in enumerate(policies):
            policy.update(
                _outcomes(np.concatenate(lists[i :: len(policies)]), np.concatenate(clicked[i :: len(policies)]))
            )
            clicks[i] += sum(float(each.sum()) for each in clicked[i :: len(policies)])
    shown: list[float] = (clicks / (REQUESTS * SHOWN / len(policies))).tolist()
    return shown


def _outcomes(items: Array, rewards: Array) -> Outcomes:
    n = len(items)
    return Outcomes(items, np.zeros(n, np.int32), np.ones(n, np.float32), rewards, np.zeros(n, np.int64))


if __name__ == "__main__":
    main()
