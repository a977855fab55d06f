"""Which variant each reader met first, a fold over decisions: by it a sticky experiment knows its readers after any restart."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np

from bandi.model.records import Array

NOT_EXPOSED = -1
_FIRST_READERS = 1_024


class _Met:
    """One experiment's readers. codes: int32[readers], an index into `names`, NOT_EXPOSED for those who met none."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.codes = np.full(0, NOT_EXPOSED, np.int32)

    def code(self, variant: str) -> int:
        """The number of a variant, a new one where it has none."""
        if variant not in self.names:
            self.names.append(variant)
        return self.names.index(variant)

    def reserve(self, readers: int) -> None:
        """Room for dense ids below `readers`."""
        if readers > len(self.codes):
            grown = np.full(max(readers, len(self.codes) * 3 // 2, _FIRST_READERS), NOT_EXPOSED, np.int32)
            grown[: len(self.codes)] = self.codes
            self.codes = grown


class Exposures:
    """First variants by experiment and reader: four bytes for each reader of each experiment that anybody met.

    Variants that left the file keep their numbers, so there may be more of them than an experiment has at one time.
    """

    def __init__(self) -> None:
        self._met: dict[str, _Met] = {}
        self._versions = np.full((0, 2), NOT_EXPOSED, np.int32)
        self._experiments: list[str] = []

    def configure(self, versions: Mapping[int, tuple[str, str]]) -> None:
        """Which decisions are exposures. versions: (experiment, variant) by dense id of the policy version they carry.

        What is known of experiments that are no longer among them is forgotten.
        """
        self._experiments = sorted({experiment for experiment, _ in versions.values()})
        self._met = {name: self._met.get(name, _Met()) for name in self._experiments}
        self._versions = np.full((max(versions, default=-1) + 1, 2), NOT_EXPOSED, np.int32)
        for version, (experiment, variant) in sorted(versions.items()):
            if version >= 0:
                self._versions[version] = self._experiments.index(experiment), self._met[experiment].code(variant)

    def fold(self, headers: Array) -> None:
        """Add decisions (DECISION[n]) in log order; only a reader's first in an experiment counts. O(n)."""
        if not self._experiments or not len(headers):
            return
        versions, users = headers["policy"], headers["user"]
        counted = (users >= 0) & (versions >= 0) & (versions < len(self._versions))
        found = self._versions[versions[counted]]
        for i in np.unique(found[:, 0]).tolist():
            if i >= 0:
                own = found[:, 0] == i
                self._first(self._met[self._experiments[i]], users[counted][own], found[own, 1])

    def _first(self, met: _Met, users: Array, codes: Array) -> None:
        users, first = np.unique(users, return_index=True)
        met.reserve(int(users[-1]) + 1)
        new = met.codes[users] == NOT_EXPOSED
        met.codes[users[new]] = codes[first[new]]

    def variant(self, experiment: str, user: int) -> str | None:
        """The variant that a reader met first, or None. O(1)."""
        met = self._met.get(experiment)
        if met is None or not 0 <= user < len(met.codes):
            return None
        code = int(met.codes[user])
        return None if code == NOT_EXPOSED else met.names[code]

    def counts(self, experiment: str) -> dict[str, int]:
        """How many readers met each variant first. O(readers)."""
        met = self._met.get(experiment)
        if met is None:
            return {}
        counted = np.bincount(met.codes[met.codes >= 0], minlength=len(met.names)).tolist()
        return dict(zip(met.names, counted, strict=True))

    def forget(self, user: int) -> None:
        """A reader was taken out."""
        for met in self._met.values():
            if 0 <= user < len(met.codes):
                met.codes[user] = NOT_EXPOSED

    def dump(self) -> dict[str, Array]:
        """Plain arrays, the same bytes for the same history."""
        arrays: dict[str, Array] = {}
        for name, met in self._met.items():
            known = np.flatnonzero(met.codes != NOT_EXPOSED)
            arrays[f"{name}/codes"] = met.codes[: int(known[-1]) + 1 if len(known) else 0].copy()
            arrays[f"{name}/names"] = np.frombuffer(msgspec.msgpack.encode(met.names), np.uint8)
        return arrays

    def load(self, arrays: dict[str, Array]) -> None:
        """Replace what is known of the configured experiments by what `dump` gave; `configure` comes before."""
        for name, met in self._met.items():
            if f"{name}/codes" not in arrays:
                continue
            met.codes = np.array(arrays[f"{name}/codes"], np.int32)
            stored = msgspec.msgpack.decode(arrays[f"{name}/names"].tobytes(), type=list[str])
            if len(met.codes) and int(met.codes.max()) >= len(stored):
                raise ValueError(f"exposures of {name} name a variant that is not there")
            if stored[: len(met.names)] != met.names:
                self._renumber(name, met.names, stored)
            met.names = stored

    def _renumber(self, name: str, now: list[str], stored: list[str]) -> None:
        """The variants have other numbers in the snapshot than a fresh configuration gave them."""
        rows = self._versions[:, 0] == self._experiments.index(name)
        stored += [variant for variant in now if variant not in stored]
        numbers = np.array([stored.index(variant) for variant in now], np.int32)
        self._versions[rows, 1] = numbers[self._versions[rows, 1]]
