"""A public data set's files into an engine, step by step, by the machinery of `bandi load`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import msgspec

from bandi.loading.loads import OnRows, PutsItems, Records, load_events, load_items
from bandi.loading.public.files import distinct, locate, prepare
from bandi.loading.public.registry import Format, Step
from bandi.loading.report import LoadReport
from bandi.model.catalog import Item


class Destination(PutsItems, Records, Protocol):
    """Where items and events go, such as an engine."""


def load_public(
    destination: Destination,
    layout: Format,
    path: Path,
    placement: str = "home",
    refused: Path | None = None,
    on_rows: OnRows | None = None,
) -> list[LoadReport]:
    """Load the files of a data set, a report for each step.

    path: a folder with the published files, or the file of events; placement: where its events happened; refused: a folder for
    refused rows. Files that have no header or other units are written anew first, to a folder that is removed again. Raises
    InvalidInputError where a file is missing or no table.
    """
    found = locate(layout, path)
    with TemporaryDirectory(prefix="bandi-data-") as folder:
        return [
            msgspec.structs.replace(
                _load(destination, step, file, Path(folder), placement, refused, on_rows), source=str(file)
            )
            for step, file in found
        ]


def _load(
    destination: Destination,
    step: Step,
    file: Path,
    folder: Path,
    placement: str,
    refused: Path | None,
    on_rows: OnRows | None,
) -> LoadReport:
    aside = None if refused is None else refused / f"{file.name}.{step.kind}.refused.jsonl"
    if step.distinct is not None:
        return load_items(destination, _bare(step, file), refused=aside)
    ready, mapping = prepare(step, file, folder), step.mapping(placement)
    if step.kind == "items":
        return load_items(destination, ready, mapping, aside, on_rows)
    return load_events(destination, ready, mapping, aside, on_rows)


def _bare(step: Step, file: Path) -> Iterator[Item]:
    return (Item(id=value) for value in distinct(step, file))
