"""A home request with five targeters over catalogues of three sizes; run: python -m bench.targeters [largest size].

Factors of 64 numbers learned from reads of a world (bench.factors); popular 100, fresh 50, editor 50, continue_reading 5
and factors 300, what was read left out: about 400 candidates, ranked to 20, the decision made but not logged. Exact search
beside the index, and how much of the exact list the index finds. Asked on one core; the index is built on all.
"""

from __future__ import annotations

import os
import sys
import time

import msgspec
import numpy as np

from bandi.engine.deciding import Decider
from bandi.engine.state import State
from bandi.features.factors.als import AlsConfig, Factors, fit
from bandi.features.factors.search import build
from bandi.model.catalog import Item
from bandi.model.config import (
    Config,
    ContinueTargeter,
    EditorTargeter,
    FactorsTargeter,
    FreshTargeter,
    Placement,
    PopularTargeter,
)
from bandi.model.records import EVENT, Array, Document, DocumentKind, Events, Stretch, no_decisions, no_events
from bandi.policies.registry import policy_version
from bandi.targeters.by_factors import SuitsReader
from bandi.targeters.protocol import Asked, Learned, View
from bench.factors import world
from bench.measure import machine, table

NOW = 1_700_000_000_000
DAY = 86_400_000
SIZES = (10_000, 100_000, 1_000_000)
HOME = Placement(
    targeters=(
        PopularTargeter(n=100),
        FreshTargeter(n=50),
        EditorTargeter(n=50),
        ContinueTargeter(n=5),
        FactorsTargeter(n=300),
    ),
    exclude=("read",),
)


class OneArtifact:
    """A shelf with one artifact, in memory."""

    def __init__(self, learned: Learned) -> None:
        self.learned = learned

    def find(self, name: str) -> Learned:
        return self.learned


def main() -> None:
    print(machine())
    largest = int(sys.argv[1]) if len(sys.argv) > 1 else SIZES[-1]
    header = [
        "titles",
        "search",
        "candidates",
        "request p50 (ms)",
        "p99",
        "longest",
        "index built in (s)",
        "index (MB)",
        "recall of 300",
    ]
    print(table(header, [row for size in SIZES if size <= largest for row in measure(size)]))


def measure(size: int) -> list[list[str]]:
    state = shop(size)
    factors = learned_from_reads(size)
    _ = factors.gram, factors.directions
    start = time.perf_counter()
    index = build(factors.items)
    built = time.perf_counter() - start
    exact, approximate = Learned(factors), Learned(factors, index)
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    rows = []
    for name, learned in (("exact", exact), ("index", approximate)):
        times, candidates = ask(state, learned, 200 if size > 100_000 and name == "exact" else 2_000)
        figures = [f"{value:.2f}" for value in np.percentile(times, [50, 99, 100])]
        extra = (
            ["", "", ""]
            if name == "exact"
            else [f"{built:.0f}", f"{len(index.data) / 1e6:.0f}", f"{recall(state, exact, approximate):.3f}"]
        )
        rows.append([f"{size:,}", name, f"{candidates:.0f}", *figures, *extra])
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
    return rows


def shop(size: int) -> State:
    """The titles, ten thousand readers with 20 reads each."""
    random = np.random.default_rng(1)
    state = State()
    ids = [f"t{i}" for i in range(size)]
    items = [
        Item(id=text, launched_at=(NOW - (i % 900) * DAY) / 1000, editor_rank=i + 1 if i < 200 else None)
        for i, text in enumerate(ids)
    ]
    users = [f"u{i}" for i in range(10_000)]
    encode = msgspec.msgpack.encode
    documents = [
        (DocumentKind.IDS, encode({"namespace": "item", "texts": ids})),
        (DocumentKind.IDS, encode({"namespace": "user", "texts": users})),
        (DocumentKind.IDS, encode({"namespace": "placement", "texts": ["home"]})),
        (DocumentKind.IDS, encode({"namespace": "policy", "texts": [policy_version(HOME.policy)]})),
        (DocumentKind.ITEMS, encode(items)),
        (DocumentKind.CONFIG, encode(Config(placements={"home": HOME}))),
    ]
    for kind, payload in documents:
        at = state.position
        state.fold(Stretch(at, at + 1, no_events(), no_decisions(), (Document(at, kind, payload),)))
    rows = np.zeros(200_000, EVENT)
    rows["user"], rows["kind"], rows["occurred_ms"], rows["placement"] = np.arange(200_000) % 10_000, 3, NOW, -1
    rows["item"] = np.minimum(random.zipf(1.2, 200_000), size) - 1
    at = state.position
    state.fold(Stretch(at, at + len(rows), Events(np.arange(at, at + len(rows)), rows), no_decisions()))
    return state


def learned_from_reads(size: int) -> Factors:
    """Factors of a world with five reads a title, but half a million at least; readers are folded in later."""
    data = world(max(10_000, size // 10), size, max(500_000, 5 * size))
    factors = fit(data, AlsConfig(iterations=6))
    return Factors(np.zeros((0, 64), np.float32), factors.items, factors.config, factors.mean_mass)


def ask(state: State, learned: Learned, calls: int) -> tuple[Array, float]:
    decider = Decider(state, OneArtifact(learned))  # type: ignore[arg-type]
    place = state.placements["home"]
    random = np.random.default_rng(3)
    times, candidates = [], []
    for i in range(calls + 50):
        user = int(random.integers(0, 10_000))
        start = time.perf_counter()
        decided = decider.decide(place, 20, i, NOW, user)
        times.append((time.perf_counter() - start) * 1e3)
        candidates.append(decided.candidates)
    return np.array(times[50:]), float(np.mean(candidates))


def recall(state: State, exact: Learned, approximate: Learned) -> float:
    targeter = SuitsReader(300)
    found = []
    for user in range(200):
        recent = state.histories.recent(user)
        asked = Asked(recent, -1, NOW, recent)
        one, other = (
            targeter.find(asked, View(state.items, state.popularity, learned)) for learned in (exact, approximate)
        )
        found.append(np.isin(one, other).mean() if len(one) else 1.0)
    return float(np.mean(found))


if __name__ == "__main__":
    main()
