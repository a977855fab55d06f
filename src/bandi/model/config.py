"""What a service wants, as `bandi.toml` says it. Every key, its unit and its default stand here once.

The reference page (docs/reference/config.md) and the file that `bandi init` writes are made from these classes.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from bandi.model.config_values import Duration, Name, ReaderStateName, Share, Struct
from bandi.model.experiment_config import Experiment, Layer
from bandi.model.metric_config import Metric
from bandi.model.policy_config import PolicyConfig, Thompson
from bandi.model.targeter_config import Feature, TargeterConfig


class Cap(Struct, frozen=True):
    """No value of a field fills more than its share of a list, as long as others are there."""

    by: Annotated[str, msgspec.Meta(pattern=r"^(genre|author|language|fields\..{1,249})$")] = "genre"
    """`genre`, `author`, `language` or `fields.NAME`."""
    max_share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.4
    """Share of the list's slots, but always at least one."""


class Mmr(Struct, frozen=True):
    """Maximal marginal relevance: each slot trades its score against likeness to the slots before (Carbonell and Goldstein 1998)."""

    relevance: Share = 0.7
    """1: the score alone; 0: unlikeness alone."""
    by: Feature = "factors"
    """What likeness means."""


class Seen(Struct, frozen=True):
    """What a reader was shown without clicking counts less for this reader (docs/policies/seen.md)."""

    strength: Share | None = None
    """Share of its score that a title loses with each showing, 0 to 1; absent: learned from clicks."""
    half_life: Duration = "3d"
    """A showing counts half after this time."""
    pairs: Annotated[int, msgspec.Meta(ge=1_024, le=100_000_000)] = 1_000_000
    """Most (reader, title) pairs remembered, rounded up to a power of two (24 bytes each, as they come into use)."""


class Exploration(Struct, frozen=True):
    """What exploring may cost against greedy lists, in expected clicks of a day, UTC (docs/policies/exploration-budget.md)."""

    clicks_per_day: Annotated[float, msgspec.Meta(ge=0, le=1e12)] | None = None
    """Most expected clicks that exploring may cost in a day; then lists are greedy until the day ends. Absent: no such cap."""
    share: Share | None = None
    """The same as a share of the greedy lists' expected clicks of the day so far. Absent: no such cap."""
    safe_slots: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 0
    """So many first slots of each list are the greedy ones."""

    def __post_init__(self) -> None:
        if self.clicks_per_day is not None and self.share is not None:
            raise ValueError("only one of clicks_per_day and share may be given")


Zone = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Hours = Annotated[str, msgspec.Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$")]
Episode = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]


class Push(Struct, frozen=True):
    """Messages to readers who read on and stopped: whom `bandi push` chooses, and when they are sent (docs/how-to/push.md)."""

    window: Duration = "7d"
    """Coins that a reader pays within this time of a message are compared with those of readers whose message was held back."""
    holdout: Annotated[float, msgspec.Meta(gt=0, le=0.5)] = 0.1
    """Share of the chosen messages that are held back at random: by them it is known what messages bring."""
    per_day: Annotated[int, msgspec.Meta(ge=1, le=24)] = 1
    """Most messages to one reader in 24 hours."""
    per_week: Annotated[int, msgspec.Meta(ge=1, le=168)] = 2
    """Most messages to one reader in 7 days."""
    again_after: Duration = "30d"
    """A title is not named to the same reader again before this has passed."""
    least_episode: Episode = 3
    """Who read this episode of a title is a continued reader of it."""
    near: Episode = 1
    """Most free episodes left; a title that does not say how many are free is always near enough."""
    stopped_for: Duration = "1d"
    """Who read the title later than this long ago has not stopped."""
    stopped_until: Duration = "30d"
    """Who stopped longer ago than this is not written to."""
    quiet: Hours = "21:00-08:00"
    """No message is sent in these hours of the reader's clock; equal bounds: at any hour."""
    time_zone: Zone = "UTC"
    """Where the service's day begins, and of readers of whom nothing is known: an IANA name such as `Asia/Seoul`."""
    time_zones: dict[Zone, Zone] = msgspec.field(default_factory=dict)
    """Time zone by region, such as `{ KR = "Asia/Seoul" }`; a reader's own `time_zone` goes before."""
    expires: Duration = "24h"
    """A message that cannot be sent within this time is not chosen."""
    expected_uplift: Annotated[float, msgspec.Meta(gt=0, le=1e6)] = 1.0
    """Coins that a message to a reader who stopped lately is expected to bring, before any was sent."""


class ForState(Struct, frozen=True):
    """What is otherwise for readers in one state, such as `[placements.home.states.hooked]`; what it does not say stays."""

    targeters: Annotated[tuple[TargeterConfig, ...], msgspec.Meta(min_length=1, max_length=8)] | None = None
    """Who names candidates for these readers."""
    exclude: tuple[Literal["read", "bought", "dismissed"], ...] | None = None
    """What is never shown to these readers again."""
    give_up: Share | None = None
    """The earning dial for these readers (`policy = { use = "earning" }` alone)."""
    use_placement: Name | None = None
    """These readers get the list of this placement, with its policy and arms, which learn from it; nothing else beside it."""


