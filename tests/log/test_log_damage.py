"""Damaged, missing and foreign files: each is found, and the message says where."""

import json
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from bandi.log.protocol import Chunk, DocumentChunk, EventChunk
from bandi.log.sqlite import open_log, open_log_read_only
from bandi.model.errors import BandiError, LogDamagedError, NewerVersionError
from bandi.model.records import DocumentKind, Stretch

Make = Callable[[str, int, int], Chunk]
MakeEvents = Callable[[int], EventChunk]
Flatten = Callable[[Iterable[Stretch]], list[tuple[int, str, bytes]]]

SEGMENT = "log/segments/0-301/events.parquet"


@pytest.fixture
def filled(folder: Path, make_events: MakeEvents) -> Path:
    """Records 0 to 300 sealed, 301 to 500 in the tail."""
    with open_log(folder, at_ms=1) as log:
        log.append([make_events(400)])
        log.append([DocumentChunk(DocumentKind.IDS, b"firefly" * 2_000), make_events(99)])
        log.seal(keep=200)
    return folder


def flip(file: Path, at: int, bit: int = 0) -> None:
    data = bytearray(file.read_bytes())
    data[at] ^= 1 << bit
    file.write_bytes(data)


def words(folder: Path) -> list[str]:
    """What `check` found wrong."""
    return [finding.detail for finding in open_log_read_only(folder).check() if not finding.ok]


def test_a_sound_log_has_no_findings(filled: Path) -> None:
    assert words(filled) == []


def test_flipped_byte_in_a_segment(filled: Path) -> None:
    flip(filled / SEGMENT, 1_000)
    with open_log(filled, at_ms=2) as log:
        with pytest.raises(LogDamagedError, match=rf"{SEGMENT} \(records 0 to 300\): expected checksum"):
            list(log.read())
        assert [stretch.stop for stretch in log.read(301, 310)] == [310]
        assert [finding.detail for finding in log.check() if not finding.ok] == words(filled)
    assert len(words(filled)) == 1
    assert SEGMENT in words(filled)[0]


def test_truncated_segment(filled: Path) -> None:
    file = filled / SEGMENT
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(LogDamagedError, match=rf"{SEGMENT} \(records 0 to 300\): expected \d+ bytes, found \d+"):
        list(open_log_read_only(filled).read())
    assert "bytes, found" in words(filled)[0]


def test_missing_segment(filled: Path) -> None:
    (filled / SEGMENT).unlink()
    with pytest.raises(LogDamagedError, match=rf"{SEGMENT} \(records 0 to 300\): the file is missing"):
        list(open_log_read_only(filled).read())
    shutil.rmtree((filled / SEGMENT).parent)
    assert ["the file is missing" in text for text in words(filled)] == [True, True]


def test_flipped_byte_in_the_tail(filled: Path) -> None:
    tail = filled / "log" / "tail.sqlite"
    tail.write_bytes(tail.read_bytes().replace(b"fireflyfirefly", b"fireflyfireflx"))  # wherever SQLite has copies
    with open_log(filled, at_ms=2) as log:
        with pytest.raises(LogDamagedError, match=r"log/tail.sqlite: records 401 to 401: the bytes are not"):
            list(log.read(350))
        with pytest.raises(LogDamagedError, match="records 401 to 401"):
            log.seal()
        assert log.sealed_position == 301
    assert ["records 401 to 401" in text for text in words(filled)] == [True]


def test_gap_in_the_tail(filled: Path) -> None:
    connection = sqlite3.connect(filled / "log" / "tail.sqlite")
    connection.execute("DELETE FROM chunks WHERE first = 401")
    connection.commit()
    connection.close()
    with open_log(filled, at_ms=2) as log, pytest.raises(LogDamagedError, match="a gap: expected record 401 next"):
        list(log.read())
    assert words(filled) == ["log/tail.sqlite: a gap: expected record 401 next, found 402"]


def test_gap_between_segments_and_tail(filled: Path) -> None:
    connection = sqlite3.connect(filled / "log" / "tail.sqlite")
    connection.execute("DELETE FROM chunks WHERE first = 301")
    connection.commit()
    connection.close()
    with pytest.raises(LogDamagedError, match="a gap: expected record 301 first, found 401"):
        open_log(filled, at_ms=2)
    with pytest.raises(LogDamagedError, match="a gap: record 301 is missing"):
        list(open_log_read_only(filled).read())
    assert words(filled) == ["log/tail.sqlite: a gap: expected record 301 next, found 401"]


@pytest.mark.parametrize("name", ["log/tail.sqlite", "log/manifest.json"])
def test_missing_parts(filled: Path, name: str) -> None:
    (filled / name).unlink()
    for action in (lambda: open_log(filled, at_ms=2), lambda: open_log_read_only(filled)):
        with pytest.raises(LogDamagedError, match=f"{name}: the file is missing; restore it from a backup"):
            action()


