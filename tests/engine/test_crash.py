"""No acknowledged event is lost and no duplicate counted, however often the process is killed."""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("crash_rounds.py")


def run_rounds(folder: Path, count: int, seed: int) -> None:
    result = subprocess.run(
        [sys.executable, str(PROGRAM), str(folder), str(count), str(seed)], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"{count} rounds" in result.stdout


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_killed_50_times_at_random_moments_under_load(tmp_path: Path, seed: int) -> None:
    """Four folders, 50 kills each: 200 in all."""
    run_rounds(tmp_path / "shop.bandi", 50, seed)


@pytest.mark.soak
def test_killed_2000_times(tmp_path: Path) -> None:
    run_rounds(tmp_path / "shop.bandi", 2_000, 99)
