"""The segment targeter: what leads in the reader's segments, by their weights."""

import msgspec
import numpy as np

from bandi.catalog.interning import Interner
from bandi.catalog.items import Items
from bandi.features.factors.als import AlsConfig, Factors
from bandi.learning.popularity import Popularity
from bandi.model.catalog import Item
from bandi.model.targeter_config import SegmentTargeter
from bandi.segments.promise import leading
from bandi.targeters.protocol import Asked, Learned, View
from bandi.targeters.registry import make_targeter

NONE = np.zeros(0, np.int32)
PROMISE = np.array([[0.9, 0.8, 0.1, 0.0, 0.2], [0.0, 0.1, 0.7, 0.6, 0.2]], np.float32)


def view(blocked: tuple[int, ...] = ()) -> View:
    interner, items = Interner(), Items()
    interner.add("item", [f"t{i}" for i in range(5)])
    items.put(msgspec.msgpack.encode([Item(id=f"t{i}") for i in range(5)]), interner)
    nothing = np.zeros((5, 2), np.float32)
    learned = Learned(Factors(nothing[:0], nothing, AlsConfig(), 1.0), promise=PROMISE, leading=leading(PROMISE, 3))
    allowed = np.ones(5, np.bool_)
    allowed[list(blocked)] = False
    return View(items, Popularity(), learned, allowed)


def asked(membership: list[float], without: tuple[int, ...] = ()) -> Asked:
    return Asked(NONE, -1, 0, np.array(without, np.int32), NONE, np.array(membership, np.float32))


def test_it_names_what_leads_in_the_readers_segment() -> None:
    find = make_targeter(SegmentTargeter(n=2)).find
    assert find(asked([1.0, 0.0]), view()).tolist() == [0, 1]
    assert find(asked([0.0, 1.0]), view()).tolist() == [2, 3]


def test_weights_mix_the_promises_of_the_segments() -> None:
    find = make_targeter(SegmentTargeter(n=3)).find
    assert find(asked([0.6, 0.4]), view()).tolist() == [0, 1, 2]
    assert find(asked([0.3, 0.7]), view()).tolist() == [2, 3, 1]


def test_what_may_not_be_shown_or_named_is_passed_over() -> None:
    find = make_targeter(SegmentTargeter(n=2)).find
    assert find(asked([1.0, 0.0]), view(blocked=(0,))).tolist() == [1, 4]
    assert find(asked([1.0, 0.0], without=(1,)), view()).tolist() == [0, 4]


def test_a_reader_of_whom_nothing_is_known_gets_nothing_from_it() -> None:
    assert make_targeter(SegmentTargeter(n=2)).find(asked([]), view()).tolist() == []
