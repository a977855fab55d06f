"""Policies evaluated from another policy's log, propensities recomputed, against the truth of a world and against really run.

python -m bench.own_log --seeds 20
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from bandi.cli.simulate import parse_policy
from bandi.evaluation.own_log.evaluating import OwnLogReport, evaluate_own_log
from bandi.evaluation.own_log.fitting import FitReport, as_toml, fit_own_log
from bandi.evaluation.own_log.walking import AskedAgain
from bandi.evaluation.service_runs import Plan, Service, run_service_in
from bandi.evaluation.worlds.parameters import WorldParameters, read_parameters
from bandi.evaluation.worlds.webtoon import World
from bandi.model.policy_config import Thompson
from bandi.model.records import Array
from bandi.policies.protocol import Candidates, Outcomes, Request
from bandi.policies.registry import make_policy
from bandi.policies.slot_chances import slot_chances
from bench.measure import machine, table, time_call

ESTIMATORS = ("model", "IPS", "SNIPS", "DR")
EVALUATED = {
    "thompson": '{ use = "thompson" }',
    "epsilon_greedy:epsilon=0.1": '{ use = "epsilon_greedy", epsilon = 0.1 }',
    "thompson:half_life=1d": '{ use = "thompson", half_life = "1d" }',
    "ucb1": '{ use = "ucb1" }',
}


def small_world() -> WorldParameters:
    """60 titles, 3,000 readers, lists of 5."""
    parameters = read_parameters()
    return msgspec.structs.replace(
        parameters,
        titles=msgspec.structs.replace(parameters.titles, count=60, launched_before=50),
        readers=msgspec.structs.replace(parameters.readers, count=3_000),
        run=msgspec.structs.replace(parameters.run, k=5),
    )


class Truth:
    """Clicks that the world expects of the evaluated policies' lists at the decisions that were asked again."""

    def __init__(self, world: World, evaluated: int) -> None:
        self._world = world
        self.sums, self.lists = np.zeros(evaluated), 0

    def __call__(self, asked: AskedAgain) -> None:
        examination = self._world.examination[: len(asked.items)]
        reader = np.array([int(asked.header["user"])])
        for which, lists in enumerate(draws.lists for draws in asked.evaluated):
            attraction = self._world.attraction(reader[:, None], np.maximum(lists, 0)) * (lists >= 0)
            self.sums[which] += float((attraction * examination).sum(axis=1).mean())
        self.lists += 1


def one_seed(logging: str, seed: int, visits: int, most: int, draws: int) -> tuple[OwnLogReport, Array, Array]:
    """The report, the truth of each policy at these decisions, and the expected clicks per list of each really run."""
    world = World(small_world(), seed)
    plan = Plan(visits, batch=20)
    with tempfile.TemporaryDirectory(prefix="bench-own-log-") as name:
        folder = Path(name)
        run_service_in(folder, Service("logging", _config(EVALUATED[logging])), world, seed, plan, None)
        truth = Truth(world, len(EVALUATED))
        report = evaluate_own_log(
            folder,
            "home",
            [parse_policy(text) for text in EVALUATED],
            most=most,
            draws=draws,
            seed=seed,
            on_asked=truth,
        )
    really = []
    for policy in EVALUATED.values():
        with tempfile.TemporaryDirectory(prefix="bench-own-log-") as name:
            run = run_service_in(Path(name), Service("other", _config(policy)), world, seed, plan, None)
        really.append(run.placements["home"].expected.sum() / visits)
    return report, truth.sums / truth.lists, np.array(really)


def one_fit(logging: str, seed: int, visits: int, most: int, draws: int) -> tuple[FitReport, float]:
    """The report of a table fitted on the log, and the clicks per list expected of it really run."""
    world, plan = World(small_world(), seed), Plan(visits, batch=20)
    with tempfile.TemporaryDirectory(prefix="bench-own-log-") as name:
        folder = Path(name)
        run_service_in(folder, Service("logging", _config(EVALUATED[logging])), world, seed, plan, None)
        report = fit_own_log(folder, "home", most=most, draws=draws, seed=seed)
    with tempfile.TemporaryDirectory(prefix="bench-own-log-") as name:
        text = f"[placements.home]\nk = 5\n{as_toml('home', report.table)}"
        run = run_service_in(Path(name), Service("fitted", text), world, seed, plan, None)
    return report, float(run.placements["home"].expected.sum() / visits)


