"""Policies beside each other in funnel worlds: means over seeds with 95 % t-intervals, paired with a baseline by seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from bandi.evaluation.intervals import t_interval
from bandi.evaluation.worlds.funnel.parameters import FunnelParameters
from bandi.evaluation.worlds.funnel.result import COLUMNS, FunnelResult
from bandi.evaluation.worlds.funnel.running import CLICKS, Plan, Progress, run_funnel
from bandi.evaluation.worlds.funnel.truth import FunnelWorld
from bandi.model.config import PolicyConfig
from bandi.model.records import Array
from bandi.policies.registry import make_policy

Figure = tuple[float, float, float]
"""Estimate, low, high."""


class Contender(NamedTuple):
    """A policy and how it is run."""

    policy: PolicyConfig
    plan: Plan = CLICKS


class FunnelLine(msgspec.Struct, frozen=True):
    """One policy; figures over seeds."""

    policy: str
    ctr: Figure
    ctr_versus: Figure
    """CTR as a multiple of the baseline's, paired by seed."""
    coins_per_reader: Figure
    """Coins of all starts, organic ones included."""
    expected_coins_per_reader: Figure
    """Coins that the truth expected of the impressions shown."""
    expected_coins_versus: Figure
    """The same as a multiple of the baseline's, paired by seed."""
    paid_conversion: Figure
    """Payers per impression."""
    continuation: Figure
    """Share of starts that reach episode four."""
    mean_delay_days: Figure
    """From the start to the first payment."""
    waste: Figure
    """Share of impressions on titles that cannot win."""


class FunnelComparison(msgspec.Struct, frozen=True):
    """All policies."""

    seeds: int
    visits: float
    """Of a run, on average."""
    baseline: str
    lines: tuple[FunnelLine, ...]
    ctr_by_day: dict[str, list[float]]


def compare_funnel(
    contenders: dict[str, Contender],
    parameters: FunnelParameters,
    seeds: Sequence[int],
    progress: Progress | None = None,
    on_world: Callable[[FunnelWorld], None] | None = None,
) -> dict[str, list[FunnelResult]]:
    """One run for each policy and seed; a world for each seed, the same for all. on_world: called with each world."""
    results: dict[str, list[FunnelResult]] = {name: [] for name in contenders}
    for seed in seeds:
        world = FunnelWorld(parameters, seed)
        if on_world is not None:
            on_world(world)
        for name, (config, plan) in contenders.items():
            policy = make_policy(config, 1 + plan.segments)
            results[name].append(run_funnel(name, policy, world, plan, progress))
    return results


def summarise_funnel(results: dict[str, list[FunnelResult]], baseline: str) -> FunnelComparison:
    """Means and intervals. baseline: one of the policies. Runs without a coin expected have NaN where they are compared."""
    base_ctr, base_coins = (
        _each(results[baseline], lambda run: run.ctr),
        _each(results[baseline], lambda run: run.expected_coins_per_reader),
    )
    lines = []
    for name, runs in results.items():
        ctr, expected = _each(runs, lambda run: run.ctr), _each(runs, lambda run: run.expected_coins_per_reader)
        lines.append(
            FunnelLine(
                policy=name,
                ctr=_figure(ctr),
                ctr_versus=_figure(_ratio(ctr, base_ctr)),
                coins_per_reader=_figure(_each(runs, lambda run: run.coins_per_reader)),
                expected_coins_per_reader=_figure(expected),
                expected_coins_versus=_figure(_ratio(expected, base_coins)),
                paid_conversion=_figure(_each(runs, lambda run: run.paid_conversion)),
                continuation=_figure(_each(runs, lambda run: run.continuation)),
                mean_delay_days=_figure(_each(runs, lambda run: run.mean_delay_days)),
                waste=_figure(_each(runs, lambda run: run.waste)),
            )
        )
    by_day = {
        name: (
            sum(run.days.clicks for run in runs) / np.maximum(sum(run.days.impressions for run in runs), 1.0)
        ).tolist()
        for name, runs in results.items()
    }
    visits = float(np.mean([run.days.visits.sum() for run in results[baseline]]))
    return FunnelComparison(len(results[baseline]), visits, baseline, tuple(lines), by_day)


