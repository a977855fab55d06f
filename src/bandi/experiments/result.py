"""What an experiment has shown so far: plain values that any report, page or other program can read.

Numbers are finite or None: None where nothing is known (no estimate yet, a bound that is infinite), never NaN.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Kind = Literal["mean", "ratio", "quantile", "funnel", "retention"]
Better = Literal["higher", "lower"]


class Interval(msgspec.Struct, frozen=True):
    """A lift (treatment / control - 1) with its 95 % interval and the p-value of no difference; valid for one look."""

    estimate: float | None
    low: float | None
    high: float | None
    p_value: float


class Sequence(msgspec.Struct, frozen=True):
    """A lift at each look with its 95 % confidence sequence; valid at all looks together. p_values never rise."""

    estimates: list[float | None]
    low: list[float | None]
    high: list[float | None]
    p_values: list[float]


class VariantSeries(msgspec.Struct, frozen=True):
    """A metric of one variant at each look. readers: who count for it; estimates: its value, None while nobody does."""

    variant: str
    readers: list[int]
    estimates: list[float | None]


class LiftSeries(msgspec.Struct, frozen=True):
    """A treatment beside the control.

    plain: without covariates; adjusted: with what readers did before their first exposure (CUPED), None where they did nothing.
    fixed, fixed_adjusted: the same at the last look, as if it were the only one. all_readers: at the last look, with readers
    whose window is still open weighed by how much of it has been seen; None where the metric has no window.
    variance_left: of the last look's variance, after adjustment. p_value: always valid, of `adjusted` where there is one, else
    of `plain`; corrected: that p-value after Benjamini and Hochberg over all metrics and treatments of this result.
    words: what it says, or why it says nothing yet.
    """

    plain: Sequence
    adjusted: Sequence | None
    fixed: Interval
    fixed_adjusted: Interval | None
    all_readers: Interval | None
    variance_left: float | None
    p_value: float
    corrected: float
    words: str

    @property
    def decisive(self) -> Sequence:
        """The one to show and to judge by."""
        return self.plain if self.adjusted is None else self.adjusted


class MetricResult(msgspec.Struct, frozen=True):
    """One metric. lifts: by treatment. immature: exposed readers whose window is still open, who wait.

    words: how those were handled and what is odd (an event never seen, refunds without purchase); empty: nothing is.
    """

    metric: str
    kind: Kind
    unit: str
    better: Better
    variants: list[VariantSeries]
    lifts: dict[str, LiftSeries]
    immature: int
    words: str


class FunnelStep(msgspec.Struct, frozen=True):
    """How many exposed readers of each variant did this and all steps before it. readers: by variant."""

    step: str
    readers: dict[str, int]


class AgeLift(msgspec.Struct, frozen=True):
    """The main metric's lift on the readers' day number `days` (0: the day of their first exposure), each day by itself."""

    days: int
    readers: int
    lift: Interval


class GuardrailResult(msgspec.Struct, frozen=True):
    """decision: `stop` once more harm than tolerated is shown, `safe` once it is excluded; since_ms: the look that did, or None."""

    metric: str
    treatment: str
    decision: Literal["stop", "safe", "go on"]
    since_ms: int | None
    p_value: float
    words: str


class ExperimentResult(msgspec.Struct, frozen=True):
    """An experiment as of the last of `looks_ms`.

    state: as `bandi experiment list` says it; shares: meant, of the experiment's readers, in the order of `variants`; readers:
    exposed so far, likewise; looks_ms: the end of each day (UTC) but for the last, which is the moment of the report.
    mismatch: the sample-ratio check in words, None where shares are as meant. funnel: impression, click, read, continued, paid.
    by_exposure_day: the lift of the first metric, by treatment, for novelty: empty where that metric has a window.
    moved: readers who later met another variant than their first; they count for the first. corrections: how p-values were
    corrected. words: whatever else must be known before reading on.
    """

    experiment: str
    state: str
    control: str
    variants: list[str]
    shares: list[float]
    readers: list[int]
    looks_ms: list[int]
    mismatch: str | None
    metrics: list[MetricResult]
    funnel: list[FunnelStep]
    by_exposure_day: dict[str, list[AgeLift]]
    guardrails: list[GuardrailResult]
    moved: int
    corrections: str
    words: list[str]
