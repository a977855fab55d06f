"""The parameters of a funnel world, as its TOML file says them; units stand beside each number in `presets/`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec

from bandi.evaluation.worlds.parameters import Part, Share, Spread
from bandi.model.config import Struct
from bandi.model.config_text import find_problems
from bandi.model.errors import InvalidInputError, Problem

FOLDER = Path(__file__).with_name("presets")
PRESETS = ("calibrated", "thin", "hits", "slow_payers", "drifting")
Days = Annotated[float, msgspec.Meta(gt=0, le=3_650)]
Factor = Annotated[float, msgspec.Meta(ge=0, le=1_000)]


class Titles(Struct, frozen=True):
    """What can be shown, and what is visible of it."""

    count: Annotated[int, msgspec.Meta(ge=2, le=100_000)]
    on_sale_share: Share
    back_catalogue_days: Annotated[float, msgspec.Meta(ge=0, le=36_500)]
    launch_every_days: Annotated[int, msgspec.Meta(ge=1, le=365)]
    genres: Annotated[int, msgspec.Meta(ge=1, le=64)]
    tags: Annotated[int, msgspec.Meta(ge=1, le=256)]
    tags_per_title: Annotated[int, msgspec.Meta(ge=1, le=16)]
    titles_per_author: Annotated[float, msgspec.Meta(ge=1, le=1_000)]


class Hook(Struct, frozen=True):
    """What gets a title clicked."""

    mean: Share
    spread: Spread
    visible: Part
    taste_strength: Spread
    highest: Share
    fade: Spread
    fade_half_life_days: Days


class Stickiness(Struct, frozen=True):
    """What keeps its readers."""

    mean: Share
    spread: Spread
    visible: Part
    days_per_episode: Days
    pace_spread: Spread


class Payment(Struct, frozen=True):
    """Who pays, for what, when and how much."""

    chance: Share
    highest: Share
    willingness_spread: Spread
    visible: Part
    free_episodes_least: Annotated[int, msgspec.Meta(ge=4, le=1_000)]
    free_episodes_most: Annotated[int, msgspec.Meta(ge=4, le=1_000)]
    never_pays: Part
    power_spread: Spread
    after_first: Factor
    hesitation_days: Days
    coins_mean: Annotated[float, msgspec.Meta(gt=0, le=1e9)]
    coins_spread: Spread
    further_chance: Annotated[float, msgspec.Meta(ge=0, le=0.95)]
    further_days: Days


class Readers(Struct, frozen=True):
    """Who comes."""

    count: Annotated[int, msgspec.Meta(ge=1, le=10_000_000)]
    groups: Annotated[int, msgspec.Meta(ge=1, le=64)]
    mixing: Annotated[float, msgspec.Meta(gt=0, le=100)]
    taste_spread: Spread
    activity_shape: Annotated[float, msgspec.Meta(gt=0, le=100)]


class Sessions(Struct, frozen=True):
    """How often, and how a list is looked at."""

    per_reader_per_day: Annotated[float, msgspec.Meta(gt=0, le=100)]
    weekly_swing: Part
    slots: Annotated[int, msgspec.Meta(ge=1, le=100)]
    examination: Annotated[float, msgspec.Meta(ge=0, le=5)]


class Fatigue(Struct, frozen=True):
    """What repeated showing does."""

    per_showing: Spread
    half_life_days: Days


class Organic(Struct, frozen=True):
    """Titles found without any list."""

    per_reader_per_day: Annotated[float, msgspec.Meta(ge=0, le=10)]


class Events(Struct, frozen=True):
    """What becomes of clicks, reads and purchases on their way."""

    late: Part
    late_hours: Annotated[float, msgspec.Meta(gt=0, le=720)]
    lost: Part
    duplicated: Part


class Editors(Struct, frozen=True):
    """How well the editors guess."""

    noise: Spread


class Drift(Struct, frozen=True):
    """How the truth itself walks."""

    hook_per_day: Spread
    taste_per_day: Spread


class Run(Struct, frozen=True):
    """Length of a run, and what counts as wasted."""

    days: Annotated[int, msgspec.Meta(ge=1, le=3_650)]
    cannot_win_margin: Share


class FunnelParameters(Struct, frozen=True):
    """The whole file."""

    titles: Titles
    hook: Hook
    stickiness: Stickiness
    payment: Payment
    readers: Readers
    sessions: Sessions
    fatigue: Fatigue
    organic: Organic
    events: Events
    editors: Editors
    drift: Drift
    run: Run


def preset_file(name: str) -> Path:
    """The file of one of PRESETS. Raises KeyError for another name."""
    if name not in PRESETS:
        raise KeyError(name)
    return FOLDER / f"{name}.toml"


def read_funnel(path: Path) -> FunnelParameters:
    """The parameters in a file. Raises InvalidInputError (ConfigError) with file, line and nearest name."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InvalidInputError(
            Problem(str(path), error.strerror or str(error), "a funnel world's TOML file")
        ) from None
    parameters = msgspec.convert(find_problems(data, str(path), FunnelParameters), FunnelParameters)
    _check(parameters, str(path))
    return parameters


def resized(
    parameters: FunnelParameters,
    readers: int | None = None,
    titles: int | None = None,
    days: int | None = None,
    visits: int | None = None,
) -> FunnelParameters:
    """The same world in another size; None leaves a size as it is. visits: expected requests in all, over the days."""
    change = msgspec.structs.replace
    if readers is not None:
        parameters = change(parameters, readers=change(parameters.readers, count=readers))
    if titles is not None:
        parameters = change(parameters, titles=change(parameters.titles, count=titles))
    if days is not None:
        parameters = change(parameters, run=change(parameters.run, days=days))
    if visits is not None:
        rate = visits / (parameters.readers.count * parameters.run.days)
        parameters = change(parameters, sessions=change(parameters.sessions, per_reader_per_day=rate))
    return parameters


def _check(parameters: FunnelParameters, file: str) -> None:
    """What one key says of another."""
    problems = []
    payment, titles, events = parameters.payment, parameters.titles, parameters.events
    if payment.free_episodes_most < payment.free_episodes_least:
        expected = f"at least free_episodes_least, {payment.free_episodes_least}"
        problems.append(Problem(f"{file}: payment.free_episodes_most", str(payment.free_episodes_most), expected))
    if titles.tags_per_title > titles.tags:
        expected = f"at most tags, {titles.tags}"
        problems.append(Problem(f"{file}: titles.tags_per_title", str(titles.tags_per_title), expected))
    if events.late + events.lost > 1.0:
        problems.append(Problem(f"{file}: events.late", str(events.late), f"at most 1 - lost, {1.0 - events.lost}"))
    if problems:
        raise InvalidInputError(problems)
