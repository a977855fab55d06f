"""A report as Markdown."""

from __future__ import annotations

import re

from bandi.experiments.report.tables import Table, tables_of
from bandi.experiments.report.verdicts import cautions_of, headline, novelty_of, standing, verdicts_of
from bandi.experiments.report.wording import sentence
from bandi.experiments.result import ExperimentResult

_MARKS = re.compile(r"([\\`*_\[\]|#~])")


def markdown_of(result: ExperimentResult) -> str:
    """The whole report: warnings, verdicts, tables. Names are escaped: none can make markup or another row."""
    cautions = cautions_of(result)
    parts = [f"# Experiment {escaped(result.experiment)}\n"]
    parts += [f"> **{escaped(caution.title)}.** {escaped(sentence(caution.words))}\n" for caution in cautions]
    if not cautions:
        parts.append(f"{escaped(headline(result))}\n")
    parts.append(f"{escaped(standing(result))}\n")
    parts += [f"> {escaped(words)}\n" for words in result.words]
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


def escaped(text: str) -> str:
    """Text that Markdown shows as it is, in one line."""
    one_line = " ".join(text.split())
    plain = one_line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKS.sub(r"\\\1", plain)


def _table(table: Table) -> str:
    lines = [f"## {escaped(table.title)}", ""]
    lines += [
        _row([escaped(cell) for cell in table.header]),
        _row(["---"] * len(table.header)),
        *(_row([escaped(cell) for cell in row]) for row in table.rows),
    ]
    if table.caption:
        lines += ["", escaped(table.caption)]
    return "\n".join(lines) + "\n"


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
