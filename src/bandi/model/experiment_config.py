"""What is compared: layers, experiments and their variants, as `bandi.toml` says them."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from bandi.model.config_values import Name, ReaderStateName, Share, Struct
from bandi.model.policy_config import PolicyConfig
from bandi.model.targeter_config import TargeterConfig

Salt = Annotated[str, msgspec.Meta(pattern=r"^[!-~]{1,64}$")]
Words = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]


class Layer(Struct, frozen=True):
    """Readers in buckets from 0 to 1 by a hash of their id: experiments of one layer never share a reader."""

    salt: Salt | None = None
    """Another salt puts readers in other buckets: 1 to 64 printable ASCII characters, no blanks; absent: the layer's name."""
    holdout: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.0
    """Share of the readers, the last buckets, who are in no experiment of the layer."""


class Variant(Struct, frozen=True):
    """A placement's list with something changed; what it does not say is as in the placement (all unchanged: a control)."""

    weight: Annotated[float, msgspec.Meta(gt=0, le=1)]
    """Share of the experiment's readers; the weights of all variants sum to 1."""
    statistics: Literal["own", "shared"] = "own"
    """`own`: arms that learn from this variant's readers alone; `shared`: the placement's arms, which learn from all readers."""
    policy: PolicyConfig | None = None
    """Who ranks the candidates."""
    targeters: Annotated[tuple[TargeterConfig, ...], msgspec.Meta(max_length=8)] | None = None
    """Who names candidates."""
    exclude: tuple[Literal["read", "bought", "dismissed"], ...] | None = None
    """What is never shown to a reader again."""
    give_up: Share | None = None
    """The earning dial (`policy = { use = "earning" }` alone)."""
    use_placement: Name | None = None
    """The list of this placement, with its policy and arms, which learn from it; no other key but `weight` beside it."""


class Experiment(Struct, frozen=True):
    """Variants of a placement's list, compared on readers drawn by a hash; `bandi experiment` starts, ramps and ends it."""

    placement: Name
    """Where."""
    layer: Name
    """The layer that its readers come from; experiments at one placement are of one layer."""
    owner: Words
    """Who answers for it."""
    variants: dict[Name, Variant]
    """What is compared: 2 to 16 variants, by name."""
    buckets: Annotated[tuple[Share, ...], msgspec.Meta(min_length=2, max_length=2)] = (0.0, 1.0)
    """The part of the layer set aside for it: first bucket, and the one where it ends."""
    share: Annotated[float, msgspec.Meta(gt=0, le=1)] | None = None
    """Share of the layer's readers that it starts with, from its first bucket on; absent: all its buckets."""
    salt: Salt | None = None
    """Another salt deals readers to variants anew; absent: the experiment's name."""
    states: tuple[ReaderStateName, ...] = ()
    """Only readers in these states take part; none named: all."""
    regions: Annotated[tuple[Words, ...], msgspec.Meta(max_length=100)] = ()
    """Only readers in these regions, by the request or by their document; none named: all."""
    sticky: bool = True
    """Whether a reader who has met a variant keeps it although the ramp, the targeting or the weights change."""
    metrics: Annotated[tuple[Words, ...], msgspec.Meta(max_length=32)] = ()
    """What it is judged by, the deciding metric first: built-in ones and those of `[metrics.NAME]`."""
    guardrails: Annotated[tuple[Words, ...], msgspec.Meta(max_length=32)] = ()
    """Metrics that must not get worse."""
    control: Name | None = None
    """The variant that others are compared with; absent: `control`, or else the first by name."""
    planned_readers: Annotated[int, msgspec.Meta(ge=200, le=1_000_000_000)] = 20_000
    """Readers of control and one treatment together at which intervals are narrowest; choose it before the start."""
    starts_at: Words | None = None
    """Nobody takes part before this moment, such as `2026-12-01T09:00+09:00`; absent: from `bandi experiment start` on."""
    ends_at: Words | None = None
    """Nobody takes part from this moment on; absent: until it is stopped or concluded."""
