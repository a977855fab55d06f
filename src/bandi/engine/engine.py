"""The one object that ties the rooms together; what `bandi.open` gives."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import numpy as np

from bandi.engine.admission import id_problem
from bandi.engine.artifacts import Shelf
from bandi.engine.by_reader_state import readers_by_state
from bandi.engine.carrying_on import arm_segments
from bandi.engine.catalogue import ItemsDoor, UsersDoor
from bandi.engine.coins import chain_of, chain_summary, coins_arms
from bandi.engine.deciding import OTHER_REGION, Asking, Decider, checked_age, checked_k, checked_seed, mix, ranked_items
from bandi.engine.experiments import ExperimentsDoor
from bandi.engine.explaining import Explaining
from bandi.engine.hindsight import Hindsight, Propensity
from bandi.engine.jobs import DocumentJob, Done, EventsJob, PendingDecision, TaskJob, Waiter
from bandi.engine.maintenance import Maintenance
from bandi.engine.memberships import Memberships
from bandi.engine.opening import Opened
from bandi.engine.operator_rules import RulesDoor
from bandi.engine.push_list import PushList
from bandi.engine.pushing import LATEST_MOMENT_MS, MAX_BUDGET, Pusher
from bandi.engine.reloading import Reloading
from bandi.engine.state import PlacementState
from bandi.engine.writer import Writer
from bandi.learning.push.messages import Moments
from bandi.learning.push.uplift import Uplift
from bandi.model import request_ids
from bandi.model.answers import ALL_SEGMENTS, Arm, Because, CoinsArm, Ranking, Receipt, Stats
from bandi.model.catalog import Item, User
from bandi.model.config import Config
from bandi.model.errors import ClosedError, InvalidInputError, Problem, UnknownNameError
from bandi.model.events import Event, Moment, milliseconds
from bandi.model.holdout import is_held_out
from bandi.model.records import Array
from bandi.policies.guarded import GuardedPolicy
from bandi.segments.profiles import Profiles

MAX_BECAUSE = 32
_Answer = TypeVar("_Answer")


def now_ms() -> int:
    """Our clock: milliseconds since 1970 (UTC)."""
    return time.time_ns() // 1_000_000


class Engine:
    """Recommends, records, remembers. Thread-safe; one process per folder. Use it as a context manager, or `close` it."""

    def __init__(self, opened: Opened, clock_ms: Callable[[], int] = now_ms) -> None:
        self.path: Path = opened.folder
        self.config: Config = opened.config
        self.opening = opened.story
        self._clock_ms = clock_ms
        self._log = opened.log
        self._state = opened.state
        self._boot = opened.log.boot
        self._salt = opened.log.id_seed
        self._sequence = itertools.count(1)
        self.artifacts = Shelf(opened.folder)
        self._decider = Decider(self._state, self.artifacts)
        self._item_texts = self._state.interner.texts("item")
        self._rule_texts = self._state.interner.texts("rule")
        self._user_lookup = self._state.interner.lookup
        self._closing = threading.Lock()
        self._closed = False
        memberships = Memberships(self._state, self.artifacts)
        self._writer = Writer(opened.log, self._state, memberships, self.config, opened.log.id_seed, clock_ms)
        self._maintenance = Maintenance(opened, self._writer)
        self._hindsight = Hindsight(opened, self.artifacts, self._flushed)
        self._explaining = Explaining(self._state, self.artifacts)
        self.items = ItemsDoor(self._state, self._submit_document)
        self.users = UsersDoor(self._state, self._submit_document)
        self.rules = RulesDoor(self._state, self._submit_document, clock_ms)
        self.experiments = ExperimentsDoor(self._state, self._submit_document, clock_ms)
        self._pusher = Pusher(self._state, self.artifacts, self._writer, self._boot, self._sequence)
        self._writer.start()
        self._reloading = Reloading(self.artifacts, self._state, self._submit_document)

    # ── asking ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def recommend(
        self,
        user: str | None = None,
        placement: str = "home",
        k: int | None = None,
        seed: int | None = None,
        item: str | None = None,
        age: int | None = None,
        region: str | None = None,
    ) -> Ranking:
        """The list for one reader (None: anonymous) at one place; the decision is logged with the next commit.

        k: 1 to 1000 (default: the placement's); seed: all the randomness, 0 <= seed < 2**64 (default: fresh); item: what
        the list stands beside, such as the title just read (viewer end). age: the reader's, 0 to 199 years, and region: where
        they are, for titles that are not for everybody; absent: what the reader's document says.
        Raises UnknownNameError for a placement that is not configured or an item that is not known, InvalidInputError for
        a bad k, seed, user, age or region.
        """
        if self._closed:
            raise ClosedError("the engine is closed")
        place = self._decider.asked(placement)
        user_index, new_user = self._user(user)
        at_ms = self._clock_ms()
        place = self._decider.passed_on(place, user_index, at_ms)
        about = -1 if item is None else self._known_item(item, "$.item")
        region_index, new_region = (-1, None) if region is None else self._region(region)
        years = -1 if age is None else checked_age(age)
        held = place.holdout is not None and user is not None and is_held_out(place.holdout, user)
        if place.experiments and user is not None and not held:
            place = self._decider.varied(place, user, user_index, region, at_ms)
        k = checked_k(k, place.config.k)
        request = request_ids.pack(self._boot, next(self._sequence), place.index)
        seed = mix(request, self._salt) if seed is None else checked_seed(seed)
        asking = Asking(at_ms, user_index, about, years, region_index, request, new_region, new_user, held)
        decided = self._decider.decide(place, k, seed, asking)
        shown = len(decided.items)
        header = (
            request, seed, at_ms, decided.position, decided.catalog_position,
            decided.user, decided.candidates, place.held_version_index if held else place.version_index, place.index, shown, about,
            region_index, years, decided.segment, k, decided.explored.greedy_microclicks,
            decided.explored.explored_microclicks,
        )  # fmt: skip
        new_user = new_user if decided.user < 0 else None
        pending = PendingDecision(header, new_user, new_region, decided.items, decided.scores, decided.rules)
        self._writer.decided(pending)
        return Ranking(
            request_ids.encode(request),
            place.shown_at,
            place.held_version if held else place.version,
            decided.position,
            decided.catalog_position,
            str(seed),
            decided.candidates,
            ranked_items(decided, self._item_texts, self._rule_texts),
            place.variant,
        )

    def push(self, budget: int, now: Moment | None = None, seed: int | None = None) -> PushList:
        """Whom to message about which title, and when: the run is logged, and durable, on return.

        budget: most messages of the day (in the service's time zone) of `now`, 1 to 10,000,000, what earlier runs of the day
        sent included; now: the moment of the run (default: our clock); seed: all the randomness (default: fresh). Events wait
        meanwhile. Raises InvalidInputError, also where no placement has `push`; StorageFullError.
        """
        at_ms, chosen_seed = self._push_arguments(budget, now, seed)
        return self._at_rest(lambda: self._pusher.run(budget, at_ms, chosen_seed))

    def push_draft(self, budget: int, now: Moment | None = None, seed: int | None = None) -> PushList:
        """The list that `push` would give for these arguments now: nothing is logged, no message has a request, none may be sent."""
        at_ms, chosen_seed = self._push_arguments(budget, now, seed)
        return self._at_rest(lambda: self._pusher.draft(budget, at_ms, chosen_seed))

    def _push_arguments(self, budget: int, now: Moment | None, seed: int | None) -> tuple[int, int]:
        """(at_ms, seed). Raises InvalidInputError."""
        if not (isinstance(budget, int) and not isinstance(budget, bool) and 1 <= budget <= MAX_BUDGET):
            raise InvalidInputError(Problem("budget", repr(budget)[:66], f"a whole number from 1 to {MAX_BUDGET}"))
        at_ms = self._clock_ms() if now is None else milliseconds(now)
        if not 0 <= at_ms <= LATEST_MOMENT_MS:
            raise InvalidInputError(Problem("now", str(now)[:66], "a time from 1970 to 9000"))
        return at_ms, mix(next(self._sequence), self._salt ^ self._boot) if seed is None else checked_seed(seed)

    def push_again(self, run: int | None = None) -> PushList:
        """The list of a run (None: the latest), unchanged. Raises InvalidInputError where there is none of that number."""
        return self._at_rest(lambda: self._pusher.again(run))

    def push_evidence(self) -> tuple[Moments, Uplift]:
        """What became of messages whose window has passed, and what is believed of them, by stratum (learning/push/strata.py)."""
        return self._at_rest(lambda: self._pusher.evidence(self._clock_ms()))

    def _user(self, user: str | None) -> tuple[int, str | None]:
        """Dense id, and the text where it is new."""
        if user is None:
            return -1, None
        if isinstance(user, str):
            index = self._user_lookup("user", user)
            if index >= 0:
                return index, None
        if (problem := id_problem(user, "$.user", "a user id, or nothing for an anonymous reader")) is not None:
            raise InvalidInputError(problem)
        return -1, user

    def _region(self, region: str) -> tuple[int, str | None]:
        """Dense id, and the text where it is new; regions that no title names are all the same to a list."""
        if (problem := id_problem(region, "$.region", "a region as titles name it")) is not None:
            raise InvalidInputError(problem)
        index = self._state.interner.lookup("region", region)
        if index >= 0:
            return index, None
        return (-1, region) if region in self._state.items.lists("regions").numbered else (OTHER_REGION, None)

    # ── telling ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def record(self, *events: Event) -> Receipt:
        """Log events and learn from them; durable, and visible to the next request, on return."""
        return self.record_many(events)

    def record_many(self, events: Sequence[Event]) -> Receipt:
        """Log a batch: good ones are taken, repeats counted, bad ones refused by index with the reason.

        Raises StorageFullError, OverloadedError or ClosedError; then nothing of the batch was acknowledged.
        """
        waiter = Waiter()
        self.submit(events, waiter)
        receipt: Receipt = waiter.wait()
        return receipt

    def submit(self, events: Sequence[Event], done: Done) -> None:
        """Log a batch without waiting: `done` gets the receipt, or the error, in the writer thread."""
        self._writer.submit(EventsJob(events, done))

    def put_items(self, items: Sequence[Item]) -> Receipt:
        """Add or replace titles; the same as `engine.items.put`."""
        return self.items.put(items)

    def put_users(self, users: Sequence[User]) -> Receipt:
        """Add or replace readers; the same as `engine.users.put`."""
        return self.users.put(users)

    def delete_items(self, ids: Sequence[str]) -> Receipt:
        """Take titles out; the same as `engine.items.delete`."""
        return self.items.delete(ids)

    def delete_users(self, ids: Sequence[str]) -> Receipt:
        """Take readers out; the same as `engine.users.delete`."""
        return self.users.delete(ids)

    def _submit_document(self, make: Callable[[Done], DocumentJob]) -> Receipt:
        waiter = Waiter()
        self._writer.submit(make(waiter))
        receipt: Receipt = waiter.wait()
        return receipt

    # ── looking ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def arms(
        self, placement: str = "home", items: Sequence[str] | None = None, segment: int = ALL_SEGMENTS, limit: int = 100
    ) -> list[Arm]:
        """What a placement's policy believes of its arms: those of `items`, or the `limit` with most trials.

        segment: ALL_SEGMENTS (-1) counts them together; 0 is for readers of whom nothing is known; those of `[segments]` are
        counted from 1. Raises UnknownNameError, InvalidInputError.
        """
        state = self._decider.placement(placement)
        last = arm_segments(self.config) - 1
        if not (isinstance(segment, int) and not isinstance(segment, bool) and ALL_SEGMENTS <= segment <= last):
            expected = f"a whole number from 0 to {last}" if last else "0: [segments] is not configured"
            raise InvalidInputError(Problem("$.segment", repr(segment)[:66], expected))
        at_ms = self._clock_ms()
        indices = self._arm_items(state, items, limit)
        posterior = self._decider.posterior(state, indices, segment, at_ms)
        columns = (posterior.trials, posterior.successes, posterior.mean, posterior.low, posterior.high)
        return [
            Arm(placement, segment if last else 0, self._item_texts[item], *figures)
            for item, *figures in zip(indices.tolist(), *(column.tolist() for column in columns), strict=True)
        ]

    def coins(self, placement: str = "home", items: Sequence[str] | None = None, limit: int = 100) -> list[CoinsArm]:
        """What a placement's chain expects of a start of `items`, or of the `limit` most tried. O(items).

        Raises UnknownNameError, InvalidInputError where the placement's policy does not look beyond the click.
        """
        state = self._decider.placement(placement)
        indices = self._arm_items(state, items, limit)
        return coins_arms(state, indices, self._item_texts, self._clock_ms(), self._decider.step_priors(state))

    def _arm_items(self, placement: PlacementState, items: Sequence[str] | None, limit: int) -> Array:
        """Dense ids of what was asked for: int32[n]."""
        if items is None:
            return placement.policy.most_tried(limit)
        return np.array([self._known_item(text, f"$.items[{i}]") for i, text in enumerate(items)], np.int32)

    def because(self, user: str, item: str, limit: int = 5) -> list[Because]:
        """What a reader read last that speaks most for a title, with shares: "because you read ...".

        limit: at most so many, 1 to 32. Empty for a reader without a history among the titles trained on, and where nothing
        was trained. Raises UnknownNameError for an item that is not known, InvalidInputError for a bad user or limit.
        """
        if not (isinstance(limit, int) and not isinstance(limit, bool) and 1 <= limit <= MAX_BECAUSE):
            raise InvalidInputError(Problem("$.limit", repr(limit)[:66], f"a whole number from 1 to {MAX_BECAUSE}"))
        user_index, _ = self._user(user)
        return self._explaining.because(user_index, self._known_item(item, "$.item"), limit)

    def segments(self, artifact: str | None = None) -> Profiles | None:
        """What each segment is like in the artifact in use, or in another; None where it has no segments."""
        return self._explaining.segments(self.artifact if artifact is None else artifact)

    def membership(self, user: str) -> list[float]:
        """A reader's weights over the segments, which sum to 1; empty where nothing is known. Raises InvalidInputError."""
        weights: list[float] = self._decider.membership(self._user(user)[0]).tolist()
        return weights

    def _known_item(self, text: str, where: str) -> int:
        index = self._state.interner.lookup("item", text) if isinstance(text, str) else -1
        if index < 0:
            raise UnknownNameError(Problem(where, ascii(text)[:66], "an item of the catalogue"))
        return index

    def stats(self) -> Stats:
        """Counters of the whole log and sizes now."""
        state = self._state
        counters = state.attribution.counters()
        return Stats(
            position=state.position,
            items=len(state.items),
            users=state.interner.size("user"),
            events=counters.events,
            decisions=counters.decisions,
            trials=counters.trials,
            successes=counters.successes,
            orphans=counters.orphans,
            late=counters.late,
            unattributed=counters.unattributed,
            readers=self._readers_by_state(),
            exploration={
                name: placement.account.shown(placement.config.exploration, self._clock_ms())
                for name, placement in state.placements.items()
                if placement.config.exploration is not None
            },
            chains={
                name: chain_summary(chain)
                for name, placement in state.placements.items()
                if (chain := chain_of(placement)) is not None
            },
            plugin_failures={
                name: dict(placement.policy.failures)
                for name, placement in state.placements.items()
                if isinstance(placement.policy, GuardedPolicy)
            },
        )

    def _readers_by_state(self) -> dict[str, int]:
        places = self._state.placements.values()
        asked = any(place.config.states or place.config.push is not None for place in places)
        return readers_by_state(self._state, self._clock_ms()) if asked else {}

    def placement_totals(self) -> dict[str, tuple[float, float]]:
        """Trials and successes that each configured placement's arms have counted, its variants' own arms included."""
        totals = {name: (0.0, 0.0) for name, state in self._state.placements.items() if not state.variant_of}
        for state in self._state.placements.values():
            trials, successes = totals[state.shown_at]
            totals[state.shown_at] = trials + state.trials, successes + state.successes
        return totals

    def policy_version(self, placement: str) -> str:
        """The version of the policy that ranks there, such as `thompson@3f2a91c0`."""
        return self._decider.placement(placement).version

    def title(self, item: str) -> str:
        """The title of an item, or its id where it has none."""
        found = self.items.get(item)
        return item if found is None or not found.title else found.title

    def ask_again(self, request_id: str) -> Ranking:
        """The ranking of a past decision, computed anew from the log: state at its position and its seed.

        Reads the log up to the decision. Raises UnknownNameError where the log does not hold it.
        """
        return self._hindsight.ask_again(request_id)

    def propensities(self, request_id: str, draws: int = 1_000) -> list[Propensity]:
        """How probable each shown item was in its slot, by ranking `draws` times at the decision's state."""
        return self._hindsight.propensities(request_id, draws)

    @property
    def artifact(self) -> str:
        """The name of the artifact that targeters use, or nothing."""
        return self._state.artifact

    def take_up(self) -> str:
        """Take up the artifact that is current on the shelf now, not at the next look; the name of the one in use."""
        self._reloading.look()
        return self._state.artifact

    @property
    def failure(self) -> BaseException | None:
        """What stopped the writer, if anything did."""
        return self._writer.failure

    # ── ending ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _flushed(self) -> None:
        """Wait until everything asked so far is in the log."""
        self._at_rest(lambda: None)

    def _at_rest(self, run: Callable[[], _Answer]) -> _Answer:
        """Run something in the writer's thread, between two commits."""
        waiter = Waiter()
        self._writer.submit(TaskJob(run, waiter))
        answer: _Answer = waiter.wait()
        return answer

    def snapshot(self) -> Path:
        """Write a snapshot now; the next start folds only what comes behind it."""
        return self._maintenance.snapshot_now()

    def seal(self) -> None:
        """Move the hot tail to Parquet segments now (it happens by itself as the log grows)."""
        self._maintenance.seal_now()

    def close(self) -> None:
        """Finish what was accepted, write a snapshot, release the folder. A second call does nothing."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
            self._reloading.stop()
            self._writer.stop()
            try:
                self._maintenance.finish()
            finally:
                self._log.close()

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
