"""How each experiment stands: a fold over the changes in the log."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

import msgspec
import numpy as np

from bandi.model.experiment_changes import Change, ChangeRecord, Conclude, Ramp, RampDown, Start, Status, Stop
from bandi.model.records import Array


class _StoredChange(msgspec.Struct):
    """A change as it lies in the log, with no bound on any field: what was logged once must be readable for ever."""

    action: Literal["start", "ramp", "ramp_down", "stop", "conclude"]
    who: Any
    why: Any
    share: float = float("nan")
    winner: str | None = None


class _StoredRecord(msgspec.Struct):
    experiment: str
    at_ms: int
    change: _StoredChange


_decoder = msgspec.msgpack.Decoder(list[_StoredRecord])
_one_decoder = msgspec.msgpack.Decoder(_StoredRecord)


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
        record = _record(_one_decoder.decode(payload))
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
            for record in map(_record, _decoder.decode(arrays["changes"].tobytes())):
                self._standings[record.experiment] = _changed(self.get(record.experiment), record)


def _record(stored: _StoredRecord) -> ChangeRecord:
    return ChangeRecord(stored.experiment, stored.at_ms, _change(stored.change))


def _change(stored: _StoredChange) -> Change:
    who, why = (text if isinstance(text, str) else repr(text) for text in (stored.who, stored.why))
    match stored.action:
        case "start":
            return Start(who=who, why=why)
        case "ramp":
            return Ramp(who=who, why=why, share=stored.share)
        case "ramp_down":
            return RampDown(who=who, why=why, share=stored.share)
        case "stop":
            return Stop(who=who, why=why)
        case "conclude":
            return Conclude(who=who, why=why, winner=stored.winner)


def _changed(before: Standing, record: ChangeRecord) -> Standing:
    after = replace(before, changes=(*before.changes, record))
    match record.change:
        case Start():
            return replace(after, status="running")
        case Ramp(share=share) | RampDown(share=share):
            return replace(after, share=share) if 0 < share <= 1 else after  # another one cannot be served
        case Stop():
            return replace(after, status="stopped")
        case Conclude(winner=winner):
            return replace(after, status="concluded", winner=winner)
