"""A destination that keeps everything, and the folder of public data."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from bandi.model.answers import Receipt
from bandi.model.catalog import Item
from bandi.model.events import Event

ROOT = Path(__file__).resolve().parents[3]


class Memory:
    """Takes everything."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.events: list[Event] = []

    def put_items(self, items: Sequence[Item]) -> Receipt:
        self.items += items
        return Receipt(len(items))

    def record_many(self, events: Sequence[Event]) -> Receipt:
        self.events += events
        return Receipt(len(events))


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture(scope="session")
def public_data() -> Path:
    folder = Path(os.environ.get("BANDI_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no public data at {folder}: set BANDI_DATA to a folder with them")
    return folder
