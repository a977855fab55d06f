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
import numpy as np

from bandi.features.factors.als import AlsConfig, Factors
from bandi.features.factors.search import Neighbours, available
from bandi.learning.snapshots import Snapshot, read_snapshot, write_arrays
from bandi.log.folder import replace_durably
from bandi.model.errors import BandiError, InvalidInputError, LogDamagedError, Problem, UnknownNameError
from bandi.model.records import Array
from bandi.targeters.protocol import Learned

SUFFIX = ".artifact"
CURRENT = "current"
BY_SCORE, BY_DIRECTION = "by_score", "by_direction"
_KEPT_LOADED = 2
_NAME = re.compile(r"[0-9]{6,18}")


class Manifest(msgspec.Struct, frozen=True):
    """What an artifact is. position: the log's end when it was trained; metrics: name -> value; made_ms: when."""

    name: str
    position: int
    made_ms: int
    items: int
    users: int
    reads: int
    seconds: float
    factors: int
    metrics: dict[str, float]
    indexed: bool
    bandi: str


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

    def publish(self, learned: Learned, manifest: Manifest) -> str:
        """Write an artifact under the next name and put it to use. Raises StorageFullError; then the old one stays."""
        factors = learned.factors
        self._folder.mkdir(exist_ok=True)
        name = f"{int((self.names() or ['0'])[-1]) + 1:06d}"
        made = msgspec.structs.replace(manifest, name=name)
        facts = {
            "manifest": msgspec.json.encode(made).decode(),
            "config": _config_text(factors.config),
            "mean_mass": factors.mean_mass,
        }
        arrays = {"items": factors.items}
        for part, index in ((BY_SCORE, learned.by_score), (BY_DIRECTION, learned.by_direction)):
            if index is not None:
                arrays[part] = index.data
        write_arrays(self._folder / f"{name}{SUFFIX}", manifest.position, arrays, facts)
        self.use(name)
        return name

    def use(self, name: str) -> None:
        """Put an artifact to use (or back to use). Raises UnknownNameError, LogDamagedError where it cannot be read."""
        if name not in self.names():
            raise UnknownNameError(
                Problem("artifact", repr(name)[:66], f"one of: {', '.join(self.names()) or 'none was made'}")
            )
        self.manifest(name)
        replace_durably(self._folder / CURRENT, name.encode())

    def manifest(self, name: str) -> Manifest:
        """What an artifact is, its checksums tried. Raises UnknownNameError, LogDamagedError, NewerVersionError."""
        return msgspec.json.decode(str(self._read(name).meta["manifest"]), type=Manifest)

    def load(self, name: str) -> Learned:
        """The factors of an artifact, with what searching needs made ready; the last two stay loaded. Raises as `manifest`."""
        with self._loading:
            if name not in self._loaded:
                snapshot = self._read(name)
                items = snapshot.arrays["items"]
                if items.ndim != 2 or items.dtype != np.float32 or not np.isfinite(items).all():
                    raise LogDamagedError(f"artifact {name}: expected finite float32[items, factors]; train again")
                config = msgspec.json.decode(str(snapshot.meta["config"]), type=AlsConfig)
                nobody = np.zeros((0, items.shape[1]), np.float32)
                factors = Factors(nobody, items, config, float(snapshot.meta["mean_mass"] or 0.0))
                _ = factors.gram, factors.directions
                while len(self._loaded) >= _KEPT_LOADED:
                    self._loaded.pop(next(iter(self._loaded)))
                self._loaded[name] = Learned(
                    factors,
                    _index(snapshot, BY_SCORE, items, name),
                    _index(snapshot, BY_DIRECTION, factors.directions, name),
                )
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
            raise UnknownNameError(
                Problem("artifact", repr(name)[:66], f"one of: {', '.join(self.names()) or 'none was made'}")
            )
        return read_snapshot(path)


def _index(snapshot: Snapshot, part: str, vectors: Array, name: str) -> Neighbours | None:
    """The index of an artifact, or None: where it has none, and where usearch is not installed (said once)."""
    data = snapshot.arrays.get(part)
    if data is None:
        return None
    if not available():
        print(f"bandi: artifact {name} has an index, and usearch is not installed: searching exactly", file=sys.stderr)
        return None
    return Neighbours(data, vectors)


def _config_text(config: AlsConfig) -> str:
    return msgspec.json.encode(config).decode()


def check_trainable(reads: int) -> None:
    """Raises InvalidInputError where there is nothing to learn from."""
    if reads == 0:
        problem = Problem(
            "log",
            "no clicks, reads or purchases",
            "at least one by a known reader",
            "load events: bandi load FOLDER events FILE",
        )
        raise InvalidInputError(problem)
