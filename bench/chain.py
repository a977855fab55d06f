"""Policies that look beyond the click beside Thompson sampling on clicks; run: python -m bench.chain.

A request for 10 titles among candidates with a month of impressions, starts, continuations and payments; and learning a row
of a later step. Thompson sampling is the lower bound: every policy here begins with a longer list of its.
"""

from __future__ import annotations

import numpy as np

from bandi.model.policy_config import Conditional, Earning, PolicyConfig, Retention, Surrogate, Thompson, Value
from bandi.policies.protocol import Candidates, Outcomes, Policy, Request
from bandi.policies.registry import make_policy
from bandi.policies.traits import steps_of
from bandi.policies.warm import warm
from bench.measure import Sample, machine, table, time_call

K = 10
SIZES = (100, 1_000, 10_000)
DAY_MS = 86_400_000
POLICIES: dict[str, PolicyConfig] = {
    "thompson": Thompson(),
    "earning": Earning(),
    "value": Value(),
    "surrogate": Surrogate(),
    "conditional": Conditional(),
    "retention": Retention(),
}


def main() -> None:
    warm()
    print(machine(), "\n")
    rows = []
    for size in SIZES:
        asked = {}
        for name, config in POLICIES.items():
            policy = make_policy(config, 1)
            history(policy, config, size)
            asked[name] = rank(policy, size)
        low = asked["thompson"].median
        rows.append([f"{size:,}", *(f"{sample} ({sample.median / low:.1f})" for sample in asked.values())])
    print(f"A request for {K} titles; in brackets, multiples of thompson\n")
    print(table(["titles", *POLICIES], rows))
    print("\nLearning one row of a later step, in batches of 1,000, refits counted\n")
    print(table(["titles", "row"], [[f"{size:,}", str(learn(size))] for size in SIZES]))


def history(policy: Policy, config: PolicyConfig, size: int) -> None:
    """200 impressions a title, a tenth of them clicked, 0.4 of the starts continued, 0.01 of those paid."""
    random = np.random.default_rng(1)
    rows = 200 * size
    items = random.integers(0, size, rows).astype(np.int32)
    ones = np.ones(rows, np.float32)
    at = np.sort(random.integers(0, 30 * DAY_MS, rows))
    clicked = random.random(rows) < 0.1
    policy.update(Outcomes(items, np.zeros(rows, np.int32), ones, clicked.astype(np.float32), at))
    for step in range(1, 1 + len(steps_of(config))):
        policy.update(later(random, items[clicked], at[clicked], step, 0.4 if step == 1 else 0.01))


def later(random: np.random.Generator, items: np.ndarray, at: np.ndarray, step: int, share: float) -> Outcomes:
    """Trials, and of a share of them rewards."""
    met = random.random(len(items)) < share
    both = np.concatenate([items, items[met]])
    trials = np.concatenate([np.ones(len(items)), np.zeros(met.sum())]).astype(np.float32)
    delays = np.where(trials > 0, 0, random.integers(0, 5 * DAY_MS, len(both)))
    return Outcomes(
        both, np.zeros(len(both), np.int32), trials, 1 - trials, np.concatenate([at, at[met]]), steps=np.full(len(both), step, np.int32),
        values=np.where(trials > 0, 0.0, 30.0), users=random.integers(0, 5_000, len(both)).astype(np.int32),
        delays_ms=delays,
    )  # fmt: skip


def rank(policy: Policy, size: int) -> Sample:
    candidates, seeds = Candidates(np.arange(size, dtype=np.int32)), iter(range(10**9))
    request = Request(np.ones(1, np.float32), 31 * DAY_MS, 7)
    return time_call(lambda: policy.rank(request, candidates, K, next(seeds)), runs=21, calls=200)


def learn(size: int) -> Sample:
    policy, random = make_policy(Earning(), 1), np.random.default_rng(2)
    history(policy, Earning(), size)
    items = random.integers(0, size, 1_000).astype(np.int32)
    rows = later(random, items, np.full(1_000, 31 * DAY_MS), 2, 0.01)
    sample = time_call(lambda: policy.update(rows), runs=15)
    return Sample(*(seconds / len(rows.items) for seconds in (sample.low, sample.median, sample.high)))


if __name__ == "__main__":
    main()
