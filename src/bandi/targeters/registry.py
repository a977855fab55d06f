"""From a targeter's configuration to the targeter."""

from __future__ import annotations

from bandi.model.config_values import duration_ms
from bandi.model.targeter_config import (
    ContinueTargeter,
    EditorTargeter,
    FactorsTargeter,
    FreshTargeter,
    PopularTargeter,
    SegmentTargeter,
    SimilarTargeter,
    TargeterConfig,
)
from bandi.targeters.by_factors import Resembles, SuitsReader
from bandi.targeters.by_segment import PromisingInSegments
from bandi.targeters.protocol import Targeter
from bandi.targeters.simple import ContinueReading, EditorsPick, Fresh, Popular


def make_targeter(config: TargeterConfig) -> Targeter:
    """The targeter that a table of the configuration asks for."""
    match config:
        case PopularTargeter():
            return Popular(config.n)
        case FreshTargeter():
            return Fresh(config.n, duration_ms(config.window))
        case FactorsTargeter():
            return SuitsReader(config.n)
        case SimilarTargeter():
            return Resembles(config.n, config.by)
        case SegmentTargeter():
            return PromisingInSegments(config.n)
        case ContinueTargeter():
            return ContinueReading(config.n)
        case EditorTargeter():
            return EditorsPick(config.n)


def needs_training(config: TargeterConfig) -> bool:
    """Whether it names nothing until `bandi train` has run."""
    return isinstance(config, FactorsTargeter | SegmentTargeter | SimilarTargeter)
