"""What no single value of a metric's table shows, and the names of metrics that experiments may say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bandi.model.config_kinds import Found, nearest, shown
from bandi.model.config_values import duration_ms
from bandi.model.metric_config import BUILT_IN_NAMES, metric_of

MAX_METRIC_WINDOW = "365d"
MAX_METRICS = 64
_PLAIN = ("impression", "click", "read", "dismiss")
"""Events that carry no value."""


def metric_checks(tree: dict[str, Any]) -> Iterator[Found]:
    """Everything that is wrong with metrics whose tables each fit by themselves, and with experiments' names of them."""
    metrics = tree.get("metrics", {})
    if len(metrics) > MAX_METRICS:
        yield Found(("metrics",), f"{len(metrics)} metrics", f"at most {MAX_METRICS}")
    for name, metric in metrics.items():
        keys = ("metrics", name)
        yield from _window_checks(metric, keys)
        for where, tally in _tallies(metric, keys):
            yield from _tally_checks(tally, where)
        if metric["kind"] == "quantile" and metric["event"] in (*_PLAIN, "refund"):
            expected = "purchase, or an event of your own: others have no value"
            yield Found((*keys, "event"), repr(metric["event"]), expected)
    for name, experiment in tree.get("experiments", {}).items():
        for key in ("metrics", "guardrails"):
            yield from _name_checks(experiment.get(key, []), metrics, ("experiments", name, key))
        control = experiment.get("control")
        if control is not None and control not in experiment["variants"]:
            expected = f"one of its variants: {', '.join(experiment['variants'])}"
            yield Found(
                ("experiments", name, "control"), repr(control), expected, nearest(control, experiment["variants"])
            )


def _tallies(metric: dict[str, Any], keys: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    match metric["kind"]:
        case "mean":
            yield keys, metric
        case "ratio":
            yield (*keys, "numerator"), metric["numerator"]
            yield (*keys, "denominator"), metric["denominator"]
        case "funnel":
            for step in metric["steps"]:
                yield (*keys, "steps"), step
        case "retention":
            for event in metric.get("events", []):
                yield (*keys, "events"), {"event": event}


def _tally_checks(tally: dict[str, Any], keys: tuple[str, ...]) -> Iterator[Found]:
    event = tally["event"]
    if event == "refund":
        hint = "event = 'purchase' with counted = 'value' is less what was paid back"
        yield Found((*keys, "event"), "'refund'", "any other event: refunds take purchases back", hint)
    if tally.get("counted") == "value" and event in _PLAIN:
        expected = f"'events', 'readers' or 'titles': a {event} has no value"
        yield Found((*keys, "counted"), "'value'", expected)
    if "episode" in tally and event != "read":
        yield Found(
            (*keys, "episode"), shown(tally["episode"]), f"no episode beside event = {event!r}: only reads count"
        )
    if tally.get("at") == "placement" and event == "purchase":
        expected = "'anywhere': a purchase need not name the list it follows from; see `bandi credit` for that"
        yield Found((*keys, "at"), "'placement'", expected)


def _window_checks(metric: dict[str, Any], keys: tuple[str, ...]) -> Iterator[Found]:
    window = metric.get("window", "1d")
    if len(window) > 20 or not 0 < duration_ms(window) <= duration_ms(MAX_METRIC_WINDOW):
        yield Found((*keys, "window"), shown(window), f"more than 0 and at most {MAX_METRIC_WINDOW}")


def _name_checks(names: list[str], metrics: dict[str, Any], keys: tuple[str, ...]) -> Iterator[Found]:
    for i, name in enumerate(names):
        if name not in metrics and metric_of(name, {}) is None:
            known = [*BUILT_IN_NAMES, *metrics]
            expected = f"one of: {', '.join(known)} (N: a number), or a [metrics.NAME] table"
            yield Found(keys, repr(name), expected, nearest(name, known))
        elif name in names[:i]:
            yield Found(keys, f"{name!r} twice", "each metric once")
