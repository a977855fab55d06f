"""How often each off-policy interval holds the truth, over 1,000 logs of each of seven worlds; run: python -m bench.coverage [logs].

Reward models are cross-fitted by 5 folds (but where it says not), limits and shrinkages chosen from each log, the bootstraps have 400 resamples. Bias and
error are relative to the true value. The last line of a table says how often the verdict was "cannot say", and what the studentised
bootstrap of DR covered on the other logs. With 1,000 logs a true 95 % shows as 93.6 to 96.4 % in 95 of 100 cells.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from dataclasses import dataclass, field, replace

import numpy as np

from bandi.evaluation.off_policy.estimation import Settings
from bandi.evaluation.off_policy.estimators import ESTIMATORS
from bandi.evaluation.off_policy.evaluation import RewardModel, evaluate
from bandi.evaluation.off_policy.reward_models import robust_table, smoothed_table
from bandi.evaluation.off_policy.synthetic import LogWorld
from bench.measure import machine, table

LOGS = 1_000
INTERVALS = ("student", "percentile", "studentised", "bernstein")


@dataclass(frozen=True, slots=True)
class Case:
    """A world, a log's length, and how its rows are used. wrong: standard deviation of the logarithm of errors of propensities."""

    name: str
    world: LogWorld
    rows: int
    folds: int = 5
    prior_impressions: float = 100.0
    wrong: float = 0.0


MANY = LogWorld(items=200, slots=3, rate=0.1, spread=1.0)
CASES = (
    Case("mild: click rate 10 %", LogWorld(rate=0.1, spread=1.0), 3_000),
    Case("many cells, 5 rows each, cross-fitted", MANY, 3_000, prior_impressions=1.0),
    Case("many cells, 5 rows each, not cross-fitted", MANY, 3_000, folds=1, prior_impressions=1.0),
    Case("few clicks: click rate 1 %", LogWorld(rate=0.01, spread=1.0), 10_000),
    Case("heavy weights, short log", LogWorld(rate=0.02, spread=2.0), 3_000),
    Case("heavy weights, long log", LogWorld(rate=0.05, spread=2.0), 30_000),
    Case("wrong propensities, by 30 % at random", LogWorld(rate=0.1, spread=1.0), 3_000, wrong=0.3),
)


@dataclass(slots=True)
class Tally:
    """What one estimator did over the logs."""

    errors: list[float] = field(default_factory=list)
    covered: dict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))
    widths: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))


def main() -> None:
    logs = int(sys.argv[1]) if len(sys.argv) > 1 else LOGS
    print(machine(), "\n")
    for case in CASES:
        print(_measured(case, logs), "\n", flush=True)


def _measured(case: Case, logs: int) -> str:
    truth, evaluated = case.world.value(), case.world.tables()[2]
    tallies = {name: Tally() for name in ESTIMATORS}
    prior = case.prior_impressions
    model = RewardModel(smoothed_table(None, prior), robust_table(prior), case.folds)
    effective, silent, said = [], 0, []
    for seed in range(logs):
        log = case.world.log(case.rows, seed)
        if case.wrong:
            noise = np.random.default_rng(case.world.seed + 1).normal(
                0.0, case.wrong, (case.world.items, case.world.slots)
            )
            log = replace(log, propensities=np.minimum(log.propensities * np.exp(noise)[log.items, log.positions], 1.0))
        settings = Settings(resamples=400, seed=seed, threads=1)
        found = evaluate(log, evaluated, None, model, settings)
        effective.append(found.diagnostics.effective_rows)
        silent += found.verdict.level == "cannot say"
        for estimate in found.estimates:
            assert estimate.value is not None
            tally = tallies[estimate.name]
            tally.errors.append(estimate.value / truth - 1.0)
            for kind in INTERVALS:
                interval = getattr(estimate, kind)
                if interval is not None:
                    tally.covered[kind].append(interval.low <= truth <= interval.high)
                    tally.widths[kind].append((interval.high - interval.low) / truth)
            if estimate.name == "DR" and estimate.studentised and found.verdict.level != "cannot say":
                said.append(estimate.studentised.low <= truth <= estimate.studentised.high)
    header = [
        "",
        "bias",
        "root mean square error",
        "Student t",
        "percentile",
        "bootstrap-t",
        "Bernstein",
        "width of bootstrap-t",
    ]
    rows = [_row(name, tally, logs) for name, tally in tallies.items()]
    covers = f"; on the other {len(said):,} the bootstrap-t of DR covered {np.mean(said):.1%}" if said else ""
    return (
        f"**{case.name}**: {case.rows:,} rows, in effect {np.mean(effective):,.0f}; true value {truth:.4g}; {logs:,} logs\n\n"
        f'{table(header, rows)}\n\nVerdict "cannot say": {silent / logs:.1%}{covers}.'
    )


def _row(name: str, tally: Tally, logs: int) -> list[str]:
    errors = np.array(tally.errors)
    cells = [name, f"{errors.mean():+.1%}", f"{np.sqrt(np.mean(errors**2)):.1%}"]
    for kind in INTERVALS:
        covered = tally.covered[kind]
        missing = f" ({logs - len(covered)} had none)" if 0 < len(covered) < logs else ""
        cells.append(f"{np.mean(covered):.1%}{missing}" if covered else "")
    widths = tally.widths["studentised"]
    return [*cells, f"{np.median(widths):.0%}" if widths else ""]


if __name__ == "__main__":
    main()
