"""Services beside each other over many seeds: click rates by placement, paired differences to the first, coverage."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager

import msgspec
import numpy as np

from bandi.evaluation.intervals import t_interval
from bandi.evaluation.service_runs import BUCKETS, PlacementRun, Plan, Service, ServiceRun, Train, run_service
from bandi.evaluation.worlds.parameters import WorldParameters
from bandi.evaluation.worlds.webtoon import World
from bandi.model.records import Array

Figure = tuple[float, float, float]
"""Mean over seeds, and the bounds of its 95 % t-interval."""
LATE = BUCKETS // 5
_BLAS_THREADS = "OPENBLAS_NUM_THREADS"


class PlacementLine(msgspec.Struct, frozen=True):
    """One placement of one service. Differences are paired by seed, against the first service's placement of that name."""

    service: str
    placement: str
    lists: float
    """Lists shown in a run, on average."""
    ctr: Figure
    """Clicks per impression."""
    difference: Figure
    """Of the click rate, as a plain difference: 0.01 is one percentage point."""
    versus: Figure
    """Click rate as a multiple of the first service's."""
    late_difference: Figure
    """Of the click rate in the last fifth of the run."""
    oracle_share: Figure
    """Clicks expected of the lists shown, as a share of those of the best list for each reader at that moment."""
    coverage: Figure
    """Share of the catalogue's titles that were shown at all."""
    gini: Figure
    """Gini coefficient of impressions over titles: 0, all alike; 1, one title has all."""


class ServiceLine(msgspec.Struct, frozen=True):
    """One service over all its placements."""

    service: str
    clicks_per_visit: Figure
    difference: Figure
    """Of clicks per visit, paired by seed, against the first service."""
    trainings: float
    """Trainings in a run."""
    visits_per_second: float
    """Of one process, training left out."""
    training_seconds: float
    """Wall time of one training, taking up included."""


class ServiceComparison(msgspec.Struct, frozen=True):
    """All services; the first is the baseline."""

    visits: int
    seeds: int
    baseline: str
    services: tuple[ServiceLine, ...]
    placements: tuple[PlacementLine, ...]
    ctr_over_time: dict[str, list[float]]
    """`service/placement` -> mean CTR by twentieth of the run."""


def run_services(
    services: Sequence[Service],
    parameters: WorldParameters,
    seeds: Sequence[int],
    plan: Plan,
    train: Train | None,
    processes: int = 1,
    on_visits: Callable[[int], None] | None = None,
) -> dict[str, list[ServiceRun]]:
    """One run for each service and seed, by service in the order of the seeds; a world for each seed.

    processes: worker processes; 1 runs all in this one. With more, `train` must be a function of a module.
    """
    tasks = [(service, parameters, seed, plan, train) for seed in seeds for service in services]
    found: dict[tuple[str, int], ServiceRun] = {}
    for run in _runs(tasks, min(processes, len(tasks))):
        found[run.service, run.seed] = run
        if on_visits is not None:
            on_visits(plan.visits)
    return {service.name: [found[service.name, seed] for seed in seeds] for service in services}


_Task = tuple[Service, WorldParameters, int, Plan, Train | None]


def _runs(tasks: list[_Task], processes: int) -> Iterator[ServiceRun]:
    if processes <= 1:
        yield from map(_run, tasks)
        return
    with (
        _one_thread_each(),
        ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool,
    ):
        waiting = [pool.submit(_run, task) for task in tasks]
        try:
            for done in as_completed(waiting):
                yield done.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _run(task: _Task) -> ServiceRun:
    service, parameters, seed, plan, train = task
    return run_service(service, World(parameters, seed), seed, plan, train)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Workers whose linear algebra does not fight over the cores; it is read once, when a worker imports numpy."""
    before = os.environ.get(_BLAS_THREADS)
    os.environ.setdefault(_BLAS_THREADS, "1")
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(_BLAS_THREADS, None)


def summarise_services(results: dict[str, list[ServiceRun]]) -> ServiceComparison:
    """Means and intervals; the first service is the baseline."""
    baseline = next(iter(results))
    base = results[baseline]
    placements = tuple(
        _placement_line(
            name, place, [run.placements[place] for run in runs], [run.placements.get(place) for run in base]
        )
        for name, runs in results.items()
        for place in runs[0].placements
    )
    over_time = {
        f"{name}/{place}": (
            sum(run.placements[place].clicks for run in runs)
            / np.maximum(sum(run.placements[place].impressions for run in runs), 1)
        ).tolist()
        for name, runs in results.items()
        for place in runs[0].placements
    }
    services = tuple(_service_line(name, runs, base) for name, runs in results.items())
    return ServiceComparison(base[0].visits, len(base), baseline, services, placements, over_time)


def _service_line(name: str, runs: list[ServiceRun], base: list[ServiceRun]) -> ServiceLine:
    clicks = np.array([run.clicks_per_visit for run in runs])
    trainings = sum(run.trainings for run in runs)
    training_seconds = sum(run.training_seconds for run in runs)
    seconds = sum(run.seconds for run in runs) - training_seconds
    return ServiceLine(
        name,
        _figure(clicks),
        _figure(clicks - np.array([run.clicks_per_visit for run in base])),
        trainings / len(runs),
        sum(run.visits for run in runs) / max(seconds, 1e-9),
        training_seconds / max(1, trainings),
    )


def _placement_line(
    service: str, placement: str, runs: list[PlacementRun], base: list[PlacementRun | None]
) -> PlacementLine:
    ctr, late = _of(runs, lambda run: run.ctr), _of(runs, _late_ctr)
    known = [run for run in base if run is not None]
    nothing = np.full(len(runs), np.nan)
    base_ctr, base_late = (_of(known, lambda run: run.ctr), _of(known, _late_ctr)) if known else (nothing, nothing)
    return PlacementLine(
        service,
        placement,
        float(np.mean([run.lists.sum() for run in runs])),
        _figure(ctr),
        _figure(ctr - base_ctr),
        _figure(ctr / base_ctr),
        _figure(late - base_late),
        _figure(_of(runs, lambda run: float(run.expected.sum() / max(run.best.sum(), 1e-300)))),
        _figure(_of(runs, lambda run: float((run.shown > 0).mean()))),
        _figure(_of(runs, lambda run: gini(run.shown))),
    )


def _of(runs: list[PlacementRun], figure: Callable[[PlacementRun], float]) -> Array:
    return np.array([figure(run) for run in runs])


def _late_ctr(run: PlacementRun) -> float:
    return float(run.clicks[-LATE:].sum() / max(1.0, run.impressions[-LATE:].sum()))


def _figure(values: Array) -> Figure:
    interval = t_interval(values)
    return interval.estimate, interval.low, interval.high


def gini(counts: Array) -> float:
    """Gini coefficient of counts (at least 0): 0 where all are alike or nothing was counted, (n - 1) / n where one has all."""
    ordered = np.sort(counts).astype(np.float64)
    total = ordered.sum()
    if not total:
        return 0.0
    n = len(ordered)
    return float((2.0 * np.arange(1, n + 1) - n - 1.0) @ ordered / (n * total))
