"""Progress on stderr, where stderr is a terminal; silent elsewhere."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any


class progress:  # noqa: N801  a context manager that reads as a function
    """A bar on stderr, where stderr is a terminal; gives a function to advance it by a number of steps."""

    def __init__(self, what: str, total: int) -> None:
        self._what, self._total = what, total
        self._bar: Any = None

    def __enter__(self) -> Any:
        if not sys.stderr.isatty():
            return lambda steps: None
        from rich.console import Console
        from rich.progress import Progress

        self._bar = Progress(console=Console(stderr=True), transient=True)
        self._bar.start()
        task = self._bar.add_task(self._what, total=self._total)
        return lambda steps: self._bar.advance(task, steps)

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()


class row_count:  # noqa: N801  a context manager that reads as a function
    """A line on stderr that counts rows, where stderr is a terminal."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._bar: Any = None

    def __enter__(self) -> Any:
        if not sys.stderr.isatty():
            return None
        from rich.console import Console
        from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        self._bar = Progress(
            SpinnerColumn(), TextColumn("{task.description}"), MofNCompleteColumn(), TextColumn("rows"),
            TimeElapsedColumn(), console=Console(stderr=True), transient=True,
        )  # fmt: skip
        self._bar.start()
        task = self._bar.add_task(self._file.name, total=None)
        return lambda rows: self._bar.update(task, completed=rows)

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()


class steps:  # noqa: N801  a context manager that reads as a function
    """Bars on stderr, one for each kind of work, where stderr is a terminal; gives a function (what, done, total)."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._tasks: dict[str, Any] = {}

    def __enter__(self) -> Any:
        if not sys.stderr.isatty():
            return None
        from rich.console import Console
        from rich.progress import Progress

        self._bar = Progress(console=Console(stderr=True), transient=True)
        self._bar.start()

        def on_step(what: str, done: int, total: int) -> None:
            if what not in self._tasks:
                self._tasks[what] = self._bar.add_task(what, total=total)
            self._bar.update(self._tasks[what], completed=done)

        return on_step

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()
