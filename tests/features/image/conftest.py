"""The makers of images and models in `pictures.py`, and no remarks of Pillow's while they are decoded."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bandi.features.image.decoding import quietly


@pytest.fixture(scope="session")
def pictures() -> Any:
    spec = importlib.util.spec_from_file_location("pictures", Path(__file__).with_name("pictures.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def quiet() -> Iterator[None]:
    with quietly():
        yield
