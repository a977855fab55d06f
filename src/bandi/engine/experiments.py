"""`engine.experiments`: how experiments stand, and what operators do to them while the service runs."""

from __future__ import annotations

import difflib
import threading
from collections.abc import Callable
from typing import Literal

import msgspec

from bandi.engine.assigning import share_of
from bandi.engine.jobs import DocumentJob
from bandi.engine.operator_rules import Submitter
from bandi.engine.state import State
from bandi.engine.variants import PlacedExperiment
from bandi.experiments.standings import Standing
from bandi.model.answers import Receipt
from bandi.model.errors import InvalidInputError, Problem, UnknownNameError
from bandi.model.experiment_changes import Change, ChangeRecord, Conclude, Ramp, RampDown, Start, Stop, checked_change
from bandi.model.records import DocumentKind

MAX_CHANGES = 10_000
"""Changes of one experiment over its life."""
LISTED_CHANGES = 10
"""Latest changes of each experiment where all are listed."""
SHOWN_CHANGES = 100
"""Latest changes of an experiment that is looked at alone, unless more are asked for."""
_ROUNDING = 1e-9


class VariantView(msgspec.Struct, frozen=True):
    """A variant as it stands. readers: who met it first of the experiment's variants, all time."""

    name: str
    weight: float
    statistics: Literal["own", "shared", "of a placement"]
    placement: str
    """Whose arms rank and learn: look at them with `bandi arms`."""
    policy: str
    """What its decisions say in the log."""
    readers: int


class ExperimentView(msgspec.Struct, frozen=True):
    """An experiment as it stands.

    status: `declared` (never started), `waiting` (started, before `starts_at`), `running`, `ended` (from `ends_at` on),
    `stopped` or `concluded`; share: of the layer's readers, now; changes: the latest of them, oldest first;
    older_changes: how many came before those.
    """

    name: str
    status: Literal["declared", "waiting", "running", "ended", "stopped", "concluded"]
    placement: str
    layer: str
    buckets: tuple[float, ...]
    share: float
    owner: str
    sticky: bool
    winner: str | None
    starts_at: str | None
    ends_at: str | None
    metrics: tuple[str, ...]
    guardrails: tuple[str, ...]
    variants: tuple[VariantView, ...]
    changes: tuple[ChangeRecord, ...]
    older_changes: int


