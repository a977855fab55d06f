"""The whole of what the log says, folded: ids, catalogue, histories, seen ids, journeys, attribution, the policies' arms.

State changes in `fold` alone, and depends on nothing but the records and their order, so a replay of the log gives
the same bytes. Readers take no lock: `version` is odd while a fold is under way, and a reader that saw it change
starts over (a sequence lock), so what it read belongs to exactly one log position.
"""

from __future__ import annotations

import threading
from collections.abc import Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Protocol

import msgspec
import numpy as np

from bandi.catalog.interning import Interner
from bandi.catalog.items import Items
from bandi.catalog.rules import Rules
from bandi.catalog.users import Users
from bandi.engine.by_reader_state import divide
from bandi.engine.carrying_on import arm_segments, carry
from bandi.engine.contexts import Contexts
from bandi.engine.variants import Experiments, PlacedExperiment, variant_versions
from bandi.learning.attribution import Attribution, PlacementRule, by_placement
from bandi.learning.bookmarks import Bookmarks
from bandi.learning.duplicates import SeenEvents
from bandi.learning.encounters import Encounters
from bandi.learning.histories import Histories
from bandi.learning.journeys import Journeys, LaterObjective, PlacementSteps
from bandi.learning.payers import Payers
from bandi.learning.popularity import Popularity
from bandi.learning.push.messages import Messages
from bandi.log.assembly import cut
from bandi.model.config import Config, Holdout, Placement
from bandi.model.config_values import duration_ms
from bandi.model.events import EventKind
from bandi.model.holdout import covers, version_served
from bandi.model.records import Array, Document, DocumentKind, Events, Stretch
from bandi.model.variants import counting_placements, owns_statistics, variant_name
from bandi.policies.exploration import Account
from bandi.policies.protocol import Outcomes, Policy
from bandi.policies.registry import make_policy, policy_version
from bandi.policies.traits import dimensions_of, steps_of
from bandi.targeters.protocol import Targeter
from bandi.targeters.registry import make_targeter

_config_decoder = msgspec.msgpack.Decoder(Config)
_ids_decoder = msgspec.msgpack.Decoder(dict[str, str | int | list[str]])
_artifact_decoder = msgspec.msgpack.Decoder(dict[str, str])
_names_decoder = msgspec.msgpack.Decoder(list[str])


class Dumps(Protocol):
    """A part of the state."""

    def dump(self) -> dict[str, Array]:
        """Plain arrays, the same bytes for the same history."""


@dataclass(slots=True)
class PlacementState:
    """One configured placement. trials, successes: what its arms have counted, all time.

    holdout: readers who get another list here, and its version as `version_index` says the policy's; None and -1: nobody does.
    """

    index: int
    name: str
    config: Placement
    policy: Policy
    version: str
    version_index: int
    targeters: tuple[Targeter, ...] = ()
    trials: float = 0.0
    successes: float = 0.0
    account: Account = field(default_factory=Account)
    holdout: Holdout | None = None
    held_version: str = ""
    held_version_index: int = -1
    by_state: dict[int, PlacementState] = field(default_factory=dict)
    """By `ReaderState`: the same policy and arms with other targeters, exclusions or dial."""
    passed_on: dict[int, str] = field(default_factory=dict)
    """By `ReaderState`: the placement whose list these readers get."""
    give_up: float | None = None
    for_state: int = -1
    variant: str = ""
    """Of a variant of an experiment: what it is called (`bold.treatment`), and where it stands in for another list."""
    variant_of: str = ""
    experiments: tuple[PlacedExperiment, ...] = ()
    """Those whose variants stand in for this list."""
    sharing: dict[int, PlacementState] = field(default_factory=dict)
    """By `version_index`: variants that are served from the arms of this placement."""

    @property
    def key(self) -> tuple[str, int, str]:
        """Its name, the `ReaderState` that it is for, -1: all others, and the variant that it is."""
        return self.name, self.for_state, self.variant

    @property
    def shown_at(self) -> str:
        """The configured placement where its lists stand."""
        return self.variant_of or self.name

    @property
    def dimensions(self) -> int:
        """Numbers in the vectors of readers and titles that its policy looks at; 0: it looks at none."""
        return dimensions_of(self.config.policy)

    @property
    def source_names(self) -> list[str]:
        """The targeters' names, by bit."""
        return [str(targeter.__struct_config__.tag) for targeter in self.config.targeters]


