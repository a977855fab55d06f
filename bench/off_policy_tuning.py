"""What choosing limits and shrinkages from the data is worth, by two rules; run: python -m bench.off_policy_tuning.

200 logs of each world of bench.coverage that has different weights. Errors are root mean squares relative to the true value.
"untouched" is how often the rule chose infinity; "covers" how often Student's interval holds the truth, and in brackets how often
it would if what the chosen weights may have moved the value by were left out of it.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from bandi.evaluation.off_policy.estimation import Estimate, Settings, estimate
from bandi.evaluation.off_policy.evaluation import RewardModel, sample_of
from bandi.evaluation.off_policy.tuning import Rule
from bench.coverage import CASES, Case
from bench.measure import machine, table

LOGS = 200
RULES: tuple[Rule, ...] = ("direct", "bound")
WORLDS = (CASES[0], *CASES[3:6])
PLAIN = {"clipped IPS": "IPS", "Switch-DR": "DR", "DRos": "DR"}


def main() -> None:
    print(machine(), "\n")
    rows = [row for case in WORLDS for row in _rows(case)]
    rules = [f"{rule}: {what}" for rule in RULES for what in ("error", "untouched", "covers")]
    print(table(["world", "estimator", "error of infinity", *rules], rows))


def _rows(case: Case) -> list[list[str]]:
    truth, evaluated = case.world.value(), case.world.tables()[2]
    settings = Settings((*PLAIN, "IPS", "DR"), resamples=10, threads=1)
    found: dict[Rule, list[dict[str, Estimate]]] = {rule: [] for rule in RULES}
    for seed in range(LOGS):
        sample = sample_of(case.world.log(case.rows, seed), evaluated, None, RewardModel(), seed)
        for rule, runs in found.items():
            estimates = estimate(sample, replace(settings, tuning=rule))
            runs.append({each.name: each for each in estimates})
    rows = []
    for name, plain in PLAIN.items():
        row = [case.name, name, _error([run[plain] for run in found["direct"]], truth)]
        for runs in found.values():
            chosen = [run[name] for run in runs]
            untouched = np.mean([math.isinf(each.parameter or 0.0) for each in chosen])
            covers = f"{_covered(chosen, truth, 0.0):.0%} ({_covered(chosen, truth, 1.0):.0%})"
            row += [_error(chosen, truth), f"{untouched:.0%}", covers]
        rows.append(row)
    return rows


def _error(estimates: list[Estimate], truth: float) -> str:
    values = np.array([each.value for each in estimates], np.float64)
    return f"{np.sqrt(np.mean((values / truth - 1.0) ** 2)):.1%}"


def _covered(estimates: list[Estimate], truth: float, narrower: float) -> float:
    """Of Student's intervals, made narrower on both sides by a share of what the bias put there."""
    held = []
    for each in estimates:
        assert each.student is not None
        less = narrower * (each.bias or 0.0)
        held.append(each.student.low + less <= truth <= each.student.high - less)
    return float(np.mean(held))


if __name__ == "__main__":
    main()
