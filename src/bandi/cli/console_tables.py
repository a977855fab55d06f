"""Tables on the terminal."""

from __future__ import annotations

from collections.abc import Sequence


def print_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]], caption: str = "") -> None:
    """Print a table; numbers should come as text, already rounded.

    Nothing is read as markup. Characters that would move the cursor are written out (`\\x1b`), but for line ends in cells and
    the caption.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from bandi.model.printable import escaped

    table = Table(
        title=Text(escaped(title), style="table.title"),
        caption=Text(escaped(caption, kept="\n"), style="table.caption") if caption else None,
        title_justify="left",
        caption_justify="left",
    )
    for column, name in enumerate(header):
        numeric = all(_is_number(row[column]) for row in rows) if rows else False
        table.add_column(Text(escaped(name)), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(escaped(cell, kept="\n")) for cell in row))
    Console().print(table)


def _is_number(cell: str) -> bool:
    try:
        float(cell.rstrip("%").replace(",", ""))
    except ValueError:
        return False
    return True