class ExperimentsDoor:
    """The experiments of a folder. A change is durable on return, and acts from the next request on."""

    def __init__(self, state: State, submit: Submitter, clock_ms: Callable[[], int]) -> None:
        self._state = state
        self._submit = submit
        self._clock_ms = clock_ms
        self._changing = threading.Lock()  # a change is checked against the one before it

    def all(self) -> tuple[ExperimentView, ...]:
        """All experiments of bandi.toml, by name, each with its last LISTED_CHANGES changes. O(experiments * readers)."""
        return tuple(self._view(placed, LISTED_CHANGES) for _, placed in sorted(self._all_placed().items()))

    def get(self, experiment: str, changes: int = SHOWN_CHANGES) -> ExperimentView:
        """The experiment of that name, with its last `changes` changes at most. Raises UnknownNameError."""
        return self._view(self._placed(experiment), changes)

    def change(self, experiment: str, change: Change) -> ExperimentView:
        """Start, ramp, stop or conclude it; how it stands then.

        Raises UnknownNameError for another name, InvalidInputError for a field that `checked_change` refuses and for what does
        not follow from how it stands: see `docs/experiments/running.md`; StorageFullError.
        """
        with self._changing:
            placed = self._placed(experiment)
            change = checked_change(change)
            problem = self._fault(placed, change)
            if problem is not None:
                raise InvalidInputError(problem)
            record = ChangeRecord(placed.name, self._clock_ms(), change)
            payload = msgspec.msgpack.encode(record)
            self._submit(
                lambda done: DocumentJob(DocumentKind.EXPERIMENT, "policy", (), payload, Receipt(accepted=1), done)
            )
        return self._view(placed, SHOWN_CHANGES)

    def _all_placed(self) -> dict[str, PlacedExperiment]:
        return {placed.name: placed for place in self._state.placements.values() for placed in place.experiments}

    def _placed(self, experiment: str) -> PlacedExperiment:
        known = self._all_placed()
        if experiment not in known:
            close = difflib.get_close_matches(str(experiment), known, 1)
            expected = f"one of: {', '.join(sorted(known))}" if known else "an [experiments.NAME] table (there is none)"
            hint = f"did you mean {close[0]}?" if close else ""
            raise UnknownNameError(Problem("experiment", ascii(experiment)[:66], expected, hint))
        return known[experiment]

    def _fault(self, placed: PlacedExperiment, change: Change) -> Problem | None:
        """What is wrong with a change, as things stand."""
        standing = self._state.experiments.standings.get(placed.name)
        if len(standing.changes) >= MAX_CHANGES:
            return Problem("experiment", f"{MAX_CHANGES:,} changes", "fewer")
        if standing.status == "concluded":
            hint = "give a new one another name (and salt)"
            return Problem("$.action", f"{_action(change)}, of a concluded experiment", "no change after its end", hint)
        match change:
            case Start():
                return self._fault_of_start(placed, standing)
            case Stop():
                wrong = standing.status != "running"
                return (
                    Problem("$.action", f"stop, of one that is {standing.status}", "one that runs") if wrong else None
                )
            case Ramp() | RampDown():
                return _fault_of_ramp(placed, share_of(self._state, placed), change)
            case Conclude():
                return _fault_of_end(placed, standing, change)

    def _fault_of_start(self, placed: PlacedExperiment, standing: Standing) -> Problem | None:
        if standing.status == "running":
            return Problem("$.action", "start, of one that runs", "one that is declared or stopped")
        if self._clock_ms() >= placed.ends_ms:
            where = f"experiments.{placed.name}.ends_at"
            hint = "give it a later end in bandi.toml, and start the service again"
            return Problem(where, f"{placed.config.ends_at}, which has passed", "a moment to come", hint)
        return None

    def _view(self, placed: PlacedExperiment, most_changes: int) -> ExperimentView:
        state, config = self._state, placed.config
        standing = state.experiments.standings.get(placed.name)
        readers = state.experiments.exposures.counts(placed.name)
        older = max(0, len(standing.changes) - most_changes)
        return ExperimentView(
            name=placed.name,
            status=self._status(placed, standing),
            placement=config.placement,
            layer=config.layer,
            buckets=config.buckets,
            share=share_of(state, placed),
            owner=config.owner,
            sticky=config.sticky,
            winner=standing.winner,
            starts_at=config.starts_at,
            ends_at=config.ends_at,
            metrics=config.metrics,
            guardrails=config.guardrails,
            variants=tuple(
                VariantView(
                    name=name,
                    weight=config.variants[name].weight,
                    statistics="of a placement"
                    if config.variants[name].use_placement is not None
                    else config.variants[name].statistics,
                    placement=place.name,
                    policy=place.version,
                    readers=readers.get(name, 0),
                )
                for name, place in zip(placed.names, placed.variants, strict=True)
            ),
            changes=standing.changes[older:],
            older_changes=older,
        )

    def _status(
        self, placed: PlacedExperiment, standing: Standing
    ) -> Literal["declared", "waiting", "running", "ended", "stopped", "concluded"]:
        if standing.status != "running":
            return standing.status
        now_ms = self._clock_ms()
        if now_ms < placed.starts_ms:
            return "waiting"
        return "running" if now_ms < placed.ends_ms else "ended"


def _action(change: Change) -> str:
    return str(change.__struct_config__.tag)


def _fault_of_ramp(placed: PlacedExperiment, present: float, change: Ramp | RampDown) -> Problem | None:
    share, most = change.share, placed.split.width
    found = f"{share:g}, where {present:g} of the layer takes part now"
    if share > most + _ROUNDING:
        return Problem(
            "$.share", f"{share:g}", f"at most {most:g}, which its buckets hold", "give it more in bandi.toml"
        )
    if isinstance(change, Ramp) and share <= present + _ROUNDING:
        hint = "ramp_down (--down) does it, but readers who took part would move back to the placement's list"
        return Problem("$.share", found, "more than that", hint)
    if isinstance(change, RampDown) and share >= present - _ROUNDING:
        return Problem("$.share", found, "less than that", "ramp makes it larger")
    return None


def _fault_of_end(placed: PlacedExperiment, standing: Standing, change: Conclude) -> Problem | None:
    if not standing.started:
        hint = "take it out of bandi.toml instead"
        return Problem("$.action", "conclude, of one that was never started", "one that ran", hint)
    if change.winner is not None and change.winner not in placed.names:
        close = difflib.get_close_matches(change.winner, placed.names, 1)
        hint = f"did you mean {close[0]}?" if close else ""
        return Problem("$.winner", repr(change.winner)[:66], f"one of: {', '.join(placed.names)}", hint)
    return None
