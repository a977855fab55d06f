"""What the writer is asked to do, and how the asker hears of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from bandi.model.answers import Receipt
from bandi.model.events import Event
from bandi.model.records import Array, DocumentKind

Done = Callable[[Receipt | BaseException], None]
"""Called once, in the writer thread, when the job is durable and folded, or has failed. Must be quick."""


@dataclass(frozen=True, slots=True)
class EventsJob:
    """Events to admit, log and fold."""

    events: Sequence[Event]
    done: Done


@dataclass(frozen=True, slots=True)
class DocumentJob:
    """One catalogue document. ids: what it names, in `namespace`; `refused`: what was already refused of the batch."""

    kind: DocumentKind
    namespace: str
    ids: Sequence[str]
    payload: bytes
    receipt: Receipt
    done: Done


@dataclass(frozen=True, slots=True)
class TaskJob:
    """Something to run in the writer thread between two commits, with the state at rest."""

    run: Callable[[], Any]
    done: Callable[[Any], None]


class WakeJob(NamedTuple):
    """Decisions wait for a commit."""


class StopJob(NamedTuple):
    """Finish everything that was asked before, then end."""


Job = EventsJob | DocumentJob | TaskJob | WakeJob | StopJob


class PendingDecision(NamedTuple):
    """A decision on its way to the log. `header` has the fields of model.records.DECISION in order."""

    header: tuple[int, int, int, int, int, int, int, int, int, int, int, int, int, int, int, int, int]
    new_user: str | None
    new_region: str | None
    items: Array
    scores: Array
    rules: Array | None


class Waiter:
    """A `Done` that a blocking caller can wait for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()
        self._outcome: Any = None

    def __call__(self, outcome: Any) -> None:
        """Take the outcome and let the waiting caller go on."""
        self._outcome = outcome
        self._lock.release()

    def wait(self) -> Any:
        """The outcome; raises it where it is an exception."""
        with self._lock:
            if isinstance(self._outcome, BaseException):
                raise self._outcome
            return self._outcome
