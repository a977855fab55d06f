"""`engine.items` and `engine.users`: the catalogue as a caller sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec

from bandi.engine.admission import id_problem
from bandi.engine.jobs import DocumentJob, Done
from bandi.engine.state import State
from bandi.loading import LoadReport, Mapping, load_items, load_users
from bandi.model.answers import Receipt, Refusal
from bandi.model.catalog import Item, User
from bandi.model.errors import Problem, UnknownNameError
from bandi.model.events import milliseconds
from bandi.model.records import DocumentKind
from bandi.model.time_zones import is_time_zone

MAX_DOCUMENT_RECORDS = 10_000
"""Most items or users in one document of the log; larger batches become several."""


class Submitter(Protocol):
    """What carries a document to the writer and waits for it."""

    def __call__(self, make: Callable[[Done], DocumentJob]) -> Receipt:
        """Send and wait."""


class ItemsDoor:
    """The titles."""

    def __init__(self, state: State, submit: Submitter) -> None:
        self._state = state
        self._submit = submit

    def load(self, source: str | Path | Iterable[Item | dict[str, Any]], mapping: Mapping | None = None) -> LoadReport:
        """Load titles from a CSV, JSON Lines or Parquet file, or from structs or dicts; says what was refused and why."""
        return load_items(self, source, mapping)

    def put_items(self, items: Sequence[Item]) -> Receipt:
        """Add or replace titles; durable on return. Of two with the same id the later stays."""
        return _put(self._submit, DocumentKind.ITEMS, "item", items, Item)

    put = put_items

    def get(self, item_id: str) -> Item | None:
        """The title of that id, or None."""
        return self._state.items.get(self._state.interner.lookup("item", item_id))

    def delete(self, ids: Sequence[str]) -> Receipt:
        """Take titles out; their arms and events remain. Durable on return."""
        return _delete(self._submit, DocumentKind.ITEMS_DELETED, "item", ids, self.get)

    def page(self, after: str | None = None, limit: int = 100) -> list[Item]:
        """Up to `limit` titles in the order in which they were first named, those behind `after`. Raises UnknownNameError."""
        return self._state.items.page(_start(self._state, "item", after), limit)

    def __len__(self) -> int:
        return len(self._state.items)


class UsersDoor:
    """The readers. Nobody needs to be put before being recommended to."""

    def __init__(self, state: State, submit: Submitter) -> None:
        self._state = state
        self._submit = submit

    def load(self, source: str | Path | Iterable[User | dict[str, Any]], mapping: Mapping | None = None) -> LoadReport:
        """Load readers from a CSV, JSON Lines or Parquet file, or from structs or dicts."""
        return load_users(self, source, mapping)

    def put_users(self, users: Sequence[User]) -> Receipt:
        """Add or replace readers; durable on return."""
        return _put(self._submit, DocumentKind.USERS, "user", users, User)

    put = put_users

    def get(self, user_id: str) -> User | None:
        """The reader of that id, or None."""
        return self._state.users.get(self._state.interner.lookup("user", user_id))

    def delete(self, ids: Sequence[str]) -> Receipt:
        """Take readers' documents out; their events remain. Durable on return."""
        return _delete(self._submit, DocumentKind.USERS_DELETED, "user", ids, self.get)

    def page(self, after: str | None = None, limit: int = 100) -> list[User]:
        """Up to `limit` readers in the order in which they were first named, those behind `after`. Raises UnknownNameError."""
        return self._state.users.page(_start(self._state, "user", after), limit)

    def __len__(self) -> int:
        return len(self._state.users)


def _start(state: State, namespace: str, after: str | None) -> int:
    index = -1 if after is None else state.interner.lookup(namespace, after)
    if after is not None and index < 0:
        raise UnknownNameError(Problem("query after", ascii(after)[:66], f"the id of a {namespace} of an earlier page"))
    return index


def _put(
    submit: Submitter, kind: DocumentKind, namespace: str, batch: Sequence[Any], noun: type[Item] | type[User]
) -> Receipt:
    refused: list[Refusal] = []
    good: list[Any] = []
    for i, value in enumerate(batch):
        try:
            good.append(_checked(value, noun))
        except (msgspec.ValidationError, TypeError, ValueError, OverflowError) as error:
            problem = Problem(f"$[{i}]", _shown(value), f"a valid {noun.__name__}", str(error))
            refused.append(Refusal(i, problem))
    for first in range(0, len(good), MAX_DOCUMENT_RECORDS):
        part = good[first : first + MAX_DOCUMENT_RECORDS]
        _send(submit, kind, namespace, [value.id for value in part], msgspec.msgpack.encode(part))
    return Receipt(len(good), 0, tuple(refused))


def _checked(value: Any, noun: type[Item] | type[User]) -> Item | User:
    """The value, typed: struct constructors do not check their arguments, so it is read back from msgpack."""
    checked = msgspec.msgpack.decode(msgspec.msgpack.encode(value), type=noun)
    if (problem := id_problem(checked.id, "$.id", "an id")) is not None:
        raise ValueError(str(problem))
    if isinstance(checked, Item):
        _check_times(checked)
    elif checked.time_zone and not is_time_zone(checked.time_zone):
        raise ValueError(f"time_zone: {checked.time_zone!r} is no IANA time zone, such as 'Asia/Seoul'")
    return checked


def _check_times(item: Item) -> None:
    """Raises ValueError where a moment is beyond what milliseconds can say, or the end is not after the launch."""
    named = {"launched_at": item.launched_at, "available_until": item.available_until}
    times = {name: milliseconds(moment) for name, moment in named.items() if moment is not None}
    for name, moment_ms in times.items():
        if not -(1 << 53) < moment_ms < 1 << 53:
            raise ValueError(f"{name} is out of range")
    if len(times) == len(named) and times["available_until"] <= times["launched_at"]:
        raise ValueError("available_until is not after launched_at")


def _shown(value: Any) -> str:
    return ascii(getattr(value, "id", value))[:66]


def _delete(
    submit: Submitter, kind: DocumentKind, namespace: str, ids: Sequence[str], get: Callable[[str], Item | User | None]
) -> Receipt:
    refused = [
        Refusal(i, Problem(f"$[{i}]", ascii(text)[:66], f"the id of a known {namespace}"))
        for i, text in enumerate(ids)
        if not isinstance(text, str) or get(text) is None
    ]
    bad = {refusal.index for refusal in refused}
    good = [text for i, text in enumerate(ids) if i not in bad]
    if good:
        _send(submit, kind, namespace, good, msgspec.msgpack.encode(good))
    return Receipt(len(good), 0, tuple(refused))


def _send(submit: Submitter, kind: DocumentKind, namespace: str, ids: Sequence[str], payload: bytes) -> None:
    receipt = Receipt(accepted=len(ids))
    submit(lambda done: DocumentJob(kind, namespace, ids, payload, receipt, done))
