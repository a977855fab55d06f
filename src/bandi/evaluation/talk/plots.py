"""The report's plots as SVG, through Matplotlib (the extra `report`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bandi.evaluation.intervals import Interval, t_quantile
from bandi.evaluation.talk import summary
from bandi.evaluation.talk.bound import lai_robbins
from bandi.evaluation.talk.frozen import Frozen, Section
from bandi.evaluation.talk.report import PLOTS, Findings
from bandi.evaluation.talk.summary import Runs
from bandi.evaluation.talk.tasks import dial_name, oracle_name
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito (2008): told apart by the colour-blind too; markers and dashes differ besides."""
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_OTHER_COLOURS = ("#CC79A7", "#E69F00", "#56B4E9", "#000000", "#777777")
_OTHER_MARKERS = ("D", "v", "P", "X", "<")
_DASHES = ("-", "--", "-.", ":")


def check_matplotlib() -> None:
    """Raises InvalidInputError that names the extra, where there is no Matplotlib."""
    try:
        import matplotlib  # noqa: F401, PLC0415
    except ImportError:
        problem = Problem(
            "matplotlib", "not installed", "the extra `report`", "pip install 'bandi[report]', or --no-plots"
        )
        raise InvalidInputError(problem) from None


def draw_plots(findings: Findings, folder: Path) -> dict[Section, Path]:
    """One SVG for each section, in the folder; their paths. Raises InvalidInputError without Matplotlib."""
    check_matplotlib()
    folder.mkdir(parents=True, exist_ok=True)
    draw: dict[Section, Callable[[Figure, Findings], None]] = {
        "clicks": _regret, "experiments": _experiments, "frontier": _frontier, "presets": _presets,
        "ablations": _ablations, "bound": _bound,
    }  # fmt: skip
    files: dict[Section, Path] = {}
    for section in findings.sections:
        file = folder / f"{PLOTS[section][0]}.svg"
        inches = {"frontier": 5.2, "presets": 4.2 * -(-len(findings.presets) // 3)}.get(section, 4.2)
        with _figure(file, inches) as figure:
            draw[section](figure, findings)
        files[section] = file
    return files


@contextmanager
def _figure(file: Path, height: float) -> Iterator[Figure]:
    """A figure that is written at the end: the same bytes for the same runs. height: inches."""
    import matplotlib as mpl  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    with mpl.rc_context({"svg.hashsalt": "bandi", "svg.fonttype": "none", "font.size": 10, "axes.grid": True,
                         "grid.alpha": 0.3}):  # fmt: skip
        figure = Figure(figsize=(9.0, height), layout="constrained")
        yield figure
        figure.savefig(file, format="svg", metadata={"Date": None})


def _regret(figure: Figure, findings: Findings) -> None:
    frozen, runs = findings.frozen, findings.worlds[findings.frozen.main]
    axes = figure.subplots()
    oracle = runs[oracle_name(frozen.oracle.resolutions[-1], 0.0)]
    for arm, colour, dash in zip(frozen.of("control", "clicks"), cycle(_COLOURS), cycle(_DASHES), strict=False):
        lost = summary.regret_by_day(runs[arm.name], oracle) / runs[arm.name][0].result.readers
        _band(axes, np.arange(1, lost.shape[1] + 1), lost, color=colour, linestyle=dash, label=arm.title)
    axes.set_xlabel("day of the run")
    axes.set_ylabel("expected clicks lost per reader, summed")
    axes.legend()


def _band(axes: Axes, x: Array, values: Array, **style: Any) -> None:
    """Mean over runs with its 95 % band. values: float64[runs, points]."""
    mean = values.mean(axis=0)
    axes.plot(x, mean, **style)
    if len(values) > 1:
        half = t_quantile(len(values) - 1) * values.std(axis=0, ddof=1) / np.sqrt(len(values))
        axes.fill_between(x, mean - half, mean + half, color=style["color"], alpha=0.2, linewidth=0)


def _frontier(figure: Figure, findings: Findings) -> None:
    """Everything on the left; on the right what is near the origin."""
    frozen, runs = findings.frozen, findings.worlds[findings.frozen.main]
    whole, near = figure.subplots(1, 2)
    arms = [arm for arm in frozen.of("experiment", "other") if arm.not_available is None]
    points = [summary.point(arm.title, runs[arm.name], runs[frozen.control.name]) for arm in arms]
    for axes in (whole, near):
        _paths(axes, runs, frozen)
        for point, colour, marker in zip(points, cycle(_OTHER_COLOURS), cycle(_OTHER_MARKERS), strict=False):
            _cross(axes, point, color=colour, marker=marker, label=point.name, linestyle="none")
        _share_axes(axes)
    low, high = whole.get_xlim()
    given_up = [100 * point.given_up.estimate for point in points]
    whole.set_xlim(min(low, *given_up) - 2.0, max(high, *given_up) + 3.0)
    whole.set_ylim(bottom=min(whole.get_ylim()[0], *(130 * point.gained.estimate for point in points)))
    figure.legend(*whole.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8)


def _presets(figure: Figure, findings: Findings) -> None:
    worlds = list(findings.presets)
    columns = min(3, len(worlds))
    grid = figure.subplots(-(-len(worlds) // columns), columns, squeeze=False, sharex=True)
    for place, axes in enumerate(grid.flat):
        if place >= len(worlds):
            axes.set_visible(False)
            continue
        _paths(axes, findings.worlds[worlds[place]], findings.frozen.in_presets)
        axes.set_title(worlds[place])
        _share_axes(axes)
    grid[0, 0].legend(fontsize=7)


def _paths(axes: Axes, runs: Runs, frozen: Frozen) -> None:
    """The dial and the oracles, with the origin."""
    control = runs[frozen.control.name]
    axes.plot([0], [0], "k*", markersize=11, label=frozen.control.title)
    names = {"earning, the dial": [dial_name(give_up) for give_up in frozen.dial.give_up]}
    for resolution in frozen.oracle.resolutions:
        names[f"oracle by {resolution}, on its own best list"] = [
            oracle_name(resolution, multiplier) for multiplier in frozen.oracle.multipliers
        ]
    farthest, inside = 0.0, [0.0]
    for (label, path), colour, marker, dash in zip(names.items(), _COLOURS, _MARKERS, _DASHES, strict=False):
        base = runs[path[0]] if label.startswith("oracle") else control
        points = [summary.point(name, runs[name], base) for name in path]
        start = [] if label.startswith("oracle") else [0.0]
        x = start + [100 * point.given_up.estimate for point in points]
        y = start + [100 * point.gained.estimate for point in points]
        axes.plot(x, y, color=colour, linestyle=dash, marker=marker, markersize=4, label=label)
        inside += [height for place, height in zip(x, y, strict=True) if place <= max(15.0, farthest)]
        if not label.startswith("oracle"):
            farthest = max(x)
            for point in points:
                _cross(axes, point, color=colour)
    axes.set_xlim(-3.0, max(15.0, 1.25 * farthest))
    axes.set_ylim(min(-5.0, 1.1 * min(inside)), 1.1 * max(*inside, 10.0))


def _cross(axes: Axes, point: summary.Point, **style: Any) -> None:
    """A point with its two intervals, in per cent."""
    x, y = 100 * point.given_up.estimate, 100 * point.gained.estimate
    axes.errorbar([x], [y], xerr=_arms(point.given_up), yerr=_arms(point.gained), capsize=2, **style)


def _arms(interval: Interval) -> list[list[float]] | None:
    """Lengths of an error bar's two arms in per cent; none where the interval has no bounds."""
    below, above = 100 * (interval.estimate - interval.low), 100 * (interval.high - interval.estimate)
    return [[below], [above]] if np.isfinite([below, above]).all() else None


def _share_axes(axes: Axes) -> None:
    axes.set_xlabel("CTR given up (% of Thompson sampling's)")
    axes.set_ylabel("coins per reader gained (%)")
    axes.axhline(0.0, color="#666666", linewidth=0.8)
    axes.axvline(0.0, color="#666666", linewidth=0.8)


def _experiments(figure: Figure, findings: Findings) -> None:
    frozen, runs = findings.frozen, findings.worlds[findings.frozen.main]
    control = runs[frozen.control.name]
    arms = [arm for arm in frozen.of("experiment") if arm.not_available is None]
    titles = [arm.title for arm in arms]
    left, right = figure.subplots(1, 2, sharey=True)
    for axes, what, fell, expected in (
        (left, "CTR", summary.ctr, summary.expected_ctr),
        (right, "paid conversion", summary.paid_conversion, summary.expected_coins),
    ):
        for label, measure, colour, marker, offset in (
            ("as it fell", fell, _COLOURS[0], "o", -0.12), ("expected by the truth", expected, _COLOURS[1], "s", 0.12)
        ):  # fmt: skip
            found = [summary.effect(runs[arm.name], control, measure) for arm in arms]
            _bars(axes, found, offset, color=colour, marker=marker, label=label)
        axes.set_xlabel(f"{what} against\nThompson sampling on clicks (%)")
    left.set_yticks(range(len(titles)), titles)
    left.invert_yaxis()
    left.legend()


def _ablations(figure: Figure, findings: Findings) -> None:
    frozen, runs = findings.frozen, findings.worlds[findings.frozen.main]
    arms = [arm for arm in frozen.of("ablation") if arm.not_available is None]
    found = [summary.ablation(arm.name, arm.title, runs, frozen) for arm in arms]
    left, right = figure.subplots(1, 2, sharey=True)
    nothing = Interval(np.nan, np.nan, np.nan)
    _bars(left, [one.beside_dial or nothing for one in found], 0.0, color=_COLOURS[0], marker="o")
    left.set_xlabel("coins at the same clicks, less the whole policy's\n(% of Thompson sampling's coins)")
    _bars(right, [one.clicks_versus_whole for one in found], 0.0, color=_COLOURS[1], marker="s")
    right.set_xlabel("CTR beside the whole policy's (%)")
    left.set_yticks(range(len(found)), [one.title for one in found])
    left.invert_yaxis()


def _bars(axes: Axes, intervals: Sequence[Interval], offset: float, **style: Any) -> None:
    """Intervals beneath each other, in per cent."""
    label = style.pop("label", None)
    for row, interval in enumerate(intervals):
        x, y = [100 * interval.estimate], [row + offset]
        axes.errorbar(x, y, xerr=_arms(interval), capsize=3, linestyle="none", label=None if row else label, **style)
    axes.axvline(0.0, color="#666666", linewidth=0.8)


def _bound(figure: Figure, findings: Findings) -> None:
    axes = figure.subplots()
    _bound_lines(axes, findings.bound)
    plays = np.array(next(iter(findings.bound.values()))[0]["plays"], np.float64)
    bound = lai_robbins(findings.frozen.bound.means) * np.log(plays)
    axes.plot(plays, bound, color="#000000", linewidth=2, linestyle=":", label="bound of Lai and Robbins")
    axes.set_xscale("log")
    axes.set_xlabel("plays T")
    axes.set_ylabel("expected clicks lost, summed")
    axes.legend()


def _bound_lines(axes: Axes, rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    for (name, runs), colour, dash in zip(rows.items(), cycle(_COLOURS), cycle(_DASHES), strict=False):
        plays = np.array(runs[0]["plays"], np.float64)
        _band(axes, plays, np.array([run["regret"] for run in runs]), color=colour, linestyle=dash, label=name)
