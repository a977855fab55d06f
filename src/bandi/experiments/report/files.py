"""A report as files."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from bandi.experiments.report.markdown import markdown_of
from bandi.experiments.report.page import page_of
from bandi.experiments.report.series import series_frame
from bandi.experiments.result import ExperimentResult

Format = Literal["md", "html", "parquet"]
FORMATS: tuple[Format, ...] = ("md", "html", "parquet")


def write_report(result: ExperimentResult, folder: Path, formats: tuple[Format, ...] = FORMATS) -> list[Path]:
    """Write EXPERIMENT.md, .html or .parquet into the folder, which is made where there is none; their paths.

    What stood there is replaced at once, never half. Raises OSError where the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return [_written(result, folder / f"{result.experiment}.{kind}", kind) for kind in formats]


def _written(result: ExperimentResult, file: Path, kind: Format) -> Path:
    beside = file.with_name(f".{file.name}.new")
    match kind:
        case "md":
            beside.write_text(markdown_of(result), encoding="utf-8")
        case "html":
            beside.write_text(page_of(result), encoding="utf-8")
        case "parquet":
            series_frame(result).write_parquet(beside)
    return beside.replace(file)
