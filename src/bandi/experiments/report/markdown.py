"""A report as Markdown."""

from __future__ import annotations

import re

from bandi.experiments.report.tables import Table, tables_of
from bandi.experiments.report.verdicts import headline, novelty_of, verdicts_of, warnings_of
from bandi.experiments.report.wording import day
from bandi.experiments.result import ExperimentResult

_MARKS = re.compile(r"([\\`*_\[\]|#~])")


def markdown_of(result: ExperimentResult) -> str:
    """The whole report: warnings, verdicts, tables. Names are escaped: none can make markup or another row."""
    parts = [f"# Experiment {escaped(result.experiment)}\n", f"{escaped(headline(result))}\n", f"{escaped(standing(result))}\n"]
    parts += [f"> **{escaped(warning.title)}.** {escaped(warning.words)}\n" for warning in warnings_of(result)]
    verdicts = verdicts_of(result)
    if verdicts:
        parts.append("## What it says\n")
        lines = []
        for verdict in verdicts:
            lines.append(f"- **{verdict.outcome}**: {escaped(verdict.says)}")
            lines += [f"  - {escaped(note)}" for note in verdict.not_yet]
        parts.append("\n".join(lines) + "\n")
    parts += [_table(table) for table in tables_of(result)]
    novelty = novelty_of(result)
    if novelty:
        parts.append("\n".join(f"- {escaped(said)}" for said in novelty) + "\n")
    return "\n".join(parts)


def standing(result: ExperimentResult) -> str:
    """State, control and the days looked at."""
    looks = result.looks_ms
    when = f"{len(looks)} looks, {day(looks[0])} to {day(looks[-1])}" if len(looks) > 1 else "no look yet"
    if len(looks) == 1:
        when = f"one look, {day(looks[0])}"
    return f"State: {result.state}. Control: {result.control}. {when[0].upper()}{when[1:]} (days are UTC)."


def escaped(text: str) -> str:
    """Text that Markdown shows as it is, in one line."""
    one_line = " ".join(text.split())
    plain = one_line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKS.sub(r"\\\1", plain)


def _table(table: Table) -> str:
    lines = [f"## {escaped(table.title)}", ""]
    lines += [_row([escaped(cell) for cell in table.header]), _row(["---"] * len(table.header)), *(_row([escaped(cell) for cell in row]) for row in table.rows)]
    if table.caption:
        lines += ["", escaped(table.caption)]
    return "\n".join(lines) + "\n"


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
