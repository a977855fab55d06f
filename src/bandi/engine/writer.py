"""The one writer: a thread that takes what was asked, commits it in groups, folds it, and only then answers.

While one group is being made durable the next one gathers, so the cost of a commit is shared by everybody who waits.
Decisions ride along: they wait for the next commit, at most `decision_flush`.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

import msgspec
import numpy as np

from bandi.engine.admission import Admission, NewIds
from bandi.engine.jobs import DocumentJob, EventsJob, Job, PendingDecision, StopJob, TaskJob, WakeJob
from bandi.engine.memberships import Memberships
from bandi.engine.state import State
from bandi.log.protocol import Chunk, DecisionChunk, DocumentChunk, EventChunk, Log
from bandi.model.answers import Receipt, Refusal
from bandi.model.config import Config
from bandi.model.config_values import duration_ms
from bandi.model.errors import BandiError, ClosedError, OverloadedError, StorageFullError
from bandi.model.records import DECISION, Array, Decisions, DocumentKind

GROUP_EVENTS = 20_000
"""Most events in one commit; more wait for the next."""
FOLD_SLICE = 2_048
"""Records folded while a reader may have to wait: some tenths of a millisecond."""
MAX_WAITING_DECISIONS = 100_000
"""Decisions kept while the disk is full; the oldest are dropped beyond that (they are ours, never acknowledged)."""


class Writer:
    """Owns the log and the state; everything that changes them goes through here."""

    def __init__(
        self,
        log: Log,
        state: State,
        memberships: Memberships,
        config: Config,
        id_seed: int,
        clock_ms: Callable[[], int],
    ) -> None:
        self._log = log
        self._state = state
        self._memberships = memberships
        self._clock_ms = clock_ms
        self._admission = Admission(
            state.interner,
            id_seed,
            past_ms=duration_ms(config.log.past_tolerance),
            future_ms=duration_ms(config.log.future_tolerance),
        )
        self._flush_s = duration_ms(config.log.decision_flush) / 1000
        self._max_queue = config.serve.max_queue
        self._queue: SimpleQueue[Job] = SimpleQueue()
        self._decisions: deque[PendingDecision] = deque(maxlen=MAX_WAITING_DECISIONS)
        self._queued_events = 0
        self._count_lock = threading.Lock()
        self._idle = False
        self._closed = False
        self.failure: BaseException | None = None
        self.after_commit: Callable[[], None] = lambda: None
        self._thread = threading.Thread(target=self._run, name="bandi-writer", daemon=True)

    def start(self) -> None:
        """Begin to take jobs."""
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Queue a job. Never blocks. Raises ClosedError, OverloadedError, or the failure that stopped the writer."""
        with self._count_lock:
            if self.failure is not None:
                raise ClosedError(f"the writer stopped: {self.failure}") from self.failure
            if self._closed:
                raise ClosedError("the engine is closed")
            if isinstance(job, EventsJob):
                if self._queued_events + len(job.events) > self._max_queue and self._queued_events:
                    raise OverloadedError(f"{self._queued_events} events wait for a commit; send these again later")
                self._queued_events += len(job.events)
            self._queue.put(job)

    def decided(self, decision: PendingDecision) -> None:
        """Queue a decision for the next commit. Never blocks."""
        self._decisions.append(decision)
        if self._idle:
            self._idle = False
            self._queue.put(WakeJob())

    def append(self, chunks: list[Chunk]) -> None:
        """Commit and fold records of our own. For a `TaskJob`, which runs in this thread; others would race with it."""
        self._append(chunks)

    def stop(self) -> None:
        """Finish what was queued, then end the thread. A second call does nothing."""
        with self._count_lock:
            already, self._closed = self._closed, True
        if not already:
            self._queue.put(StopJob())
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        try:
            while not self._step():
                pass
        except BaseException as error:  # a bug: nothing more may be acknowledged
            self._fail(error)

    def _step(self) -> bool:
        """One group of jobs. True when it is time to end."""
        jobs = self._gather()
        events = [job for job in jobs if isinstance(job, EventsJob)]
        if events or self._decisions:
            self._commit_events(events)
        for job in jobs:
            match job:
                case DocumentJob():
                    self._commit_document(job)
                case TaskJob():
                    self._run_task(job)
                case StopJob():
                    return True
                case EventsJob() | WakeJob():
                    pass
        self.after_commit()
        return False

    def _gather(self) -> list[Job]:
        """Jobs for one commit: events up to a bound, ended by the first job of another kind."""
        try:
            jobs = [self._wait()]
        except Empty:
            return []
        events = 0
        while isinstance(jobs[-1], EventsJob | WakeJob):
            events += len(jobs[-1].events) if isinstance(jobs[-1], EventsJob) else 0
            if events >= GROUP_EVENTS:
                break
            try:
                jobs.append(self._queue.get_nowait())
            except Empty:
                break
        return jobs

    def _wait(self) -> Job:
        if not self._decisions:
            self._idle = True
            if not self._decisions:  # else one came between the two looks, and its sender saw no idle writer
                job = self._queue.get()
                self._idle = False
                if not isinstance(job, WakeJob):
                    return job
            self._idle = False
        return self._queue.get(timeout=self._flush_s)

    def _commit_events(self, jobs: list[EventsJob]) -> None:
        now_ms = self._clock_ms()
        new = NewIds(self._state.interner)
        waiting = [self._decisions.popleft() for _ in range(len(self._decisions))]
        batch = [event for job in jobs for event in job.events]
        with self._count_lock:
            self._queued_events -= len(batch)
        try:
            admitted = self._admission.admit(batch, now_ms, new)
            hi, lo = admitted.rows["event_hi"], admitted.rows["event_lo"]
            repeated = self._state.seen.duplicates(np.ascontiguousarray(hi), np.ascontiguousarray(lo))
            rows = admitted.rows[~repeated] if repeated.any() else admitted.rows
            self._memberships.label(rows)
            decisions = _columns(waiting, new) if waiting else None
            self._append([*_id_chunks(new), *_chunks(decisions, rows)])
        except BandiError as error:
            self._decisions.extendleft(reversed(waiting))
            if isinstance(error, StorageFullError):
                time.sleep(self._flush_s)  # the disk will not be emptier at once
            for job in jobs:
                _answer(job, error)
            return
        except BaseException as error:
            for job in jobs:
                _answer(job, ClosedError(f"the writer stopped: {error}"))
            raise
        for job, receipt in zip(jobs, _receipts(jobs, admitted.refused, admitted.kept[repeated]), strict=True):
            _answer(job, receipt)

    def _append(self, chunks: list[Chunk]) -> None:
        if chunks:
            self._state.fold(self._log.append(chunks), FOLD_SLICE)

    def _commit_document(self, job: DocumentJob) -> None:
        new = NewIds(self._state.interner)
        if job.kind in (DocumentKind.ITEMS, DocumentKind.USERS, DocumentKind.RULES):
            for text in job.ids:
                new.index(job.namespace, text)
        try:
            self._append([*_id_chunks(new), DocumentChunk(job.kind, job.payload)])
        except BandiError as error:
            _answer(job, error)
        except BaseException as error:
            _answer(job, ClosedError(f"the writer stopped: {error}"))
            raise
        else:
            _answer(job, job.receipt)

    def _run_task(self, job: TaskJob) -> None:
        try:
            outcome = job.run()
        except Exception as error:
            _answer(job, error)
        else:
            _answer(job, outcome)

    def _fail(self, error: BaseException) -> None:
        with self._count_lock:
            self.failure = error
        answer = ClosedError(f"the writer stopped: {error!r}")
        while True:
            try:
                job = self._queue.get_nowait()
            except Empty:
                return
            if isinstance(job, EventsJob | DocumentJob | TaskJob):
                _answer(job, answer)


