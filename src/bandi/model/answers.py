"""What the engine gives back: rankings, receipts, arms. The HTTP service sends these very structures as JSON."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from bandi.model.errors import Problem


class RankedItem(msgspec.Struct, frozen=True, omit_defaults=True):
    """One slot of a list. position: 0 is first; score: the policy's own unit (Thompson: a drawn rate, 0 to 1).

    sources: the targeters that named the item, where the placement has targeters. rule: the operator's rule that acted on
    the slot (its pin, or a boost or bury of its title), where one did.
    """

    item: str
    score: float
    position: int
    sources: tuple[str, ...] = ()
    rule: str = ""


class Ranking(msgspec.Struct, frozen=True, omit_defaults=True):
    """A decision as the caller sees it: a sequence of `RankedItem`, and what is needed to ask it again."""

    request_id: str
    placement: str
    policy: str
    """Policy version: name, then a digest of its configuration, such as `thompson@3f2a91c0`."""
    position: int
    """The arms held the fold of all log records before this position."""
    catalog_position: int
    """The catalogue likewise."""
    seed: str
    """All the randomness of the decision: an unsigned 64-bit number in decimal (text, so that JavaScript keeps it)."""
    candidates: int
    """How many items were ranked."""
    items: tuple[RankedItem, ...]
    variant: str = ""
    """The experiment and the variant that the list is of, such as `bold.treatment`; absent: of none."""

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> RankedItem:
        return self.items[index]

    def __iter__(self) -> Iterator[RankedItem]:
        return iter(self.items)


class Refusal(msgspec.Struct, frozen=True):
    """A record that was not taken. index: its place in the batch, from 0."""

    index: int
    problem: Problem


class Receipt(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of a batch: every record is accepted (and durable), a duplicate, or refused with a reason."""

    accepted: int
    duplicates: int = 0
    refused: tuple[Refusal, ...] = ()


ALL_SEGMENTS = -1
"""The number that stands for all segments together."""


class Arm(msgspec.Struct, frozen=True):
    """One (placement, segment, item) and what its policy believes: low and high bound the central 95 % interval.

    segment: -1 counts all together; 0: readers of whom nothing is known; from 1: those of `[segments]`.
    """

    placement: str
    segment: int
    item: str
    trials: float
    successes: float
    mean: float
    low: float
    high: float


class CoinsArm(msgspec.Struct, frozen=True):
    """What a placement's chain believes of a title beyond the click, of an average reader.

    coins_per_start: expected of a start in the end; payments_per_start: rewards of the last step; factor: how much more than
    average the title does in the last step; payers: rewards of it that were seen; exposure: mature trials of it.
    """

    placement: str
    item: str
    coins_per_start: float
    payments_per_start: float
    factor: float
    payers: float
    exposure: float


class ChainSummary(msgspec.Struct, frozen=True):
    """What all titles of a chain share.

    rates, rewards: of each later step, rewards per mature trial and rewards seen; coins_each: mean coins of a payer, 1 before
    the first; reader_spread: variance of readers' factors.
    """

    rates: list[float]
    rewards: list[float]
    coins_each: float
    reader_spread: float


class Because(msgspec.Struct, frozen=True):
    """A title that a reader read, and its part in what speaks for another: share, above 0, at most 1."""

    item: str
    share: float


class Exploring(msgspec.Struct, frozen=True):
    """A placement's account of exploration today (UTC), in expected clicks by posterior means."""

    spent: float
    """What lists gave up against the greedy ones."""
    left: float | None
    """What they may still give up today; null: there is no cap."""
    expected: float
    """Clicks expected of the greedy lists."""


class Stats(msgspec.Struct, frozen=True):
    """Counters of the whole log since it began, and sizes now."""

    position: int
    items: int
    users: int
    events: dict[str, int]
    """Accepted events by kind."""
    decisions: int
    trials: int
    """Impressions that counted for an arm."""
    successes: int
    """Rewards that counted for an arm."""
    orphans: int
    """Rewards whose impression was never seen; each counted as an impression with its reward."""
    late: int
    """Rewards outside the window of their objective; kept in the log, not counted."""
    unattributed: int
    """Events that named neither a request nor a placement; kept in the log, not counted for an arm."""
    readers: dict[str, int] = {}
    """Readers by state (new, free, hooked, first_payment, paying, lapsed), where a placement has `states` or `push`."""
    exploration: dict[str, Exploring] = {}
    """By placement that has `exploration`: what it cost today."""
    chains: dict[str, ChainSummary] = {}
    """By placement whose policy looks beyond the click."""
    plugin_failures: dict[str, dict[str, int]] = {}
    """By placement with a policy plug-in: what it did wrong, how often, since this process opened the folder."""
