"""Visits per second through whole services in a world, and whose time it is; run: python -m bench.services."""

from __future__ import annotations

import time
from pathlib import Path

from bandi.evaluation.service_runs import Plan, Service, checked_service, run_service
from bandi.evaluation.simulate import run_policy
from bandi.evaluation.worlds.parameters import PERSONAL, read_parameters
from bandi.evaluation.worlds.webtoon import World
from bandi.jobs.training import train
from bandi.model.policy_config import Thompson
from bandi.policies.registry import make_policy
from bandi.policies.warm import warm
from bench.measure import machine, table

RUNS = 3


def timed(service: Service, world: World, visits: int) -> list[str]:
    """Medians of visits/s with training left out, and seconds a training."""
    rates, trainings = [], []
    lists = 0.0
    for _ in range(RUNS):
        run = run_service(service, world, 1, Plan(visits), train)
        rates.append(visits / (run.seconds - run.training_seconds))
        trainings.append(run.training_seconds / max(1, run.trainings))
        lists = sum(float(place.lists.sum()) for place in run.placements.values()) / visits
    rates.sort()
    return [
        f"{visits:,}",
        service.name,
        f"{rates[RUNS // 2]:,.0f} ({rates[0]:,.0f} to {rates[-1]:,.0f})",
        f"{lists:.2f}",
        f"{sorted(trainings)[RUNS // 2]:.2f}",
    ]


def bare(world: World, visits: int) -> list[str]:
    """The lower bound: the policy alone in the same world, one list a visit, no engine and no log."""
    rates = []
    for _ in range(RUNS):
        started = time.perf_counter()
        run_policy("thompson", make_policy(Thompson(), 1), world, 1, visits)
        rates.append(visits / (time.perf_counter() - started))
    rates.sort()
    spread = f"{rates[RUNS // 2]:,.0f} ({rates[0]:,.0f} to {rates[-1]:,.0f})"
    return [f"{visits:,}", "policy alone", spread, "1.00", ""]


def main() -> None:
    print(machine(), "\n")
    warm()
    world = World(read_parameters(PERSONAL), 1)
    folder = PERSONAL.parent / "services"
    services = [
        checked_service(path.stem, path.read_text(encoding="utf-8")) for path in sorted(Path(folder).glob("*.toml"))
    ]
    for service in services:
        run_service(service, world, 1, Plan(200), train)
    rows = []
    for visits in (2_000, 10_000, 30_000):
        rows.append(bare(world, visits))
        rows += [timed(service, world, visits) for service in services]
    print(table(["visits", "service", "visits/s", "lists a visit", "a training (s)"], rows))


if __name__ == "__main__":
    main()