def _answer(job: EventsJob | DocumentJob | TaskJob, outcome: Any) -> None:
    """Tell the asker. One who can no longer be told (its event loop is gone) must not stop the writer for the others."""
    try:
        job.done(outcome)
    except Exception as error:
        print(f"bandi: an answer could not be delivered: {error!r}", file=sys.stderr)


def _id_chunks(new: NewIds) -> list[Chunk]:
    return [
        DocumentChunk(DocumentKind.IDS, msgspec.msgpack.encode({"namespace": namespace, "texts": list(texts)}))
        for namespace, texts in new.texts.items()
        if texts
    ]


def _chunks(decisions: Decisions | None, rows: Array) -> list[Chunk]:
    """Decisions first: an event can only follow from a decision made before it."""
    chunks: list[Chunk] = [] if decisions is None else [DecisionChunk(decisions)]
    return [*chunks, EventChunk(rows)] if len(rows) else chunks


def _columns(waiting: list[PendingDecision], new: NewIds) -> Decisions:
    headers = np.array([decision.header for decision in waiting], DECISION)
    for i, decision in enumerate(waiting):
        if decision.new_user is not None:
            headers["user"][i] = new.index("user", decision.new_user)
        if decision.new_region is not None:
            headers["region"][i] = new.index("region", decision.new_region)
    offsets = np.zeros(len(waiting) + 1, np.int64)
    np.cumsum(headers["k"], out=offsets[1:])
    return Decisions(
        positions=np.zeros(len(waiting), np.int64),
        headers=headers,
        offsets=offsets,
        items=np.concatenate([decision.items for decision in waiting]),
        scores=np.concatenate([decision.scores for decision in waiting]),
        rules=_ruled(waiting),
    )


def _ruled(waiting: list[PendingDecision]) -> Array | None:
    if all(decision.rules is None for decision in waiting):
        return None
    return np.concatenate(
        [np.full(len(d.items), -1, np.int32) if d.rules is None else d.rules for d in waiting], dtype=np.int32
    )


def _receipts(jobs: list[EventsJob], refused: list[Refusal], repeated: Array) -> list[Receipt]:
    """A receipt for each job from what happened to the whole group; both lists are in the order of the group."""
    if not refused and not len(repeated):
        return [Receipt(accepted=len(job.events)) for job in jobs]
    receipts = []
    starts = np.cumsum([0, *(len(job.events) for job in jobs)]).tolist()
    refused_at = np.searchsorted([refusal.index for refusal in refused], starts).tolist()
    repeated_at = np.searchsorted(repeated, starts).tolist()
    for j, job in enumerate(jobs):
        own = tuple(
            Refusal(refusal.index - starts[j], refusal.problem)
            for refusal in refused[refused_at[j] : refused_at[j + 1]]
        )
        duplicates = repeated_at[j + 1] - repeated_at[j]
        receipts.append(Receipt(len(job.events) - len(own) - duplicates, duplicates, own))
    return receipts
