"""The report's plot as SVG, through Matplotlib (the extra `report`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bandi.evaluation.puzzle.design import SCENARIOS
from bandi.evaluation.puzzle.report import METHOD_TITLES
from bandi.evaluation.puzzle.study import Answered, judge
from bandi.evaluation.talk.plots import check_matplotlib

_STYLES = {"naive": ("#D55E00", "s", -0.22), "adjusted": ("#E69F00", "D", 0.0), "local": ("#0072B2", "o", 0.22)}
"""Colour (Okabe and Ito 2008), marker, place beneath the row's middle."""


def draw_plot(answered: Sequence[Answered], file: Path) -> Path:
    """Means of estimates and the middle 95 % of a single experiment's, beside the truth. Raises InvalidInputError without Matplotlib."""
    check_matplotlib()
    import matplotlib as mpl  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    names = {one.scenario for one in answered}
    scenarios = [scenario for scenario in SCENARIOS if scenario.name in names]
    with mpl.rc_context({"svg.hashsalt": "bandi", "svg.fonttype": "none", "font.size": 10}):
        figure = Figure(figsize=(9.0, 1.0 + 0.9 * len(scenarios)), layout="constrained")
        axes = figure.subplots()
        for row, scenario in enumerate(scenarios):
            for method, (colour, marker, offset) in _STYLES.items():
                found = judge(answered, scenario.name, "all", method)
                axes.errorbar(
                    [100 * found.estimate], [row + offset], xerr=[196 * found.spread], color=colour, marker=marker,
                    capsize=3, linestyle="none", label=None if row else METHOD_TITLES[method],
                )  # fmt: skip
            truth = 100 * judge(answered, scenario.name, "all", "local").effect
            axes.plot([truth, truth], [row - 0.4, row + 0.4], "k-", linewidth=2, label=None if row else "truth")
        axes.axvline(0.0, color="#666666", linewidth=0.8)
        axes.set_yticks(range(len(scenarios)), [scenario.title for scenario in scenarios])
        axes.invert_yaxis()
        axes.set_xlabel("titles paid for in all, per 100 starts")
        axes.grid(axis="x", alpha=0.3)
        axes.legend(fontsize=8)
        file.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(file, format="svg", metadata={"Date": None})
    return file
