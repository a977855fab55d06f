"""Who may open a log, and where."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bandi.log.protocol import EventChunk
from bandi.log.sqlite import SqliteLog, open_log, open_log_read_only
from bandi.model.errors import FolderBusyError, InvalidInputError, LogDamagedError, StorageFullError

HOLD = """
import sys
from pathlib import Path
from bandi.log.sqlite import open_log
log = open_log(Path(sys.argv[1]), at_ms=1)
print("open", flush=True)
sys.stdin.readline()
"""


def test_another_process_has_it(folder: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(FolderBusyError, match=rf"shop.bandi is open in process {holder.pid}; close it there"):
            open_log(folder, at_ms=2)
        assert open_log_read_only(folder).next_position == 1
        holder.kill()
    with open_log(folder, at_ms=3) as log:  # the lock went with the process
        assert log.boot == 2


def test_this_process_has_it(folder: Path, log: SqliteLog) -> None:
    with pytest.raises(FolderBusyError, match="is open in this process"):
        open_log(folder, at_ms=2)
    log.close()
    open_log(folder, at_ms=3).close()


def test_a_failed_opening_leaves_no_lock(folder: Path) -> None:
    open_log(folder, at_ms=1).close()
    manifest = folder / "log" / "manifest.json"
    good = manifest.read_bytes()
    manifest.write_bytes(b"{}")
    with pytest.raises(LogDamagedError):
        open_log(folder, at_ms=2)
    manifest.write_bytes(good)
    open_log(folder, at_ms=3).close()


def test_making_that_was_cut_off_is_done_again(folder: Path) -> None:
    open_log(folder, at_ms=1).close()
    for file in (folder / "log").glob("*"):
        if file.is_file():
            file.unlink()
    (folder / "log" / "tail.sqlite").touch()  # killed before its first page
    with open_log(folder, at_ms=2) as log:
        assert (log.boot, log.next_position) == (1, 1)


def test_a_path_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "shop").write_text("a file", encoding="utf-8")
    with pytest.raises(InvalidInputError, match=r"shop: expected a folder that can be written, found"):
        open_log(tmp_path / "shop", at_ms=1)


def test_reading_where_there_is_no_log(tmp_path: Path) -> None:
    with pytest.raises(LogDamagedError, match=r"log/manifest.json: the file is missing"):
        open_log_read_only(tmp_path)


def mount(folder: Path, options: str) -> None:
    """A small file system of its own; skips where that is not allowed."""
    folder.mkdir(exist_ok=True)
    if os.geteuid() != 0:
        pytest.skip("mounting a small tmpfs needs root")
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "none", str(folder)], check=False, capture_output=True
    )
    if done.returncode != 0:
        pytest.skip(f"mount: {done.stderr.decode().strip()}")


def test_a_folder_on_a_read_only_disk(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    mount(disk, "size=8m")
    try:
        open_log(disk / "shop", at_ms=1).close()
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        reader = open_log_read_only(disk / "shop")
        assert [stretch.stop for stretch in reader.read()] == [1]
        assert all(finding.ok for finding in reader.check())
        with pytest.raises(InvalidInputError, match="a folder that can be written"):
            open_log(disk / "shop", at_ms=2)
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_full_disk(tmp_path: Path, make_events: Callable[[int], EventChunk]) -> None:
    """A real one: every acknowledged event stays, what was refused is not there, and with room it goes on."""
    disk = tmp_path / "disk"
    mount(disk, "size=24m")
    try:
        filler = disk / "filler"
        filler.write_bytes(bytes(8 * 1024 * 1024))
        log = open_log(disk / "shop", at_ms=1)
        acknowledged = fill(log, make_events)
        for _ in range(3):
            with pytest.raises(StorageFullError, match="nothing of the batch was kept: free space and send it again"):
                log.append([make_events(2_000)])
        verify(log, acknowledged)
        with pytest.raises(StorageFullError, match="No space left on device; free space and try again"):
            log.seal()
        assert log.sealed_position == 0
        filler.unlink()
        log.append([make_events(7)])
        verify(log, acknowledged + 7)
        assert log.seal().events == acknowledged + 7
        log.append([make_events(1_000)])
        log.close()
        with open_log(disk / "shop", at_ms=2) as log:
            assert sum(len(stretch.events.rows) for stretch in log.read()) == acknowledged + 1_007
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_database_that_may_not_grow(log: SqliteLog, make_events: Callable[[int], EventChunk]) -> None:
    """The same where no disk can be mounted: SQLite itself reports SQLITE_FULL."""
    (pages,) = log._tail._connection.execute("PRAGMA page_count").fetchone()
    log._tail._connection.execute(f"PRAGMA max_page_count = {pages + 100}")
    acknowledged = fill(log, make_events)
    verify(log, acknowledged)
    log._tail._connection.execute("PRAGMA max_page_count = 1000000")
    log.append([make_events(2_000)])
    verify(log, acknowledged + 2_000)


LIMITED = """
import resource, sys
from pathlib import Path
import numpy as np
from bandi.log.protocol import EventChunk
from bandi.log.sqlite import open_log
from bandi.model.errors import StorageFullError
from bandi.model.records import EVENT
log = open_log(Path(sys.argv[1]), at_ms=1)
resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, resource.RLIM_INFINITY))
kept = 0
try:
    while True:
        kept += len(log.append([EventChunk(np.zeros(500, EVENT))]).events.rows)
except StorageFullError as error:
    assert log.next_position == kept + 1
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
kept += len(log.append([EventChunk(np.zeros(500, EVENT))]).events.rows)
assert sum(len(stretch.events.rows) for stretch in log.read()) == kept
assert all(finding.ok for finding in log.check())
print("kept", kept)
"""


def test_a_file_that_the_system_will_not_let_grow(folder: Path) -> None:
    """An I/O error in the middle of a commit."""
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(folder)], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[1]) > 5_000


def fill(log: SqliteLog, make_events: Callable[[int], EventChunk]) -> int:
    """Append until the disk is full; the number of events that were acknowledged."""
    acknowledged = 0
    with pytest.raises(StorageFullError):
        for _ in range(1_000):
            acknowledged += len(log.append([make_events(2_000)]).events.rows)
    return acknowledged


def verify(log: SqliteLog, acknowledged: int) -> None:
    assert log.next_position == 1 + acknowledged
    assert sum(len(stretch.events.rows) for stretch in log.read()) == acknowledged
    assert all(finding.ok for finding in log.check())
