"""What a reader was shown without clicking counts less for this reader: how much less is learned from clicks.

A wrapper around any policy. The policy ranks a pool of several lists; a title that this reader was shown n times without a
click has its score multiplied by r(n), and the pool is sorted again. Showings lose half their weight in a half-life; a
click starts a title anew. With `strength`, r(n) = (1 - strength)**n. Without it r is learned: the click rate of titles shown
n times before against that of titles not shown before, compared within title, segment, slot and day (matched.py), for
popular titles are shown more, and later ones lower. r mixes two things, a reader who tires and a reader who never cared;
either is a reason to show something else.

The policy within learns from impressions weighed by r(n): a showing to a tired reader tells less of a title than a first one,
so its own rates are those of first showings.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from bandi.model.config import Seen
from bandi.model.config_values import duration_ms
from bandi.model.records import Array
from bandi.policies import _seen_kernels as kernel
from bandi.policies.exploration import Exploiting
from bandi.policies.matched import matched_rates
from bandi.policies.protocol import Candidates, Outcomes, Policy, Posterior, Ranked, Request, State

_PREFIX = "seen/"
_FIRST_PAIRS = 1_024
_STRATA = 4_096
_LEAST_MORE, _MOST_MORE = 50, 300


class SeenPolicy:
    """The policy within, and the pairs that were shown. Not to be ranked by two threads at once."""

    def __init__(self, inner: Policy, config: Seen) -> None:
        self.inner = inner
        self._half_life_ms = float(max(duration_ms(config.half_life), 1))
        self._strength = kernel.LEARNED if config.strength is None else config.strength
        self._most = 1 << (max(config.pairs, _FIRST_PAIRS) - 1).bit_length()
        self._rates = matched_rates(_STRATA, kernel.BUCKETS)
        self._ratios = np.ones(kernel.BUCKETS)
        self._used = np.zeros(1, np.int64)
        self._pairs = _no_pairs(_FIRST_PAIRS)

    @property
    def ratios(self) -> Array:
        """Learned ratios of clicks after 0, 1, 2, 3 to 4, 5 to 8, 9 and more showings: float64[6], the first is 1.

        All are 1 where the strength is set.
        """
        return self._ratios.copy()

    def rank(self, request: Request, candidates: Candidates, k: int, seed: int) -> Ranked:
        """The k best of the policy's k + 50 to k + 300 best, sorted again. O(candidates)."""
        if request.user < 0 or not self._used[0]:
            return self.inner.rank(request, candidates, k, seed)
        return self._sorted_again(self.inner.rank(request, candidates, _pool(k), seed), request, k)

    def greedy(self, request: Request, candidates: Candidates, k: int, seed: int) -> Ranked:
        """The same of the inner policy's greedy list. Raises TypeError where that has none (see exploration.Exploiting)."""
        inner = self._exploiting()
        size = min(_pool(k), len(candidates.items))
        return self._sorted_again(inner.greedy(request, candidates, size, seed), request, k)

    def means(self, request: Request, candidates: Candidates) -> Array:
        """Posterior means of clicks on the candidates, showings left out: float64[n]. Raises TypeError as `greedy` does."""
        return self._exploiting().means(request, candidates)

    def _exploiting(self) -> Exploiting:
        if not isinstance(self.inner, Exploiting):
            raise TypeError(f"{type(self.inner).__name__} has no greedy list")
        return self.inner

    def _sorted_again(self, pool: Ranked, request: Request, k: int) -> Ranked:
        keys, order = np.empty(len(pool.items)), np.empty(len(pool.items), np.int64)
        kernel.sort_again(
            pool.items, pool.scores, request.user, request.occurred_ms, self._half_life_ms, self._strength, self._pairs,
            self._ratios, keys, order,
        )  # fmt: skip
        chosen = order[:k]
        return Ranked(pool.items[chosen], keys[chosen].astype(np.float32))

    def update(self, outcomes: Outcomes) -> None:
        """Count who was shown what, then let the policy learn; rows of later steps, or of nobody, go to it as they are."""
        if outcomes.steps is None and outcomes.users is not None:
            outcomes = dataclasses.replace(outcomes, trials=self._take(outcomes, outcomes.users))
        self.inner.update(outcomes)

    def _take(self, outcomes: Outcomes, users: Array) -> Array:
        rows = len(outcomes.items)
        weighed = np.empty(rows, np.float32)
        slots = np.full(rows, -1, np.int32) if outcomes.slots is None else outcomes.slots
        taken = 0
        while taken < rows:
            taken = kernel.take_rows(
                taken, outcomes.items, outcomes.segments, outcomes.trials, outcomes.rewards, outcomes.occurred_ms,
                users, slots, self._half_life_ms, self._strength, self._pairs, self._used, self._most, *self._rates,
                self._ratios, weighed,
            )  # fmt: skip
            if taken < rows:
                self._move(self._pairs, 2 * len(self._pairs))
        return weighed

    def _move(self, old: Array, places: int) -> None:
        pairs, used = _no_pairs(places), np.zeros(1, np.int64)
        kernel.move_all(old, pairs, used, self._half_life_ms)
        self._pairs, self._used = pairs, used

    def posterior(self, items: Array, segment: int, now_ms: int) -> Posterior:
        """What the policy within believes: rates of first showings."""
        return self.inner.posterior(items, segment, now_ms)

    def most_tried(self, limit: int) -> Array:
        """Up to `limit` items with most trials."""
        return self.inner.most_tried(limit)

    def merge(self, other: State) -> None:
        """Add the statistics of another shard. Raises ValueError where they do not fit."""
        self.inner.merge(other)
        mine = _part(other)
        if not mine:
            return
        self._rates.merge(mine)
        pairs = np.asarray(mine["pairs"])
        while 3 * (int(self._used[0]) + int(mine["used"][0])) > len(self._pairs) < self._most:
            self._move(self._pairs, 2 * len(self._pairs))
        kernel.move_all(pairs, self._pairs, self._used, self._half_life_ms)
        if self._strength == kernel.LEARNED:
            kernel.fit_ratios(self._rates.sums, self._ratios)

    def dump(self) -> State:
        """The policy's statistics under their own names, and those of showings under `seen/`."""
        mine = {
            **self._rates.dump(),
            "pairs": self._pairs.copy(),
            "used": self._used.copy(),
            "ratios": self._ratios.copy(),
        }
        return {**self.inner.dump(), **{_PREFIX + name: array for name, array in mine.items()}}

    def load(self, state: State) -> None:
        """Replace by what `dump` gave; what the bare policy dumped leaves showings empty. Raises ValueError."""
        mine = _part(state)
        fresh = matched_rates(_STRATA, kernel.BUCKETS)
        pairs, used, ratios = _no_pairs(_FIRST_PAIRS), np.zeros(1, np.int64), np.ones(kernel.BUCKETS)
        if mine:
            fresh.load(mine)
            pairs, used, ratios = (np.array(mine[name]) for name in ("pairs", "used", "ratios"))
            if pairs.dtype != kernel.PAIR or len(pairs) < _FIRST_PAIRS or len(pairs) & (len(pairs) - 1):
                raise ValueError(f"pairs: expected {kernel.PAIR}[2**n], found {pairs.dtype}[{len(pairs)}]")
            if ratios.shape != self._ratios.shape or used.shape != (1,):
                raise ValueError(f"ratios: expected float64[{kernel.BUCKETS}], found {list(ratios.shape)}")
        self.inner.load({name: array for name, array in state.items() if not name.startswith(_PREFIX)})
        self._rates, self._pairs, self._used, self._ratios = fresh, pairs, used, ratios
        if len(pairs) > self._most:
            self._move(pairs, self._most)


def within(policy: Policy) -> Policy:
    """The policy that a wrapper of this kind is around, or the policy itself."""
    return policy.inner if isinstance(policy, SeenPolicy) else policy


def _pool(k: int) -> int:
    return k + min(max(3 * k, _LEAST_MORE), _MOST_MORE)


def _no_pairs(places: int) -> Array:
    pairs = np.zeros(places, kernel.PAIR)
    pairs["user"] = -1
    return pairs


def _part(state: State) -> State:
    return {name[len(_PREFIX) :]: array for name, array in state.items() if name.startswith(_PREFIX)}


_: type[Policy] = SeenPolicy
