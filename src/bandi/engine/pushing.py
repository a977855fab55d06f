"""Messages: chosen from the state at one log position, logged with their run, and only then given out."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np

from bandi.catalog.columns import ColumnKind, ColumnName
from bandi.eligibility.expression import parse
from bandi.engine.artifacts import Shelf
from bandi.engine.filters import PlacementFilter
from bandi.engine.push_list import PushList
from bandi.engine.state import PlacementState, State
from bandi.engine.writer import Writer
from bandi.learning.push.choice import choose
from bandi.learning.push.messages import Caps, Moments, Run, packed
from bandi.learning.push.pairs import Pairs, Stopped, Titles, continued_pairs
from bandi.learning.push.strata import prior_weights, strata
from bandi.learning.push.times import NOT_SENT, day_of, send_times
from bandi.learning.push.uplift import Uplift, uplift
from bandi.learning.reader_states import states_of
from bandi.log.protocol import Chunk, DecisionChunk, DocumentChunk
from bandi.model.config import Push
from bandi.model.config_values import duration_ms
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import DECISION, NOT_SAID, Array, Decisions, DocumentKind
from bandi.model.request_ids import PLACEMENT_BITS, SEQUENCE_BITS
from bandi.model.time_zones import is_time_zone

MAX_BUDGET = 10_000_000
LATEST_MOMENT_MS = 221_845_392_000_000
"""The year 9000: calendars have days beyond it in every time zone."""
_MESSAGES_A_DOCUMENT = 65_536
_NUMBERS = tuple(ColumnName(ColumnKind.NUMBERS, name) for name in ("free_episodes", "episodes", "wait_free"))


class Pusher:
    """Runs one after another, in the writer's thread: two runs never see the same budget."""

    def __init__(self, state: State, shelf: Shelf, writer: Writer, boot: int, sequence: Iterator[int]) -> None:
        self._state, self._shelf, self._writer = state, shelf, writer
        self._boot, self._sequence = boot, sequence

    def run(self, budget: int, at_ms: int, seed: int) -> PushList:
        """Choose, log, give out; to be called with the state at rest. O(readers + messages)."""
        state, place = self._state, push_placement(self._state)
        run, rows = self._chosen(place, budget, at_ms, seed)
        sent = rows["held"] == 0
        rows["request"][sent] = self._requests(int(sent.sum()), place.index)
        rows["run"] = run.number
        self._writer.append(_chunks(run, rows, place, state))
        return self.listed(run)

    def draft(self, budget: int, at_ms: int, seed: int) -> PushList:
        """The list that `run` would give; nothing is logged, and messages have no requests. With the state at rest."""
        run, rows = self._chosen(push_placement(self._state), budget, at_ms, seed)
        texts = self._state.interner.texts
        return PushList(run, rows, texts("user"), texts("item"))

    def _chosen(self, place: PlacementState, budget: int, at_ms: int, seed: int) -> tuple[Run, Array]:
        """The next run, and its MESSAGE[n] without requests."""
        state, push = self._state, place.config.push
        assert push is not None
        day = day_of(at_ms, push.time_zone)
        left = max(budget - state.messages.sent_on(day), 0)
        rows, pairs = chosen(state, self._shelf, place, left, at_ms, seed)
        runs, sent = state.messages.runs(), int((rows["held"] == 0).sum())
        number = runs[-1].number + 1 if runs else 1
        return Run(number, place.index, at_ms, day, left, seed, state.position, pairs, sent, len(rows) - sent), rows

    def again(self, number: int | None = None) -> PushList:
        """The list of a run (None: the latest), as it was. Raises InvalidInputError where there is none of that number."""
        runs = self._state.messages.runs()
        found = [run for run in runs[-1:] if number is None] or [run for run in runs if run.number == number]
        if not found:
            expected = (
                f"one of {runs[0].number} to {runs[-1].number}" if runs else "a run to repeat: bandi push --budget N"
            )
            raise InvalidInputError(Problem("run", "no run in the log" if number is None else repr(number), expected))
        return self.listed(found[0])

    def evidence(self, at_ms: int) -> tuple[Moments, Uplift]:
        """What messages brought. Raises InvalidInputError where no placement has messages."""
        push = push_placement(self._state).config.push
        assert push is not None
        return self._state.messages.moments(at_ms), learned_uplift(self._state, push, at_ms)

    def listed(self, run: Run) -> PushList:
        """A run's messages with the texts of their ids."""
        interner = self._state.interner
        return PushList(run, self._state.messages.of_run(run.number), interner.texts("user"), interner.texts("item"))

    def _requests(self, count: int, placement: int) -> Array:
        numbers = np.fromiter(islice(self._sequence, count), np.uint64, count)
        boot = np.uint64(self._boot << (SEQUENCE_BITS + PLACEMENT_BITS))
        return boot | numbers << np.uint64(PLACEMENT_BITS) | np.uint64(placement)


