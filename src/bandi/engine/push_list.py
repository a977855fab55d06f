"""The list of a run as a file: who gets which message when, and what is expected of it. Whole or not there at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bandi.learning.push.messages import Run
from bandi.log.folder import storage_error, sync_folder
from bandi.model import request_ids
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array

if TYPE_CHECKING:
    import polars as pl

SUFFIXES = (".parquet", ".csv", ".jsonl")


class Message(NamedTuple):
    """One message. request: the id that its click should name, empty where it is held back; send_ms: when, ms since 1970.

    expected_coins: of the reader within the window, with the message; expected_anyway: without; uplift: what it adds.
    """

    user: str
    item: str
    request: str
    send_ms: int
    expected_coins: float
    expected_anyway: float
    uplift: float
    held_out: bool


@dataclass(frozen=True, slots=True)
class PushList:
    """A run's messages, most uplift drawn first. rows: MESSAGE[n]; user_texts, item_texts: by dense id."""

    run: Run
    rows: Array
    user_texts: Sequence[str]
    item_texts: Sequence[str]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Message]:
        columns = zip(*(self.rows[name].tolist() for name in _NAMES), strict=True)
        for user, item, request, send_ms, anyway, uplift, held in columns:
            encoded = request_ids.encode(request) if request else ""
            texts = (self.user_texts[user] if user >= 0 else "", self.item_texts[item])
            yield Message(*texts, encoded, send_ms, anyway + uplift, anyway, uplift, bool(held))

    def write(self, path: Path) -> None:
        """Write Parquet, CSV or JSON Lines, by the ending of the name; durable on return, and never half a file.

        Raises InvalidInputError for another ending or a place that cannot be written, StorageFullError where there is no room.
        """
        check_path(path)
        partial = path.with_name(f".{path.name}.partial")
        try:
            with partial.open("wb") as file:
                _write(self._frame(), path.suffix, file)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
            sync_folder(path.parent)
        except OSError as error:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
            raise storage_error(error, str(path)) from error

    def _frame(self) -> pl.DataFrame:
        import polars as pl  # noqa: PLC0415

        held = self.rows["held"] == 1
        anyway, uplift = self.rows["anyway"].astype(np.float64), self.rows["uplift"].astype(np.float64)
        times = pl.Series("send_at", self.rows["send_ms"]).cast(pl.Datetime("ms", "UTC"))
        return pl.DataFrame(
            {
                "reader": [self.user_texts[user] if user >= 0 else "" for user in self.rows["user"].tolist()],
                "title": [self.item_texts[item] for item in self.rows["item"].tolist()],
                "request": [request_ids.encode(r) if r else "" for r in self.rows["request"].tolist()],
                "send_at": times.dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "expected_coins": anyway + uplift,
                "expected_anyway": anyway,
                "uplift": uplift,
                "held_out": held,
            }
        )


_NAMES = ("user", "item", "request", "send_ms", "anyway", "uplift", "held")


def check_path(path: Path) -> None:
    """Raises InvalidInputError unless the name says one of the formats and its folder is there: before anything is chosen."""
    if path.suffix not in SUFFIXES:
        raise InvalidInputError(Problem(str(path), path.suffix or "no ending", f"one of {', '.join(SUFFIXES)}"))
    if not path.parent.is_dir():
        raise InvalidInputError(Problem(str(path), f"no folder {path.parent}", "a folder that is there"))


def _write(frame: pl.DataFrame, suffix: str, file: object) -> None:
    match suffix:
        case ".parquet":
            frame.write_parquet(file)  # type: ignore[arg-type]
        case ".csv":
            frame.write_csv(file)  # type: ignore[call-overload]
        case _:
            frame.write_ndjson(file)  # type: ignore[call-overload]
