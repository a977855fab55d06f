"""What an experiment says: the plain figures that reports and routes are made from. A figure that there is not is None, never NaN."""

from __future__ import annotations

from typing import Literal

import msgspec


class VariantSeries(msgspec.Struct, frozen=True):
    """One variant's metric at each look. readers: exposed so far; estimates: the metric's value, None where there is none."""

    variant: str
    readers: list[int]
    estimates: list[float | None]


class Interval(msgspec.Struct, frozen=True):
    """A relative difference with its bounds; None where it is not bounded on that side, or not known."""

    estimate: float | None
    low: float | None
    high: float | None
    p_value: float


class LiftSeries(msgspec.Struct, frozen=True):
    """treatment / control - 1 at each look. low, high: the always-valid interval; p_values: always valid, they never rise.

    fixed: the fixed-horizon interval of the last look, right where one look was fixed beforehand; adjusted: the always-valid
    one with covariates, None without any; p_adjusted: the last p-value after the correction over metrics and variants; words:
    what it says, or why it says nothing yet.
    """

    estimates: list[float | None]
    low: list[float | None]
    high: list[float | None]
    p_values: list[float]
    fixed: Interval | None
    adjusted: Interval | None
    p_adjusted: float
    words: str


class MetricResult(msgspec.Struct, frozen=True):
    """One metric. lifts: by treatment; immature: readers whose window has not closed; words: how they were handled."""

    metric: str
    kind: Literal["mean", "ratio", "quantile", "funnel", "retention"]
    unit: str
    better: Literal["higher", "lower"]
    variants: list[VariantSeries]
    lifts: dict[str, LiftSeries]
    immature: int
    words: str


class FunnelStep(msgspec.Struct, frozen=True):
    """How many of a variant's readers reached a step."""

    variant: str
    step: str
    readers: int


class ExposureDay(msgspec.Struct, frozen=True):
    """The deciding metric's lift on a day since readers' first exposure, 0 the first."""

    day: int
    estimate: float | None
    low: float | None
    high: float | None


class GuardrailResult(msgspec.Struct, frozen=True):
    """A guardrail of one treatment: harm is shown (`stop`), excluded (`safe`), or neither."""

    name: str
    variant: str
    decision: Literal["stop", "safe", "go on"]
    words: str


class ExperimentResult(msgspec.Struct, frozen=True):
    """One experiment. shares: meant, of the variants; looks_ms: ends of the days looked at, ms since 1970.

    mismatch: words of the sample-ratio check where it failed; metrics: the deciding one first; by_exposure_day: of the
    deciding metric, by treatment; corrections: how p-values were corrected over metrics and variants.
    """

    experiment: str
    state: str
    control: str
    variants: list[str]
    shares: list[float]
    looks_ms: list[int]
    alpha: float
    mismatch: str | None
    metrics: list[MetricResult]
    funnel: list[FunnelStep]
    by_exposure_day: dict[str, list[ExposureDay]]
    guardrails: list[GuardrailResult]
    corrections: str
