"""Ranking Beta arms to a top 20, one core; run: python -m bench.rank.

Ours: the kernel alone on given posteriors, as the peers have them, and `Policy.rank`, which gathers the posteriors from the
counts first; nothing is cached. Numpy's `Generator.beta` with
`argpartition`, and MABWiser's ThompsonSampling, in one run on the same arms. Upkeep: the same with 1 and 100 updates of
arms per request. Inclusion: total variation between two exact runs, and between ours and an exact run.
"""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable

import numpy as np

from bandi.model.policy_config import Prior, Thompson
from bandi.model.records import Array
from bandi.policies._beta_top_k import Scratch, top_k
from bandi.policies.protocol import Candidates, Outcomes, Policy, Request
from bandi.policies.registry import make_policy
from bench.measure import machine, table

K = 20
SIZES = (100, 1_000, 10_000)
NOW = Request(np.ones(1, np.float32), 0)
RUNS = 5


def main() -> None:
    warnings.filterwarnings("ignore")
    logging.disable(logging.CRITICAL)
    print(machine(), "\n")
    rows, mature = [], {}
    for size in SIZES:
        for age in ("cold", "warm", "mature"):
            policy, a, b = arms(size, age)
            candidates = Candidates(np.arange(size, dtype=np.int32))
            kernel = spread(kernel_alone(a, b), 2_000)
            ours = spread(lambda i, p=policy, c=candidates: p.rank(NOW, c, K, i), 2_000)  # type: ignore[misc]
            one = spread(with_updates(policy, candidates, size, 1), 2_000)
            hundred = spread(with_updates(policy, candidates, size, 100), 2_000)
            random = np.random.default_rng(1)
            numpy = spread(lambda i, a=a, b=b, r=random: by_numpy(a, b, r), 500)  # type: ignore[misc]
            peer = mabwiser(size, a, b) if age == "mature" else None
            rows.append(
                [
                    f"{size:,}",
                    age,
                    text(kernel),
                    text(ours),
                    text(one),
                    text(hundred),
                    text(numpy),
                    f"{numpy[0] / kernel[0]:.1f}",
                    *beside(peer, kernel),
                ]
            )
            mature[size, age] = (policy, a, b)
    header = [
        "arms",
        "age",
        "kernel",
        "Policy.rank",
        "with 1 update",
        "with 100 updates",
        "numpy",
        "numpy / kernel",
        "MABWiser",
        "MABWiser / kernel",
    ]
    print(table(header, rows), "\n\nµs a request: median of 5 runs of p50 (p99)\n")
    print(
        table(
            ["1,000 arms", "TV ours to exact", "TV exact to exact"],
            [inclusion(age, *mature[1_000, age]) for age in ("cold", "warm", "mature")],
        )
    )


def arms(size: int, age: str) -> tuple[Policy, Array, Array]:
    """A policy with experience, and its posteriors. Rates 2 % to 30 %; warm: 10 to 1,000 impressions; mature: to 100,000."""
    random = np.random.default_rng(1)
    trials = {
        "cold": np.zeros(size),
        "warm": random.integers(10, 1_000, size),
        "mature": random.integers(1_000, 100_000, size),
    }[age]
    successes = random.binomial(trials.astype(int), random.uniform(0.02, 0.3, size))
    policy = make_policy(Thompson(prior=Prior(mean=0.1, strength=10.0)), 1)
    policy.update(outcomes(np.arange(size), trials, successes))
    return policy, 1.0 + successes, 9.0 + trials - successes


def outcomes(items: Array, trials: Array, rewards: Array) -> Outcomes:
    rows = len(items)
    return Outcomes(
        items.astype(np.int32),
        np.zeros(rows, np.int32),
        trials.astype(np.float32),
        rewards.astype(np.float32),
        np.zeros(rows, np.int64),
    )


def kernel_alone(a: Array, b: Array) -> Callable[[int], object]:
    """The top-k kernel on arrays of posteriors."""
    n, work = len(a), Scratch(len(a))
    a, b = a.astype(float), b.astype(float)
    return lambda i: top_k(a, b, n, K, np.uint64(i), work.values, work.places, work.narrow, work.block)


def with_updates(policy: Policy, candidates: Candidates, size: int, updates: int) -> Callable[[int], object]:
    """Each request after so many arms have changed by an impression."""
    random = np.random.default_rng(2)
    batches = [outcomes(random.integers(0, size, updates), np.ones(updates), np.zeros(updates)) for _ in range(50)]

    def request(i: int) -> object:
        policy.update(batches[i % 50])
        return policy.rank(NOW, candidates, K, i)

    return request


def by_numpy(a: Array, b: Array, random: np.random.Generator) -> Array:
    draws = random.beta(a, b)
    top = np.argpartition(-draws, K)[:K]
    return np.asarray(top[np.argsort(-draws[top])])


def mabwiser(size: int, a: Array, b: Array) -> list[float]:
    """MABWiser's Thompson sampling with the same counts: expectations of all arms, sorted."""
    from mabwiser.mab import MAB, LearningPolicy  # a peer of the benchmark alone

    names = list(range(size))
    peer = MAB(names, LearningPolicy.ThompsonSampling())
    peer.fit(names + names, [0] * size + [1] * size)
    for arm in names:
        peer._imp.arm_to_success_count[arm], peer._imp.arm_to_fail_count[arm] = int(a[arm]), int(b[arm])

    def rank(_: int) -> object:
        expectations = peer.predict_expectations()
        return sorted(expectations, key=expectations.get, reverse=True)[:K]

    return spread(rank, 30 if size < 10_000 else 5)


def spread(call: Callable[[int], object], calls: int) -> list[float]:
    """[p50, p99] of a call in µs, each the median of several runs."""
    found = []
    for run in range(RUNS + 1):
        taken = np.empty(calls)
        for i in range(calls):
            start = time.perf_counter_ns()
            call(run * calls + i)
            taken[i] = time.perf_counter_ns() - start
        found.append(np.percentile(taken, [50, 99]) / 1000)
    return [float(value) for value in np.median(found[1:], axis=0)]


def text(figures: list[float]) -> str:
    return f"{figures[0]:.1f} ({figures[1]:.1f})"


def beside(peer: list[float] | None, ours: list[float]) -> list[str]:
    return ["", ""] if peer is None else [text(peer), f"{peer[0] / ours[0]:.0f}"]


def inclusion(age: str, policy: Policy, a: Array, b: Array, runs: int = 20_000) -> list[str]:
    """Total variation between distributions of shown arms, from `runs` lists each."""
    size = len(a)
    shares = np.zeros((3, size))
    candidates = Candidates(np.arange(size, dtype=np.int32))
    posterior = policy.posterior(candidates.items, 0, 0)
    a, b = 1.0 + posterior.successes, 9.0 + posterior.trials - posterior.successes
    for run in range(runs):
        shares[0, policy.rank(NOW, candidates, K, run).items] += 1
    for exact in (1, 2):
        random = np.random.default_rng(exact)
        for _ in range(runs):
            shares[exact, by_numpy(a, b, random)] += 1
    shares /= runs * K
    return [age, f"{abs(shares[0] - shares[1]).sum() / 2:.4f}", f"{abs(shares[2] - shares[1]).sum() / 2:.4f}"]


if __name__ == "__main__":
    main()
