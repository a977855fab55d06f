"""What showings cost: a request and an event of `seen` beside the policy without it; run: python -m bench.seen.

Thompson sampling alone is the lower bound. The reader has been shown `k` titles a day for a month; the table of pairs holds
that of 2,000 readers. Position: the same policy with trials weighed by the examination of slots, and whole.
"""

from __future__ import annotations

import numpy as np

from bandi.model.config import Seen
from bandi.model.policy_config import Thompson
from bandi.policies.protocol import Candidates, Outcomes, Policy, Request
from bandi.policies.registry import make_policy
from bandi.policies.warm import warm
from bench.measure import Sample, machine, table, time_call

K = 20
SIZES = (100, 1_000, 10_000)
READERS = 2_000
DAYS = 30
DAY_MS = 86_400_000
BATCH = 1_000


def main() -> None:
    warm()
    print(machine(), "\n")
    ranked, learned = [], []
    for size in SIZES:
        policies = {
            "bare": make_policy(Thompson(position="ignored"), 1),
            "position": make_policy(Thompson(position="learned"), 1),
            "fixed": make_policy(Thompson(position="ignored"), 1, Seen(strength=0.3)),
            "learned": make_policy(Thompson(position="ignored"), 1, Seen()),
        }
        for policy in policies.values():
            history(policy, size)
        requests = {name: rank(policy, size) for name, policy in policies.items() if name != "position"}
        rows = {name: update(policy, size) for name, policy in policies.items()}
        ranked.append([f"{size:,}", *map(str, requests.values()), ratio(requests["learned"], requests["bare"])])
        learned.append([f"{size:,}", *map(str, rows.values()), ratio(rows["learned"], rows["bare"])])
    print("A request for 20 titles\n")
    print(table(["titles", "bare", "seen, strength = 0.3", "seen, learned", "learned / bare"], ranked))
    print(f"\nAn update by {BATCH:,} impressions\n")
    header = ["titles", "bare", "position = learned", "seen, strength = 0.3", "seen, learned", "learned / bare"]
    print(table(header, learned))


def history(policy: Policy, size: int) -> None:
    """A month of lists for all readers, a list a day each."""
    random = np.random.default_rng(1)
    for day in range(DAYS):
        policy.update(impressions(random, size, np.repeat(np.arange(READERS, dtype=np.int32), K), day * DAY_MS))


def impressions(random: np.random.Generator, size: int, users: np.ndarray, at_ms: int) -> Outcomes:
    rows = len(users)
    items = (size * random.random(rows) ** 3).astype(np.int32)  # few titles have most of the impressions
    clicks = (random.random(rows) < 0.02 + 0.2 * (items % 7 == 0)).astype(np.float32)
    slots = np.tile(np.arange(K, dtype=np.int32), rows // K + 1)[:rows]
    return Outcomes(
        items,
        np.zeros(rows, np.int32),
        np.ones(rows, np.float32),
        clicks,
        np.full(rows, at_ms),
        users=users,
        slots=slots,
    )


def rank(policy: Policy, size: int) -> Sample:
    """Lists for one reader after another."""
    candidates, weights, seeds = Candidates(np.arange(size, dtype=np.int32)), np.ones(1, np.float32), iter(range(10**9))

    def request() -> None:
        seed = next(seeds)
        policy.rank(Request(weights, DAYS * DAY_MS, seed % READERS), candidates, K, seed)

    return time_call(request, runs=9, calls=500)


def update(policy: Policy, size: int) -> Sample:
    """Batches of impressions of readers at random."""
    random = np.random.default_rng(2)
    batches = iter(
        [
            impressions(random, size, random.integers(0, READERS, BATCH).astype(np.int32), DAYS * DAY_MS)
            for _ in range(200)
        ]
    )
    return time_call(lambda: policy.update(next(batches)), runs=9, calls=20)


def ratio(one: Sample, other: Sample) -> str:
    return f"{one.median / other.median:.1f}"


if __name__ == "__main__":
    main()
