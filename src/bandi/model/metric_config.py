"""What experiments are judged by: metrics, as `[metrics.NAME]` of `bandi.toml` says them, and those that are built in.

One value per reader, from what they did from their first exposure on (docs/experiments/metrics.md).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec

from bandi.model.config_values import Duration, Struct

EventName = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
LeastEpisode = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Counted = Literal["events", "value", "readers", "titles"]
Unit = Annotated[str, msgspec.Meta(max_length=64)]


class MetricFields(Struct, frozen=True):
    """What every metric may say."""

    unit: Unit = ""
    """What its value is in, for reports, such as `coins`."""
    better: Literal["higher", "lower"] = "higher"
    """Which way is good."""
    tolerated_loss: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.02
    """As a guardrail: the loss that is borne, as a share of the control's value; shown to be more, the report says to stop."""


class Tally(Struct, frozen=True):
    """What is summed for each reader."""

    event: EventName
    """`impression`, `click`, `read`, `purchase`, `dismiss`, or the name of an event of your own."""
    counted: Counted = "events"
    """`events`: each 1; `value`: coins (less refunds), or the value of your own event; `readers`: 1 if any; `titles`: each title 1."""
    episode: LeastEpisode | None = None
    """Reads alone: of this episode or a later one; absent: of any."""
    at: Literal["anywhere", "placement"] = "anywhere"
    """`placement`: only what the experiment's lists led to, by the event's `request` or `placement`."""


class MeanMetric(MetricFields, kw_only=True, frozen=True, tag_field="kind", tag="mean"):
    """A tally's mean over all exposed readers, those who did nothing included."""

    event: EventName
    """As of a tally ([metrics.NAME.numerator])."""
    counted: Counted = "events"
    """As of a tally."""
    episode: LeastEpisode | None = None
    """As of a tally."""
    at: Literal["anywhere", "placement"] = "anywhere"
    """As of a tally."""
    window: Duration | None = None
    """Only so long after a reader's first exposure, of readers for whom that has passed; absent: all so far."""

    @property
    def tally(self) -> Tally:
        """What is summed."""
        return Tally(event=self.event, counted=self.counted, episode=self.episode, at=self.at)


class RatioMetric(MetricFields, kw_only=True, frozen=True, tag_field="kind", tag="ratio"):
    """One tally over another, each summed over readers (delta method by reader)."""

    numerator: Tally
    """Above, such as `{ event = "click" }`."""
    denominator: Tally
    """Below, such as `{ event = "impression" }`."""
    window: Duration | None = None
    """As of a mean."""


class QuantileMetric(MetricFields, kw_only=True, frozen=True, tag_field="kind", tag="quantile"):
    """A quantile of the values of single events, such as the 95th percentile of a latency."""

    event: EventName
    """`purchase` (its coins) or the name of an event of your own (its value)."""
    q: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.5
    """Share of the values that lie below."""
    window: Duration | None = None
    """As of a mean."""


class Step(Struct, frozen=True):
    """A step of a funnel."""

    event: EventName
    """As of a tally."""
    episode: LeastEpisode | None = None
    """As of a tally."""


class FunnelMetric(MetricFields, kw_only=True, frozen=True, tag_field="kind", tag="funnel"):
    """Share of the exposed readers who did all steps, in whatever order."""

    steps: Annotated[tuple[Step, ...], msgspec.Meta(min_length=1, max_length=8)]
    """Such as `[{ event = "click" }, { event = "read", episode = 3 }, { event = "purchase" }]`."""
    window: Duration | None = None
    """As of a mean."""


class RetentionMetric(MetricFields, kw_only=True, frozen=True, tag_field="kind", tag="retention"):
    """Share of readers who did something on their day number `day`, of those for whom that day has passed."""

    day: Annotated[int, msgspec.Meta(ge=1, le=3_650)]
    """Days of 24 hours since the first exposure: 7 is from 168 to 192 hours after it."""
    events: Annotated[tuple[EventName, ...], msgspec.Meta(min_length=1, max_length=8)] = ("click", "read", "purchase")
    """Which of these events count."""


Metric = MeanMetric | RatioMetric | QuantileMetric | FunnelMetric | RetentionMetric

CONTINUED = 3
"""Episode whose reader is a continued reader of the title, as `push.least_episode`."""
_WINDOW = "14d"

_BUILT_IN: dict[str, Metric] = {
    "ctr": RatioMetric(
        numerator=Tally(event="click", at="placement"),
        denominator=Tally(event="impression", at="placement"),
        unit="clicks per impression",
    ),
    "reads_per_reader": MeanMetric(event="read", unit="reads"),
    "continuation": RatioMetric(
        numerator=Tally(event="read", counted="titles", episode=CONTINUED),
        denominator=Tally(event="read", counted="titles"),
        unit="of titles read",
    ),
    "paid_conversion": MeanMetric(event="purchase", counted="readers", window=_WINDOW, unit="of readers"),
    "coins_per_reader": MeanMetric(event="purchase", counted="value", window=_WINDOW, unit="coins"),
    "revenue": MeanMetric(event="purchase", counted="value", unit="coins"),
    "latency": QuantileMetric(event="latency_ms", q=0.95, unit="ms", better="lower", tolerated_loss=0.1),
}
_NUMBERED = re.compile(r"^(continuation|retention_day)_([1-9][0-9]{0,3})$")
BUILT_IN_NAMES = (*_BUILT_IN, "continuation_N", "retention_day_N")


def metric_of(name: str, own: Mapping[str, Metric]) -> Metric | None:
    """The metric of that name: from `[metrics.NAME]`, else a built-in one; None where there is none.

    >>> metric_of("retention_day_7", {}).day
    7
    """
    if name in own:
        return own[name]
    numbered = _NUMBERED.match(name)
    if numbered is None:
        return _BUILT_IN.get(name)
    number = int(numbered[2])
    if numbered[1] == "retention_day":
        return RetentionMetric(day=number, unit="of readers") if number <= 3_650 else None
    ratio = _BUILT_IN["continuation"]
    assert isinstance(ratio, RatioMetric)
    return msgspec.structs.replace(ratio, numerator=msgspec.structs.replace(ratio.numerator, episode=number))
