"""From events as they arrive to rows of the log: checked column by column, bad ones named and left out.

A batch is turned into columns once and each column is checked as a whole; only where a whole column is not clean
are its values looked at one by one. So a good batch costs a few comprehensions, and a bad record costs only itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Any

import numpy as np

from bandi.catalog.interning import Interner
from bandi.log.identity import hash_ids, random_ids
from bandi.model import request_ids
from bandi.model.answers import Refusal
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.events import (
    FIRST_CUSTOM_KIND,
    MAX_COINS,
    MAX_ID_BYTES,
    Click,
    Custom,
    Dismiss,
    Event,
    EventKind,
    Impression,
    Purchase,
    Read,
    Refund,
    milliseconds,
)
from bandi.model.records import EVENT, Array

_KINDS: dict[type, int] = {
    Impression: EventKind.IMPRESSION,
    Click: EventKind.CLICK,
    Read: EventKind.READ,
    Purchase: EventKind.PURCHASE,
    Refund: EventKind.REFUND,
    Dismiss: EventKind.DISMISS,
    Custom: FIRST_CUSTOM_KIND,
}
_EVENT_NAMES = "bandi.Impression, Click, Read, Purchase, Refund, Dismiss or Custom"
MAX_CUSTOM_KINDS = 1_000
_INT64_MS = 1 << 62


class NewIds:
    """Ids that a group of events names for the first time; they are logged in the same commit, before their use."""

    def __init__(self, interner: Interner) -> None:
        self._interner = interner
        self.texts: dict[str, dict[str, int]] = {}

    def index(self, namespace: str, text: str) -> int:
        """The dense id of `text`, known or new."""
        known = self._interner.lookup(namespace, text)
        if known >= 0:
            return known
        new = self.texts.setdefault(namespace, {})
        return new.setdefault(text, self._interner.size(namespace) + len(new))

    def count(self, namespace: str) -> int:
        """How many ids the namespace will have."""
        return self._interner.size(namespace) + len(self.texts.get(namespace, ()))


@dataclass(frozen=True, slots=True)
class Admitted:
    """rows: EVENT[n] of the good events; kept: int64[n], their places in the batch; refused: the others."""

    rows: Array
    kept: Array
    refused: list[Refusal]


class Admission:
    """Turns events into rows. One per engine; called by the writer thread alone."""

    def __init__(self, interner: Interner, id_seed: int, *, past_ms: int, future_ms: int) -> None:
        self._interner = interner
        self._id_seed = id_seed
        self._past_ms = past_ms
        self._future_ms = future_ms

    def admit(self, events: Sequence[Event], now_ms: int, new: NewIds) -> Admitted:
        """Check and convert. O(events)."""
        problems: dict[int, Problem] = {}
        events = _only_events(events, problems)
        rows = np.zeros(len(events), EVENT)
        rows["recorded_ms"] = now_ms
        rows["kind"] = [_KINDS[type(event)] for event in events]
        rows["item"] = self._items([event.item for event in events], problems)
        rows["user"] = self._users([event.user for event in events], new, problems)
        rows["request"] = _requests([event.request for event in events], problems)
        rows["placement"] = self._placements([event.placement for event in events], problems)
        rows["position"] = _positions([event.position for event in events], problems)
        rows["occurred_ms"] = self._times([event.occurred_at for event in events], now_ms, problems)
        _own_fields(events, rows, new, problems)
        hi, lo = self._event_ids([event.event_id for event in events], problems)
        rows["event_hi"], rows["event_lo"] = hi, lo
        if not problems:
            return Admitted(rows, np.arange(len(rows)), [])
        kept = np.array([i for i in range(len(rows)) if i not in problems], dtype=np.int64)
        return Admitted(rows[kept], kept, [Refusal(i, problems[i]) for i in sorted(problems)])

    def _items(self, texts: list[str], problems: dict[int, Problem]) -> list[int]:
        found = self._lookup("item", texts)
        if -1 in found:
            for i, text in enumerate(texts):
                if (problem := id_problem(text, "$.item", "an item id")) is not None:
                    _note(problems, i, problem)
                elif found[i] < 0:
                    hint = f"load the item first (PUT /v1/items/{text[:64]}, or `bandi load FOLDER items FILE`)"
                    _note(problems, i, Problem("$.item", repr(text[:64]), "an item of the catalogue", hint))
        return found

    def _lookup(self, namespace: str, texts: list[str]) -> list[int]:
        """Dense ids, -1 for what is unknown or no text."""
        if _all_text(texts):
            return self._interner.lookup_many(namespace, texts)
        return [self._interner.lookup(namespace, text) if isinstance(text, str) else -1 for text in texts]

    def _users(self, texts: list[str], new: NewIds, problems: dict[int, Problem]) -> list[int]:
        if not _all_ids(texts):
            for i, text in enumerate(texts):
                if (problem := id_problem(text, "$.user", "a user id")) is not None:
                    _note(problems, i, problem)
        found = self._lookup("user", texts)
        if -1 in found:
            for i, index in enumerate(found):
                if index < 0 and i not in problems:
                    found[i] = new.index("user", texts[i])
        return found

    def _placements(self, texts: list[str | None], problems: dict[int, Problem]) -> list[int]:
        if texts.count(None) == len(texts):
            return [-1] * len(texts)
        names = {text for text in texts if isinstance(text, str)}
        known: dict[str | None, int] = {name: self._interner.lookup("placement", name) for name in names}
        known[None] = -1
        found = [known.get(text, -1) if isinstance(text, str | None) else -1 for text in texts]
        for i, text in enumerate(texts) if -1 in found else ():
            if text is not None and found[i] < 0:
                configured = ", ".join(self._interner.texts("placement")[:20])
                _note(problems, i, Problem("$.placement", repr(text)[:66], f"a placement of bandi.toml: {configured}"))
        return found

    def _times(self, moments: list[Any], now_ms: int, problems: dict[int, Problem]) -> Array:
        times = np.full(len(moments), now_ms, np.int64)
        if moments.count(None) == len(moments):
            return times
        for i, moment in enumerate(moments):
            if moment is not None:
                times[i] = _moment_ms(moment)
        bad = (times < now_ms - self._past_ms) | (times > now_ms + self._future_ms)
        for i in np.flatnonzero(bad).tolist():
            _note(problems, i, _time_problem(moments[i], int(times[i]), now_ms, self._past_ms, self._future_ms))
        return times

    def _event_ids(self, texts: list[str | None], problems: dict[int, Problem]) -> tuple[Array, Array]:
        if texts.count(None) == len(texts):
            return random_ids(len(texts))
        given = [i for i, text in enumerate(texts) if text is not None]
        values = [texts[i] for i in given]
        if not _all_ids(values):
            for i in given:
                if (problem := id_problem(texts[i], "$.event_id", "an event id")) is not None:
                    _note(problems, i, problem)
            given = [i for i in given if i not in problems]
            values = [texts[i] for i in given]
        hashed = hash_ids([value for value in values if value is not None], self._id_seed)
        if len(given) == len(texts):
            return hashed
        hi, lo = random_ids(len(texts))
        hi[given], lo[given] = hashed
        return hi, lo


def _only_events(events: Sequence[Event], problems: dict[int, Problem]) -> list[Event]:
    """The batch as a list in which anything that is no event is noted and stands as an empty impression."""
    batch = list(events)
    if not {type(event) for event in batch} <= _KINDS.keys():
        for i, event in enumerate(batch):
            if type(event) not in _KINDS:
                _note(problems, i, Problem("$", f"a {type(event).__name__}", f"one of {_EVENT_NAMES}"))
                batch[i] = Impression(user="-", item="-")
    return batch


def _requests(texts: list[str | None], problems: dict[int, Problem]) -> Array:
    found = np.zeros(len(texts), np.uint64)
    cache: dict[str, int] = {}
    for i, text in enumerate(texts):
        if text is None:
            continue
        try:
            request = cache.get(text)
            if request is None:
                request = cache[text] = request_ids.decode(text)
            found[i] = request
        except InvalidInputError as error:
            _note(problems, i, error.problems[0])
        except (TypeError, AttributeError):
            _note(problems, i, Problem("$.request", f"a {type(text).__name__}", "a request id (text)"))
    return found


def _positions(slots: list[int | None], problems: dict[int, Problem]) -> list[int]:
    if slots.count(None) == len(slots):
        return [-1] * len(slots)
    found = [-1 if slot is None else slot for slot in slots]
    for i, slot in enumerate(slots):
        if slot is not None and (type(slot) is not int or not 0 <= slot <= 9_999):
            _note(problems, i, Problem("$.position", repr(slot)[:66], "a slot number, 0 (first) to 9999"))
            found[i] = -1
    return found


def _own_fields(events: list[Event], rows: Array, new: NewIds, problems: dict[int, Problem]) -> None:
    """Episode, coins, value and name: only some kinds have them."""
    kinds = rows["kind"]
    with_fields = (kinds == EventKind.READ) | (kinds == EventKind.PURCHASE) | (kinds >= EventKind.REFUND)
    for i in np.flatnonzero(with_fields):
        event = events[i]
        if isinstance(event, Read | Purchase | Refund) and event.episode is not None:
            if type(event.episode) is int and 1 <= event.episode <= 1_000_000:
                rows["episode"][i] = event.episode
            else:
                _note(
                    problems, int(i), Problem("$.episode", repr(event.episode)[:66], "a whole number from 1 to 1000000")
                )
        if isinstance(event, Purchase | Refund):
            rows["value"][i] = _coins(event, int(i), problems)
        elif isinstance(event, Custom):
            rows["value"][i] = _amount(event.value, int(i), problems)
            rows["kind"][i] = _custom_kind(event.name, int(i), new, problems)


def _coins(event: Purchase | Refund, i: int, problems: dict[int, Problem]) -> float:
    coins: Any = event.coins
    number = isinstance(coins, int | float) and not isinstance(coins, bool)
    if number and 0 <= coins <= MAX_COINS and (coins > 0 or isinstance(event, Purchase)):
        return float(coins)
    least = "from 0" if isinstance(event, Purchase) else "above 0"
    hint = "send what was paid back as a refund" if number and coins < 0 and isinstance(event, Purchase) else ""
    _note(problems, i, Problem("$.coins", repr(coins)[:66], f"a finite number {least} to {MAX_COINS:g}", hint))
    return 0.0


def _amount(value: Any, i: int, problems: dict[int, Problem]) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value) and abs(value) <= 1e15:
        return float(value)
    _note(problems, i, Problem("$.value", repr(value)[:66], "a finite number from -1e+15 to 1e15"))
    return 0.0


def _custom_kind(name: Any, i: int, new: NewIds, problems: dict[int, Problem]) -> int:
    if (problem := id_problem(name, "$.name", "the event's name")) is not None:
        _note(problems, i, problem)
    elif i not in problems:
        index = new.index("kind", name)
        if index < MAX_CUSTOM_KINDS:
            return FIRST_CUSTOM_KIND + index
        new.texts["kind"].pop(name, None)
        _note(problems, i, Problem("$.name", repr(name), f"at most {MAX_CUSTOM_KINDS} kinds of custom event"))
    return FIRST_CUSTOM_KIND


def _moment_ms(moment: Any) -> int:
    """Milliseconds, or a value far out of range where there is no such moment."""
    if isinstance(moment, datetime):
        return milliseconds(moment)
    if isinstance(moment, int | float) and not isinstance(moment, bool) and isfinite(moment) and abs(moment) < 1e14:
        return milliseconds(moment)
    return _INT64_MS


def _time_problem(moment: Any, time_ms: int, now_ms: int, past_ms: int, future_ms: int) -> Problem:
    expected = f"a time between {_clock(now_ms - past_ms)} and {_clock(now_ms + future_ms)} (bandi.toml, [log])"
    found = repr(moment)[:66]
    if abs(time_ms) < 1e15:
        found += f", that is {_clock(time_ms)}"
    hint = "send seconds since 1970, not milliseconds" if now_ms * 500 < time_ms < now_ms * 2000 else ""
    return Problem("$.occurred_at", found, expected, hint)


def _clock(time_ms: int) -> str:
    return str(np.datetime64(time_ms, "ms")) + "Z"


def _note(problems: dict[int, Problem], i: int, problem: Problem) -> None:
    problems.setdefault(i, problem)


def _all_text(values: list[Any]) -> bool:
    return {type(value) for value in values} <= {str}


def _all_ids(values: list[Any]) -> bool:
    """True where all are non-empty ASCII text of an allowed length; False says only: look closer."""
    return (
        _all_text(values)
        and all(map(str.isascii, values))
        and all(values)
        and (not values or max(map(len, values)) <= MAX_ID_BYTES)
    )


def id_problem(value: Any, where: str, what: str) -> Problem | None:
    """What is wrong with an id, or None."""
    if not isinstance(value, str):
        return Problem(where, f"{value!r:.64} (a {type(value).__name__})", f"{what} (text)")
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        return Problem(where, ascii(value)[:66], f"{what} in valid Unicode (it holds half a surrogate pair)")
    if not 1 <= size <= MAX_ID_BYTES:
        return Problem(where, f"{size} bytes", f"{what} of 1 to {MAX_ID_BYTES} bytes")
    return None
