"""The folder of a log: where its files lie, who may write them, and how a file gets onto the disk for good."""

from __future__ import annotations

import errno
import fcntl
import os
from dataclasses import dataclass
from pathlib import Path

from bandi.model.errors import FolderBusyError, InvalidInputError, Problem, StorageFullError

FORMAT = 1
"""Version of everything under `log/`; a newer one is refused. See docs/reference/log-format.md."""


@dataclass(frozen=True, slots=True)
class LogFolder:
    """Names of the files of a log under a Bandi folder."""

    home: Path

    @property
    def root(self) -> Path:
        """All files of the log lie below it."""
        return self.home / "log"

    @property
    def tail(self) -> Path:
        """The newest records (SQLite)."""
        return self.root / "tail.sqlite"

    @property
    def segments(self) -> Path:
        """The sealed records (Parquet)."""
        return self.root / "segments"

    @property
    def manifest(self) -> Path:
        """The list of segments."""
        return self.root / "manifest.json"

    @property
    def lock(self) -> Path:
        """Locked by the process that writes; holds its number."""
        return self.root / "lock"

    def shown(self, path: Path) -> str:
        """A file's name as messages give it: relative to the Bandi folder."""
        return path.relative_to(self.home).as_posix()

    def make(self) -> None:
        """Make the folders, durably. Raises InvalidInputError where that is not allowed, StorageFullError."""
        try:
            new = [folder for folder in (self.home, self.root, self.segments) if not folder.is_dir()]
            self.segments.mkdir(parents=True, exist_ok=True)
            for folder in new:
                sync_folder(folder.parent)
        except OSError as error:
            raise storage_error(error, str(self.home)) from error


class FolderLock:
    """An exclusive `flock`: the system releases it when the process ends, however it ends."""

    def __init__(self, folder: LogFolder) -> None:
        """Raises FolderBusyError, naming the process that holds it; InvalidInputError where the file cannot be made."""
        try:
            self._descriptor = os.open(folder.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise storage_error(error, str(folder.home)) from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._descriptor, 20, 0).decode("ascii", "replace").strip()
            os.close(self._descriptor)
            who = "this process" if holder == str(os.getpid()) else f"process {holder or '(not known)'}"
            raise FolderBusyError(f"{folder.home} is open in {who}; close it there, then try again") from None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let others in. A second call does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def write_durably(path: Path, data: bytes) -> None:
    """Write a new file and wait until the disk has it; the name itself is durable once its folder is synced."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def replace_durably(path: Path, data: bytes) -> None:
    """Replace a file: after a power cut it holds either all of the old bytes or all of the new."""
    temporary = path.with_name(path.name + ".new")
    write_durably(temporary, data)
    temporary.rename(path)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def storage_error(error: OSError, subject: str) -> StorageFullError | InvalidInputError:
    """Ours for the system's: no room, or a path that cannot be written."""
    reason = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO):
        return StorageFullError(f"{subject}: {reason}; free space and try again")
    hint = "check the path, its owner and its permissions"
    return InvalidInputError(Problem(subject, reason, "a folder that can be written", hint))
