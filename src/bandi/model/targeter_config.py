"""Who names candidates: one table for each targeter, as `targeters` of a placement says it."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from bandi.model.config_values import Duration, Share, Struct

Quota = Annotated[int, msgspec.Meta(ge=1, le=2000)]
Feature = Literal["text", "image", "factors"]


class Targeter(Struct, frozen=True):
    """What every targeter has."""

    n: Quota = 100
    """Most candidates from here."""
    at_least: Share = 0.0
    """Share of the list's slots that titles from here get at least, as far as there are any (0.1 of 10: one slot)."""
    at_most: Share = 1.0
    """Share of the list's slots that titles from here and from nowhere else get at most."""


class PopularTargeter(Targeter, frozen=True, tag_field="use", tag="popular"):
    """What is clicked, read and bought most just now (counts lose half their weight in 7 days)."""


class FreshTargeter(Targeter, frozen=True, tag_field="use", tag="fresh"):
    """What was launched lately, latest first; `at_least` is its exploration quota."""

    n: Quota = 50
    """Most candidates from here."""
    window: Duration = "14d"
    """How long after its launch a title is fresh."""


class FactorsTargeter(Targeter, frozen=True, tag_field="use", tag="factors"):
    """What suits what the reader read last, by the factors that `bandi train` learned."""

    n: Quota = 200
    """Most candidates from here."""


class SegmentTargeter(Targeter, frozen=True, tag_field="use", tag="segment"):
    """What is most promising in the reader's segments: best upper bounds of the share of a segment's readers who read it."""

    n: Quota = 200
    """Most candidates from here."""


class SimilarTargeter(Targeter, frozen=True, tag_field="use", tag="similar"):
    """What resembles the item that the list stands beside (or the last one read)."""

    n: Quota = 200
    """Most candidates from here."""
    by: Annotated[tuple[Feature, ...], msgspec.Meta(min_length=1, max_length=3)] = ("factors",)
    """What resembling means; of several a mix, whose weights `bandi train` learns from what was read one after the other."""


class ContinueTargeter(Targeter, frozen=True, tag_field="use", tag="continue_reading"):
    """What the reader read last, newest first; also where `exclude` takes out what was read."""

    n: Annotated[int, msgspec.Meta(ge=1, le=32)] = 5
    """Most candidates from here."""


class EditorTargeter(Targeter, frozen=True, tag_field="use", tag="editor"):
    """What the editors ranked (`editor_rank`), lowest first."""

    n: Quota = 50
    """Most candidates from here."""


TargeterConfig = (
    PopularTargeter
    | FreshTargeter
    | FactorsTargeter
    | SegmentTargeter
    | SimilarTargeter
    | ContinueTargeter
    | EditorTargeter
)
