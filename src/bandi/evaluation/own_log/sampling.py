"""Which decisions of a log are asked again: an even sample of one placement's, in the order of the states they were made on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from bandi.evaluation.own_log.places import Whereabouts
from bandi.log.assembly import join_decisions
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array, Decisions, Stretch

_GOLDEN, _FIRST, _SECOND = (np.uint64(x) for x in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


@dataclass(frozen=True, slots=True)
class Sample:
    """Sampled decisions, in the order of `state_position`.

    found: how many the placement (or variant) has in the log; last_ms: the log's last time; regions: their texts, by dense id.
    of_variants: how many of those found were lists of experiments' variants; elsewhere: decisions that are not among them, served
    from the placement's arms and shown at another.
    """

    decisions: Decisions
    found: int
    last_ms: int
    regions: tuple[str, ...] = ()
    of_variants: int = 0
    elsewhere: int = 0

    def __len__(self) -> int:
        return len(self.decisions.headers)

    def only(self, chosen: Array) -> Sample:
        """Some of them: int64[n], their places in order."""
        return replace(self, decisions=_only(self.decisions, chosen))

    def items(self, decision: int) -> Array:
        """What a sampled decision showed, first slot first: int32[k]."""
        own = slice(int(self.decisions.offsets[decision]), int(self.decisions.offsets[decision + 1]))
        return self.decisions.items[own]

    def rules(self, decision: int) -> Array:
        """The operator's rule that acted on each slot, -1: none. int32[k]."""
        own = slice(int(self.decisions.offsets[decision]), int(self.decisions.offsets[decision + 1]))
        if self.decisions.rules is None:
            return np.full(own.stop - own.start, -1, np.int32)
        return self.decisions.rules[own]


def sample_decisions(stretches: Iterable[Stretch], placement: str, most: int, seed: int) -> Sample:
    """At most `most` of the decisions shown at a placement, or to a variant's readers, that showed anything: those whose request
    hashes lowest under `seed`.

    So every decision has the same chance, and one pass suffices. O(log) time, O(most) memory. Raises InvalidInputError
    where the log has no decision of such a placement.
    """
    where = Whereabouts(placement)
    kept, last_ms = _Kept(most), 0
    found = of_variants = elsewhere = 0
    for stretch in stretches:
        if len(stretch.events.rows):
            last_ms = max(last_ms, int(stretch.events.rows["occurred_ms"].max()))
        for piece in where.pieces(stretch):
            headers = piece.decisions.headers
            if not len(headers):
                continue
            last_ms = max(last_ms, int(headers["occurred_ms"].max()))
            shown, stood_in = where.shown(headers)
            showing = headers["k"] > 0
            ours = np.flatnonzero(shown & showing)
            found += len(ours)
            of_variants += int((stood_in & showing).sum())
            served = headers["placement"] == where.names.lookup("placement", placement)
            elsewhere += int((served & showing & ~shown).sum())
            kept.add(_only(piece.decisions, ours), _hashed(headers["request"][ours], seed))
    if not found:
        known = ", ".join(where.names.texts("placement")) or "none"
        raise InvalidInputError(
            Problem("placement", repr(placement)[:66], f"a placement with decisions in the log, one of: {known}")
        )
    return Sample(kept.in_order(), found, last_ms, tuple(where.names.texts("region")), of_variants, elsewhere)


class _Kept:
    """The decisions of lowest keys so far."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._decisions: list[Decisions] = []
        self._keys: list[Array] = []
        self._count = 0

    def add(self, decisions: Decisions, keys: Array) -> None:
        self._decisions.append(decisions)
        self._keys.append(keys)
        self._count += len(keys)
        if self._count > 2 * self._most:
            self._trim()

    def _trim(self) -> None:
        decisions, keys = join_decisions(self._decisions), np.concatenate(self._keys)
        if len(keys) > self._most:
            lowest = np.sort(np.argpartition(keys, self._most)[: self._most])
            decisions, keys = _only(decisions, lowest), keys[lowest]
        self._decisions, self._keys, self._count = [decisions], [keys], len(keys)

    def in_order(self) -> Decisions:
        self._trim()
        decisions = self._decisions[0]
        return _only(decisions, np.argsort(decisions.headers["state_position"], kind="stable"))


def _only(decisions: Decisions, chosen: Array) -> Decisions:
    """Some decisions (int64[n], their places)."""
    lengths = np.diff(decisions.offsets)[chosen]
    offsets = np.zeros(len(chosen) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    slots = np.repeat(decisions.offsets[chosen] - offsets[:-1], lengths) + np.arange(offsets[-1])
    return Decisions(
        decisions.positions[chosen],
        decisions.headers[chosen],
        offsets,
        decisions.items[slots],
        decisions.scores[slots],
        None if decisions.rules is None else decisions.rules[slots],
    )


def _hashed(requests: Array, seed: int) -> Array:
    """SplitMix64's finaliser (Steele, Lea and Flood 2014) of requests and seed: uint64[n]."""
    x = requests.astype(np.uint64) * _GOLDEN + np.uint64(seed)
    x = (x ^ (x >> np.uint64(30))) * _FIRST
    x = (x ^ (x >> np.uint64(27))) * _SECOND
    return np.asarray(x ^ (x >> np.uint64(31)))
