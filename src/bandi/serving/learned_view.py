"""What the page shows of the artifact in use: groups of readers, and titles with those most like them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from bandi.engine import Engine
from bandi.features.factors.search import search_all
from bandi.model.config import Config
from bandi.model.records import Array
from bandi.model.targeter_config import SimilarTargeter
from bandi.model.variants import every_list
from bandi.segments.profiles import Attribute, Lifted, Profiles, SegmentProfile
from bandi.targeters.protocol import Learned, Likeness

GROUPS_SHOWN = 16
LABELS_SHOWN = 4
LEAST_LIFT = 1.1
"""Of a genre or tag: what is read less than a tenth more than by everybody describes nobody."""
TITLES_SHOWN = 30
ALIKE_SHOWN = 5


class GroupLabel(msgspec.Struct, frozen=True):
    """A genre or tag that a group reads more than others. share: of the group's reads; lift: over the share of all reads."""

    name: str
    share: float
    lift: float


class GroupTrait(msgspec.Struct, frozen=True):
    """What is known of the readers' accounts.

    Of words: value, the one that a group exceeds all readers by most, with its share in the group and in all. Of numbers:
    mean in the group and in all, and no value.
    """

    name: str
    value: str | None
    group: float
    everyone: float


class ReadersGroup(msgspec.Struct, frozen=True):
    """One segment. readers: sum of weights; share: of all readers, 0 to 1."""

    number: int
    readers: float
    share: float
    genres: list[GroupLabel]
    tags: list[GroupLabel]
    traits: list[GroupTrait]


class AlikeTitle(msgspec.Struct, frozen=True):
    """A title and how like it is to another: inner product of vectors of length 1 at most, above 0."""

    item: str
    title: str
    genre: str
    cosine: float


class TitleAlikes(msgspec.Struct, frozen=True):
    """A title and those most like it, most alike first."""

    item: str
    title: str
    genre: str
    alike: list[AlikeTitle]


class LearnedView(msgspec.Struct, frozen=True):
    """The artifact in use: at most GROUPS_SHOWN groups, largest first, and TITLES_SHOWN titles with ALIKE_SHOWN each.

    by: the likeness of the first `similar` targeter, such as `text+factors`, or nothing where no placement has one.
    """

    artifact: str
    made_ms: int
    reads: int
    readers: int
    groups: list[ReadersGroup]
    by: str
    titles: list[TitleAlikes]


def learned_view(engine: Engine, name: str) -> LearnedView | None:
    """The view of an artifact, or None where it cannot be read. Raises what reading its manifest raises.

    Reads the artifact's file and searches the likeness TITLES_SHOWN times: not for a request's thread.
    """
    learned = engine.artifacts.find(name)
    if learned is None:
        return None
    manifest = engine.artifacts.manifest(name)
    by = shown_likeness(engine.config)
    likeness = learned.likeness.get(by)
    return LearnedView(
        artifact=name,
        made_ms=manifest.made_ms,
        reads=manifest.reads,
        readers=manifest.users,
        groups=[] if manifest.segments is None else _groups(manifest.segments),
        by=by,
        titles=[] if likeness is None else _alikes(engine, learned, likeness),
    )


def shown_likeness(config: Config) -> str:
    """The name of the first `similar` targeter's likeness, such as `text+factors`, or nothing."""
    targeters = (targeter for placement in every_list(config) for targeter in placement.targeters)
    return next(("+".join(each.by) for each in targeters if isinstance(each, SimilarTargeter)), "")


def _groups(profiles: Profiles) -> list[ReadersGroup]:
    largest = sorted(profiles.segments, key=lambda segment: -segment.share)
    return [_group(segment) for segment in largest[:GROUPS_SHOWN]]


def _group(segment: SegmentProfile) -> ReadersGroup:
    traits = (_trait(attribute) for attribute in segment.attributes)
    return ReadersGroup(
        segment.number,
        segment.readers,
        segment.share,
        _labels(segment.genres),
        _labels(segment.tags),
        [trait for trait in traits if trait is not None],
    )


def _labels(lifted: Sequence[Lifted]) -> list[GroupLabel]:
    named = [label for label in lifted if label.lift >= LEAST_LIFT]
    return [GroupLabel(label.name, label.share, label.lift) for label in named[:LABELS_SHOWN]]


def _trait(attribute: Attribute) -> GroupTrait | None:
    if attribute.mean is not None and attribute.population_mean is not None:
        return GroupTrait(attribute.name, None, attribute.mean, attribute.population_mean)
    if not attribute.values or attribute.known <= 0:
        return None
    most = max(attribute.values, key=lambda value: value.share - value.population_share)
    return GroupTrait(attribute.name, most.value, most.share, most.population_share)


def _alikes(engine: Engine, learned: Learned, likeness: Likeness) -> list[TitleAlikes]:
    """Titles that the catalogue still has, with those of them that are most like each."""
    ids = engine._item_texts
    known = min(len(ids), len(likeness.vectors))
    there = np.array([engine.items.get(ids[i]) is not None for i in range(known)], np.bool_)
    found = []
    for title in _examples(learned, there & likeness.vectors[:known].any(axis=1)):
        cosines = {i: float(likeness.vectors[title] @ likeness.vectors[i]) for i in _nearest(likeness, title, there)}
        alike = [AlikeTitle(*_named(engine, ids[i]), cosine) for i, cosine in cosines.items()]
        found.append(TitleAlikes(*_named(engine, ids[title]), alike))
    return found


def _named(engine: Engine, item_id: str) -> tuple[str, str, str]:
    """Id, title and genre."""
    item = engine.items.get(item_id)
    return item_id, engine.title(item_id), "" if item is None else item.genre


def _nearest(likeness: Likeness, title: int, allowed: Array) -> list[int]:
    own, without = likeness.vectors[title], np.array([title], np.int32)
    if likeness.index is not None:
        return [int(i) for i in likeness.index.find(own, ALIKE_SHOWN, allowed, without)]
    return [int(i) for i in search_all(likeness.vectors, own, ALIKE_SHOWN, allowed, without)]


def _examples(learned: Learned, usable: Array) -> list[int]:
    """Up to TITLES_SHOWN distinct titles, the most promising of each segment in turn; without segments the first ones."""
    chosen: dict[int, None] = {}
    for title in _in_turn(learned, len(usable)):
        if len(chosen) == TITLES_SHOWN:
            break
        if 0 <= title < len(usable) and usable[title]:
            chosen[title] = None
    return list(chosen)


def _in_turn(learned: Learned, titles: int) -> Iterator[int]:
    if learned.leading is not None:
        yield from (int(title) for title in learned.leading.T.ravel())
    yield from range(titles)
