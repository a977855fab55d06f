"""What readers do: one closed family of events, told apart by `type` in JSON.

Times are RFC 3339 text or seconds since 1970 (UTC); inside Bandi they are int64 milliseconds.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import IntEnum
from typing import Annotated

import msgspec

MAX_ID_BYTES = 256
"""Longest id (user, item, event, placement) in bytes of UTF-8."""

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_ID_BYTES)]
Moment = datetime | float
Slot = Annotated[int, msgspec.Meta(ge=0, le=9_999)]


class EventKind(IntEnum):
    """The stored code of each built-in event; a service's own kinds are numbered from `FIRST_CUSTOM_KIND`."""

    IMPRESSION = 1
    CLICK = 2
    READ = 3
    PURCHASE = 4
    DISMISS = 5
    REFUND = 6


FIRST_CUSTOM_KIND = 16
MAX_COINS = 1e9
"""More coins in one event are taken for a mistake."""


class EventFields(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What every event may say.

    `request` is the request id of the decision it follows from; `position` the slot (0 is first) the item stood in;
    `event_id` the sender's own id, by which a repeat is recognised; `occurred_at` the client's clock (now, if absent).
    """

    user: Id
    item: Id
    request: str | None = None
    placement: Id | None = None
    position: Slot | None = None
    event_id: Id | None = None
    occurred_at: Moment | None = None


class Impression(EventFields, kw_only=True, frozen=True, tag_field="type", tag="impression"):
    """The item was on the reader's screen."""


class Click(EventFields, kw_only=True, frozen=True, tag_field="type", tag="click"):
    """The reader chose the item from a list."""


class Read(EventFields, kw_only=True, frozen=True, tag_field="type", tag="read"):
    """The reader read an episode of the item (`episode` counts from 1; absent where there are no episodes)."""

    episode: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] | None = None


class Purchase(EventFields, kw_only=True, frozen=True, tag_field="type", tag="purchase"):
    """The reader paid `coins` (0 to 1e9) for the item or one of its episodes."""

    coins: float
    episode: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] | None = None


class Refund(EventFields, kw_only=True, frozen=True, tag_field="type", tag="refund"):
    """`coins` (above 0, at most 1e9) of a purchase of the item, or of that episode, were paid back."""

    coins: float
    episode: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] | None = None


class Dismiss(EventFields, kw_only=True, frozen=True, tag_field="type", tag="dismiss"):
    """The reader asked not to see the item."""


class Custom(EventFields, kw_only=True, frozen=True, tag_field="type", tag="custom"):
    """An event of the service's own: `name` says which, `value` (finite) how much."""

    name: Id
    value: float = 1.0


Event = Impression | Click | Read | Purchase | Refund | Dismiss | Custom


def milliseconds(moment: Moment) -> int:
    """Milliseconds since 1970 (UTC); a `datetime` without a zone is taken as UTC."""
    if isinstance(moment, datetime):
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return round(moment.timestamp() * 1000)
    return round(moment * 1000)
