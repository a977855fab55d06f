"""What a policy is: it ranks candidates and learns from outcomes. Only arrays cross this line.

Items are dense ids (int32, from 0 upwards in the order in which the log first named them); segments are small ints.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import NamedTuple, Protocol

from bandi.model.records import Array

State = dict[str, Array]
"""A policy's statistics by name: plain arrays, the same bytes for the same history."""


class Request(NamedTuple):
    """Who asks and when. occurred_ms: int.

    segment_weights: float32[segments], 0 to 1: how much of each segment's evidence is about this reader. A known reader's
    sum to 1; those of a reader of whom nothing is known are all 1. user: dense id, -1: anonymous; vector: float32[d], what
    contextual policies know of the reader, None: nothing. give_up: the earning dial for this reader, None: as configured.
    shown: slots that the reader will see of a list that is ranked for more, 0: all.
    """

    segment_weights: Array
    occurred_ms: int
    user: int = -1
    vector: Array | None = None
    give_up: float | None = None
    shown: int = 0


class ContentPriors(NamedTuple):
    """What is believed of arms before their own evidence, by segment and dense id: Beta(successes, failures), both above 0.

    successes, failures: float32[segments, items], contiguous; an item at or beyond their end has the configured prior. Row 0
    is for readers of whom nothing is known, all of whose evidence is counted; a known reader's prior is the mean of the other
    rows by the reader's weights.
    """

    successes: Array
    failures: Array


class StepPriors(NamedTuple):
    """What is believed of titles' factors in later steps (policies/chain.py) before their own starts: Gamma(shapes, shapes / means).

    means, shapes: float32[steps, items], above 0, contiguous; an item at or beyond their end is average, as the chain knows it.
    """

    means: Array
    shapes: Array


class Candidates(NamedTuple):
    """What may be shown. items: int32[n], distinct, ascending; editor_ranks: int32[n] or None (0: no rank).

    vectors: float32[catalogue, d], what contextual policies know of titles, by dense id (an item at or beyond its end has
    none), None: nothing. priors: what arms start from, for as many segments as the request has; None: the configured prior.
    step_priors: what factors of later steps start from, for as many steps as the policy learns; None: all titles are average.
    """

    items: Array
    editor_ranks: Array | None = None
    vectors: Array | None = None
    priors: ContentPriors | None = None
    step_priors: StepPriors | None = None


class Ranked(NamedTuple):
    """The list, first slot first. items: int32[m], scores: float32[m], m = min(k, candidates)."""

    items: Array
    scores: Array


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What followed from impressions; row i adds to the arm (segments[i], items[i]).

    items: int32[n]; segments: int32[n]; trials: float32[n]; rewards: float32[n]; occurred_ms: int64[n]. A row may
    carry a trial alone (an impression), a reward alone (its click), or negative amounts (a correction, when a late
    impression shows that a click was out of its window; a refund).

    steps: None where the rows are of the policy's `objective`, whose trials are impressions; else int32[n], which of what it
    looks for after a start (from 1) each row is of, whose trials are starts (the first click of a reader on a title); rows of
    all later steps come together, in the order of the log, and to policies alone that look for them. occurred_ms is always the
    trial's time. values: float64[n], coins of the rewards of later steps (a further purchase within the window comes with
    reward 0 and a value); users: int32[n], readers, -1: unknown; delays_ms: int64[n], from the trial to the reward, 0 in rows
    without one; vectors: float32[n, d], what was known of the readers; slots: int32[n], where in the list the item stood, 0 is
    first, -1: unknown; requests: uint64[n], the list that it stood in, 0: unknown; title_vectors: float32[catalogue, d], what
    is known of titles, by dense id (an item at or beyond its end has none). Each None where no policy asks for it.
    """

    items: Array
    segments: Array
    trials: Array
    rewards: Array
    occurred_ms: Array
    steps: Array | None = None
    values: Array | None = None
    users: Array | None = None
    delays_ms: Array | None = None
    vectors: Array | None = None
    slots: Array | None = None
    requests: Array | None = None
    title_vectors: Array | None = None

    def only(self, rows: Array) -> Outcomes:
        """Some of the rows. rows: bool[n], or their places."""
        by_row = {
            field.name: getattr(self, field.name)[rows]
            for field in fields(self)
            if field.name != "title_vectors" and getattr(self, field.name) is not None
        }
        return replace(self, **by_row)


@dataclass(frozen=True, slots=True)
class Posterior:
    """What is believed of arms at one moment.

    trials, successes, mean, low, high: float64[n]; low and high bound the central 95 % credible interval.
    """

    trials: Array
    successes: Array
    mean: Array
    low: Array
    high: Array


class Policy(Protocol):
    """Ranks and learns. The same state, request, candidates, k and seed give the same list, on any machine."""

    def rank(self, request: Request, candidates: Candidates, k: int, seed: int) -> Ranked:
        """The k best of the candidates. O(candidates); `seed` (0 <= seed < 2**64) is all its randomness."""

    def update(self, outcomes: Outcomes) -> None:
        """Learn. O(rows), whatever the size of the catalogue; arms not seen before are added."""

    def posterior(self, items: Array, segment: int, now_ms: int) -> Posterior:
        """Belief about `items` (int32[n]) in one segment, or in all together (-1), at `now_ms`."""

    def most_tried(self, limit: int) -> Array:
        """Up to `limit` items with most trials, most first: int32[m]."""

    def merge(self, other: State) -> None:
        """Add the statistics of another shard that learned from other outcomes (same configuration)."""

    def dump(self) -> State:
        """Copy of the statistics."""

    def load(self, state: State) -> None:
        """Replace the statistics by those of `dump`. Raises ValueError where they do not fit."""