def push_placement(state: State) -> PlacementState:
    """The placement with messages. Raises InvalidInputError where none is configured."""
    for place in state.placements.values():
        if place.config.push is not None:
            return place
    expected = "a placement with `push`, such as [placements.push] with push = { holdout = 0.1 }"
    raise InvalidInputError(Problem("bandi.toml", "no placement with messages", expected))


def chosen(state: State, shelf: Shelf, place: PlacementState, budget: int, at_ms: int, seed: int) -> tuple[Array, int]:
    """(MESSAGE[n] without requests, how many pairs could have been chosen): a function of the state and the arguments."""
    push = place.config.push
    assert push is not None
    pairs = continued_pairs(state.bookmarks.rows(), _titles(state, shelf, place, at_ms), _stopped(push), at_ms)
    pairs, send_ms = _reachable(state, pairs, push, at_ms)
    states = states_of(state.payers.rows(pairs.users), np.ones(len(pairs.users), np.bool_), at_ms)
    kinds = strata(states, at_ms - pairs.read_ms, pairs.walls)
    learned = learned_uplift(state, push, at_ms)
    rows = choose(pairs, kinds, send_ms, learned, learned.drawn(seed), budget, push.holdout, seed)
    rows["until_ms"] = rows["send_ms"] + duration_ms(push.window)
    return rows, len(pairs.users)


def learned_uplift(state: State, push: Push, at_ms: int) -> Uplift:
    """What messages are known to bring, by stratum."""
    return uplift(state.messages.moments(at_ms), prior_weights(), push.expected_uplift)


def _stopped(push: Push) -> Stopped:
    return Stopped(push.least_episode, push.near, duration_ms(push.stopped_for), duration_ms(push.stopped_until))


def _titles(state: State, shelf: Shelf, place: PlacementState, at_ms: int) -> Titles:
    """Titles that may be shown, fit the placement's `where` and are blocked by no operator's rule."""
    shown = state.items.shown(at_ms).copy()
    expression = None if place.config.where is None else parse(place.config.where)
    columns = state.items.columns((*_NUMBERS, *(() if expression is None else expression.needs)))
    if expression is not None:
        shown &= expression.keeps(columns)
    force, _ = PlacementFilter(state, shelf, place).in_force(at_ms)
    shown[force.blocked[force.blocked < len(shown)]] = False
    return Titles(shown, *(columns.numbers(column.name) for column in _NUMBERS))


def _reachable(state: State, pairs: Pairs, push: Push, at_ms: int) -> tuple[Pairs, Array]:
    """Pairs whose reader wants messages and may have one more, at a time before it expires; and the times."""
    contacts = state.users.contacts()
    known = pairs.users < len(contacts.wants)
    wanted = np.ones(len(pairs.users), np.bool_)
    wanted[known] = contacts.wants[pairs.users[known]]
    pairs = pairs.take(wanted)
    known = known[wanted]
    places = np.zeros(len(pairs.users), np.int32)
    places[known] = contacts.places[pairs.users[known]]
    zones = [_zone(push, own, region) for own, region in contacts.names]
    send_ms = send_times(pairs.read_ms, places, zones, push.quiet, at_ms, duration_ms(push.expires))
    caps = Caps(push.per_day, push.per_week, duration_ms(push.again_after))
    may = (send_ms != NOT_SENT) & state.messages.may_have(pairs.users, pairs.items, send_ms, caps)
    return pairs.take(may), send_ms[may]


def _zone(push: Push, own: str, region: str) -> str:
    """A reader's time zone: their own, that of their region, the service's."""
    return own if own and is_time_zone(own) else push.time_zones.get(region, push.time_zone)


def _chunks(run: Run, rows: Array, place: PlacementState, state: State) -> list[Chunk]:
    """The run, and a decision for each message that is sent, so that what follows finds its request."""
    parts = [rows[first : first + _MESSAGES_A_DOCUMENT] for first in range(0, len(rows), _MESSAGES_A_DOCUMENT)]
    chunks: list[Chunk] = [DocumentChunk(DocumentKind.PUSH, packed(part, run)) for part in parts or [rows]]
    sent = rows[rows["held"] == 0]
    if not len(sent):
        return chunks
    headers = np.zeros(len(sent), DECISION)
    for name, nothing in NOT_SAID.items():
        headers[name] = nothing
    headers["request"], headers["user"], headers["occurred_ms"] = sent["request"], sent["user"], sent["send_ms"]
    headers["seed"], headers["candidates"], headers["k"], headers["asked"] = run.seed, run.pairs, 1, 1
    headers["state_position"], headers["catalog_position"] = state.position, state.catalog_position
    headers["placement"], headers["policy"] = place.index, place.version_index
    nowhere, offsets = np.zeros(len(sent), np.int64), np.arange(len(sent) + 1)
    items, scores = np.ascontiguousarray(sent["item"]), np.ascontiguousarray(sent["uplift"])
    return [*chunks, DecisionChunk(Decisions(nowhere, headers, offsets, items, scores))]
