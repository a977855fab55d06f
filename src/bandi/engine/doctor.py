"""Examining a folder: configuration, versions, every checksum of the log, and each snapshot against the log."""

from __future__ import annotations

from pathlib import Path

from bandi.engine.folder import read_config
from bandi.engine.recovery import SNAPSHOTS
from bandi.engine.state import State
from bandi.learning.snapshots import newest_snapshots, read_snapshot
from bandi.log.folder import LogFolder
from bandi.log.protocol import Finding, Log, Progress
from bandi.log.sqlite import open_log_read_only
from bandi.model.errors import BandiError
from bandi.model.records import Array


def examine(folder: Path, progress: Progress | None = None) -> list[Finding]:
    """Everything that was looked at, sound or not; nothing is changed. O(log). The folder may be in use."""
    findings = [_config(folder)]
    if not LogFolder(folder).root.exists() and not newest_snapshots(folder / SNAPSHOTS):
        return [*findings, Finding(True, "log", "none yet: nothing was loaded or recorded")]
    try:
        log = open_log_read_only(folder)
    except BandiError as error:
        return [*findings, Finding(False, "log", str(error))]
    try:
        in_log = log.check(progress)
        findings += in_log
        if all(finding.ok for finding in in_log):
            findings += _snapshots(folder, log, progress)
    finally:
        log.close()
    return findings


def _config(folder: Path) -> Finding:
    try:
        config = read_config(folder)
    except BandiError as error:
        return Finding(False, "configuration", str(error))
    return Finding(True, "configuration", "placements: " + (", ".join(config.placements) or "none"))


def _snapshots(folder: Path, log: Log, progress: Progress | None) -> list[Finding]:
    """Fold the whole log once, and compare with each snapshot as its position is reached."""
    findings = []
    state = State()
    end = log.next_position
    try:
        for path in reversed(newest_snapshots(folder / SNAPSHOTS)):
            snapshot = read_snapshot(path)
            if snapshot.position > end:
                findings.append(Finding(False, path.name, f"it stands at {snapshot.position}, the log ends at {end}"))
                continue
            _fold(state, log, snapshot.position, end, progress)
            differing = differences(state.dump(), snapshot.arrays)
            words = f"differs from the log in {', '.join(differing[:5])}; delete it: the log makes another"
            detail = words if differing else f"equals the fold of the log up to {snapshot.position}"
            findings.append(Finding(not differing, path.name, detail))
        _fold(state, log, end, end, progress)
    except (BandiError, ValueError, KeyError) as error:
        return [*findings, Finding(False, "fold", f"after record {state.position}: {error}")]
    counters = state.attribution.counters()
    detail = f"{end} records, {len(state.items)} items, {counters.trials} trials, {counters.successes} successes"
    return [*findings, Finding(True, "fold", f"{detail}, {counters.orphans} orphans, {counters.late} late")]


def _fold(state: State, log: Log, upto: int, end: int, progress: Progress | None) -> None:
    for stretch in log.read(state.position, upto):
        state.fold(stretch)
        if progress is not None:
            progress(state.position, end)


def differences(one: dict[str, Array], other: dict[str, Array]) -> list[str]:
    """Names of the arrays that are not the same bytes."""
    return [
        name
        for name in sorted(one.keys() | other.keys())
        if name not in one
        or name not in other
        or one[name].dtype != other[name].dtype
        or one[name].shape != other[name].shape
        or one[name].tobytes() != other[name].tobytes()
    ]
