"""Compile the kernels of this room and of the catalogue (or load them from the cache) before the first request needs them."""

from __future__ import annotations

import numpy as np

from bandi.catalog.items import Items
from bandi.features.audience import reader_vector
from bandi.learning.attribution import Attribution
from bandi.learning.bookmarks import Bookmarks
from bandi.learning.duplicates import SeenEvents
from bandi.learning.encounters import Encounters
from bandi.learning.histories import Histories
from bandi.learning.journeys import Journeys, LaterObjective, PlacementSteps
from bandi.learning.payers import Payers
from bandi.learning.popularity import Popularity
from bandi.learning.push._message_kernels import MESSAGE
from bandi.learning.push.messages import Caps, Messages, Run, packed
from bandi.learning.reader_states import states_of
from bandi.model.events import EventKind
from bandi.model.records import EVENT, Events, Stretch


def warm() -> None:
    """Run each kernel once on a row. Takes seconds the first time after an installation, then milliseconds."""
    seen = SeenEvents(2)
    ids = np.arange(2, dtype=np.uint64)
    seen.add(ids, ids)
    seen.duplicates(ids, ids)
    seen.load(seen.dump())
    attribution = Attribution([], 2)
    attribution.fold(Stretch(0, 1, Events(np.zeros(1, np.int64), np.zeros(1, EVENT))))
    attribution.load(attribution.dump())
    read = np.zeros(1, EVENT)
    read["kind"] = EventKind.READ
    Histories().fold(read)
    Popularity().fold(read)
    encounters = Encounters()
    encounters.fold(read)
    encounters.load(encounters.dump())
    encounters.forget(0)
    Items().candidates(0)
    journeys = Journeys([LaterObjective("read", int(EventKind.READ), 1, 1)], [PlacementSteps(0, ("read",))], 2)
    journeys.fold(read)
    journeys.load(journeys.dump())
    payers = Payers()
    payers.fold(read)
    states_of(payers.known(), np.zeros(1, np.bool_), 0)
    Bookmarks().fold(read)
    messages = Messages()
    message = np.zeros(1, MESSAGE)
    messages.put(packed(message, Run(1, 0, 0, 0, 1, 0, 0, 1, 1, 0)))
    messages.fold(read)
    messages.may_have(message["user"].copy(), message["item"].copy(), message["send_ms"].copy(), Caps(1, 1, 1))
    reader_vector(np.zeros(1, np.int32), np.ones((1, 2), np.float32))