class Placement(Struct, frozen=True):
    """A place where a list is shown."""

    targeters: Annotated[tuple[TargeterConfig, ...], msgspec.Meta(max_length=8)] = ()
    """Who names candidates, each up to its quota; the policy ranks their union. None: the whole catalogue."""
    exclude: tuple[Literal["read", "bought", "dismissed"], ...] = ()
    """What is never shown to a reader again: what they clicked or read, bought, dismissed."""
    where: Annotated[str, msgspec.Meta(max_length=2_000)] | None = None
    """Titles that may be shown, as an expression on their fields: `genre in ["drama"] and fields.price <= 3`."""
    assumed_age: Annotated[int, msgspec.Meta(ge=0, le=99)] = 0
    """Age in years of readers of whom none is known: 0 shows them no rated title."""
    diversity: Annotated[tuple[Cap, ...], msgspec.Meta(max_length=4)] = ()
    """Caps by field, such as `[{ by = "genre", max_share = 0.4 }]`."""
    mmr: Mmr | None = None
    """Spread the list out, such as `{ relevance = 0.7, by = "text" }`; absent: by score alone."""

    policy: PolicyConfig = Thompson()
    """Who ranks the candidates."""
    seen: Seen | None = None
    """Show less of what a reader passed over, such as `{ half_life = "3d" }`; absent: showings are not counted."""
    exploration: Exploration | None = None
    """What exploring may cost, such as `{ clicks_per_day = 500, safe_slots = 2 }`; absent: whatever the policy spends."""
    states: dict[ReaderStateName, ForState] = msgspec.field(default_factory=dict)
    """What is otherwise for readers who are `new`, `free`, `hooked`, `first_payment`, `paying` or `lapsed` (docs/policies/states.md)."""
    push: Push | None = None
    """Messages instead of lists, such as `{ holdout = 0.1, per_week = 2 }`; one placement at most has them."""
    impressions: Literal["reported", "implied"] = "reported"
    """`reported`: an item was seen when an impression event says so; `implied`: when a decision showed it."""
    k: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 10
    """Items in a list when the request does not say."""


class Objective(Struct, frozen=True):
    """What counts as reward: an event that follows an impression, or a reader's start, within a window."""

    event: Literal["click", "read", "purchase"] = "click"
    """Which event counts."""
    count: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 1
    """Reads alone: the reader has reached this episode (or has so many reads, where events name no episodes)."""
    window: Duration = "30m"
    """Longest time from the impression (or the start) to the event, by the clients' clocks; at most 3650d."""
    value: Literal["coins"] | None = None
    """Purchases alone: `coins`, what a policy that looks for amounts is told beside the reward; absent: nothing."""


class Log(Struct, frozen=True):
    """The durable log."""

    duplicate_horizon: Annotated[int, msgspec.Meta(ge=1_000, le=1_000_000_000)] = 4_000_000
    """A repeated `event_id` is recognised among at least this many latest events (16 to 32 bytes each once in use)."""
    attribution_horizon: Annotated[int, msgspec.Meta(ge=1_000, le=1_000_000_000)] = 4_000_000
    """Outcomes are joined among at least this many latest impressions (48 to 96 bytes each once in use)."""
    journey_horizon: Annotated[int, msgspec.Meta(ge=1_000, le=1_000_000_000)] = 4_000_000
    """Reads and purchases are joined to readers' starts among at least this many latest (reader, title) pairs."""
    future_tolerance: Duration = "10m"
    """An event whose clock is further ahead of ours is refused."""
    past_tolerance: Duration = "14600d"
    """An event older than this (40 years) is refused: a clock that starts in 1970 is no clock."""
    seal_after: Annotated[int, msgspec.Meta(ge=1_000)] = 1_000_000
    """Records in the hot tail before a stretch is sealed into a Parquet segment."""
    snapshot_after: Annotated[int, msgspec.Meta(ge=1_000)] = 2_000_000
    """Records after the newest snapshot before another is written (one is written at every clean stop)."""
    decision_flush: Duration = "10ms"
    """Longest wait of a decision for the commit that holds it."""


class Factors(Struct, frozen=True):
    """How `bandi train` learns factors (iALS; docs/reference/targeters.md says how to choose)."""

    factors: Annotated[int, msgspec.Meta(ge=1, le=1024)] = 64
    """Numbers in a vector."""
    regularisation: Annotated[float, msgspec.Meta(gt=0, le=1e9)] = 10.0
    """Pull of the vectors towards 0, of a row of mean confidence: more for few reads."""
    alpha: Annotated[float, msgspec.Meta(gt=0, le=1e9)] = 10.0
    """How much more a read pair counts than one that was not read."""
    nu: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    """0: every row is pulled alike; 1: by its confidence."""
    iterations: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 15
    """Rounds over readers and titles."""
    index_from: Annotated[int, msgspec.Meta(ge=1)] = 50_000
    """Catalogues of at least so many titles get search indexes (the extra `search`); smaller ones are searched exactly."""


