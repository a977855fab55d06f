"""The parameters of a world, as its TOML file says them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec

from bandi.model.config_text import find_problems
from bandi.model.config_values import Struct
from bandi.model.errors import InvalidInputError, Problem

DEFAULT = Path(__file__).with_name("webtoon.toml")
PERSONAL = Path(__file__).with_name("personal.toml")
"""A world in which readers differ within a genre too, come back, read on, and tire of what they have read."""

Share = Annotated[float, msgspec.Meta(gt=0, lt=1)]
Part = Annotated[float, msgspec.Meta(ge=0, le=1)]
Spread = Annotated[float, msgspec.Meta(ge=0, le=10)]


class Titles(Struct, frozen=True):
    """What can be shown."""

    count: Annotated[int, msgspec.Meta(ge=1, le=100_000)]
    launched_before: Annotated[int, msgspec.Meta(ge=1, le=100_000)]
    genres: Annotated[
        list[Annotated[str, msgspec.Meta(min_length=1, max_length=64)]], msgspec.Meta(min_length=1, max_length=64)
    ]
    appeal_mean: Share
    appeal_spread: Spread
    taste_strength: Spread
    highest: Share
    back_catalogue_days: Annotated[float, msgspec.Meta(ge=0, le=36_500)] = 0.0
    style_dimensions: Annotated[int, msgspec.Meta(ge=0, le=16)] = 0
    style_strength: Spread = 0.0
    korean: Part = 0.0
    stray_words: Part = 0.2
    adults_only: Part = 0.0


class Readers(Struct, frozen=True):
    """Who comes."""

    count: Annotated[int, msgspec.Meta(ge=1, le=10_000_000)]
    groups: Annotated[int, msgspec.Meta(ge=1, le=64)]
    spread: Spread
    activity_shape: Annotated[float, msgspec.Meta(gt=0, le=100)]
    mixing: Annotated[float, msgspec.Meta(ge=0, le=100)] = 0.0
    style_spread: Spread = 0.0
    described: Part = 0.0
    skew: Part = 0.0


class Reading(Struct, frozen=True):
    """What follows a click."""

    continues: Part = 0.75
    episode_minutes: Annotated[float, msgspec.Meta(ge=0, le=120)] = 3.0
    goes_on: Part = 0.5
    most_lists: Annotated[int, msgspec.Meta(ge=0, le=20)] = 3
    mood: Spread = 0.0
    again: Part = 1.0


class Positions(Struct, frozen=True):
    """How far down a list is looked."""

    examination: Annotated[float, msgspec.Meta(ge=0, le=5)]


class Editors(Struct, frozen=True):
    """How well the editors guess."""

    noise: Spread


class Run(Struct, frozen=True):
    """Length and shape of a run."""

    days: Annotated[int, msgspec.Meta(ge=1, le=3_650)]
    k: Annotated[int, msgspec.Meta(ge=1, le=100)]
    click_delay_mean_s: Annotated[float, msgspec.Meta(ge=0, le=86_400)]
    cannot_win_margin: Share


class WorldParameters(Struct, frozen=True):
    """The whole file."""

    titles: Titles
    readers: Readers
    positions: Positions
    editors: Editors
    run: Run
    reading: Reading = Reading()


def read_parameters(path: Path = DEFAULT) -> WorldParameters:
    """The parameters in a file. Raises InvalidInputError (ConfigError) with file, line and nearest name."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InvalidInputError(Problem(str(path), error.strerror or str(error), "a world's TOML file")) from None
    parameters = msgspec.convert(find_problems(data, str(path), WorldParameters), WorldParameters)
    if parameters.titles.launched_before > parameters.titles.count:
        found = f"{parameters.titles.launched_before}"
        raise InvalidInputError(
            Problem(f"{path}: titles.launched_before", found, f"at most count, {parameters.titles.count}")
        )
    return parameters
