"""Segments from what readers read last: fitted, numbered as before, described; and the evidence for how many there should be."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from bandi.engine.artifacts import Shelf
from bandi.engine.folder import read_config
from bandi.features.audience import reader_vectors
from bandi.features.factors.als import Factors, fit
from bandi.features.mixing import reduced
from bandi.jobs.reading import Material, read_material, weighed, without_newest
from bandi.jobs.settings import als_config
from bandi.jobs.vectors import OnStep, Vectors, joined, learn_vectors
from bandi.model.catalog import Item, User
from bandi.model.config import Segments
from bandi.model.errors import BandiError
from bandi.model.records import Array
from bandi.segments.choosing import KS, Choice, choose_k
from bandi.segments.fitting import fit_segments
from bandi.segments.held_out import hold_out
from bandi.segments.model import SegmentModel
from bandi.segments.profiles import Labels, Profiles, profile_segments
from bandi.segments.promise import leading, promise
from bandi.segments.softness import soften
from bandi.targeters.protocol import Learned

MAX_DIMENSIONS = 64
"""Of the space that readers are described in: more cost each request and say little more."""
_ATTRIBUTES = ("gender", "age")


class Segmented(NamedTuple):
    """What a training makes of segments; see targeters.protocol.Learned. profiles: what each is like."""

    model: SegmentModel
    titles: Array
    promise: Array
    leading: Array
    profiles: Profiles


def segment(
    settings: Segments,
    material: Material,
    catalogue: list[Item | None],
    vectors: Vectors,
    factors: Factors,
    previous: Learned | None,
) -> Segmented:
    """Fit segments to all readers. previous: what the last training learned; segments are numbered after it."""
    recent = material.recent()
    titles = reduced(joined(vectors, factors, settings.features), MAX_DIMENSIONS)
    readers = reader_vectors(recent, titles)
    model = fit_segments(
        readers,
        settings.k,
        settings.method,
        previous_memberships=_memberships_before(previous, recent),
    )
    if settings.method == "soft" and _can_be_held_out(recent, titles):
        model = soften(model, hold_out(recent, titles))
    memberships = model.memberships(readers)
    promises = promise(memberships, recent, len(titles))
    profiles = _profiles(material, catalogue, memberships, recent)
    return Segmented(model, titles, promises, leading(promises), profiles)


def segment_evidence(folder: Path, ks: tuple[int, ...] = KS, on_step: OnStep | None = None) -> Choice:
    """What speaks for each number of segments, by each reader's newest title, which none of the vectors has seen.

    Raises InvalidInputError where there is nothing to learn from.
    """
    step = on_step or (lambda what, done, total: None)
    config = read_config(folder)
    settings = config.segments or Segments()
    material = without_newest(read_material(folder, lambda done, total: step("reading the log", done, total)))
    vectors = learn_vectors(config, folder, material.titles(), material, step)
    als = als_config(config.factors)
    factors = fit(
        weighed(material.users, material.items, material.shape),
        als,
        on_iteration=lambda done: step("learning without the newest titles", done, als.iterations),
    )
    titles = reduced(joined(vectors, factors, settings.features), MAX_DIMENSIONS)

    def on_k(k: int) -> None:
        step("trying numbers of segments", ks.index(k) + 1, len(ks))

    return choose_k(material.recent(), titles, ks, settings.method, on_k=on_k)


def last_learned(shelf: Shelf) -> Learned | None:
    """What the artifact in use holds, or None where there is none that can be read."""
    name = shelf.current()
    try:
        return shelf.load(name) if name else None
    except (BandiError, OSError, ValueError, KeyError):
        return None


def _memberships_before(previous: Learned | None, recent: Array) -> Array | None:
    """The readers' weights in the segments of the last training: the titles' space turns with each training, readers do not."""
    if previous is None or previous.segments is None or previous.titles is None:
        return None
    return previous.segments.memberships(reader_vectors(recent, previous.titles))


def _can_be_held_out(recent: Array, titles: Array) -> bool:
    known: Array = (titles != 0).any(axis=1)
    rest = recent[:, 1:]
    return bool(len(known)) and bool((known[rest.clip(min=0)] & (rest >= 0)).any())


def _profiles(material: Material, catalogue: list[Item | None], memberships: Array, recent: Array) -> Profiles:
    """What each segment is like, numbered as its arms are: from 1, for 0 is whom nothing is known of."""
    items = material.state.items
    codes = items.codes("genre")
    genres = Labels(codes.names, np.arange(len(codes.codes) + 1), codes.codes)
    lists = items.lists("tags")
    ids = [
        lists.ids[start : start + count]
        for start, count in zip(lists.starts.tolist(), lists.counts.tolist(), strict=True)
    ]
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(lists.counts, dtype=np.int64)])
    tags = Labels(lists.names, starts, np.concatenate([*ids, np.zeros(0, np.int32)]).astype(np.int32))
    texts = material.state.interner.texts("item")
    names = [
        text if item is None or not item.title else item.title for item, text in zip(catalogue, texts, strict=True)
    ]
    known = memberships[recent[:, 0] >= 0], recent[recent[:, 0] >= 0]
    readers = [material.state.users.get(int(user)) for user in np.flatnonzero(recent[:, 0] >= 0)]
    attributes = {name: [_attribute(reader, name) for reader in readers] for name in _ATTRIBUTES}
    found = profile_segments(*known, genres=genres, tags=tags, titles=names, attributes=attributes)
    numbered = [msgspec.structs.replace(each, number=number) for number, each in enumerate(found.segments, 1)]
    return msgspec.structs.replace(found, segments=numbered)


def _attribute(reader: User | None, name: str) -> str | int | float | None:
    """What the reader's document says, where it says it in a way that can be counted."""
    if reader is None:
        return None
    value = reader.age if name == "age" and reader.age is not None else reader.fields.get(name)
    if name == "age":
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None
    return str(value) if isinstance(value, str | int | float) and value != "" else None