class Text(Struct, frozen=True):
    """How `bandi train` makes vectors of titles' words (docs/text-vectors.md)."""

    method: Literal["lsa", "word2vec", "onnx"] = "lsa"
    """`lsa`: TF-IDF and SVD; `word2vec`: learned from the words and from what is read together; `onnx`: an encoder of yours."""
    dimensions: Annotated[int, msgspec.Meta(ge=2, le=1024)] = 64
    """Numbers in a vector (an encoder has its own)."""
    model: str | None = None
    """Folder of the encoder: `model.onnx` and `tokenizer.json` (the extra `onnx`)."""


class Images(Struct, frozen=True):
    """How `bandi train` makes vectors of thumbnails (docs/image-vectors.md; the extra `image`)."""

    root: str | None = None
    """Folder that the items' `image` paths start from; absent: no thumbnails are read."""
    dimensions: Annotated[int, msgspec.Meta(ge=2, le=1024)] = 64
    """Numbers in a vector."""
    model: str | None = None
    """A vision model as an ONNX file (the extra `onnx`); absent: colour, texture and composition."""


class Segments(Struct, frozen=True):
    """Groups of readers by what they read; arms count for each (docs/segments.md). Without this table all readers are one."""

    k: Annotated[int, msgspec.Meta(ge=1, le=64)] = 8
    """How many; `bandi segments` shows the evidence."""
    method: Literal["soft", "hard"] = "soft"
    """`soft`: a reader is in each by a weight; `hard`: in one."""
    features: Annotated[tuple[Feature, ...], msgspec.Meta(min_length=1, max_length=3)] = ("text", "factors")
    """What of the titles a reader read describes them."""


class Holdout(Struct, frozen=True):
    """Readers who get lists that Bandi did not choose, so that it can be known what its lists bring (docs/how-to/credit.md)."""

    share: Annotated[float, msgspec.Meta(gt=0, le=0.5)] = 0.05
    """Share of the readers, 0.5 at most; who belongs to it hangs on their id and `salt` alone, and grows with the share."""
    salt: Annotated[str, msgspec.Meta(pattern=r"^[!-~]{1,64}$")] = "holdout"
    """Another salt draws other readers: 1 to 64 printable ASCII characters, no blanks."""
    serves: Literal["popular", "editor", "nothing"] = "popular"
    """What they get: `popular`, what is read most just now; `editor`, by `editor_rank`; `nothing`, an empty list."""
    placements: Annotated[tuple[Name, ...], msgspec.Meta(max_length=64)] = ()
    """The placements where they do; none named: all."""


class Serve(Struct, frozen=True):
    """The HTTP service."""

    host: str = "127.0.0.1"
    """Address to listen on; loopback unless said otherwise."""
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 8700
    """Port; 0 takes a free one."""
    max_body_bytes: Annotated[int, msgspec.Meta(ge=1_024, le=1_073_741_824)] = 4_194_304
    """Largest request body; a larger one is answered 413."""
    max_batch: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 10_000
    """Most records in one request."""
    max_queue: Annotated[int, msgspec.Meta(ge=1_000)] = 1_000_000
    """Most events waiting for a commit; past it, 503 with Retry-After."""


class Config(Struct, frozen=True):
    """The whole file."""

    placements: dict[Name, Placement] = msgspec.field(default_factory=lambda: {"home": Placement()})
    """The places where lists are shown, by name."""
    objectives: dict[Name, Objective] = msgspec.field(default_factory=lambda: {"click": Objective()})
    """What counts as reward, by name."""
    factors: Factors = Factors()
    """How factors are learned."""
    text: Text = Text()
    """How words become vectors."""
    images: Images = Images()
    """How thumbnails become vectors."""
    segments: Segments | None = None
    """Groups of readers; absent: all readers are one."""
    holdout: Holdout | None = None
    """Readers who get lists that Bandi did not choose; absent: nobody."""
    layers: dict[Name, Layer] = msgspec.field(default_factory=dict)
    """Readers in buckets, for experiments that must not meet, by name."""
    experiments: dict[Name, Experiment] = msgspec.field(default_factory=dict)
    """Variants of placements' lists that are compared, by name (docs/experiments/running.md)."""
    metrics: dict[Name, Metric] = msgspec.field(default_factory=dict)
    """What experiments are judged by, beside the built-in metrics, by name (docs/experiments/metrics.md)."""
    log: Log = Log()
    """The durable log."""
    serve: Serve = Serve()
    """The HTTP service."""
