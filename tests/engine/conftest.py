"""A small shop on disk, for the engine's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import bandi

ITEMS = [bandi.Item(id=f"t{i}", title=f"Title {i}", editor_rank=i + 1) for i in range(8)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "shop.bandi"


@pytest.fixture
def shop(folder: Path) -> Iterator[bandi.Engine]:
    with bandi.open(folder) as engine:
        engine.items.put(ITEMS)
        yield engine


def write_config(folder: Path, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bandi.toml").write_text(text, encoding="utf-8")
