"""Snapshot files: round trips, the same bytes, and every kind of damage named."""

import resource
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bandi.learning.snapshots import newest_snapshots, prune, read_snapshot, write_snapshot
from bandi.model.errors import LogDamagedError, NewerVersionError, StorageFullError

ARRAYS: dict[str, np.ndarray] = {
    "b/counts": np.arange(12, dtype=np.float32).reshape(2, 3, 2),
    "a": np.array([1, 2, 3], np.int64),
    "empty": np.zeros((0, 4), np.uint8),
}


@given(
    arrays=st.dictionaries(
        st.text(min_size=1, max_size=8),
        hnp.arrays(
            st.sampled_from([np.uint8, np.int32, np.int64, np.float32, np.float64]),
            hnp.array_shapes(min_dims=1, max_dims=3, min_side=0),
        ),
        max_size=5,
    ),
    position=st.integers(0, 2**53),
)
@settings(max_examples=60, deadline=None)
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, arrays: dict[str, np.ndarray], position: int
) -> None:
    snapshot = read_snapshot(write_snapshot(tmp_path_factory.mktemp("s"), position, arrays, {"x": 1}))
    assert snapshot.position == position
    assert snapshot.arrays.keys() == arrays.keys()
    for name, array in arrays.items():
        assert (snapshot.arrays[name].dtype, snapshot.arrays[name].shape) == (array.dtype, array.shape)
        assert snapshot.arrays[name].tobytes() == array.tobytes()


def test_the_same_state_gives_the_same_bytes(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    backwards = dict(reversed(list(ARRAYS.items())))
    assert write_snapshot(one, 5, ARRAYS, {}).read_bytes() == write_snapshot(other, 5, backwards, {}).read_bytes()


def test_every_flipped_byte_is_noticed(tmp_path: Path) -> None:
    path = write_snapshot(tmp_path, 5, ARRAYS, {})
    whole = path.read_bytes()
    snapshot = read_snapshot(path)
    for at in range(0, len(whole), 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x41]) + whole[at + 1 :])
        try:
            again = read_snapshot(path)
        except (LogDamagedError, NewerVersionError):
            continue
        # padding between arrays holds nothing: a flip there changes nothing
        assert all(again.arrays[name].tobytes() == array.tobytes() for name, array in snapshot.arrays.items())


def test_every_cut_is_noticed(tmp_path: Path) -> None:
    path = write_snapshot(tmp_path, 5, {"a": np.arange(1_000)}, {})
    whole = path.read_bytes()
    for size in (0, 7, 15, 16, 40, len(whole) // 2, len(whole) - 100):
        path.write_bytes(whole[:size])
        with pytest.raises(LogDamagedError, match=path.name):
            read_snapshot(path)


def test_a_newer_format_asks_for_an_upgrade(tmp_path: Path) -> None:
    path = write_snapshot(tmp_path, 5, ARRAYS, {})
    whole = bytearray(path.read_bytes())
    whole[8] = 99
    path.write_bytes(whole)
    with pytest.raises(NewerVersionError, match="upgrade"):
        read_snapshot(path)


def test_newest_first_and_pruned_with_what_a_crash_left(tmp_path: Path) -> None:
    for position in (9, 100, 20):
        write_snapshot(tmp_path, position, ARRAYS, {})
    (tmp_path / "0000000000000200.partial").write_bytes(b"half")
    assert [int(path.stem) for path in newest_snapshots(tmp_path)] == [100, 20, 9]
    prune(tmp_path, keep=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "0000000000000020.snapshot",
        "0000000000000100.snapshot",
    ]


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="texts"):
        write_snapshot(tmp_path, 1, {**ARRAYS, "texts": np.array(["a", None], object)}, {})
    assert list(tmp_path.iterdir()) == []


def _small_files() -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))


def test_no_room_leaves_nothing_behind(tmp_path: Path) -> None:
    """A real limit of the operating system on the size of files, in a process of its own."""
    script = (
        "import sys, numpy as np; from pathlib import Path\n"
        "from bandi.learning.snapshots import write_snapshot\nfrom bandi.model.errors import StorageFullError\n"
        "try: write_snapshot(Path(sys.argv[1]), 1, {'a': np.arange(10_000)}, {})\n"
        "except StorageFullError as error: print('full:', error)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=_small_files,
    )
    assert result.stdout.startswith("full:")
    assert list(tmp_path.iterdir()) == []
    assert StorageFullError.__doc__ is not None