def test_a_tail_that_is_no_database(filled: Path) -> None:
    (filled / "log" / "tail.sqlite").write_bytes(b"not a database " * 1_000)
    with pytest.raises(LogDamagedError, match=r"log/tail.sqlite: file is not a database"):
        open_log(filled, at_ms=2)
    with pytest.raises(LogDamagedError, match=r"log/tail.sqlite: file is not a database"):
        open_log_read_only(filled)


def test_the_tail_of_another_log(filled: Path, tmp_path: Path) -> None:
    open_log(tmp_path / "other", at_ms=1).close()
    shutil.copy(tmp_path / "other" / "log" / "tail.sqlite", filled / "log" / "tail.sqlite")
    with pytest.raises(LogDamagedError, match="belongs to another log"):
        open_log(filled, at_ms=2)
    assert any("belongs to another log" in text for text in words(filled))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("id_seed", 5, r"manifest.json: Expected `str`, got `int` - at `\$.id_seed`"),
        (
            "segments",
            [{"first": 5, "stop": 9, "files": []}],
            r"\$.segments\[0\]: a gap: expected position 0 first, found 5",
        ),
        (
            "segments",
            [{"first": 0, "stop": 9, "files": []}],
            r"\$.segments\[0\]: expected 9 rows in its files, found 0",
        ),
        ("segments", [{"first": 0, "stop": -9, "files": []}], r"Expected `int` >= 0"),
        (
            "segments",
            [{"first": 0, "stop": 1, "files": [{"name": "../../x", "rows": 1, "bytes": 1, "xxh3_64": "0" * 16}]}],
            r"Invalid enum value '../../x'",
        ),
        ("surprise", 1, "Object contains unknown field `surprise`"),
    ],
)
def test_a_manifest_that_makes_no_sense(filled: Path, key: str, value: object, message: str) -> None:
    file = filled / "log" / "manifest.json"
    manifest = json.loads(file.read_bytes())
    manifest[key] = value
    file.write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(LogDamagedError, match=message):
        open_log(filled, at_ms=2)


def test_a_newer_manifest(filled: Path) -> None:
    file = filled / "log" / "manifest.json"
    file.write_text('{"format": 2, "what": "ever"}', encoding="utf-8")
    for action in (lambda: open_log(filled, at_ms=2), lambda: open_log_read_only(filled)):
        with pytest.raises(NewerVersionError, match="its log has format 2, this Bandi reads up to 1; upgrade Bandi"):
            action()


def test_a_newer_tail(filled: Path) -> None:
    connection = sqlite3.connect(filled / "log" / "tail.sqlite")
    connection.execute("PRAGMA user_version = 7")
    connection.close()
    with pytest.raises(NewerVersionError, match=r"log/tail.sqlite: format 7, this Bandi reads up to 1; upgrade"):
        open_log(filled, at_ms=2)


@pytest.mark.parametrize("name", ["log/tail.sqlite", "log/manifest.json", SEGMENT])
def test_no_flipped_bit_goes_unseen(filled: Path, tmp_path: Path, flat: Flatten, name: str) -> None:
    """Any one bit: either what is read is what was written, or an error of ours says so, or `check` finds it.

    A bit in SQLite's own page headers may hide rows from a reader; only `check` sees that.
    """
    original = flat(open_log_read_only(filled).read())
    dice = random.Random(name)
    seen = 0
    sound = (filled / name).read_bytes()
    for _ in range(120):
        data = bytearray(sound)
        at = dice.randrange(len(data))
        data[at] ^= 1 << dice.randrange(8)
        (filled / name).write_bytes(data)
        try:
            found = flat(open_log_read_only(filled).read())
            wrong = words(filled)
        except BandiError as error:
            assert str(error)
            seen += 1
        else:
            assert found == original or wrong, f"byte {at} of {name}"
    assert seen > 20  # many bits of the tail's pages are free space


def test_what_is_sealed_leaves_the_tail_only_if_the_segment_is_sound(filled: Path, make_events: MakeEvents) -> None:
    """Killed between manifest and deletion, and then the segment rots: the tail's copy must not be deleted."""
    with open_log(filled, at_ms=2) as log:
        log._delete_some = lambda stop: False  # type: ignore[method-assign]
        log.seal()
        segment = log._manifest.segments[-1].folder_name
    flip(filled / "log" / "segments" / segment / "events.parquet", 100)
    with pytest.raises(LogDamagedError, match=rf"{segment}/events.parquet \(records 301 to 501\): expected checksum"):
        open_log(filled, at_ms=3)
    connection = sqlite3.connect(filled / "log" / "tail.sqlite")
    assert connection.execute("SELECT sum(records) FROM chunks").fetchone() == (201,)
    connection.close()
