"""Runs in worker processes, each kept as it comes: what was interrupted goes on where it stopped."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path

from bandi.evaluation.talk.record import Row
from bandi.evaluation.talk.tasks import Task, work
from bandi.evaluation.worlds.funnel.running import Progress

_THREADS = ("OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


class RunStore:
    """A folder with a Parquet file of one row for each run, by its task's key."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def has(self, task: Task) -> bool:
        """Whether the run is there."""
        return self._file(task).is_file()

    def read(self, task: Task) -> Row:
        """The run. Raises FileNotFoundError."""
        import polars as pl  # noqa: PLC0415  some tenths of a second

        row: Row = pl.read_parquet(self._file(task)).row(0, named=True)
        return row

    def write(self, task: Task, row: Row) -> None:
        """Keep the run: the whole file or nothing of it."""
        import polars as pl  # noqa: PLC0415  some tenths of a second

        file = self._file(task)
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(".partial")
        pl.DataFrame({name: [value] for name, value in row.items()}).write_parquet(partial)
        partial.replace(file)

    def _file(self, task: Task) -> Path:
        return self._folder / f"{task.key}.parquet"


def perform(
    tasks: Iterable[Task], store: RunStore, processes: int = 1, on_visits: Progress | None = None
) -> dict[str, int]:
    """Run what is not kept yet. Gives how many runs were `made` and how many were `kept` from before.

    processes: worker processes; 1 runs all in this one. on_visits: called with the visits (plays) done since. What was done
    when this is interrupted is kept.
    """
    waiting: dict[str, Task] = {}
    kept = 0
    for task in tasks:
        if store.has(task):
            kept += 1
            if on_visits is not None:
                on_visits(task.visits)
        else:
            waiting.setdefault(task.key, task)
    for task, row in _rows(list(waiting.values()), min(processes, len(waiting)), on_visits):
        store.write(task, row)
    return {"made": len(waiting), "kept": kept}


def _rows(tasks: list[Task], processes: int, on_visits: Progress | None) -> Iterator[tuple[Task, Row]]:
    if processes <= 1:
        for task in tasks:
            yield task, work(task, on_visits)
        return
    with (
        _one_thread_each(),
        ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _end_when_interrupted) as pool,
    ):
        waiting = {pool.submit(work, task): task for task in tasks}
        try:
            for done in as_completed(waiting):
                task = waiting.pop(done)  # rows are not needed again
                yield task, done.result()
                if on_visits is not None:
                    on_visits(task.visits)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _end_when_interrupted() -> None:
    """Ctrl-C reaches workers too; they end without a word, and the process that started them tells of it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Workers whose threads do not fight over the cores; libraries read this once, when a worker imports them."""
    before = {name: os.environ.get(name) for name in _THREADS}
    for name in _THREADS:
        os.environ.setdefault(name, "1")
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
