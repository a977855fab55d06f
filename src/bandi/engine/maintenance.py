"""Snapshots and sealing: started by the writer as the log grows, done in a thread of their own."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from bandi.engine.jobs import TaskJob, Waiter
from bandi.engine.opening import Opened
from bandi.engine.recovery import SNAPSHOTS
from bandi.engine.writer import Writer
from bandi.learning.snapshots import prune, write_snapshot
from bandi.model.errors import BandiError
from bandi.model.records import Array

KEPT_SNAPSHOTS = 2


class Maintenance:
    """Keeps start-up short and the hot tail small. The state is copied in the writer thread, at rest."""

    def __init__(self, opened: Opened, writer: Writer) -> None:
        self._folder = opened.folder / SNAPSHOTS
        self._log = opened.log
        self._state = opened.state
        self._limits = opened.config.log
        self._writer = writer
        self._snapshot_position = opened.story.snapshot_position
        self._sealed_position = opened.log.sealed_position
        self._working: threading.Thread | None = None
        self._files = threading.Lock()
        writer.after_commit = self._after_commit

    def _after_commit(self) -> None:
        """In the writer thread, behind every group."""
        if self._working is not None and self._working.is_alive():
            return
        position = self._state.position
        arrays = None
        if position - self._snapshot_position >= self._limits.snapshot_after:
            arrays, self._snapshot_position = self._state.dump(), position
        seal = position - self._sealed_position >= self._limits.seal_after
        if seal:
            self._sealed_position = position
        if arrays is not None or seal:
            self._working = threading.Thread(target=self._work, args=(position, arrays, seal), name="bandi-maintenance")
            self._working.start()

    def _work(self, position: int, arrays: dict[str, Array] | None, seal: bool) -> None:
        try:
            if seal:
                self._log.seal()
            if arrays is not None:
                self._write(position, arrays)
        except BandiError as error:  # the log itself is safe; the next stretch tries again
            print(f"bandi: maintenance put off: {error}", file=sys.stderr)

    def _write(self, position: int, arrays: dict[str, Array]) -> Path:
        with self._files:
            self._folder.mkdir(exist_ok=True)
            path = write_snapshot(self._folder, position, arrays, {})
            prune(self._folder, keep=KEPT_SNAPSHOTS)
            return path

    def snapshot_now(self) -> Path:
        """Write a snapshot of the state as the writer has it next."""
        waiter = Waiter()
        self._writer.submit(TaskJob(lambda: (self._state.position, self._state.dump()), waiter))
        position, arrays = waiter.wait()
        self._snapshot_position = position
        return self._write(position, arrays)

    def seal_now(self) -> None:
        """Seal all that is committed."""
        self._log.seal()

    def finish(self) -> None:
        """After the writer's end: wait for work under way, then snapshot what is newer than the last."""
        if self._working is not None:
            self._working.join()
        if self._writer.failure is None and self._state.position > self._snapshot_position:
            self._write(self._state.position, self._state.dump())
