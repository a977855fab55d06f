"""Simulated impressions per minute on one core through the real policies, and whose time it is; run: python -m bench.simulate."""

from __future__ import annotations

import time

from bandi.evaluation.simulate import run_policy
from bandi.evaluation.worlds.parameters import read_parameters
from bandi.evaluation.worlds.webtoon import World
from bandi.model.policy_config import Editor, EpsilonGreedy, PolicyConfig, Thompson, Ucb1
from bandi.policies.protocol import Candidates, Outcomes, Ranked, Request
from bandi.policies.registry import make_policy
from bandi.policies.warm import warm
from bench.measure import Sample, machine, table

RUNS = 3
POLICIES: dict[str, PolicyConfig] = {
    "thompson": Thompson(),
    "ucb1": Ucb1(),
    "epsilon_greedy": EpsilonGreedy(),
    "editor": Editor(),
}


class Timed:
    """A policy that keeps its own time."""

    def __init__(self, config: PolicyConfig) -> None:
        self._policy = make_policy(config, 1)
        self.seconds = 0.0

    def rank(self, request: Request, candidates: Candidates, k: int, seed: int) -> Ranked:
        start = time.perf_counter()
        ranked = self._policy.rank(request, candidates, k, seed)
        self.seconds += time.perf_counter() - start
        return ranked

    def update(self, outcomes: Outcomes) -> None:
        self._policy.update(outcomes)


def main() -> None:
    print(machine(), "\n")
    warm()
    world = World(read_parameters(), 1)
    rows = []
    for visits in (2_000, 20_000, 100_000):
        for name, config in POLICIES.items():
            seconds, share, impressions = [], 0.0, 0.0
            for _ in range(RUNS):
                policy = Timed(config)
                start = time.perf_counter()
                result = run_policy(name, policy, world, 1, visits)  # type: ignore[arg-type]
                seconds.append(time.perf_counter() - start)
                share = policy.seconds / seconds[-1]
                impressions = float(result.impressions.sum()) * 60 / 1e6
            times = Sample(min(seconds), sorted(seconds)[RUNS // 2], max(seconds))
            spread = (
                f"{impressions / times.median:.1f} ({impressions / times.high:.1f} to {impressions / times.low:.1f})"
            )
            rows.append([f"{visits:,}", name, spread, f"{share:.0%}"])
    print(table(["visits", "policy", "million impressions a minute", "of it in policy.rank"], rows))


if __name__ == "__main__":
    main()
