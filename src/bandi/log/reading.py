"""Reading a log: sealed segments first, then the hot tail, as one sequence; and comparing all of it with its checksums.

Records never change, so a reader needs no snapshot over its whole life. It fixes where to stop, and asks for one
stretch after the other: from the manifest where that position is sealed, else from the tail. Sealing writes the
manifest *before* it deletes from the tail, so a position that has just left the tail is in the manifest by then.
"""

from __future__ import annotations

from collections.abc import Callable, Generator

from bandi.log.assembly import cut, steps
from bandi.log.folder import LogFolder
from bandi.log.manifest import Manifest, Segment, read_manifest
from bandi.log.protocol import Finding, Progress
from bandi.log.tail import Tail
from bandi.model.errors import BandiError, LogDamagedError
from bandi.model.records import Stretch


def read_records(
    folder: LogFolder, manifest: Callable[[], Manifest], start: int, stop: int, rows: int
) -> Generator[Stretch]:
    """Stretches of at most `rows` records; `manifest` gives the newest one.

    Raises LogDamagedError or, where this Bandi is older than a record, NewerVersionError.
    """
    tail: Tail | None = None
    position = start
    known = manifest()
    try:
        while position < stop:
            segment = known.holding(position)
            if segment is not None:
                from bandi.log.segments import read_segment  # noqa: PLC0415  polars: some tenths of a second

                found = cut(read_segment(folder, segment), position, segment.stop)
            else:
                tail = tail or Tail(folder, "read")
                in_tail = tail.fetch(position, rows)
                if in_tail is None:
                    known = manifest()
                    if known.holding(position) is not None:  # sealed between the two looks
                        continue
                    raise LogDamagedError(f"{tail.name}: a gap: record {position} is missing; restore a backup")
                found = in_tail
            yield from steps(cut(found, position, min(stop, found.stop)), rows)
            position = found.stop
    finally:
        if tail is not None:
            tail.close()


def check_log(folder: LogFolder, progress: Progress | None) -> list[Finding]:
    """Everything that is wrong, or one finding for each part that is sound. The log may be in use."""
    try:
        tail: Tail | None = Tail(folder, "read")
    except BandiError as error:
        tail, findings = None, [Finding(False, "tail", str(error))]
    else:
        findings = []
    try:
        if tail is not None:
            tail.hold()  # before the manifest is read: then nothing can be in neither of the two
        manifest = read_manifest(folder)
        end = manifest.stop if tail is None else max(manifest.stop, tail.stop() or 0)
        report = progress or (lambda _done, _total: None)
        findings += _check_segments(folder, manifest, lambda done: report(done, end))
        if tail is not None:
            findings += _check_tail(tail, manifest, lambda done: report(done, end))
    except BandiError as error:
        findings.append(Finding(False, "log", str(error)))
    finally:
        if tail is not None:
            tail.close()
    return findings


def _check_segments(folder: LogFolder, manifest: Manifest, progress: Callable[[int], None]) -> list[Finding]:
    findings = []
    for segment in manifest.segments:
        findings += [Finding(False, "segment", text) for text in _examine(folder, segment)]
        progress(segment.stop)
    if findings:
        return findings
    size = sum(file.bytes for segment in manifest.segments for file in segment.files)
    detail = f"{len(manifest.segments)} segments, {manifest.stop} records, {size} bytes: every checksum is right"
    return [Finding(True, "segments", detail)]


def _examine(folder: LogFolder, segment: Segment) -> list[str]:
    from bandi.log.segments import examine_segment  # noqa: PLC0415  polars: some tenths of a second

    return examine_segment(folder, segment)


def _check_tail(tail: Tail, manifest: Manifest, progress: Callable[[int], None]) -> list[Finding]:
    id_seed, boot = tail.identity()
    stop, wrong = tail.examine(manifest.stop, progress)
    if id_seed != manifest.id_seed:
        wrong.insert(0, f"{tail.name}: belongs to another log: expected id_seed {manifest.id_seed}, found {id_seed}")
    if wrong:
        return [Finding(False, "tail", text) for text in wrong]
    detail = f"records {manifest.stop} to {stop - 1}" if stop > manifest.stop else "empty"
    return [Finding(True, "tail", f"{detail}, opened {boot} times: every checksum is right")]
