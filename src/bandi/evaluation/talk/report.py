"""The report `talk.md` from runs that are kept: every number from them, and plots where they were drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from bandi.evaluation.talk.earnings import ablations_section, bound_section, frontier_section, presets_section
from bandi.evaluation.talk.failures import clicks_section, experiments_section
from bandi.evaluation.talk.frozen import Frozen, Section
from bandi.evaluation.talk.record import Row
from bandi.evaluation.talk.summary import Runs

TITLES: dict[Section, str] = {
    "clicks": "1. Clicks: Thompson sampling beside the others",
    "experiments": "2. The talk's four experiments",
    "frontier": "3. The earning dial",
    "presets": "3b. The dial in every world",
    "ablations": "4. What each part is worth",
    "bound": "5. How close to the bound",
}
PLOTS: dict[Section, tuple[str, str]] = {
    "clicks": ("regret", "Clicks lost beside the oracle by population, summed over days"),
    "experiments": ("experiments", "Effects of the experiments with their intervals"),
    "frontier": ("frontier", "CTR given up against coins gained"),
    "presets": ("presets", "CTR given up against coins gained, by world"),
    "ablations": ("ablations", "Coins at the same clicks, beside the whole policy"),
    "bound": ("bound", "Regret on stationary arms beside the bound"),
}
"""Of each section: its plot's file name and what it shows."""


class Findings(NamedTuple):
    """All that the report is made of.

    worlds: of each world that was run, its runs, the main one's first where it is there; presets: those of the section of
    that name; bound: rows of bound.play by policy, empty where that section was not run. command: that gives all again.
    """

    frozen: Frozen
    sections: Sequence[Section]
    worlds: Mapping[str, Runs]
    presets: Sequence[str]
    bound: Mapping[str, Sequence[Row]]
    command: str


def write_report(findings: Findings, folder: Path, plots: Mapping[Section, Path]) -> Path:
    """`talk.md` in the folder; its path. plots: files that were drawn, within the folder."""
    parts = ["# The talk's failures, and what earns\n", _preamble(findings)]
    for section in findings.sections:
        parts += [f"## {TITLES[section]}", *section_text(findings, section)]
        if section in plots:
            parts.append(f"![{PLOTS[section][1]}]({plots[section].relative_to(folder).as_posix()})")
    file = folder / "talk.md"
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(_joined(parts), encoding="utf-8")
    return file


def section_text(findings: Findings, section: Section) -> list[str]:
    """Paragraphs, tables and list items of one section."""
    frozen = findings.frozen
    match section:
        case "presets":
            return presets_section({world: findings.worlds[world] for world in findings.presets}, frozen)
        case "bound":
            return bound_section(frozen.bound, findings.bound)
    runs = findings.worlds[frozen.main]
    match section:
        case "clicks":
            return clicks_section(runs, frozen)
        case "experiments":
            return experiments_section(runs, frozen)
        case "frontier":
            return frontier_section(runs, frozen)
        case _:
            return ablations_section(runs, frozen)


def _preamble(findings: Findings) -> str:
    sizes = []
    for world, runs in findings.worlds.items():
        some = next(iter(runs.values()))
        visits = sum(float(run.result.days.visits.sum()) for run in some) / len(some)
        impressions = sum(float(run.result.days.impressions.sum()) for run in some) / len(some)
        days = len(some[0].result.days.visits)
        sizes.append(
            f"- {world}: {len(some)} draws; {some[0].result.readers:,} readers, {len(some[0].result.title_impressions):,} titles, "
            f"{days} days, {visits:,.0f} visits and {impressions:,.0f} impressions a run on average"
        )
    return "\n".join(
        [
            "Made by", "", "```", findings.command, "```", "",
            "All that is run, policies, positions of the dial and seeds, stands in `src/bandi/evaluation/talk/frozen.toml`, the same "
            "for every world. Figures are means over draws of a world with 95 % t-intervals in parentheses, unless said otherwise. "
            "These are simulated worlds: what is shown is how policies behave where the truth is known, not what a service will earn.",
            "", *sizes,
        ]
    )  # fmt: skip


def _joined(parts: Sequence[str]) -> str:
    """Paragraphs with a line between them; items of a list without."""
    text = ""
    for part in parts:
        in_list = part.startswith("- ") and text.rsplit("\n", 2)[-2:][0].startswith("- ")
        text += ("" if not text or in_list else "\n") + part.rstrip("\n") + "\n"
    return text
