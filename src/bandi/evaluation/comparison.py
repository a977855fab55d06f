"""Policies beside each other over many seeds: means with 95 % t-intervals, and paired differences to a baseline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np

from bandi.evaluation.intervals import Interval, t_interval
from bandi.evaluation.simulate import BUCKETS, RunResult, run_policy
from bandi.evaluation.worlds.parameters import WorldParameters
from bandi.evaluation.worlds.webtoon import World
from bandi.model.policy_config import PolicyConfig
from bandi.policies.registry import make_policy


class Line(msgspec.Struct, frozen=True):
    """One policy. Each figure is (estimate, low, high) over seeds; `versus` the baseline, paired by seed."""

    policy: str
    ctr: tuple[float, float, float]
    ctr_last: tuple[float, float, float]
    """CTR in the last twentieth of the run."""
    regret: tuple[float, float, float]
    """Clicks lost against the best list for the population."""
    regret_share: tuple[float, float, float]
    """The same as a share of the clicks the best list would have got."""
    waste: tuple[float, float, float]
    """Share of impressions on titles that cannot win."""
    versus: tuple[float, float, float]
    """CTR as a multiple of the baseline's."""


class Comparison(msgspec.Struct, frozen=True):
    """All policies, and the runs they come from (CTR by time bucket is in each)."""

    visits: int
    seeds: int
    baseline: str
    lines: tuple[Line, ...]
    ctr_over_time: dict[str, list[float]]
    """Mean CTR by twentieth of the run."""


def compare(
    policies: dict[str, PolicyConfig],
    parameters: WorldParameters,
    seeds: Sequence[int],
    visits: int,
    update_every: int = 20,
    progress: Callable[[int], None] | None = None,
) -> dict[str, list[RunResult]]:
    """One run for each policy and seed; a world for each seed, the same for all policies."""
    results: dict[str, list[RunResult]] = {name: [] for name in policies}
    for seed in seeds:
        world = World(parameters, seed)
        for name, config in policies.items():
            results[name].append(run_policy(name, make_policy(config, 1), world, seed, visits, update_every, progress))
    return results


def summarise(results: dict[str, list[RunResult]], baseline: str, visits: int) -> Comparison:
    """Means and intervals. baseline: one of the policies."""
    base = np.array([run.ctr for run in results[baseline]])
    lines = []
    for name, runs in results.items():
        ctr = np.array([run.ctr for run in runs])
        last = np.array([run.clicks[-1] / run.impressions[-1] for run in runs])
        regret = np.array([run.regret for run in runs])
        share = np.array([run.regret / run.best.sum() for run in runs])
        waste = np.array([run.waste for run in runs])
        columns = [_triple(t_interval(values)) for values in (ctr, last, regret, share, waste, ctr / base)]
        lines.append(Line(name, *columns))
    over_time = {
        name: (sum(run.clicks for run in runs) / np.maximum(sum(run.impressions for run in runs), 1)).tolist()
        for name, runs in results.items()
    }
    return Comparison(visits, len(base), baseline, tuple(lines), over_time)


def _triple(interval: Interval) -> tuple[float, float, float]:
    return interval.estimate, interval.low, interval.high


def write_runs(results: dict[str, list[RunResult]], comparison: Comparison, folder: Path) -> list[Path]:
    """`runs.parquet` (a row for each policy, seed and twentieth of the run) and `report.md`; their paths."""
    import polars as pl  # noqa: PLC0415  some tenths of a second

    folder.mkdir(parents=True, exist_ok=True)
    columns = ("impressions", "clicks", "expected", "best", "best_personal", "wasted")
    frames = [
        pl.DataFrame(
            {"policy": [run.policy] * BUCKETS, "seed": [run.seed] * BUCKETS, "bucket": list(range(BUCKETS))}
            | {column: getattr(run, column) for column in columns}
        )
        for runs in results.values()
        for run in runs
    ]
    pl.concat(frames).write_parquet(folder / "runs.parquet")
    (folder / "report.md").write_text(markdown(comparison), encoding="utf-8")
    return [folder / "runs.parquet", folder / "report.md"]


HEADER = (
    "policy",
    "CTR",
    "CTR at the end",
    "regret (clicks)",
    "regret (share)",
    "wasted impressions",
    "CTR against {}",
)


def rows(comparison: Comparison) -> list[list[str]]:
    """The table's cells; each figure with its interval."""
    return [
        [
            line.policy, _percent(line.ctr), _percent(line.ctr_last), _number(line.regret),
            _percent(line.regret_share), _percent(line.waste), _percent(line.versus),
        ]
        for line in comparison.lines
    ]  # fmt: skip


def markdown(comparison: Comparison) -> str:
    """The table and what its columns mean."""
    header = [name.format(comparison.baseline) for name in HEADER]
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    lines += ["| " + " | ".join(row) + " |" for row in rows(comparison)]
    note = (
        f"{comparison.visits:,} visits in each of {comparison.seeds} worlds; mean (95 % t-interval over worlds). Regret: clicks\n"
        "lost against the best possible list for the population. Wasted: on titles that cannot win.\n"
    )
    return "# Simulation\n\n" + note + "\n" + "\n".join(lines) + "\n"


def _percent(figure: tuple[float, float, float]) -> str:
    return f"{figure[0]:.2%} ({figure[1]:.2%} to {figure[2]:.2%})" if np.isfinite(figure[1]) else f"{figure[0]:.2%}"


def _number(figure: tuple[float, float, float]) -> str:
    return f"{figure[0]:,.0f} ({figure[1]:,.0f} to {figure[2]:,.0f})" if np.isfinite(figure[1]) else f"{figure[0]:,.0f}"
