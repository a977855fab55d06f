"""The series of a report as one long table, for Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from bandi.experiments.result import ExperimentResult, Sequence

if TYPE_CHECKING:
    from polars import DataFrame

COLUMNS = (
    "experiment", "series", "metric", "variant", "look_ms", "day", "step", "readers", "value", "lift", "low", "high", "p_value",
)  # fmt: skip
"""series: `look` (value of a variant at a look; lift without covariates), `look_adjusted` (lift with), `exposure_day`, `funnel`."""


def series_frame(result: ExperimentResult) -> DataFrame:
    """One row for each variant, metric and look, each day since first exposure, and each step of the funnel; null: no figure."""
    import polars as pl  # noqa: PLC0415

    texts, wholes = {"experiment", "series", "metric", "variant", "step"}, {"look_ms", "day", "readers"}
    schema = {name: pl.String if name in texts else pl.Int64 if name in wholes else pl.Float64 for name in COLUMNS}
    rows = [{"experiment": result.experiment, **row} for row in (*_looks(result), *_ages(result), *_steps(result))]
    return pl.DataFrame(rows, schema=schema)


def _looks(result: ExperimentResult) -> Iterator[dict[str, Any]]:
    for metric in result.metrics:
        for series in metric.variants:
            lift = metric.lifts.get(series.variant)
            for look, moment in enumerate(result.looks_ms):
                row = {
                    "metric": metric.metric,
                    "variant": series.variant,
                    "look_ms": moment,
                    "readers": series.readers[look],
                }
                own = row | {"series": "look", "value": series.estimates[look]}
                yield own if lift is None else own | _at(lift.plain, look)
                if lift is not None and lift.adjusted is not None:
                    yield row | {"series": "look_adjusted"} | _at(lift.adjusted, look)


def _at(sequence: Sequence, look: int) -> dict[str, Any]:
    return {
        "lift": sequence.estimates[look], "low": sequence.low[look], "high": sequence.high[look], "p_value": sequence.p_values[look],
    }  # fmt: skip


def _ages(result: ExperimentResult) -> Iterator[dict[str, Any]]:
    name = result.metrics[0].metric if result.metrics else ""
    for variant, ages in result.by_exposure_day.items():
        for age in ages:
            lift = age.lift
            yield {
                "series": "exposure_day", "metric": name, "variant": variant, "day": age.days, "readers": age.readers,
                "lift": lift.estimate, "low": lift.low, "high": lift.high, "p_value": lift.p_value,
            }  # fmt: skip


def _steps(result: ExperimentResult) -> Iterator[dict[str, Any]]:
    for step in result.funnel:
        for variant, readers in step.readers.items():
            yield {"series": "funnel", "variant": variant, "step": step.step, "readers": readers}
