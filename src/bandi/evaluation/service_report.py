"""A comparison of services as tables: cells for the terminal, Markdown, and the runs as Parquet."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

from bandi.evaluation.service_comparison import Figure, ServiceComparison
from bandi.evaluation.service_runs import BUCKETS, ServiceRun

PLACEMENT_HEADER = (
    "service",
    "placement",
    "CTR",
    "against {} (points)",
    "in the last fifth (points)",
    "CTR as a multiple",
    "of the oracle's",
    "titles shown",
    "Gini",
)
SERVICE_HEADER = (
    "service",
    "clicks per visit",
    "against {}",
    "trainings",
    "a training (s)",
    "visits/s",
)
NOTE = """\
Mean (95 % t-interval over worlds). Differences are paired: in one world all services meet the same readers at the same times
with the same luck. The oracle shows each reader the best list of all titles on sale, knowing the truth.
"""


def placement_rows(comparison: ServiceComparison) -> list[list[str]]:
    """Cells: a row for each service and placement."""
    return [
        [
            line.service, line.placement, _cell(line.ctr, _percent), _cell(line.difference, _points),
            _cell(line.late_difference, _points), _cell(line.versus, _times), _cell(line.oracle_share, _percent),
            f"{line.coverage[0]:.1%}", f"{line.gini[0]:.3f}",
        ]
        for line in comparison.placements
    ]  # fmt: skip


def service_rows(comparison: ServiceComparison) -> list[list[str]]:
    """Cells: a row for each service."""
    return [
        [
            line.service, _cell(line.clicks_per_visit, _plain), _cell(line.difference, _signed),
            f"{line.trainings:g}", f"{line.training_seconds:.1f}", f"{line.visits_per_second:,.0f}",
        ]
        for line in comparison.services
    ]  # fmt: skip


def over_time_rows(comparison: ServiceComparison) -> list[list[str]]:
    """Cells: CTR by fifth of the run's twentieths."""
    return [
        [name, *(f"{values[i]:.1%}" for i in range(0, len(values), 4)), f"{values[-1]:.1%}"]
        for name, values in comparison.ctr_over_time.items()
    ]


OVER_TIME_HEADER = ("service/placement", "0 %", "20 %", "40 %", "60 %", "80 %", "end")


def markdown(comparison: ServiceComparison) -> str:
    """The tables and what their columns mean."""
    parts = [
        f"# Services in a world\n\n{comparison.visits:,} visits in each of {comparison.seeds} worlds. {NOTE}",
        _table(titled(PLACEMENT_HEADER, comparison), placement_rows(comparison)),
        _table(titled(SERVICE_HEADER, comparison), service_rows(comparison)),
        "CTR by share of the run:\n",
        _table(OVER_TIME_HEADER, over_time_rows(comparison)),
    ]
    return "\n".join(parts)


def titled(header: Sequence[str], comparison: ServiceComparison) -> list[str]:
    """A header with the baseline's name in it."""
    return [name.format(comparison.baseline) for name in header]


def write_service_runs(results: dict[str, list[ServiceRun]], comparison: ServiceComparison, folder: Path) -> list[Path]:
    """`service_runs.parquet` (a row for each service, seed, placement and twentieth of the run) and `report.md`."""
    import polars as pl  # noqa: PLC0415  some tenths of a second

    folder.mkdir(parents=True, exist_ok=True)
    columns = ("lists", "impressions", "clicks", "expected", "best")
    frames = [
        pl.DataFrame(
            {
                "service": [run.service] * BUCKETS,
                "seed": [run.seed] * BUCKETS,
                "placement": [place] * BUCKETS,
                "bucket": list(range(BUCKETS)),
            }
            | {column: getattr(figures, column) for column in columns}
        )
        for runs in results.values()
        for run in runs
        for place, figures in run.placements.items()
    ]
    pl.concat(frames).write_parquet(folder / "service_runs.parquet")
    (folder / "report.md").write_text(markdown(comparison), encoding="utf-8")
    return [folder / "service_runs.parquet", folder / "report.md"]


def _table(header: Sequence[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def _cell(figure: Figure, write: Callable[[float], str]) -> str:
    estimate, low, high = figure
    if math.isnan(estimate):
        return ""
    return f"{write(estimate)} ({write(low)} to {write(high)})" if math.isfinite(low) else write(estimate)


def _percent(value: float) -> str:
    return f"{value:.2%}"


def _points(value: float) -> str:
    return f"{100 * value:+.2f}"


def _times(value: float) -> str:
    return f"{value:.3f}"


def _plain(value: float) -> str:
    return f"{value:.3f}"


def _signed(value: float) -> str:
    return f"{value:+.3f}"
