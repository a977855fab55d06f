"""From what lies in the folder to a state: newest sound snapshot, then the log behind it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from bandi.engine.state import State
from bandi.learning.snapshots import newest_snapshots, read_snapshot
from bandi.log.protocol import Log, Progress
from bandi.model.errors import LogDamagedError, NewerVersionError

SNAPSHOTS = "snapshots"


@dataclass(slots=True)
class Recovered:
    """A state and how it was reached. snapshot_position: 0 where none was used; passed_over: why others were not."""

    state: State
    snapshot_position: int = 0
    passed_over: list[str] = field(default_factory=list)


def recover(folder: Path, log: Log, upto: int | None = None, progress: Progress | None = None) -> Recovered:
    """The state at position `upto` (default: the end of the log)."""
    end = log.next_position if upto is None else upto
    recovered = _from_snapshot(folder, end)
    state = recovered.state
    total = end - state.position
    for stretch in log.read(state.position, end):
        state.fold(stretch)
        if progress is not None:
            progress(total - (end - state.position), total)
    return recovered


def _from_snapshot(folder: Path, end: int) -> Recovered:
    passed_over = []
    for path in newest_snapshots(folder / SNAPSHOTS):
        try:
            snapshot = read_snapshot(path)
            if snapshot.position > end:
                continue
            state = State()
            state.load(snapshot.position, snapshot.arrays)
        except NewerVersionError:
            raise
        except (LogDamagedError, ValueError, KeyError, OSError) as error:
            passed_over.append(f"{path.name}: {error}")
        else:
            return Recovered(state, snapshot.position, passed_over)
    return Recovered(State(), 0, passed_over)
