"""The leaderboard as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bandi.evaluation.leaderboard.boards import Board
from bandi.loading.public.registry import DataSet

ABOUT = """# Leaderboard

Policies and factorisers on public data and in worlds, made by one command; [how-to/submit.md](how-to/submit.md) says how to add an entry.
A place is told apart from another only where the difference of the two, paired by reader, logged row or world, is surely not 0: all
intervals of differences of a table hold together with 95 % (Bonferroni). `2-4` may be any place from 2 to 4.
"""


@dataclass(frozen=True, slots=True)
class Section:
    """A board, and the public data set that it used, where it used one."""

    board: Board
    data: DataSet | None = None


def markdown(sections: Sequence[Section], code: str, command: str) -> str:
    """The page. code: version and date of the code; command: what makes it again."""
    parts = [ABOUT, f"\nCode: {code}. Made by:\n\n```\n{command}\n```\n"]
    for section in sections:
        board = section.board
        parts.append(f"\n## {board.title}\n\n" + "".join(f"- {line}\n" for line in board.protocol))
        if section.data is not None:
            data = section.data
            parts.append(
                f"- Data: {data.title}. Licence: {data.licence}; redistribute: {data.redistribute}; commercial use: {data.commercial}.\n"
                f"- Cite: {data.citation}.\n"
            )
        parts.append("\n" + table(board.header, board.rows) + "\n")
    return "".join(parts)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])
