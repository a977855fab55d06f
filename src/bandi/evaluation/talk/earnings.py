"""The report on the earning dial, its ablations and the bound: tables, and sentences chosen by what came out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from bandi.evaluation.intervals import Interval, t_interval
from bandi.evaluation.talk import summary
from bandi.evaluation.talk.bound import lai_robbins
from bandi.evaluation.talk.frontiers import READINGS, Reading
from bandi.evaluation.talk.frozen import BoundPlan, Frozen
from bandi.evaluation.talk.record import Row
from bandi.evaluation.talk.summary import Point, Reach, Runs
from bandi.evaluation.talk.tables import change, number, share, table
from bandi.evaluation.talk.tasks import dial_name, oracle_name

WANTED_PART = 0.6
"""The part of the oracle's gain that issue 4 asks for."""
READING_WORDS: dict[Reading, str] = {
    "own": "beside its own best list for clicks",
    "same clicks": "beside the control, at the same CTR",
}


def frontier_section(runs: Runs, frozen: Frozen) -> list[str]:
    """The dial beside both oracles, the experiments and the other policies that look beyond the click."""
    names = [dial_name(give_up) for give_up in frozen.dial.give_up]
    others = [arm for arm in frozen.of("experiment", "other") if arm.not_available is None]
    found = summary.reaches(runs, frozen)
    return [
        "Shares of Thompson sampling's on clicks, paired by world. CTR and coins are those that the truth expected of the "
        "impressions shown, so fewer clicks from tired readers count too.",
        _points([_point(name, name, runs, frozen) for name in names]),
        "The policies of other designs stand where they stand; they have no dial:",
        _points([_point(arm.name, arm.title, runs, frozen) for arm in others]),
        "The oracle, beside Thompson sampling on clicks as well:",
        _points([_point(name, name, runs, frozen) for name in _oracle_names(frozen)]),
        "At a share of CTR given up the dial's gain is read from the straight lines between its measured points, from the "
        "origin; the oracle's from the upper concave hull of its points; neither beyond its last point. Two readings of the "
        "oracle's gain: *own*, what it gains on its own best list for clicks by giving up the same share of its own clicks; "
        "*same clicks*, the coins of its list that gets (1 - share) of Thompson sampling's CTR, beside Thompson "
        "sampling's coins, which also counts what knowing the truth about clicks is worth (where even its list that "
        "next to ignores clicks has more of them than that, it is not reached). The part is a ratio of means over "
        "worlds with Fieller's interval.",
        _reach_table(found),
        *_moonshot(found),
        *_told(runs, frozen),
    ]


def _told(runs: Runs, frozen: Frozen) -> list[str]:
    """What the dial lacks: it is told of titles, or of readers, and of the other learns as before."""
    if "reader" not in frozen.oracle.resolutions:
        return []
    header = ["told from the first day of", *(f"gain at {value:.0%}" for value in frozen.shares)]
    header += [f"part of the oracle's at {value:.0%}" for value in frozen.shares]
    rows = []
    for part in frozen.told.parts:
        parts = summary.told_parts(runs, frozen, part)
        rows.append(
            [
                {"titles": "what a start of each title brings", "readers": "each reader's purchasing power"}[part],
                *("not reached" if one.gain is None else change(one.gain) for one in parts),
                *("not reached" if one.part is None else share(one.part) for one in parts),
            ]
        )
    return [
        "What is missing: the same dial, told a part of the truth from the first day, the other learned as before. Gains as in the "
        "table above, and as parts of the gain of the oracle by reader beside its own best list for clicks.",
        table(header, rows),
    ]


def presets_section(worlds: Mapping[str, Runs], frozen: Frozen) -> list[str]:
    """The same policy in every world, without retuning."""
    parts, below, frozen = [], [], frozen.in_presets
    for world, runs in worlds.items():
        points = [_point(dial_name(give_up), dial_name(give_up), runs, frozen) for give_up in frozen.dial.give_up]
        found = summary.reaches(runs, frozen)
        parts += [f"### {world}", _points(points), _reach_table(found)]
        for reach in found:
            if reach.gain is None or not reach.gain.low > 0.0:
                below.append(f"{world} at {reach.share:.0%} ({_gain(reach)})")
    if below:
        parts.append(f"The interval of the gain is **not** above zero everywhere: {'; '.join(below)}.")
    else:
        at = ", ".join(f"{value:.0%}" for value in frozen.shares)
        parts.append(
            f"In each of the {len(worlds)} worlds the interval of the gain is above zero at {at} CTR given up."
        )
    return parts


def ablations_section(runs: Runs, frozen: Frozen) -> list[str]:
    """The policy at one position of the dial with one part taken out at a time."""
    rows, sentences = [], []
    for arm in frozen.of("whole", "ablation"):
        if arm.not_available is not None:
            rows.append([arm.title, f"not run: {arm.not_available}", "", "", ""])
            continue
        found = summary.ablation(arm.name, arm.title, runs, frozen)
        rows.append(
            [
                found.title,
                share(found.at.given_up),
                change(found.at.gained),
                *([change(found.versus_whole), change(found.beside_dial)] if arm.role == "ablation" else ["", ""]),
            ]
        )
        if arm.role == "ablation":
            sentences.append(f"- {found.title}: {_difference(found)}")
    return [
        "Beside the control: CTR given up and coins gained. Beside the whole policy: coins, relative. *At the same clicks*: coins "
        "gained less what the whole policy's dial gains at the CTR that this one gives up, as a share of the control's coins.",
        table(["policy", "CTR given up", "coins gained", "coins, beside the whole", "at the same clicks"], rows),
        *sentences,
    ]


