"""kill -9 at random moments, also in the middle of sealing: nothing acknowledged is lost, nothing is out of order."""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("crash_appends.py")


def run_rounds(folder: Path, count: int, seed: int) -> None:
    done = subprocess.run(
        [sys.executable, str(PROGRAM), str(folder), str(count), str(seed)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{count} rounds" in done.stdout
    assert "0 failures" in done.stdout


def test_killed_25_times(folder: Path) -> None:
    run_rounds(folder, 25, 1)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10))
def test_killed_200_times(folder: Path, seed: int) -> None:
    run_rounds(folder, 200, 100 + seed)
