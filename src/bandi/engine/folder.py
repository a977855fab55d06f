"""The folder itself: making one, and reading its `bandi.toml`."""

from __future__ import annotations

from pathlib import Path

from bandi.model.config import Config
from bandi.model.config_text import default_config_text, parse_config
from bandi.model.errors import InvalidInputError, Problem

CONFIG_FILE = "bandi.toml"


def make_folder(folder: Path) -> Path:
    """Make the folder and a commented `bandi.toml`. Raises InvalidInputError where there is one already."""
    file = folder / CONFIG_FILE
    if file.exists():
        raise InvalidInputError(Problem(str(file), "a file", "no such file yet", "the folder is ready: use it"))
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(default_config_text(), encoding="utf-8")
    return file


def read_config(folder: Path) -> Config:
    """The folder's configuration. Raises ConfigError, or InvalidInputError where there is no such file."""
    file = folder / CONFIG_FILE
    try:
        data = file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        hint = f"make one: bandi init {folder}"
        raise InvalidInputError(Problem(str(folder), "no bandi.toml", "a Bandi folder", hint)) from None
    return parse_config(data, str(file))
