"""The engine: one folder, one writer, many readers. `open` and `open_existing` are what `import bandi` gives."""

from __future__ import annotations

from pathlib import Path

from bandi.engine.engine import Engine, now_ms
from bandi.engine.folder import CONFIG_FILE, make_folder
from bandi.engine.opening import open_folder
from bandi.log.protocol import Progress

__all__ = ["Engine", "open", "open_existing"]


def open(path: str | Path, progress: Progress | None = None) -> Engine:
    """Open a folder, and make it with a default `bandi.toml` where there is none.

    progress: called with (records folded, records to fold) while the log is read.
    Raises ConfigError, FolderBusyError, LogDamagedError or NewerVersionError.
    """
    folder = Path(path)
    if not (folder / CONFIG_FILE).exists():
        make_folder(folder)
    return open_existing(folder, progress)


def open_existing(path: str | Path, progress: Progress | None = None) -> Engine:
    """Open a folder that `bandi init` or `bandi.open` made. Raises InvalidInputError where there is none."""
    return Engine(open_folder(Path(path), now_ms, progress))
