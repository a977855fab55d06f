"""How each experiment stands: a fold over the changes in the log."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import msgspec
import numpy as np

from bandi.model.experiment_changes import ChangeRecord, Conclude, Ramp, RampDown, Start, Status, Stop
from bandi.model.records import Array

_decoder = msgspec.msgpack.Decoder(list[ChangeRecord])
_one_decoder = msgspec.msgpack.Decoder(ChangeRecord)


@dataclass(frozen=True, slots=True)
class Standing:
    """One experiment now. share: of the layer, None: as configured; changes: all of them, oldest first."""

    status: Status = "declared"
    share: float | None = None
    winner: str | None = None
    changes: tuple[ChangeRecord, ...] = ()

    @property
    def started(self) -> bool:
        """Whether it ever was."""
        return self.status != "declared"


DECLARED = Standing()


class Standings:
    """By name; an experiment that was never changed is only declared."""

    def __init__(self) -> None:
        self._standings: dict[str, Standing] = {}

    def get(self, experiment: str) -> Standing:
        """How it stands. O(1)."""
        return self._standings.get(experiment, DECLARED)

    def keep(self, experiments: Iterable[str]) -> None:
        """Forget all but these: one that comes back later begins anew."""
        names = set(experiments)
        self._standings = {name: standing for name, standing in self._standings.items() if name in names}

    def apply(self, payload: bytes) -> tuple[str, bool]:
        """Apply an EXPERIMENT document. The experiment, and whether it started for the first time."""
        record = _one_decoder.decode(payload)
        before = self.get(record.experiment)
        after = _changed(before, record)
        self._standings = {**self._standings, record.experiment: after}
        return record.experiment, after.started and not before.started

    def dump(self) -> dict[str, Array]:
        """Plain arrays, the same bytes for the same history."""
        records = [record for _, standing in sorted(self._standings.items()) for record in standing.changes]
        if not records:  # as snapshots were before there were experiments
            return {}
        return {"changes": np.frombuffer(msgspec.msgpack.encode(records), np.uint8)}

    def load(self, arrays: dict[str, Array]) -> None:
        """Replace everything by what `dump` gave; nothing where a snapshot was written before there were experiments."""
        self._standings = {}
        if arrays:
            for record in _decoder.decode(arrays["changes"].tobytes()):
                self._standings[record.experiment] = _changed(self.get(record.experiment), record)


def _changed(before: Standing, record: ChangeRecord) -> Standing:
    after = replace(before, changes=(*before.changes, record))
    match record.change:
        case Start():
            return replace(after, status="running")
        case Ramp(share=share) | RampDown(share=share):
            return replace(after, share=share)
        case Stop():
            return replace(after, status="stopped")
        case Conclude(winner=winner):
            return replace(after, status="concluded", winner=winner)