def _difference(found: summary.Ablation) -> str:
    """What the sign of an ablation says of the part that was changed."""
    interval = found.beside_dial
    if interval is None:
        return "gives up more clicks than the dial's farthest point, so it has no point beside it."
    match summary.sign_of(interval):
        case "-":
            return f"worse than the whole policy at the same clicks, by {change(interval)}."
        case "+":
            return f"**better** than the whole policy at the same clicks, by {change(interval)}."
        case _:
            return f"no difference at the same clicks that these worlds can show ({change(interval)})."


def bound_section(plan: BoundPlan, rows: Mapping[str, Sequence[Row]]) -> list[str]:
    """Regret on stationary arms beside Lai and Robbins (1985)."""
    factor = lai_robbins(plan.means)
    plays = np.array(next(iter(rows.values()))[0]["plays"])
    wanted = sorted({t for t in (1_000, 10_000, 100_000) if t < plan.horizon} | {plan.horizon})
    places = [int(np.argmin(np.abs(np.log(plays / t)))) for t in wanted]
    lines, last = [], {}
    for name, runs in rows.items():
        regrets = np.array([run["regret"] for run in runs])
        found = [t_interval(regrets[:, place]) for place in places]
        last[name] = found[-1].estimate / (factor * math.log(plays[places[-1]]))
        lines.append([name, *(number(interval) for interval in found)])
    lines.append(["bound", *(f"{factor * math.log(plays[place]):.3g}" for place in places)])
    by_ratio = ", ".join(f"{name} {times:.2f}" for name, times in sorted(last.items(), key=lambda pair: pair[1]))
    return [
        f"{len(plan.means)} Bernoulli arms with means {', '.join(f'{mean:g}' for mean in plan.means)}; one is shown at a time and "
        f"its outcome learned at once; {len(next(iter(rows.values())))} runs. Regret: clicks lost against always showing the best "
        f"arm, expected. The bound is {factor:.3g} ln T, a limit for T to infinity: at a finite T regret may lie below it.",
        table(["policy", *(f"T = {plays[place]:,}" for place in places)], lines),
        f"At T = {plays[places[-1]]:,}, in multiples of the bound: {by_ratio}.",
    ]


def _oracle_names(frozen: Frozen) -> list[str]:
    return [
        oracle_name(resolution, multiplier)
        for resolution in frozen.oracle.resolutions
        for multiplier in frozen.oracle.multipliers
    ]


def _point(name: str, title: str, runs: Runs, frozen: Frozen) -> Point:
    return summary.point(title, runs[name], runs[frozen.control.name])


def _points(points: Sequence[Point]) -> str:
    header = ["policy", "CTR given up", "coins gained", "with organic coins", "coins gained, as they fell"]
    return table(
        header,
        [
            [p.name, share(p.given_up), change(p.gained), change(p.gained_all), change(p.gained_as_fell)]
            for p in points
        ],
    )  # fmt: skip


def _reach_table(found: Sequence[Reach]) -> str:
    header = ["CTR given up", "coins gained by the dial", "oracle", "its gain", "the dial's part of it"]
    rows = []
    for reach in found:
        gain = _gain(reach)
        for (resolution, reading), (oracle, part) in reach.oracles.items():
            rows.append([f"{reach.share:.0%}", gain, f"by {resolution}, {reading}", change(oracle), share(part)])
    return table(header, rows)


def _gain(reach: Reach) -> str:
    """The dial's gain, or in how many worlds its path ends before, and what it is in the others."""
    if reach.gain is not None:
        return change(reach.gain)
    text = f"not reached in {reach.worlds - reach.reached} of {reach.worlds} worlds"
    return text if reach.where_reached is None else f"{text}; in the others {change(reach.where_reached)}"


def _moonshot(found: Sequence[Reach]) -> list[str]:
    """For each oracle and reading: where the part asked for is reached, and where not."""
    sentences = []
    for resolution in dict.fromkeys(resolution for reach in found for resolution, _ in reach.oracles):
        for reading in READINGS:
            parts = [(reach.share, reach.oracles[resolution, reading].part) for reach in found]
            said = "; ".join(f"{given_up:.0%} given up: {_reached(part)}" for given_up, part in parts)
            sentences.append(f"- Oracle by {resolution}, {READING_WORDS[reading]}: {said}.")
    return [f"{WANTED_PART:.0%} of the oracle's gain is what was asked for:", *sentences]


def _reached(part: Interval | None) -> str:
    if part is None:
        return "a path ends before"
    if part.low >= WANTED_PART:
        return f"reached ({share(part)})"
    if part.estimate >= WANTED_PART:
        return f"reached by the mean, not by the interval ({share(part)})"
    return f"**not** reached ({share(part)})"