def fit_summary(found: Sequence[tuple[FitReport, float]]) -> str:
    """By estimator, what was said of tables fitted on the other half, against the table of all readers really run."""
    really = np.array([run for _, run in found])
    logged = np.array([report.log.estimate for report, _ in found])
    rows = [["the log itself", "observed", f"{logged.mean():.3f}", f"{(logged - really).mean():+.3f}", "", ""]]
    for place, estimator in enumerate(ESTIMATORS):
        values = [report.value.estimates[place].value for report, _ in found]
        errors = np.array([value.estimate for value in values]) - really
        covered = np.mean([value.low <= run <= value.high for value, run in zip(values, really, strict=True)])
        mean = np.mean([value.estimate for value in values])
        rows.append(
            [
                "fitted",
                estimator,
                f"{mean:.3f}",
                f"{errors.mean():+.3f}",
                f"{np.sqrt((errors**2).mean()):.3f}",
                f"{covered:.0%}",
            ]
        )
    rows.append(["fitted", "really run", f"{really.mean():.3f}", "", "", ""])
    better = sum(run > report.log.estimate for report, run in found)
    said = sum(report.value.verdict.startswith("usable") for report, _ in found)
    note = (
        f"\nreally better than the log's lists in {better} of {len(found)} worlds; the verdict was `usable` in {said}"
    )
    return (
        table(["policy", "estimator", "clicks per list", "less really run", "RMSE", "covers really run"], rows) + note
    )


def times_table(draws: int) -> str:
    """Chances of a list of 10 under Thompson sampling: the kernel against as many rankings one by one, which only count."""
    rows = []
    for n in (100, 1_000, 10_000):
        random, items = np.random.default_rng(1), np.arange(n, dtype=np.int32)
        policy, request, candidates = make_policy(Thompson(), 1), Request(np.ones(1, np.float32), 0), Candidates(items)
        trials = random.integers(1, 2_000, n).astype(np.float32)
        rewards, none = np.floor(trials * 0.2 * random.random(n)).astype(np.float32), np.zeros(n, np.int32)
        policy.update(Outcomes(items, none, trials, rewards, none.astype(np.int64)))
        shown = policy.rank(request, candidates, 10, 1).items
        kernel = time_call(lambda: slot_chances(policy, request, candidates, shown, draws, 1), runs=5)  # noqa: B023
        counted = time_call(lambda: [policy.rank(request, candidates, 10, seed) for seed in range(draws)], runs=5)  # noqa: B023
        rows.append([f"{n:,}", str(kernel), str(counted)])
    return table([f"candidates, {draws} draws", "slot_chances", "rankings one by one"], rows)


def _config(policy: str) -> str:
    return f"[placements.home]\nk = 5\npolicy = {policy}\n"


def summary(found: Sequence[tuple[OwnLogReport, Array, Array]]) -> str:
    """The table: by policy and estimator, bias and error against the truth, and how often the interval covers it."""
    rows = []
    for which, name in enumerate(EVALUATED):
        truth = np.array([truths[which] for _, truths, _ in found])
        really = np.array([runs[which] for _, _, runs in found])
        missing = np.mean([report.evaluated[which].missing for report, _, _ in found])
        for place, estimator in enumerate(ESTIMATORS):
            values = [report.evaluated[which].estimates[place].value for report, _, _ in found]
            errors = np.array([value.estimate for value in values]) - truth
            covered = np.mean([value.low <= t <= value.high for value, t in zip(values, truth, strict=True)])
            of_run = np.mean([value.low <= t <= value.high for value, t in zip(values, really, strict=True)])
            rows.append(
                [
                    name, estimator, f"{truth.mean():.3f}", f"{errors.mean():+.3f}", f"{np.sqrt((errors**2).mean()):.3f}",
                    f"{covered:.0%}", f"{really.mean():.3f}", f"{of_run:.0%}", f"{missing:.1%}",
                ]
            )  # fmt: skip
    header = [
        "evaluated", "estimator", "truth", "bias", "RMSE", "covers truth", "really run", "covers that", "missing",
    ]  # fmt: skip
    return table(header, rows)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logging", choices=list(EVALUATED), default="thompson")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--visits", type=int, default=6_000)
    parser.add_argument("--most", type=int, default=2_000)
    parser.add_argument("--draws", type=int, default=200)
    asked = parser.parse_args()
    seeds = range(1, asked.seeds + 1)
    found = [one_seed(asked.logging, seed, asked.visits, asked.most, asked.draws) for seed in seeds]
    milliseconds = sorted(report.milliseconds for report, _, _ in found)
    print(
        f"{machine()}; logged by {asked.logging}; {asked.seeds} worlds, {asked.visits:,} visits, {asked.most:,} sampled, {asked.draws} draws"
    )
    print(f"walk: {milliseconds[len(milliseconds) // 2]:.1f} ms a sampled decision for {len(EVALUATED)} policies\n")
    print(summary(found), flush=True)
    fits = [one_fit(asked.logging, seed, asked.visits, asked.most, asked.draws) for seed in seeds]
    print(f"\n{fit_summary(fits)}\n\n{times_table(asked.draws)}")


if __name__ == "__main__":
    main()
