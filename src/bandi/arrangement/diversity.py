"""What a list should be mixed of: caps by field, quotas of sources, maximal marginal relevance (MMR).

*Caps.* Of each value of a field (a genre, an author) at most max(1, floor(share * length)) titles. One cap is met whenever the
pool can meet it; several are met greedily. Where a list would fall short, all caps are raised together by the least number
that lets one more title in, again and again; with one cap no list of the same length breaks it by fewer titles.

*Quotas.* Each slot is charged to one of the sources that named its title; each source has at least ceil(least * length) and at
most max(1, floor(most * length)) slots whenever the pool allows it (`_quota_kernels` says why greedy suffices). An
exploration quota is a least share of fresh titles. Where the pool cannot fill the list so, what is left of it goes by score.

*MMR.* Each slot takes the title with the greatest trade_off * relevance - (1 - trade_off) * (greatest similarity to a title
already chosen). Carbonell and Goldstein (1998), "The use of MMR, diversity-based reranking for reordering documents and
producing summaries", eq. 1; relevance is the score, brought to 0..1 over the pool; similarity is the cosine.

Without MMR what was chosen stands in the order of scores; with it, in the order of choice. Where caps and quotas meet, the
greedy choice keeps both as long as a title is left that does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from bandi.arrangement._diversity_kernels import choose
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array
from bandi.policies.protocol import Ranked

MAX_CAPS = 8
MAX_SOURCES = 8
"""As many as an item's bits of sources (`targeters.merging.Targeted`)."""


class Caps(NamedTuple):
    """codes: int32[caps, items], a value of each field by dense item id (0, and items beyond: none, never capped).

    shares: float64[caps], above 0 to 1: of a list's length, for each value of the field.
    """

    codes: Array
    shares: Array


class Quotas(NamedTuple):
    """least, most: float64[sources], 0 to 1: shares of a list's length by number of the source (bit of the pool's sources)."""

    least: Array
    most: Array


class Mmr(NamedTuple):
    """vectors: float32[items, d], rows of length 1 or 0 by dense item id (items beyond: 0, like nothing else).

    trade_off: 0 (only unlike what is there) to 1 (only the score).
    """

    vectors: Array
    trade_off: float


def _no_caps() -> Caps:
    return Caps(np.zeros((0, 0), np.int32), np.zeros(0))


def _no_quotas() -> Quotas:
    return Quotas(np.zeros(0), np.zeros(0))


def _no_mmr() -> Mmr:
    return Mmr(np.zeros((0, 0), np.float32), 1.0)


@dataclass(frozen=True, slots=True)
class Diversity:
    """What is asked of a list; nothing, unless said. Raises InvalidInputError for what cannot be.

    Made once for a configuration and a state of the catalogue: the arrays are checked and laid out here, not by requests.
    """

    caps: Caps = field(default_factory=_no_caps)
    quotas: Quotas = field(default_factory=_no_quotas)
    mmr: Mmr = field(default_factory=_no_mmr)

    def __post_init__(self) -> None:
        codes, shares = _fixed(self.caps.codes, np.int32), _shares(self.caps.shares, "caps.shares")
        if codes.ndim != 2 or len(codes) != len(shares) or len(shares) > MAX_CAPS:
            expected = f"as many rows as shares ({len(shares)}), at most {MAX_CAPS}"
            raise InvalidInputError(Problem("caps.codes", f"an array of shape {codes.shape}", expected))
        if (shares == 0).any():
            raise InvalidInputError(Problem("caps.shares", "0", "shares above 0 to 1"))
        least, most = _shares(self.quotas.least, "quotas.least"), _shares(self.quotas.most, "quotas.most")
        if len(least) != len(most) or len(least) > MAX_SOURCES or (least > most).any() or least.sum() > 1 + 1e-9:
            found = f"least {least.tolist()}, most {most.tolist()}"
            expected = f"at most {MAX_SOURCES} pairs, least not above most, all leasts together at most 1"
            raise InvalidInputError(Problem("quotas", found, expected))
        vectors, trade_off = _fixed(self.mmr.vectors, np.float32), float(self.mmr.trade_off)
        if vectors.ndim != 2 or not 0 <= trade_off <= 1:
            found = f"shape {vectors.shape}, trade-off {trade_off}"
            raise InvalidInputError(Problem("mmr", found, "vectors[items, d] and a trade-off from 0 to 1"))
        object.__setattr__(self, "caps", Caps(codes, shares))
        object.__setattr__(self, "quotas", Quotas(least, most))
        object.__setattr__(self, "mmr", Mmr(vectors, trade_off))

    @property
    def asks(self) -> bool:
        """Whether anything is asked at all."""
        return bool(len(self.caps.shares) or len(self.quotas.least) or self.mmr.vectors.shape[1])


def diversify(pool: Ranked, k: int, diversity: Diversity, sources: Array | None = None) -> Array:
    """The min(k, n) titles to show, first slot first, as places in the pool: int64[m].

    pool: items int32[n], distinct, best first, with scores float32[n]; sources: uint8[n], bit i is set where source i named
    the item (absent: no source named any). O(n), with MMR O(k n d); caps that give way add at most O(k n).
    """
    length = min(k, len(pool.items))
    chosen = np.arange(length)
    if diversity.asks:
        values = np.maximum.accumulate(pool.scores[::-1])[::-1].astype(np.float32)
        bits = np.zeros(len(pool.items), np.uint8) if sources is None else sources
        (codes, shares), (least, most), (vectors, trade_off) = diversity.caps, diversity.quotas, diversity.mmr
        choose(pool.items, 0, values, length, codes, shares, bits, least, most, vectors, trade_off, chosen)
    return chosen


def _shares(values: Array, where: str) -> Array:
    shares = _fixed(values, np.float64)
    if shares.ndim != 1 or not ((shares >= 0) & (shares <= 1)).all():
        raise InvalidInputError(Problem(where, str(values)[:66], "shares from 0 to 1"))
    return shares


def _fixed(values: Array, dtype: type) -> Array:
    """A read-only view, copied only where the layout asks for it.

    Whether an array may be written is part of the type for which Numba compiles a kernel: an artifact's vectors, mapped from
    its file, and those made in memory must not differ, or a request would wait for a compilation.
    """
    fixed: Array = np.ascontiguousarray(values, dtype).view()
    fixed.flags.writeable = False
    return fixed
