"""Published files as `bandi load` reads them: found in a folder, and written anew where they have no header or other units."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from bandi.loading.public.registry import Format, Step
from bandi.loading.tables import BadRow, open_table
from bandi.model.errors import InvalidInputError, Problem

MAX_LINE = 1 << 20
"""Characters of a line without a header; what is longer is cut into lines that are refused."""

Written = Callable[[str], str]
"""From a cell as published to the cell that is loaded; what it cannot read it gives back, to be refused with its place."""


def locate(layout: Format, path: Path) -> list[tuple[Step, Path]]:
    """Each step with its file. path: a folder with the files, or the file of events. Raises InvalidInputError."""
    events = path if path.is_file() else _find(layout.main, path, "")
    stem = events.name.partition(".")[0]
    found = []
    for step in layout.steps:
        same = step.kind == "events" or step.files == layout.main.files
        found.append((step, events if same else _find(step, events.parent, stem)))
    return found


def _find(step: Step, folder: Path, stem: str) -> Path:
    patterns = [pattern.replace("{stem}", stem) for pattern in step.files if stem or "{stem}" not in pattern]
    for pattern in patterns:
        matches = sorted({*folder.glob(pattern), *folder.glob(pattern + ".gz")})
        if len(matches) > 1:
            names = ", ".join(match.name for match in matches[:5])
            raise InvalidInputError(Problem(str(folder), names, f"one file {pattern}", "give the file itself"))
        if matches:
            return matches[0]
    names = " or ".join(patterns)
    hint = "give the folder with the published files, or the file of events itself"
    raise InvalidInputError(Problem(str(folder), f"no {step.kind} file", f"{names} (also with .gz)", hint))


def prepare(step: Step, file: Path, folder: Path) -> Path:
    """The file itself, or its rows written to `folder` with a header, times in RFC 3339 and counts from 0. O(rows).

    Line n of the new file is line n - 1 of one without a header. Raises InvalidInputError where it is no table.
    """
    if not step.rewritten:
        return file
    target = folder / (file.name.removesuffix(".gz") + ".csv")
    header, rows = (list(step.header), _split_lines(step, file)) if step.header else _table(file)
    for column in step.from_one + tuple(step.times):
        if column not in header:
            raise InvalidInputError(Problem(f"{file.name}: column {column!r}", "no such column", ", ".join(header)))
    changes: list[tuple[int, Written]] = [(header.index(column), _from_one) for column in step.from_one]
    changes += [(header.index(column), _in_utc(written)) for column, written in step.times.items()]
    with target.open("w", encoding="utf-8", errors="surrogateescape", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow([*header, *filter(None, [step.numbered])])
        for number, cells in enumerate(rows, 1):
            if len(cells) == len(header):
                for place, change in changes:
                    cells[place] = change(cells[place])
                if step.numbered is not None:
                    cells.append(str(number))
            writer.writerow(cells or [""])
    return target


def distinct(step: Step, file: Path) -> Iterator[str]:
    """Each value of the step's column `distinct` once, in the order of the file. Rows that are no rows are passed over."""
    assert step.distinct is not None
    header, rows = (list(step.header), _split_lines(step, file)) if step.header else _table(file)
    if step.distinct not in header:
        found = f"{', '.join(header[:20])}"
        raise InvalidInputError(Problem(f"{file.name}: column {step.distinct!r}", "no such column", f"one of: {found}"))
    place, seen = header.index(step.distinct), set[str]()
    for cells in rows:
        if len(cells) == len(header) and cells[place] and cells[place] not in seen:
            seen.add(cells[place])
            yield cells[place]


def _table(file: Path) -> tuple[list[str], Iterator[list[str]]]:
    """Header and rows of a file that has one; a row that is none becomes one cell, which is refused when loaded."""
    table = open_table(file)

    def rows() -> Iterator[list[str]]:
        for row in table.rows:
            if isinstance(row, BadRow):
                yield [row.shown]
            else:
                yield ["" if cell is None else str(cell) for cell in map(row.values.get, table.columns)]

    return table.columns, rows()


def _split_lines(step: Step, file: Path) -> Iterator[list[str]]:
    opened = gzip.open if file.name.endswith(".gz") else Path.open
    width = len(step.header)
    try:
        with opened(file, "rb") as raw, io.TextIOWrapper(raw, step.encoding, "surrogateescape", newline="\n") as text:
            for line in iter(lambda: text.readline(MAX_LINE), ""):
                cells = line.rstrip("\r\n").split(step.separator)
                yield cells[:width] if step.more_cells else cells
    except (OSError, EOFError, zlib.error) as error:
        raise InvalidInputError(Problem(str(file), str(error), "a file that can be read to its end")) from None


def _from_one(cell: str) -> str:
    try:
        return str(int(cell) - 1)
    except ValueError:
        return cell


def _in_utc(written: str) -> Written:
    def change(cell: str) -> str:
        try:
            return datetime.strptime(cell, written).replace(tzinfo=UTC).isoformat()
        except ValueError:
            return cell

    return change
