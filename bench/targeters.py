"""A home request with five targeters over catalogues of three sizes; run: python -m bench.targeters [largest size].

Factors of 64 numbers learned from reads of a world (bench.factors), whose readers also ask: up to 32 of their reads are
their history. popular 120, fresh 60, editor 60, continue_reading 5 and factors 350 (list `beside` a title: similar 350 instead), what
was read left out: over 500 candidates, ranked to 20, the decision made but not logged. Exact search beside the index; recall: how
much of the exact 300 of that targeter the index names; proven: home requests that ended, exact, without the graph. Asked on one
core; the indexes are built on all. Processor time is what is left of a request's time when others' work beside it is taken off.
BANDI_BENCH_CACHE names a folder that keeps factors and indexes from run to run.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from bandi.engine.deciding import Asking, Decider
from bandi.engine.state import State
from bandi.features.factors.als import AlsConfig, Factors, fit
from bandi.features.factors.interactions import Interactions
from bandi.features.factors.search import Neighbours, build
from bandi.model.catalog import Item
from bandi.model.config import Config, Placement
from bandi.model.records import EVENT, Array, Document, DocumentKind, Events, Stretch, no_decisions, no_events
from bandi.model.targeter_config import (
    ContinueTargeter,
    EditorTargeter,
    FactorsTargeter,
    FreshTargeter,
    PopularTargeter,
    SimilarTargeter,
)
from bandi.policies.registry import policy_version
from bandi.targeters.by_factors import Resembles, SuitsReader
from bandi.targeters.protocol import Asked, Learned, Likeness, Targeter, View
from bench.factors import world
from bench.measure import machine, table

NOW = 1_700_000_000_000
DAY = 86_400_000
SIZES = (10_000, 100_000, 1_000_000)
READERS = 10_000
HOME = Placement(
    targeters=(
        PopularTargeter(n=120),
        FreshTargeter(n=60),
        EditorTargeter(n=60),
        ContinueTargeter(n=5),
        FactorsTargeter(n=350),
    ),
    exclude=("read",),
)
BESIDE = Placement(targeters=(*HOME.targeters[:4], SimilarTargeter(n=350)), exclude=("read",))


class OneArtifact:
    """A shelf with one artifact, in memory."""

    def __init__(self, learned: Learned) -> None:
        self.learned = learned

    def find(self, name: str) -> Learned:
        return self.learned


def main() -> None:
    print(machine(), f"load average {os.getloadavg()[0]:.1f}\n")
    largest = int(sys.argv[1]) if len(sys.argv) > 1 else SIZES[-1]
    header = [
        "titles", "search", "list", "candidates", "request p50 (ms)", "p99", "its processor time p50 (ms)", "p99", "recall of 300", "proven",
        "indexes built in (s)", "indexes (MB)",
    ]  # fmt: skip
    print(table(header, [row for size in SIZES if size <= largest for row in measure(size)]))


def measure(size: int) -> list[list[str]]:
    reads = world(max(10_000, size // 10), size, max(500_000, 5 * size))
    state = shop(size, reads)
    factors = learned_from_reads(size, reads)
    exact = Learned(factors, likeness={"factors": Likeness(factors.directions)})
    indexed, seconds = with_indexes(size, exact.factors)
    assert indexed.by_score is not None
    by_direction = indexed.likeness["factors"].index
    assert by_direction is not None
    megabytes = (len(indexed.by_score.data) + len(by_direction.data)) / 1e6
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    rows = []
    for search, learned in (("exact", exact), ("index", indexed)):
        for place, targeter in (("home", SuitsReader(300)), ("beside", Resembles(300))):
            times, candidates = ask(state, place, learned, 200 if size > 100_000 and learned is exact else 2_000)
            figures = [f"{value:.2f}" for value in np.percentile(times, [50, 99], axis=1).T.ravel()]
            extra = ["", "", "", ""]
            if learned is indexed:
                proven = f"{share_proven(state, indexed):.0%}" if place == "home" else ""
                extra = [f"{recall(state, targeter, exact, indexed):.3f}", proven, f"{seconds:.0f}", f"{megabytes:.0f}"]
            rows.append([f"{size:,}", search, place, f"{candidates:.0f}", *figures, *extra])
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
    return rows


def with_indexes(size: int, factors: Factors) -> tuple[Learned, float]:
    """Both indexes, built or from BANDI_BENCH_CACHE, and the seconds that building took (0: from there)."""
    found, seconds = [], 0.0
    for name, vectors in (("score", factors.items), ("direction", factors.directions)):
        path = kept(f"{size}-{name}.npy")
        if path is not None and path.exists():
            found.append(Neighbours(np.load(path), vectors))
            continue
        start = time.perf_counter()
        found.append(build(vectors))
        seconds += time.perf_counter() - start
        if path is not None:
            np.save(path, found[-1].data)
    return Learned(factors, found[0], {"factors": Likeness(factors.directions, found[1])}), seconds


def kept(name: str) -> Path | None:
    folder = os.environ.get("BANDI_BENCH_CACHE")
    if folder is None:
        return None
    Path(folder).mkdir(exist_ok=True)
    return Path(folder) / name


def shop(size: int, reads: Interactions) -> State:
    """The titles, ten thousand readers with the reads of theirs."""
    state = State()
    ids = [f"t{i}" for i in range(size)]
    items = [
        Item(id=text, launched_at=(NOW - (i % 900) * DAY) / 1000, editor_rank=i + 1 if i < 200 else None)
        for i, text in enumerate(np.random.default_rng(1).permutation(ids).tolist())
    ]
    encode = msgspec.msgpack.encode
    documents = [
        (DocumentKind.IDS, encode({"namespace": "item", "texts": ids})),
        (DocumentKind.IDS, encode({"namespace": "user", "texts": [f"u{i}" for i in range(READERS)]})),
        (DocumentKind.IDS, encode({"namespace": "placement", "texts": ["home", "beside"]})),
        (DocumentKind.IDS, encode({"namespace": "policy", "texts": [policy_version(HOME.policy)]})),
        (DocumentKind.ITEMS, encode(items)),
        (DocumentKind.CONFIG, encode(Config(placements={"home": HOME, "beside": BESIDE}))),
    ]
    for kind, payload in documents:
        at = state.position
        state.fold(Stretch(at, at + 1, no_events(), no_decisions(), (Document(at, kind, payload),)))
    users = np.repeat(np.arange(READERS), np.diff(reads.by_user.starts[: READERS + 1]))
    rows = np.zeros(len(users), EVENT)
    rows["user"], rows["kind"], rows["occurred_ms"], rows["placement"] = users, 3, NOW, -1
    rows["item"] = reads.by_user.columns[: len(users)]
    rows = rows[np.random.default_rng(2).permutation(len(rows))]
    at = state.position
    state.fold(Stretch(at, at + len(rows), Events(np.arange(at, at + len(rows)), rows), no_decisions()))
    return state


def learned_from_reads(size: int, reads: Interactions) -> Factors:
    """Factors of the titles alone: readers are folded in later."""
    config, path = AlsConfig(iterations=6), kept(f"{size}-items.npy")
    nobody = np.zeros((0, config.factors), np.float32)
    if path is not None and path.exists():
        return Factors(nobody, np.load(path), config, config.alpha * reads.entries / reads.users + size)
    factors = fit(reads, config)
    if path is not None:
        np.save(path, factors.items)
    return Factors(nobody, factors.items, config, factors.mean_mass)


def ask(state: State, name: str, learned: Learned, calls: int) -> tuple[Array, float]:
    """Milliseconds passed and milliseconds of the processor for each request, float64[2, calls]; mean candidates."""
    decider = Decider(state, OneArtifact(learned))  # type: ignore[arg-type]
    place = state.placements[name]
    random = np.random.default_rng(3)
    times, candidates = [], []
    for i in range(calls + 50):
        user = int(random.integers(0, READERS))
        recent = state.histories.recent(user)
        about = int(recent[-1]) if name == "beside" and len(recent) else -1
        start, worked = time.perf_counter(), time.thread_time()
        decided = decider.decide(place, 20, i, Asking(NOW, user, about))
        times.append(((time.perf_counter() - start) * 1e3, (time.thread_time() - worked) * 1e3))
        candidates.append(decided.candidates)
    return np.array(times[50:]).T, float(np.mean(candidates))


def recall(state: State, targeter: Targeter, exact: Learned, approximate: Learned) -> float:
    found = []
    for user in range(200):
        recent = state.histories.recent(user)
        one, other = (targeter.find(asked(recent), view(state, learned)) for learned in (exact, approximate))
        found.append(np.isin(one, other).mean() if len(one) else 1.0)
    return float(np.mean(found))


def asked(recent: Array) -> Asked:
    return Asked(recent, -1, NOW, recent, recent, np.zeros(0, np.float32))


def view(state: State, learned: Learned) -> View:
    return View(state.items, state.popularity, learned, state.items.shown(NOW))


def share_proven(state: State, indexed: Learned) -> float:
    """Requests of `factors` that never asked the graph."""
    index = indexed.by_score
    assert index is not None
    graph, targeter, proven = index._graph, SuitsReader(350), 0
    for user in range(500):
        index._graph = counting = Counting(graph)
        recent = state.histories.recent(user)
        targeter.find(asked(recent), view(state, indexed))
        proven += counting.calls == 0
    index._graph = graph
    return proven / 500


class Counting:
    """A graph that counts how often it was asked."""

    def __init__(self, graph: Any) -> None:
        self._graph = graph
        self.calls = 0

    def search(self, *args: Any, **options: Any) -> Any:
        self.calls += 1
        return self._graph.search(*args, **options)

    def __len__(self) -> int:
        return len(self._graph)


if __name__ == "__main__":
    main()
