"""The folder itself: making one, and reading its `bandi.toml`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bandi.eligibility.expression import parse
from bandi.model.config import Config
from bandi.model.config_text import parse_config, placed
from bandi.model.config_writing import default_config_text
from bandi.model.errors import ConfigError, InvalidInputError, Problem
from bandi.model.targeter_config import TargeterConfig
from bandi.model.variants import all_variants

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
    """The folder's configuration. Raises ConfigError with every problem, or InvalidInputError where there is no such file."""
    file = folder / CONFIG_FILE
    try:
        data = file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        hint = f"make one: bandi init {folder}"
        raise InvalidInputError(Problem(str(folder), "no bandi.toml", "a Bandi folder", hint)) from None
    config = parse_config(data, str(file))
    problems = [placed(data, str(file), keys, problem) for keys, problem in _misfits(config)]
    if problems:
        raise ConfigError(problems)
    return config


def _misfits(config: Config) -> Iterator[tuple[tuple[str, ...], Problem]]:
    """What no single value shows: expressions that cannot be read, shares of slots that cannot all be had."""
    for name, placement in config.placements.items():
        if placement.where is not None:
            keys = ("placements", name, "where")
            try:
                parse(placement.where, ".".join(keys))
            except InvalidInputError as error:
                yield from ((keys, problem) for problem in error.problems)
        yield from _misfitting_shares(placement.targeters, ("placements", name, "targeters"))
    for name, inner, _, variant in all_variants(config):
        yield from _misfitting_shares(variant.targeters or (), ("experiments", name, "variants", inner, "targeters"))


def _misfitting_shares(
    targeters: tuple[TargeterConfig, ...], keys: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Problem]]:
    least = sum(targeter.at_least for targeter in targeters)
    if least > 1 + 1e-9:
        yield keys, Problem(".".join(keys), f"at_least of {least:g} together", "at most 1")
    for targeter in targeters:
        if targeter.at_least > targeter.at_most:
            found = f"at_least {targeter.at_least:g}, at_most {targeter.at_most:g}"
            yield keys, Problem(".".join(keys), found, "at_least not above at_most")
