"""Linear bandits, one core; run: python -m bench.linear.

Every candidate has data: 20 clicks or not of readers drawn at random. LinTS and LinUCB through `Policy.rank` to a top 20, and
one event's update through `Policy.update` (alone, and as a row of a batch of 1,000), beside MABWiser's LinTS with the same
data in the same run: `predict_expectations` and a sort, and `partial_fit` with one row. MABWiser is left out where its fit
alone would take minutes.
"""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable
from dataclasses import replace

import msgspec
import numpy as np

from bandi.model.policy_config import LinTs, LinUcb, Logistic, PolicyConfig
from bandi.model.records import Array
from bandi.policies.protocol import Candidates, Outcomes, Policy, Request
from bandi.policies.registry import make_policy
from bench.measure import Sample, machine, table, time_call

K = 20
SIZES = ((100, 32), (1_000, 32), (10_000, 32), (1_000, 16), (1_000, 64))
ROWS_A_TITLE = 20
PEER_UP_TO = 1_000


def main() -> None:
    warnings.filterwarnings("ignore")
    logging.disable(logging.CRITICAL)
    print(machine(), "\n")
    rows = []
    for size, d in SIZES:
        data = learned(size, d)
        sampling, bounds = make_policy(LinTs(dimensions=d), 1), make_policy(LinUcb(dimensions=d), 1)
        for policy in (sampling, bounds):
            policy.update(data)
        readers = vectors(np.random.default_rng(2), 256, d)
        ranked = [p50(ranking(policy, size, readers)) for policy in (sampling, bounds)]
        single, batch = updates(sampling, size, d)
        peer = mabwiser(data, size, readers) if size <= PEER_UP_TO else None
        rows.append(
            [
                f"{size:,}",
                str(d),
                *map(str, ranked),
                str(single),
                str(batch),
                *(["", "", "", ""] if peer is None else beside(peer, ranked[0], single)),
            ]
        )
    header = ["candidates", "d", "LinTS rank", "LinUCB rank", "update, alone", "update, a row of 1,000",
              "MABWiser rank", "MABWiser update", "rank: times", "update: times"]  # fmt: skip
    print(
        table(header, rows),
        "\n\nmedian (minimum to maximum) of 7 runs; a run of rank or of one update is the p50 of its calls\n",
    )
    print(table(["candidates", "d", "policy", "rank", "update, alone", "update, a row of 1,000"], shared_rows()))


def shared_rows() -> list[list[str]]:
    """Hybrid and logistic policies."""
    rows = []
    configs: tuple[PolicyConfig, ...] = (LinTs(model="hybrid"), LinUcb(model="hybrid"), Logistic())
    for size, d in ((100, 16), (1_000, 16), (10_000, 16), (1_000, 32)):
        data, titles = learned(size, d), vectors(np.random.default_rng(4), size, d)
        readers = vectors(np.random.default_rng(2), 256, d)
        for config in configs:
            policy = make_policy(msgspec.structs.replace(config, dimensions=d), 1)
            policy.update(replace(data, title_vectors=titles))
            timed = p50(ranking(policy, size, readers, titles), 100 if size < 10_000 else 20)
            name = f"{config.__struct_config__.tag} {getattr(config, 'model', '')}".strip()
            rows.append([f"{size:,}", str(d), name, str(timed), *map(str, updates(policy, size, d, titles))])
    return rows


def vectors(random: np.random.Generator, n: int, d: int) -> Array:
    """Readers: a constant 1 and a direction."""
    found = random.normal(size=(n, d))
    found[:, 1:] /= np.linalg.norm(found[:, 1:], axis=1, keepdims=True)
    found[:, 0] = 1.0
    return found.astype(np.float32)


def learned(size: int, d: int) -> Outcomes:
    random = np.random.default_rng(1)
    n = size * ROWS_A_TITLE
    x = vectors(random, n, d)
    items = random.permutation(np.repeat(np.arange(size, dtype=np.int32), ROWS_A_TITLE))
    rate = 0.1 + 0.1 * random.uniform(-1, 1, size)[items] * x[:, 1]
    return outcomes(items, (random.random(n) < rate).astype(np.float32), x)


def outcomes(items: Array, rewards: Array, x: Array, titles: Array | None = None) -> Outcomes:
    n = len(items)
    zero = np.zeros(n, np.int32)
    return Outcomes(
        items, zero, np.ones(n, np.float32), rewards, np.zeros(n, np.int64), vectors=x, title_vectors=titles
    )


def ranking(policy: Policy, size: int, readers: Array, titles: Array | None = None) -> Callable[[int], object]:
    candidates, weights = Candidates(np.arange(size, dtype=np.int32), None, titles), np.ones(1, np.float32)
    requests = [Request(weights, 0, vector=x) for x in readers]
    return lambda i: policy.rank(requests[i % len(requests)], candidates, K, i)


def p50(call: Callable[[int], object], calls: int = 300, runs: int = 7) -> Sample:
    found = []
    for run in range(runs + 1):
        taken = np.empty(calls)
        for i in range(calls):
            start = time.perf_counter_ns()
            call(run * calls + i)
            taken[i] = time.perf_counter_ns() - start
        found.append(float(np.median(taken)) / 1e9)
    found = sorted(found[1:])
    return Sample(found[0], found[len(found) // 2], found[-1])


def updates(policy: Policy, size: int, d: int, titles: Array | None = None) -> tuple[Sample, Sample]:
    """Seconds of one event's update: alone, and as a row of a batch."""
    random = np.random.default_rng(3)
    x = vectors(random, 1_000, d)
    items = random.integers(0, size, 1_000).astype(np.int32)
    batch = outcomes(items, np.zeros(1_000, np.float32), x, titles)
    ones = [outcomes(items[i : i + 1], np.zeros(1, np.float32), x[i : i + 1], titles) for i in range(1_000)]

    alone = p50(lambda i: policy.update(ones[i % 1_000]), 1_000)
    return alone, per_row(time_call(lambda: policy.update(batch)))


def per_row(sample: Sample) -> Sample:
    return Sample(sample.low / 1_000, sample.median / 1_000, sample.high / 1_000)


def mabwiser(data: Outcomes, size: int, readers: Array) -> tuple[Sample, Sample]:
    """MABWiser's LinTS: seconds of a ranking and of one event's update."""
    from mabwiser.mab import MAB, LearningPolicy  # a peer of the benchmark alone

    assert data.vectors is not None
    peer = MAB(list(range(size)), LearningPolicy.LinTS(alpha=0.3, l2_lambda=10.0))
    peer.fit(data.items, data.rewards - 0.1, data.vectors.astype(np.float64))
    x = readers.astype(np.float64)

    def rank() -> object:
        expectations = peer.predict_expectations(x[:1])
        return sorted(expectations, key=expectations.get, reverse=True)[:K]

    def update() -> None:
        peer.partial_fit([0], [0.0], x[:1])

    return time_call(rank, runs=5), time_call(update, runs=5)


def beside(peer: tuple[Sample, Sample], rank: Sample, update: Sample) -> list[str]:
    ratios = [f"{theirs.median / ours.median:.0f}" for theirs, ours in zip(peer, (rank, update), strict=True)]
    return [str(peer[0]), str(peer[1]), *ratios]


if __name__ == "__main__":
    main()
