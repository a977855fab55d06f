"""Arranging a list: operator rules, a cap by genre, quotas, MMR; run: python -m bench.arrangement.

Pools of three sizes, k = 20 of the ranked titles, two pins, 40 boosted titles. `arrange` as a request calls it, beside plain
Python with numpy that gives the same list, in turns. Then the cost by the length of the list, and what it takes to look up
which rules act when one starts or ends. Each call is timed by itself: p50 (p99).
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from bandi.arrangement.arranging import arrange
from bandi.arrangement.diversity import Caps, Diversity, Mmr, Quotas
from bandi.arrangement.rules import CompiledRules, InForce, compile_rules, in_force
from bandi.model.records import Array
from bandi.model.rules import Block, Boost, Pin, Rule, Schedule
from bandi.policies.protocol import Ranked
from bench.measure import machine, table

TITLES, D, K = 100_000, 64, 20
POOLS = (500, 2_000, 8_000)
LENGTHS = (20, 100, 500)
TRADE_OFF = 0.7
NOW = 1_000


def main() -> None:
    print(machine(), "\n")
    random = np.random.default_rng(1)
    genres = random.integers(1, 13, TITLES).astype(np.int32)
    vectors = random.normal(size=(TITLES, D)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    caps = Caps(genres[None], np.array([0.2]))
    asked = {
        "rules alone": Diversity(),
        "rules, cap": Diversity(caps),
        "rules, cap, quotas": Diversity(caps, Quotas(np.array([0.1, 0.0, 0.0]), np.array([1.0, 0.5, 0.6]))),
        f"rules, cap, MMR d = {D}": Diversity(caps, mmr=Mmr(vectors, TRADE_OFF)),
    }
    rows = []
    for size in POOLS:
        pool, sources, rules = prepare(size, random)
        for name, diversity in asked.items():
            calls: list[Callable[[], object]] = [lambda p=pool, r=rules, d=diversity, s=sources: arrange(p, K, r, d, s)]  # type: ignore[misc]
            if "quotas" not in name:
                plain = by_hand(pool, rules, diversity, genres, vectors)
                assert plain == arrange(pool, K, rules, diversity, sources).items.tolist()
                calls.append(lambda p=pool, r=rules, d=diversity: by_hand(p, r, d, genres, vectors))  # type: ignore[misc]
            rows.append([f"{size:,}", name, *in_turns(calls, 500), *[""] * (2 - len(calls))])
    print(table([f"pool, k = {K}", "asked for", "arrange", "plain numpy"], rows), "\n")

    rows = []
    pool, sources, rules = prepare(2_000, random)
    for length in LENGTHS:
        for name, diversity in asked.items():
            call = lambda k=length, d=diversity: arrange(pool, k, rules, d, sources)  # noqa: E731
            rows.append([str(length), name, *in_turns([call], 200)])
    print(table(["k, pool of 2,000", "asked for", "arrange"], rows), "\n")

    rows = []
    for count in (10, 100, 1_000):
        compiled = many(count)
        rows.append([f"{count:,}", *in_turns([lambda c=compiled: in_force(c, NOW)], 20)])  # type: ignore[misc]
    print(table([f"rules in force, {TITLES:,} titles", "looking up which act"], rows))


def in_turns(calls: list[Callable[[], object]], rounds: int) -> list[str]:
    """p50 (p99) of each call in µs, the first tenth of the rounds not counted."""
    taken = np.empty((len(calls), rounds + rounds // 10))
    for turn in range(taken.shape[1]):
        for i, call in enumerate(calls):
            start = time.perf_counter_ns()
            call()
            taken[i, turn] = time.perf_counter_ns() - start
    found = np.percentile(taken[:, rounds // 10 :], [50, 99], axis=1).T / 1000
    return [f"{median:,.1f} ({late:,.1f})" for median, late in found]


def prepare(size: int, random: np.random.Generator) -> tuple[Ranked, Array, InForce]:
    """A pool, who named its titles, and rules about some of them."""
    items = random.permutation(TITLES)[:size].astype(np.int32)
    scores = -np.sort(-random.random(size).astype(np.float32))
    sources = np.where(random.random(size) < 0.05, 1, random.integers(0, 4, size) << 1).astype(np.uint8)
    rules: list[Rule] = [
        Pin(id="p1", owner="bench", reason="bench", ends_at=2.0, item=str(items[-1]), slot=2),
        Pin(id="p2", owner="bench", reason="bench", ends_at=2.0, item=str((items[0] + 1) % TITLES), slot=5),
        Boost(
            id="b1",
            owner="bench",
            reason="bench",
            ends_at=2.0,
            factor=1.3,
            items=tuple(map(str, items[30:110:2].tolist())),
        ),
    ]
    return Ranked(items, scores), sources, in_force(compile_rules(rules, int, "home"), NOW)


def many(count: int) -> CompiledRules:
    """Half of the rules name ten titles each, half have an expression for a hundredth of the titles; each has its hours."""
    hours = [Schedule(opens=f"{h:02}:00", until=f"{(h + 12) % 24:02}:00", utc_offset="+09:00") for h in range(24)]
    rules: list[Rule] = [
        Block(
            id=str(i), owner="bench", reason="bench", ends_at=9e4, schedule=hours[i % 24],
            items=tuple(str(i * 10 + j) for j in range(10)) if i % 2 else (), where=None if i % 2 else str(i),
        )
        for i in range(count)
    ]  # fmt: skip
    return compile_rules(rules, int, "home", lambda text: np.arange(TITLES) % 100 == int(text) % 100)


def by_hand(pool: Ranked, rules: InForce, diversity: Diversity, genres: Array, vectors: Array) -> list[int]:
    """The same list with numpy where it helps and Python where it does not."""
    factors, _ = rules.multipliers(pool.items)
    free = ~np.isin(pool.items, rules.pin_items)
    items, values = pool.items[free], (pool.scores * factors)[free]
    order = np.argsort(-values, kind="stable")
    items, values = items[order], values[order]
    pinned = rules.pin_items.tolist()
    most = max(1, int(diversity.caps.shares[0] * K + 1e-9)) if len(diversity.caps.shares) else K
    counts: dict[int, int] = {}
    for item in pinned:
        counts[int(genres[item])] = counts.get(int(genres[item]), 0) + 1
    chosen: list[int] = []
    if diversity.mmr.vectors.shape[1]:
        relevance = TRADE_OFF * (values - values[-1]) / (values[0] - values[-1])
        mine = vectors[items]
        nearest = (mine @ vectors[pinned].T).max(axis=1)
        open_ones = np.ones(len(items), bool)
        full = [genre for genre, count in counts.items() if count >= most]
        open_ones[np.isin(genres[items], full)] = False
        while len(chosen) < K - len(pinned):
            best = int(np.argmax(np.where(open_ones, relevance - (1 - TRADE_OFF) * nearest, -np.inf)))
            chosen.append(int(items[best]))
            open_ones[best] = False
            genre = int(genres[items[best]])
            counts[genre] = counts.get(genre, 0) + 1
            if counts[genre] >= most:
                open_ones[genres[items] == genre] = False
            nearest = np.maximum(nearest, mine @ mine[best])
    else:
        for item in items.tolist():
            genre = int(genres[item])
            if counts.get(genre, 0) < most:
                counts[genre] = counts.get(genre, 0) + 1
                chosen.append(item)
                if len(chosen) == K - len(pinned):
                    break
    for slot, item in zip(rules.pin_slots.tolist(), pinned, strict=True):
        chosen.insert(slot, item)
    return chosen


if __name__ == "__main__":
    main()
