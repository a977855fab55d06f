"""Artifacts: what training made, as versioned files beside the log, and which of them is in use.

`artifacts/NNNNNN.artifact` is a file of arrays with checksums (learning.snapshots); `artifacts/current` names the one in
use and is replaced in one step, so a reader sees the old name or the new. Which artifact a decision used is in the log:
a document of kind ARTIFACT stands where the engine took it up.
"""

from __future__ import annotations

import re
import sys
import threading
from pathlib import Path

import msgspec

from bandi.engine.artifact_files import Manifest, Parts, manifest_in, read, written
from bandi.learning.snapshots import Snapshot, read_snapshot, write_arrays
from bandi.log.folder import replace_durably
from bandi.model.errors import BandiError, Problem, UnknownNameError
from bandi.targeters.protocol import Learned

SUFFIX = ".artifact"
CURRENT = "current"
_KEPT_LOADED = 2
_NAME = re.compile(r"[0-9]{6,18}")


class Shelf:
    """The artifacts of a folder. Several processes may read; training publishes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "artifacts"
        self._loaded: dict[str, Learned] = {}
        self._unreadable: set[str] = set()
        self._loading = threading.Lock()

    def names(self) -> list[str]:
        """Artifacts in the order in which they were made."""
        return sorted(path.stem for path in self._folder.glob(f"*{SUFFIX}") if _NAME.fullmatch(path.stem))

    def current(self) -> str:
        """The name of the artifact in use, or nothing."""
        try:
            return (self._folder / CURRENT).read_text(encoding="utf-8").strip()
        except OSError:
            return ""

    def publish(self, learned: Learned, parts: Parts, manifest: Manifest) -> str:
        """Write an artifact under the next name and put it to use. Raises StorageFullError; then the old one stays."""
        self._folder.mkdir(exist_ok=True)
        name = f"{int((self.names() or ['0'])[-1]) + 1:06d}"
        arrays, facts = written(learned, parts, msgspec.structs.replace(manifest, name=name))
        write_arrays(self._folder / f"{name}{SUFFIX}", manifest.position, arrays, facts)
        self.use(name)
        return name

    def use(self, name: str) -> None:
        """Put an artifact to use (or back to use). Raises UnknownNameError, LogDamagedError where it cannot be read."""
        if name not in self.names():
            raise self._unknown(name)
        self.manifest(name)
        replace_durably(self._folder / CURRENT, name.encode())

    def manifest(self, name: str) -> Manifest:
        """What an artifact is, its checksums tried. Raises UnknownNameError, LogDamagedError, NewerVersionError."""
        return manifest_in(self._read(name), name)

    def load(self, name: str) -> Learned:
        """What an artifact holds, with what searching needs made ready; the last two stay loaded. Raises as `manifest`."""
        with self._loading:
            if name not in self._loaded:
                made = read(self._read(name), name)
                while len(self._loaded) >= _KEPT_LOADED:
                    self._loaded.pop(next(iter(self._loaded)))
                self._loaded[name] = made
            return self._loaded[name]

    def find(self, name: str) -> Learned | None:
        """`load`, or None for no name and for an artifact that cannot be read (recommending goes on without it)."""
        loaded = self._loaded.get(name)
        if loaded is not None or not name or name in self._unreadable:
            return loaded
        try:
            return self.load(name)
        except (BandiError, OSError, ValueError, KeyError) as error:
            self._unreadable.add(name)
            print(f"bandi: artifact {name} cannot be used: {error}", file=sys.stderr)
            return None

    def _read(self, name: str) -> Snapshot:
        path = self._folder / f"{name}{SUFFIX}"
        if not _NAME.fullmatch(name) or not path.is_file():
            raise self._unknown(name)
        return read_snapshot(path)

    def _unknown(self, name: str) -> UnknownNameError:
        known = ", ".join(self.names()) or "none was made"
        return UnknownNameError(Problem("artifact", repr(name)[:66], f"one of: {known}"))
