"""Where the public data is."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def open_bandit() -> Path:
    """The folder of the Open Bandit logs: BANDI_DATA/open-bandit, by default beside the project in shared/data."""
    folder = Path(os.environ.get("BANDI_DATA", ROOT.parent / "shared" / "data")) / "open-bandit"
    if not (folder / "random-men.csv.gz").exists():
        pytest.skip(f"no Open Bandit data at {folder}: set BANDI_DATA to a folder with open-bandit/")
    return folder