class State:
    """The fold of the log up to `position`; begin with an empty one and `fold` stretches in order."""

    def __init__(self) -> None:
        self.position = 0
        self.catalog_position = 0
        self.config: Config | None = None
        self.interner = Interner()
        self.items = Items()
        self.users = Users()
        self.rules = Rules()
        self.seen = SeenEvents(Config().log.duplicate_horizon)
        self.attribution = Attribution([], Config().log.attribution_horizon)
        self.journeys = Journeys([], [], Config().log.journey_horizon)
        self.payers = Payers()
        self.bookmarks = Bookmarks()
        self.messages = Messages()
        self.histories = Histories()
        self.contexts = Contexts()
        self.encounters = Encounters()
        self.popularity = Popularity()
        self.experiments = Experiments()
        self.artifact = ""
        self.placements: dict[str, PlacementState] = {}
        self._by_index: dict[int, PlacementState] = {}
        self.version = 0
        self.lock = threading.Lock()

    def fold(self, stretch: Stretch, slice_records: int = 1 << 20) -> None:
        """Apply the records of `stretch`, which must begin at `position`. O(records).

        A smaller `slice_records` bounds how long a reader may have to wait for one slice.
        """
        if stretch.first != self.position:
            raise ValueError(f"the next record is {self.position}, the stretch begins at {stretch.first}")
        for first, stop in _slices(stretch, slice_records):
            piece = stretch if (first, stop) == (stretch.first, stretch.stop) else cut(stretch, first, stop)
            with self._changing():
                self._apply(piece)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        with self.lock:
            self.version += 1
            try:
                yield
            finally:
                self.version += 1

    def _apply(self, piece: Stretch) -> None:
        for document in piece.documents:
            self._apply_document(document)
        for placement in self.placements.values():
            if placement.config.exploration is not None:
                headers = piece.decisions.headers
                placement.account.fold(headers[headers["placement"] == placement.index])
        self.experiments.exposures.fold(piece.decisions.headers)
        followed = self.journeys.fold(piece.events.rows)
        events = Events(piece.events.positions[followed.at], followed.rows)
        rows = self.attribution.rows(replace(piece, events=events))
        asked, recent = self._readers_of(rows, piece)
        for index, outcomes in by_placement(rows).items():
            self._learn(index, self._with_vectors(index, outcomes, recent[asked == index]))
        for index, later in followed.outcomes.items():
            if index in self._by_index:
                self._by_index[index].policy.update(later)
        if len(piece.events.rows):
            self.seen.add(piece.events.rows["event_hi"], piece.events.rows["event_lo"])
            self.encounters.fold(piece.events.rows)
            self.popularity.fold(piece.events.rows)
            self.payers.fold(piece.events.rows)
            self.bookmarks.fold(piece.events.rows)
            self.messages.fold(piece.events.rows)
        self.position = piece.stop

    def _readers_of(self, rows: Array, piece: Stretch) -> tuple[Array, Array]:
        """Fold the histories; of outcomes whose policies look at readers: the placement, and what the reader had read when
        the trial was made, as known at the position of the record that told of it (so however the log is cut).
        """
        self.contexts.follow(self.items)
        looking = [state.index for state in self.placements.values() if state.dimensions]
        asked = rows[np.isin(rows["placement"], looking)] if looking else rows[:0]
        recent = self.histories.fold_and_look(piece.events, asked["position"], asked["user"], asked["time_ms"])
        return asked["placement"], recent

    def _with_vectors(self, index: int, outcomes: Outcomes, recent: Array) -> Outcomes:
        placement = self._by_index.get(index)
        if placement is None or not placement.dimensions:
            return outcomes
        d = placement.dimensions
        return replace(outcomes, vectors=self.contexts.readers(recent, d), title_vectors=self.contexts.titles(d))

    def _learn(self, index: int, outcomes: Outcomes) -> None:
        placement = self._by_index.get(index)
        if placement is not None:
            placement.policy.update(outcomes)
            placement.trials += float(outcomes.trials.sum(dtype=np.float64))
            placement.successes += float(outcomes.rewards.sum(dtype=np.float64))

    def _apply_document(self, document: Document) -> None:
        match document.kind:
            case DocumentKind.IDS:
                ids = _ids_decoder.decode(document.payload)
                namespace, texts = ids["namespace"], ids["texts"]
                assert isinstance(namespace, str) and isinstance(texts, list)
                self.interner.add(namespace, texts)
            case DocumentKind.CONFIG:
                self._configure(_config_decoder.decode(document.payload))
            case DocumentKind.ITEMS:
                self.items.put(document.payload, self.interner)
                self.catalog_position = document.position + 1
            case DocumentKind.USERS:
                self.users.put(document.payload, self.interner)
            case DocumentKind.ITEMS_DELETED:
                self.items.delete(_names_decoder.decode(document.payload), self.interner)
                self.catalog_position = document.position + 1
            case DocumentKind.USERS_DELETED:
                texts = _names_decoder.decode(document.payload)
                self.users.delete(texts, self.interner)
                for text in texts:
                    user = self.interner.lookup("user", text)
                    self.histories.forget(user)
                    self.encounters.forget(user)
                    self.journeys.forget(user)
                    self.payers.forget(user)
                    self.bookmarks.forget(user)
                    self.messages.forget(user)
                    self.experiments.exposures.forget(user)
            case DocumentKind.ARTIFACT:
                self.artifact = _artifact_decoder.decode(document.payload)["name"]
            case DocumentKind.RULES:
                self.rules.put(document.payload)
            case DocumentKind.RULES_DELETED:
                self.rules.delete(_names_decoder.decode(document.payload))
            case DocumentKind.PUSH:
                self.messages.put(document.payload)
            case DocumentKind.EXPERIMENT:
                experiment, first = self.experiments.standings.apply(document.payload)
                if first:
                    self._begin(experiment)
            case DocumentKind.OPENED:
                pass

    def _configure(self, config: Config) -> None:
        """Placements as `config` says. Arms carry over where what they count has not changed; else they start anew."""
        previous, self.placements = self.placements, {}
        old = self.config
        going_on = set()
        versions = variant_versions(config)
        for name, placement in counting_placements(config).items():
            version = versions.get(name) or policy_version(placement.policy, placement.seen)
            state = PlacementState(
                index=self.interner.lookup("placement", name),
                name=name,
                config=placement,
                policy=make_policy(placement.policy, arm_segments(config), placement.seen),
                version=version,
                version_index=self.interner.lookup("policy", version),
                targeters=tuple(make_targeter(targeter) for targeter in placement.targeters),
            )
            if covers(config.holdout, name):
                state.holdout = config.holdout
                state.held_version = version_served(config.holdout)
                state.held_version_index = self.interner.lookup("policy", state.held_version)
            before = previous.get(name)
            if before is not None:
                state.account = before.account
            if before is not None and old is not None and (carried := carry(before, old, state, config)) != "nothing":
                state.trials, state.successes = before.trials, before.successes
                if carried == "all":
                    going_on.add(state.index)
            divide(state)
            self.placements[name] = state
        self.experiments.configure(config, self.placements, self.interner)
        self.config = config
        for name in config.experiments:
            if self.experiments.standings.get(name).started:
                self._begin(name, already=previous)
        self._by_index = {state.index: state for state in self.placements.values()}
        self.contexts.configure(state.dimensions for state in self.placements.values() if state.dimensions)
        self.attribution = self.attribution.reconfigured(self._rules(config), config.log.attribution_horizon)
        steps = [self._steps(state, config) for state in self.placements.values()]
        self.journeys = self.journeys.reconfigured(
            later_objectives(config), steps, config.log.journey_horizon, going_on
        )
        self.seen = self.seen.resized(config.log.duplicate_horizon)

    def _begin(self, experiment: str, already: Container[str] = ()) -> None:
        """An experiment starts, or is changed after its start: variants with arms of their own, but for those of `already`,
        begin with what the placement's know.
        """
        config = self.config
        if config is None or experiment not in config.experiments:
            return
        declared = config.experiments[experiment]
        for inner, variant in declared.variants.items():
            full = variant_name(experiment, inner)
            if owns_statistics(variant) and full not in already:
                own = self.placements[full]
                carry(self.placements[declared.placement], config, own, config)

    def _rules(self, config: Config) -> list[PlacementRule]:
        rules = []
        for state in self.placements.values():
            objective = config.objectives[state.config.policy.objective]
            rules.append(
                PlacementRule(
                    placement=state.index,
                    impressions=state.config.impressions,
                    reward_kind=int(EventKind[objective.event.upper()]),
                    window_ms=duration_ms(objective.window),
                    count=objective.count,
                )
            )
        return rules

    def _steps(self, state: PlacementState, config: Config) -> PlacementSteps:
        policy = state.config.policy
        main = policy.objective if config.objectives[policy.objective].event != "click" else ""
        return PlacementSteps(state.index, steps_of(policy), main)

    def dump(self) -> dict[str, Array]:
        """Copies of everything, by name: the same bytes for the same history."""
        config = b"" if self.config is None else msgspec.msgpack.encode(self.config, order="deterministic")
        arrays: dict[str, Array] = {
            "catalog_position": np.array([self.catalog_position], np.int64),
            "config": np.frombuffer(config, np.uint8),
            "artifact": np.frombuffer(self.artifact.encode(), np.uint8),
        }
        parts: dict[str, Dumps] = {
            "ids": self.interner,
            "items": self.items,
            "users": self.users,
            "rules": self.rules,
            "seen": self.seen,
            "attribution": self.attribution,
            "journeys": self.journeys,
            "payers": self.payers,
            "bookmarks": self.bookmarks,
            "messages": self.messages,
            "histories": self.histories,
            "encounters": self.encounters,
            "popularity": self.popularity,
            "experiments": self.experiments.standings,
            "exposures": self.experiments.exposures,
        }
        for room, part in parts.items():
            arrays |= {f"{room}/{name}": array for name, array in part.dump().items()}
        for name, state in self.placements.items():
            arrays[f"placement/{name}/totals"] = np.array([state.trials, state.successes])
            arrays[f"placement/{name}/exploration"] = state.account.dump()
            arrays |= {f"placement/{name}/policy/{key}": array for key, array in state.policy.dump().items()}
        return arrays

    def load(self, position: int, arrays: dict[str, Array]) -> None:
        """Replace everything by what `dump` gave. Raises ValueError or KeyError where it does not fit."""
        self.interner.load(_part(arrays, "ids"))
        config = arrays["config"].tobytes()
        if config:
            self._configure(_config_decoder.decode(config))
        self.items.load(_part(arrays, "items"))
        self.users.load(_part(arrays, "users"))
        self.rules.load(_part(arrays, "rules"))
        self.seen.load(_part(arrays, "seen"))
        self.attribution.load(_part(arrays, "attribution"))
        self.journeys.load(_part(arrays, "journeys"))
        self.payers.load(_part(arrays, "payers"))
        self.bookmarks.load(_part(arrays, "bookmarks"))
        self.messages.load(_part(arrays, "messages"))
        self.histories.load(_part(arrays, "histories"))
        self.encounters.load(_part(arrays, "encounters"))
        self.popularity.load(_part(arrays, "popularity"))
        self.experiments.standings.load(_part(arrays, "experiments"))
        self.experiments.exposures.load(_part(arrays, "exposures"))
        self.artifact = arrays["artifact"].tobytes().decode()
        for name, state in self.placements.items():
            state.policy.load(_part(arrays, f"placement/{name}/policy"))
            state.account.load(arrays.get(f"placement/{name}/exploration"))
            state.trials, state.successes = (float(total) for total in arrays[f"placement/{name}/totals"])
        self.catalog_position = int(arrays["catalog_position"][0])
        self.contexts.follow(self.items)
        self.position = position


