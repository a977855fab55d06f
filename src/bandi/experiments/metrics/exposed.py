"""First pass over the log: who was exposed to which variant first and when, and what the log says of the experiment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import numpy as np

from bandi.catalog.interning import Interner
from bandi.experiments.standings import Standing, Standings
from bandi.log.assembly import cut
from bandi.log.protocol import Log
from bandi.model.config import Config
from bandi.model.config_kinds import nearest
from bandi.model.errors import InvalidInputError, Problem, UnknownNameError
from bandi.model.records import Array, Document, DocumentKind, Stretch
from bandi.model.variants import variants_by_version

NONE = -1
OnRecords = Callable[[int], None]
_FIRST_READERS = 1_024
_ids_decoder = msgspec.msgpack.Decoder(dict[str, str | int | list[str]])
_config_decoder = msgspec.msgpack.Decoder(Config)
_names_decoder = msgspec.msgpack.Decoder(list[str])


@dataclass(frozen=True, slots=True)
class Exposed:
    """Exposed readers, one row each, by dense id.

    experiment: its name; users: int32[rows]; exposed_ms: int64[rows], the first decision for any variant; variants:
    int16[rows], an index into `names`, which ascend; stages: int16[rows], the index into `weights` of the shares that were in
    force; moved: bool[rows], met another variant later; since: int64[rows], records before that position are of a reader who
    was taken out. names: the variants; weights: their shares in each stage; interner, config, standing: as of the log's end.
    """

    experiment: str
    users: Array
    exposed_ms: Array
    variants: Array
    stages: Array
    moved: Array
    since: Array
    names: list[str]
    weights: list[tuple[float, ...]]
    interner: Interner
    config: Config
    standing: Standing

    def rows_by_user(self) -> Array:
        """int32[users], the row of each dense id, NONE for those who were not exposed."""
        rows = np.full(int(self.users[-1]) + 1 if len(self.users) else 0, NONE, np.int32)
        rows[self.users] = np.arange(len(self.users), dtype=np.int32)
        return rows


class ExposureReading:
    """Folds stretches in log order. The first decision in the log counts, whatever the clocks say of later ones."""

    def __init__(self, experiment: str, now_ms: int) -> None:
        self._experiment, self._now_ms = experiment, now_ms
        self.names, self.config, self.standings = Interner(), Config(placements={}), Standings()
        self._variants: list[str] = []
        self._weights: list[tuple[float, ...]] = []
        self._codes = np.full(0, NONE, np.int16)
        self._size = 0
        self._exposed_ms = np.zeros(0, np.int64)
        self._found = np.full(0, NONE, np.int16)
        self._stages = np.zeros(0, np.int16)
        self._moved = np.zeros(0, np.bool_)
        self._since = np.zeros(0, np.int64)

    def fold(self, stretch: Stretch) -> None:
        """Add one stretch. O(decisions)."""
        first = stretch.first
        for document in stretch.documents:
            if document.kind in _TELLING:
                self._decisions(cut(stretch, first, document.position).decisions.headers)
                self._document(document)
                first = document.position
        self._decisions(cut(stretch, first, stretch.stop).decisions.headers)

    def exposed(self) -> Exposed:
        """Everybody who was exposed by now. Raises UnknownNameError where the log knows no such experiment."""
        declared = self.config.experiments
        if self._experiment not in declared:
            expected = (
                f"one of: {', '.join(sorted(declared))}" if declared else "an [experiments.NAME] table (there is none)"
            )
            raise UnknownNameError(
                Problem("experiment", ascii(self._experiment)[:66], expected, nearest(self._experiment, declared))
            )
        users = np.flatnonzero(self._found[: self._size] != NONE)
        return Exposed(
            self._experiment, users.astype(np.int32), self._exposed_ms[users], self._found[users], self._stages[users], self._moved[users],
            self._since[users], self._variants, self._weights, self.names, self.config,
            self.standings.get(self._experiment),
        )  # fmt: skip

    def _document(self, document: Document) -> None:
        match document.kind:
            case DocumentKind.IDS:
                ids = _ids_decoder.decode(document.payload)
                namespace, texts = ids["namespace"], ids["texts"]
                assert isinstance(namespace, str) and isinstance(texts, list)
                self.names.add(namespace, texts)
                if namespace == "policy":
                    self._code()
            case DocumentKind.CONFIG:
                self._configure(_config_decoder.decode(document.payload))
            case DocumentKind.EXPERIMENT:
                self.standings.apply(document.payload)
            case DocumentKind.USERS_DELETED:
                for text in _names_decoder.decode(document.payload):
                    user = self.names.lookup("user", text)
                    if user >= 0:
                        self._reserve(user + 1)
                        self._found[user], self._since[user] = NONE, document.position

    def _configure(self, config: Config) -> None:
        """An experiment that is not in the file any more begins anew; other weights are another stage."""
        self.config = config
        self.standings.keep(config.experiments)
        experiment = config.experiments.get(self._experiment)
        if experiment is None:
            self._found[:], self._weights = NONE, []
            return
        names = sorted(experiment.variants)
        if names != self._variants:  # readers of variants that are no more stay out
            numbers = np.array(
                [names.index(name) if name in names else NONE for name in self._variants] + [NONE], np.int16
            )
            self._found = numbers[self._found]
            self._variants, self._weights = names, []
            self._stages[:] = 0
        weights = tuple(experiment.variants[name].weight for name in names)
        if not self._weights or self._weights[-1] != weights:
            self._weights = [*self._weights, weights]
        self._code()

    def _code(self) -> None:
        """Number the policy versions that decisions name by the variant they stand for."""
        versions = self.names.texts("policy")
        self._codes = np.full(len(versions), NONE, np.int16)
        for version, (experiment, variant) in variants_by_version(versions).items():
            if experiment == self._experiment and variant in self._variants:
                self._codes[version] = self._variants.index(variant)

    def _decisions(self, headers: Array) -> None:
        if not len(headers) or not (self._codes != NONE).any():
            return
        policies, users = headers["policy"], headers["user"]
        known = (users >= 0) & (policies >= 0) & (policies < len(self._codes)) & (headers["occurred_ms"] < self._now_ms)
        own = np.flatnonzero(known)
        codes = self._codes[policies[own]]
        own, codes = own[codes != NONE], codes[codes != NONE]
        if not len(own):
            return
        everyone, first = np.unique(users[own], return_index=True)
        self._reserve(int(everyone[-1]) + 1)
        new = self._found[everyone] == NONE
        fresh, first = everyone[new], first[new]
        self._found[fresh] = codes[first]
        self._exposed_ms[fresh] = headers["occurred_ms"][own[first]]
        self._stages[fresh] = len(self._weights) - 1
        self._moved[fresh] = False
        self._moved[users[own[codes != self._found[users[own]]]]] = True

    def _reserve(self, readers: int) -> None:
        if readers > len(self._found):
            size = max(readers, len(self._found) * 3 // 2, _FIRST_READERS)
            for name, empty in (("_found", NONE), ("_exposed_ms", 0), ("_stages", 0), ("_moved", False), ("_since", 0)):
                before = getattr(self, name)
                grown = np.full(size, empty, before.dtype)
                grown[: len(before)] = before
                setattr(self, name, grown)
        self._size = max(self._size, readers)


_TELLING = {DocumentKind.IDS, DocumentKind.CONFIG, DocumentKind.EXPERIMENT, DocumentKind.USERS_DELETED}


def read_exposures(log: Log, experiment: str, now_ms: int, on_records: OnRecords) -> Exposed:
    """Read the whole log. Raises UnknownNameError, InvalidInputError where there is nothing, and what reading raises."""
    if not log.next_position:
        raise InvalidInputError(Problem("log", "nothing", "a log with an experiment's decisions"))
    reading = ExposureReading(experiment, now_ms)
    for stretch in log.read(0, log.next_position):
        reading.fold(stretch)
        on_records(stretch.stop)
    return reading.exposed()
