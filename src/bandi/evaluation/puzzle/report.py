"""The report `puzzle.md`: every number from the runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bandi.evaluation.puzzle.design import SCENARIOS, Design, Outcome, Scenario
from bandi.evaluation.puzzle.study import Answered, Judged, judge
from bandi.evaluation.talk.tables import share, table

METHOD_TITLES = {
    "naive": "started less not started",
    "adjusted": "the same, adjusted",
    "local": "encouragement, per start (LATE)",
}
_OUTCOME_TITLES: dict[Outcome, str] = {
    "all": "titles paid for in all, per 100 starts",
    "own": "the title itself paid for, per 100 starts",
    "elsewhere": "other titles paid for, per 100 starts",
    "before": "titles paid for before the experiment, per 100 starts",
}


def write_report(answered: Sequence[Answered], design: Design, command: str, folder: Path, plot: Path | None) -> Path:
    """`puzzle.md` in the folder; its path. plot: the file that was drawn, within the folder."""
    parts = ["# Does a first free read cause payment?", _preamble(answered, design, command)]
    parts += ["## What was found", "\n".join(_findings(answered))]
    if plot is not None:
        parts.append(f"![Estimates beside the truth, by scenario]({plot.relative_to(folder).as_posix()})")
    for outcome in ("all", "own"):
        parts += [f"## By {_OUTCOME_TITLES[outcome]}", _table(answered, outcome)]
    parts += ["## False alarms", _ALARMS, _alarms(answered)]
    parts += ["## What this does not say", _LIMITS]
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "puzzle.md"
    file.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return file


_ALARMS = (
    "Where nothing was caused, this share of 95 % intervals excludes 0; 5 % is right. `before`: payments from before the "
    "experiment, which no start in it can have caused. `idle`: the world in which being led causes nothing."
)


_LIMITS = """\
- A simulated world: that a start causes payments in it is how it was made (but for `idle`), and `coupled` is an assumption, not \
measured anywhere. What is shown is which comparison finds the truth, whatever it is.
- The effect is that on readers whom the showing makes start, not on those who find the title anyway.
- The title itself cannot be paid for without a start, so by that outcome comparing starters is nearly right here; what a \
start adds to all that a reader pays is the question, and there it is not.
- `filled`: where another title takes the place of a withheld one, readers start and pay for that one instead. The ratio is then not \
the effect of a start: exclusion fails. What showing brings over the other title is still right per showing, or take the title itself \
as the outcome.
- Draws of one world share its readers; the intervals of the shares take them for independent. The truth is that of the readers drawn \
for, not of others like them, so intervals may hold it more often than 95 %."""


def _preamble(answered: Sequence[Answered], design: Design, command: str) -> str:
    rows = np.mean([one.rows for one in answered])
    shares = np.mean([one.answers.complier_share for one in answered if one.answers.outcome == "all"])
    least = min(one.answers.strength for one in answered)
    lines = [
        "Made by", "", "```", command, "```", "",
        f"World `{design.world}`: {design.readers:,} readers, {design.seeds} draws of it (seeds {design.first_seed} to "
        f"{design.first_seed + design.seeds - 1}), {design.days_before} days before and {design.days} days of the experiment. "
        f"For each reader and each of {design.featured} titles the lot (the hash of experiments) says whether the title stands in "
        f"its slot, half of the time. Readers find titles of themselves too. Counted are readers who came, and titles "
        f"that they had not started: {rows:,.0f} rows a world. Showing raises the share who start by {shares:.1%}; the least "
        f"first-stage F was {least:,.0f}, so the intervals of Anderson and Rubin are those of two-stage least squares"
        f"{_farthest(answered)}. {design.draws} draws of the lot in each world. A payment counts within "
        f"{design.window_days} days of its start.",
        "",
        "The world knows what each reader would have started and paid without the showing, so the truth is counted, not estimated. "
        "Scenarios:", "",
        *(f"- `{scenario.name}`: {scenario.title}" for scenario in _present(answered)),
    ]  # fmt: skip
    return "\n".join(lines)


def _farthest(answered: Sequence[Answered]) -> str:
    """How far the two intervals' bounds are apart at most, beside the interval's width."""
    gaps = []
    for one in answered:
        local, robust = one.answers.methods["local"], one.answers.methods["robust"]
        if np.isfinite([local.low, local.high, robust.low, robust.high]).all() and local.high > local.low:
            gap = max(abs(local.low - robust.low), abs(local.high - robust.high))
            gaps.append(gap / (local.high - local.low))
    return f" (bounds at most {max(gaps):.2%} of the width apart)" if gaps else ""


def _present(answered: Sequence[Answered]) -> list[Scenario]:
    names = {one.scenario for one in answered}
    return [scenario for scenario in SCENARIOS if scenario.name in names]


def _findings(answered: Sequence[Answered]) -> list[str]:
    lines = []
    for scenario in _present(answered):
        naive, adjusted, local = (
            judge(answered, scenario.name, "all", name) for name in ("naive", "adjusted", "local")
        )
        lines.append(
            f"- `{scenario.name}` ({scenario.title}): 100 starts cause {100 * local.effect:.2f} payments. Comparing starters "
            f"says {100 * naive.estimate:.2f}{_times(naive)}, with adjustment {100 * adjusted.estimate:.2f}{_times(adjusted)}; "
            f"the encouragement says {100 * local.estimate:.2f}{_times(local)}."
        )
    return lines


def _times(judged: Judged) -> str:
    return f" ({judged.estimate / judged.effect:.2f} times)" if judged.effect > 1e-9 else ""


def _table(answered: Sequence[Answered], outcome: Outcome) -> str:
    rows = []
    for scenario in _present(answered):
        for method in ("naive", "adjusted", "local"):
            found = judge(answered, scenario.name, outcome, method)
            bias = found.bias
            rows.append(
                [
                    f"`{scenario.name}`", METHOD_TITLES[method], f"{100 * found.effect:.2f}", f"{100 * found.estimate:.2f}",
                    f"{100 * bias.estimate:+.3f} ({100 * bias.low:+.3f} to {100 * bias.high:+.3f})",
                    f"{100 * found.width:.2f}", share(found.covers), share(found.found),
                ]
            )  # fmt: skip
    header = [
        "scenario",
        "method",
        "truth",
        "estimate",
        "bias",
        "interval's width",
        "intervals that hold the truth",
        "say there is an effect",
    ]
    return table(header, rows)


def _alarms(answered: Sequence[Answered]) -> str:
    names = [scenario.name for scenario in _present(answered)]
    cases: list[tuple[str, Outcome]] = [(name, "before") for name in names if name in ("plain", "coupled")]
    cases += [("idle", outcome) for outcome in ("all", "own", "elsewhere") if "idle" in names]
    rows = []
    for name, outcome in cases:
        found = [judge(answered, name, outcome, method).found for method in ("naive", "adjusted", "local")]
        rows.append([f"`{name}`", _OUTCOME_TITLES[outcome].partition(", per")[0], *(share(one) for one in found)])
    methods = [METHOD_TITLES[name] for name in ("naive", "adjusted", "local")]
    return table(["scenario", "outcome", *methods], rows)
