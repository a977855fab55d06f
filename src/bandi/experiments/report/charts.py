"""The plots of a report: effect over time with its sequence, funnel by variant, effect by days since first exposure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from bandi.experiments.report.drawing import Plot, bars_svg, ticks
from bandi.experiments.report.verdicts import latest
from bandi.experiments.report.wording import bounds, day, percent, share
from bandi.experiments.result import AgeLift, ExperimentResult, LiftSeries

_FARTHEST = 5.0
"""A plot shows lifts to 500 % at most either way; what lies beyond is at its edge, and the table says it."""


class Chart(NamedTuple):
    """title: plain text; svg: an element, escaped."""

    title: str
    svg: str


def effect_chart(result: ExperimentResult, metric: str, variant: str, lift: LiftSeries) -> Chart | None:
    """Lift at each look with its always-valid interval; None where no look has either."""
    sequence, now = lift.decisive, latest(lift.decisive)
    if all(low is None and high is None for low, high in zip(sequence.low, sequence.high, strict=True)):
        return None
    x = [float(look) for look in range(len(sequence.estimates))]
    scale = _scale([*sequence.estimates[len(x) // 4 :], now.low, now.high])
    plot = Plot((0.0, x[-1]), scale)
    plot.axes(_days(result.looks_ms[: len(x)]), _lifts(scale), "day (UTC)")
    plot.band(x, sequence.low, sequence.high)
    plot.level(0.0)
    plot.line(x, sequence.estimates)
    title = f"{metric}: {variant} against {result.control}"
    said = f"Lift after {len(x)} looks {percent(now.estimate)}, always-valid interval {bounds(now.low, now.high)}."
    return Chart(title, plot.svg(f"{title}, over time", said))


def novelty_chart(control: str, metric: str, variant: str, ages: Sequence[AgeLift]) -> Chart | None:
    """Lift by days since first exposure, each day with its interval; None where no day has one."""
    shown = [age for age in ages if age.lift.estimate is not None]
    if not shown:
        return None
    scale = _scale([bound for age in shown for bound in (age.lift.low, age.lift.estimate, age.lift.high)])
    last = max(age.days for age in shown)
    plot = Plot((-0.5, last + 0.5), scale)
    plot.axes(
        [(at, f"{at:g}") for at in ticks(0.0, float(last)) if at == int(at)] or [(0.0, "0")],
        _lifts(scale),
        "days since first exposure",
    )
    plot.level(0.0)
    for age in shown:
        plot.bar(float(age.days), age.lift.low, age.lift.high)
        plot.dot(float(age.days), age.lift.estimate)
    title = f"{metric}: {variant} against {control}"
    said = f"Lift on day {shown[0].days} {percent(shown[0].lift.estimate)}, on day {shown[-1].days} {percent(shown[-1].lift.estimate)}."
    return Chart(title, plot.svg(f"{title}, by days since first exposure", said))


def funnel_chart(result: ExperimentResult) -> Chart | None:
    """Readers at each step as a share of those at the first; None where nobody is at the first."""
    if not result.funnel or not any(result.funnel[0].readers.values()):
        return None
    first = result.funnel[0].readers
    order = [result.control, *(name for name in result.variants if name != result.control)]
    groups = []
    for step in result.funnel:
        counts = [(name, step.readers.get(name, 0), first.get(name, 0)) for name in order]
        groups.append((step.step, [(name, n / of if of else 0.0, f"{share(n, of)} ({n:,})") for name, n, of in counts]))
    last = ", ".join(f"{name} {words}" for name, _, words in groups[-1][1])
    return Chart(
        "Funnel", bars_svg(groups, "Funnel by variant", f"At the last step, {result.funnel[-1].step}: {last}.")
    )


def _scale(lifts: Sequence[float | None]) -> tuple[float, float]:
    """Least and most to be shown, with 0 inside and some room."""
    known = [min(max(lift, -1.0), _FARTHEST) for lift in lifts if lift is not None]
    low, high = min([0.0, *known]), max([0.0, *known])
    room = 0.1 * (high - low) or 0.01
    return low - room, high + room


def _lifts(scale: tuple[float, float]) -> list[tuple[float, str]]:
    return [(at, f"{100 * at:+.3g} %" if abs(at) > 1e-12 else "0") for at in ticks(*scale)]


def _days(looks_ms: Sequence[int]) -> list[tuple[float, str]]:
    """At most five days, month and day."""
    step = max(-(-len(looks_ms) // 5), 1)
    return [(float(look), day(looks_ms[look])[5:]) for look in range(0, len(looks_ms), step)]