def later_objectives(config: Config) -> list[LaterObjective]:
    """The objectives that may be reached after a start: reads and purchases, by name (a stored configuration is sorted)."""
    return [
        LaterObjective(
            name,
            int(EventKind[objective.event.upper()]),
            objective.count,
            duration_ms(objective.window),
            objective.value,
        )
        for name, objective in sorted(config.objectives.items())
        if objective.event != "click"
    ]


def _part(arrays: dict[str, Array], room: str) -> dict[str, Array]:
    prefix = room + "/"
    return {name[len(prefix) :]: array for name, array in arrays.items() if name.startswith(prefix)}


_AT_THE_START = (
    DocumentKind.CONFIG,
    DocumentKind.USERS_DELETED,
    DocumentKind.ITEMS,
    DocumentKind.ITEMS_DELETED,
    DocumentKind.PUSH,
    DocumentKind.EXPERIMENT,
)
"""What changes how the events before and behind it are folded."""


def _slices(stretch: Stretch, records: int) -> Iterator[tuple[int, int]]:
    """Cuts so that a document of `_AT_THE_START` stands at the start of its slice, and no slice is longer than `records`."""
    cuts = [d.position for d in stretch.documents if d.kind in _AT_THE_START and d.position > stretch.first]
    bounds = [stretch.first, *cuts, stretch.stop]
    for first, stop in zip(bounds, bounds[1:], strict=False):
        for start in range(first, stop, records):
            yield start, min(start + records, stop)
