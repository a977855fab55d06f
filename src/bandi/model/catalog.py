"""Items (titles that can be shown) and users (people they are shown to), as they arrive and as they are given back."""

from __future__ import annotations

from typing import Annotated

import msgspec

from bandi.model.config_values import Duration
from bandi.model.events import Id, Moment

Text = Annotated[str, msgspec.Meta(max_length=10_000)]
Word = Annotated[str, msgspec.Meta(max_length=256)]
Scalar = str | int | float | bool | None


class Item(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A title that can be shown.

    `launched_at`: not shown before; `available_until`: not shown from then on (a licence's end); `age_rating`: years a
    reader must have; `regions`: where it may be shown (none: everywhere); `editor_rank`: the editors' order, 1 is first;
    `active`: false hides it; `reviews`: what readers wrote of it; `image`: path of its thumbnail; `fields`: whatever else
    the service knows of it.

    `episodes`: how many there are; `free_episodes`: how many of them, from the first, cost nothing (absent: all, or it is not
    known); `wait_free`: how long after the last read an episode behind them may be read without coins, such as `24h`.
    """

    id: Id
    title: Text = ""
    description: Text = ""
    genre: Word = ""
    author: Word = ""
    tags: Annotated[tuple[Word, ...], msgspec.Meta(max_length=256)] = ()
    language: Word = ""
    reviews: Annotated[tuple[Text, ...], msgspec.Meta(max_length=100)] = ()
    image: Annotated[str, msgspec.Meta(max_length=1_024)] = ""
    launched_at: Moment | None = None
    available_until: Moment | None = None
    age_rating: Annotated[int, msgspec.Meta(ge=0, le=99)] | None = None
    regions: Annotated[tuple[Word, ...], msgspec.Meta(max_length=256)] = ()
    editor_rank: Annotated[int, msgspec.Meta(ge=1, le=2_147_483_647)] | None = None
    active: bool = True
    episodes: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] | None = None
    free_episodes: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] | None = None
    wait_free: Annotated[Duration, msgspec.Meta(max_length=12)] | None = None
    fields: Annotated[dict[Word, Scalar], msgspec.Meta(max_length=256)] = {}


class User(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A reader. Bandi never needs age or gender; `fields` holds what the service wants to describe segments by.

    `age` (years) and `region` say which titles may be shown. `push`: false, no messages; `time_zone`: an
    IANA name, such as `Asia/Seoul`, for the hours at which messages may come (absent: that of the region, or the service's).
    """

    id: Id
    age: Annotated[int, msgspec.Meta(ge=0, le=199)] | None = None
    region: Word = ""
    push: bool = True
    time_zone: Word = ""
    fields: Annotated[dict[Word, Scalar], msgspec.Meta(max_length=256)] = {}
