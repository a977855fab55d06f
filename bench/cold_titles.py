"""What content priors are worth in the worlds: services with `source = "content"` beside the same ones without.

Run: python -m bench.cold_titles [--world webtoon|personal] [--seeds 10] [--visits 20000] SERVICE ...

A SERVICE is one that comes with Bandi (`spine_unread`, `personal`) or a bandi.toml; each runs as it is and with content
priors at each of its placements, with the `borrow` of --borrow where that is given. In one world all meet the same readers at
the same times with the same luck. New titles are those launched during the run; an impression is wasted on a title that
cannot win on the last day. The table of the worlds done so far goes to stderr after each.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import numpy as np

from bandi.cli.simulate import read_service, world_file
from bandi.evaluation.intervals import t_interval
from bandi.evaluation.service_comparison import run_services
from bandi.evaluation.service_runs import BUCKETS, Plan, Service, ServiceRun
from bandi.evaluation.worlds.parameters import read_parameters
from bandi.evaluation.worlds.webtoon import DAY_MS, START_MS, World
from bandi.jobs.training import train
from bandi.learning.content_features import level_alone
from bandi.model.records import Array
from bench.measure import machine, table

FIXED = 'policy = { use = "thompson" }'
Measure = Callable[[ServiceRun, World], float]


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("services", nargs="+")
    asked.add_argument("--world", default="personal")
    asked.add_argument("--seeds", type=int, default=10)
    asked.add_argument("--first-seed", type=int, default=1)
    asked.add_argument("--visits", type=int, default=20_000)
    asked.add_argument("--borrow", type=float, nargs="*", default=[])
    asked.add_argument("--constant", action="store_true", help="also with priors that know nothing of titles")
    asked.add_argument("--processes", type=int, default=1)
    options = asked.parse_args()
    services = [each for name in options.services for each in variants(read_service(name), options.borrow)]
    parameters = read_parameters(world_file(options.world))
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    runs: dict[str, list[ServiceRun]] = {service.name: [] for service in services}
    worlds: list[World] = []
    for seed in seeds:
        found = run_services(services, parameters, [seed], Plan(options.visits), train, options.processes)
        if options.constant:
            alone = [_renamed(each) for each in services if each.name.endswith(", content")]
            found |= run_services(alone, parameters, [seed], Plan(options.visits), train_on_level_alone)
        worlds.append(World(parameters, seed))
        for name, own in found.items():
            runs.setdefault(name, []).extend(own)
        print(report(runs, worlds), file=sys.stderr, flush=True)  # what is known if somebody ends it here
    print(
        machine(),
        f"\n\nworld {options.world}, {options.seeds} worlds from seed {options.first_seed}, {options.visits} visits\n",
    )
    print(report(runs, worlds))


def variants(service: Service, borrow: list[float]) -> list[Service]:
    """The service as it is, and with priors from content."""
    if FIXED not in service.config:
        raise SystemExit(f"{service.name}: expected a line with {FIXED}")
    found = [service]
    for amount in [None, *borrow]:
        more = "" if amount is None else f", borrow = {amount}"
        content = FIXED.replace(" }", f', prior = {{ source = "content" }}{more} }}')
        name = f"{service.name}, content" + ("" if amount is None else f", borrow {amount:g}")
        found.append(Service(name, service.config.replace(FIXED, content)))
    return found


def train_on_level_alone(folder: Path) -> object:
    """`train`, but every title looks alike to the priors: what level, segments and strength are worth without content."""
    with mock.patch("bandi.jobs.priors.described", lambda items, titles, *rest: level_alone(len(titles))):
        return train(folder)


def _renamed(service: Service) -> Service:
    return Service(service.name.replace(", content", ", constant"), service.config)


def report(runs: dict[str, list[ServiceRun]], worlds: list[World]) -> str:
    """A row for each service, differences to the service without content priors that it is a variant of."""
    header = ["service", *(name for name, _ in MEASURES)]
    rows = []
    for name, ours in runs.items():
        base = runs[name.partition(",")[0]]
        cells = []
        for _, measure in MEASURES:
            values = np.array([measure(run, world) for run, world in zip(ours, worlds, strict=True)])
            before = np.array([measure(run, world) for run, world in zip(base, worlds, strict=True)])
            cells.append(f"{values.mean():.2%}" + ("" if base is ours else " " + difference(values - before)))
        rows.append([name, *cells])
    return table(header, rows)


def difference(values: Array) -> str:
    """Mean and 95 % t-interval, in points."""
    if len(values) < 2:
        return f"({values[0] * 100:+.2f})"
    found = t_interval(values)
    return f"({found.estimate * 100:+.2f}: {found.low * 100:+.2f} to {found.high * 100:+.2f})"


def ctr(place: str) -> Measure:
    return lambda run, world: run.placements[place].ctr


def late_ctr(place: str) -> Measure:
    last = slice(BUCKETS - BUCKETS // 5, BUCKETS)
    return lambda run, world: float(
        run.placements[place].clicks[last].sum() / max(1.0, run.placements[place].impressions[last].sum())
    )


def oracle(place: str) -> Measure:
    return lambda run, world: float(run.placements[place].expected.sum() / run.placements[place].best.sum())


def wasted(run: ServiceRun, world: World) -> float:
    """Share of all impressions that were on new titles that cannot win."""
    return float(_shown(run)[_new(world) & _hopeless(world)].sum() / _shown(run).sum())


def given(run: ServiceRun, world: World) -> float:
    """Share of all impressions that were on new titles."""
    return float(_shown(run)[_new(world)].sum() / _shown(run).sum())


def _shown(run: ServiceRun) -> Array:
    return np.asarray(sum(place.shown for place in run.placements.values()))


def _new(world: World) -> Array:
    return np.asarray(world.launched_ms > START_MS)


def _hopeless(world: World) -> Array:
    return world.cannot_win(START_MS + world.parameters.run.days * DAY_MS)


MEASURES: list[tuple[str, Measure]] = [
    ("CTR at home", ctr("home")),
    ("home, last fifth", late_ctr("home")),
    ("of the oracle's, home", oracle("home")),
    ("CTR beside a title", ctr("viewer_end")),
    ("on new titles", given),
    ("wasted on new titles", wasted),
]

if __name__ == "__main__":
    main()