def write_funnel_runs(results: dict[str, list[FunnelResult]], comparison: FunnelComparison, folder: Path) -> list[Path]:
    """`runs.parquet` (a row for each policy, seed and day), `titles.parquet` and `report.md`; their paths."""
    import polars as pl  # noqa: PLC0415  some tenths of a second

    folder.mkdir(parents=True, exist_ok=True)
    days, titles = [], []
    for runs in results.values():
        for run in runs:
            n, m = len(run.days.visits), len(run.title_impressions)
            days.append(
                pl.DataFrame(
                    {"policy": [run.policy] * n, "seed": [run.seed] * n, "day": list(range(n))}
                    | {column: getattr(run.days, column) for column in COLUMNS}
                )
            )
            counts = {
                "impressions": run.title_impressions, "clicks": run.title_clicks, "payers": run.title_payers
            }  # fmt: skip
            titles.append(
                pl.DataFrame({"policy": [run.policy] * m, "seed": [run.seed] * m, "title": list(range(m))} | counts)
            )
    pl.concat(days).write_parquet(folder / "runs.parquet")
    pl.concat(titles).write_parquet(folder / "titles.parquet")
    (folder / "report.md").write_text(funnel_markdown(comparison), encoding="utf-8")
    return [folder / "runs.parquet", folder / "titles.parquet", folder / "report.md"]


FUNNEL_HEADER = (
    "policy",
    "CTR",
    "CTR against {}",
    "coins per reader",
    "expected coins per reader",
    "expected coins against {}",
    "payers per impression",
    "reach episode 4",
    "days to payment",
    "wasted impressions",
)


def funnel_header(comparison: FunnelComparison) -> list[str]:
    """The table's header."""
    return [name.format(comparison.baseline) for name in FUNNEL_HEADER]


def funnel_rows(comparison: FunnelComparison) -> list[list[str]]:
    """The table's cells; each figure with its interval."""
    return [
        [
            line.policy,
            _percent(line.ctr, 2),
            _percent(line.ctr_versus, 1),
            _number(line.coins_per_reader),
            _number(line.expected_coins_per_reader),
            _percent(line.expected_coins_versus, 1),
            _percent(line.paid_conversion, 4),
            _percent(line.continuation, 1),
            _number(line.mean_delay_days),
            _percent(line.waste, 1),
        ]
        for line in comparison.lines
    ]


def funnel_caption(comparison: FunnelComparison) -> str:
    """What the table's columns mean."""
    return (
        f"{comparison.visits:,.0f} visits on average in each of {comparison.seeds} worlds; mean (95 % t-interval over worlds). "
        "Coins per reader: of all starts, organic ones included, also those paid after the run. Expected: by the truth, of the "
        "impressions shown. Wasted: on titles that cannot win."
    )


def funnel_markdown(comparison: FunnelComparison) -> str:
    """The table and what its columns mean."""
    header = funnel_header(comparison)
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    lines += ["| " + " | ".join(row) + " |" for row in funnel_rows(comparison)]
    return "# Simulation\n\n" + funnel_caption(comparison) + "\n\n" + "\n".join(lines) + "\n"


def _each(runs: Sequence[FunnelResult], figure: Callable[[FunnelResult], float]) -> Array:
    return np.array([figure(run) for run in runs])


def _ratio(values: Array, base: Array) -> Array:
    return np.asarray(np.where(base > 0, values / np.where(base > 0, base, 1.0), np.nan))


def _figure(values: Array) -> Figure:
    interval = t_interval(values)
    return interval.estimate, interval.low, interval.high


def _percent(figure: Figure, digits: int) -> str:
    estimate, low, high = figure
    if not np.isfinite(low):
        return f"{estimate:.{digits}%}"
    return f"{estimate:.{digits}%} ({low:.{digits}%} to {high:.{digits}%})"


def _number(figure: Figure) -> str:
    estimate, low, high = figure
    return f"{estimate:.3g} ({low:.3g} to {high:.3g})" if np.isfinite(low) else f"{estimate:.3g}"
