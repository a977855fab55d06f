"""The funnel world's impressions per minute on one core, beside the loop with a policy that does nothing; run: python -m bench.funnel."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np

from bandi.evaluation.worlds.funnel.oracle import Oracle
from bandi.evaluation.worlds.funnel.parameters import preset_file, read_funnel, resized
from bandi.evaluation.worlds.funnel.running import CLICKS, Plan, run_funnel
from bandi.evaluation.worlds.funnel.truth import FunnelWorld
from bandi.model.config import Editor, Thompson
from bandi.policies.protocol import Candidates, Outcomes, Policy, Ranked, Request
from bandi.policies.registry import make_policy
from bench.measure import Sample, machine, table

RUNS = 3
SIZES = {
    "2,000 readers, 100 titles, 20 days": (2_000, 100, 20),
    "20,000, 400, 60": (20_000, 400, 60),
    "100,000, 2,000, 90": (100_000, 2_000, 90),
}


class Idle:
    """The lower bound: shows the first candidates, learns nothing."""

    def rank(self, request: Request, candidates: Candidates, k: int, seed: int) -> Ranked:
        return Ranked(candidates.items[:k], np.zeros(min(k, len(candidates.items)), np.float32))

    def update(self, outcomes: Outcomes) -> None:
        return None


def contenders(world: FunnelWorld) -> dict[str, tuple[Callable[[], Policy | Oracle], Plan]]:
    """What is timed, made anew for each run."""
    return {
        "does nothing": (Idle, CLICKS),  # type: ignore[dict-item]  # the loop asks for no more
        "does nothing, told of each step": (Idle, Plan(steps=("continued", "coins"))),  # type: ignore[dict-item]
        "thompson": (lambda: make_policy(Thompson(), 1), CLICKS),
        "thompson, 8 segments": (lambda: make_policy(Thompson(), 9), Plan(segments=8)),
        "editor": (lambda: make_policy(Editor(), 1), CLICKS),
        "oracle": (lambda: Oracle(world, 0.1), CLICKS),
    }


def main(sizes: list[str]) -> None:
    print(machine(), "\n")
    rows = []
    for size in sizes:
        readers, titles, days = SIZES[size]
        start = time.perf_counter()
        world = FunnelWorld(resized(read_funnel(preset_file("calibrated")), readers, titles, days), 1)
        for day in range(days):
            world.population(day)
        assert len(world.organic.readers)  # drawn when first asked for
        drawn = f"{time.perf_counter() - start:.1f} s"
        for name, (make, plan) in contenders(world).items():
            seconds, impressions = [], 0.0
            if size == sizes[0]:
                run_funnel(name, make(), world, plan)  # kernels are compiled or loaded
            for _ in range(RUNS if titles < 1_000 else 1):
                start = time.perf_counter()
                result = run_funnel(name, make(), world, plan)
                seconds.append(time.perf_counter() - start)
                impressions = float(result.days.impressions.sum())
            times = Sample(min(seconds), sorted(seconds)[len(seconds) // 2], max(seconds))
            speed = [f"{impressions * 60e-6 / s:.1f}" for s in (times.median, times.high, times.low)]
            rows.append(
                [
                    size, drawn, name, f"{impressions / 1e6:.2f}", str(times), f"{speed[0]} ({speed[1]} to {speed[2]})"
                ]
            )  # fmt: skip
    header = ["world", "drawing it", "policy", "million impressions", "a run", "million impressions a minute"]
    print(table(header, rows))


if __name__ == "__main__":
    main([list(SIZES)[int(n)] for n in sys.argv[1:]] or list(SIZES))
