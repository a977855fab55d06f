"""What exploring costs, and its budget: clicks expected of the greedy list less those expected of the list shown.

Both by posterior means, slot by slot weighed with how much it is looked at (`examination`), before diversity and operators'
rules act. The cost of each decision stands in its record in whole millionths of a click; the account of a day is their sum
over the folded log, so that it is the same for every replay, however the log is cut. A budget compares the account with its
cap before a list is made: once it is used up, lists are greedy until the day ends. Decisions that are made between two folds
do not see each other's cost: a day's account is below the cap plus what the decisions of one such batch cost.

Bounding the loss against a known good choice is the subject of conservative bandits (Wu, Shariff, Lattimore and Szepesvari
2016); here the good choice is the greedy list, and the loss is what is believed, not what is true.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from bandi.model.answers import Exploring
from bandi.model.config import Exploration
from bandi.model.records import Array
from bandi.policies.chain_policy import discount
from bandi.policies.protocol import Candidates, Ranked, Request

DAY_MS = 86_400_000
MICRO = 1_000_000
_MOST = 2**31 - 1


@runtime_checkable
class Exploiting(Protocol):
    """A policy that can say what it would show if it did not explore."""

    def rank(self, request: Request, candidates: Candidates, k: int, seed: int) -> Ranked:
        """The k best of the candidates, exploring."""

    def greedy(self, request: Request, candidates: Candidates, k: int, seed: int) -> Ranked:
        """The k (1 <= k <= candidates) best by posterior means."""

    def means(self, request: Request, candidates: Candidates) -> Array:
        """Posterior means of clicks on the candidates: float64[n]."""


class Explored(NamedTuple):
    """A list and what it cost: millionths of a click expected of the greedy one, and given up by this one (0 or more)."""

    ranked: Ranked
    greedy_microclicks: int = 0
    explored_microclicks: int = 0


class Account:
    """One placement's day: its number since 1970 (UTC), microclicks given up, and expected of the greedy lists."""

    def __init__(self) -> None:
        self._sums = np.array([-1, 0, 0], np.int64)

    def fold(self, headers: Array) -> None:
        """Add decisions (DECISION[n], in log order). One of an earlier day than the newest counts for the newest."""
        day, spent, expected = self._sums.tolist()
        for at, greedy, explored in zip(
            (headers["occurred_ms"] // DAY_MS).tolist(), headers["greedy_microclicks"].tolist(),
            headers["explored_microclicks"].tolist(), strict=True,
        ):  # fmt: skip
            if at > day:
                day, spent, expected = at, 0, 0
            spent += explored
            expected += greedy
        self._sums[:] = day, spent, expected

    def today(self, now_ms: int) -> tuple[int, int]:
        """(spent, expected) microclicks of the day of `now_ms`; of a later day, if the log has one."""
        day, spent, expected = self._sums.tolist()
        return (0, 0) if now_ms // DAY_MS > day else (spent, expected)

    def left(self, config: Exploration, now_ms: int) -> float | None:
        """Microclicks that may still be given up, negative where more was; None: there is no cap."""
        spent, expected = self.today(now_ms)
        if config.clicks_per_day is not None:
            return config.clicks_per_day * MICRO - spent
        return None if config.share is None else config.share * expected - spent

    def shown(self, config: Exploration, now_ms: int) -> Exploring:
        """In clicks, as callers see it."""
        spent, expected = self.today(now_ms)
        left = self.left(config, now_ms)
        return Exploring(spent / MICRO, None if left is None else max(left, 0.0) / MICRO, expected / MICRO)

    def dump(self) -> Array:
        """int64[3], a copy."""
        return self._sums.copy()

    def load(self, sums: Array | None) -> None:
        """Replace by what `dump` gave; None, from before there were accounts: nothing was spent."""
        self._sums[:] = (-1, 0, 0) if sums is None else sums


def explore(
    policy: Exploiting, config: Exploration, account: Account, request: Request, candidates: Candidates, k: int,
    size: int, seed: int,
) -> Explored:  # fmt: skip
    """The `size` (1 <= size <= candidates) best, of which about k are shown: greedy where the budget is used up.

    Otherwise the policy's own, behind the greedy list's first `safe_slots`. O(candidates), twice.
    """
    greedy = policy.greedy(request, candidates, size, seed)
    weights = discount(min(k, size))
    shown = len(weights)
    best = float(weights @ policy.means(request, candidates._replace(items=greedy.items[:shown])))
    left = account.left(config, request.occurred_ms)
    if left is not None and left <= 0:
        return Explored(greedy, _micro(best))
    ranked = behind_safe_slots(greedy, policy.rank(request, candidates, size, seed), min(config.safe_slots, shown))
    cost = best - float(weights @ policy.means(request, candidates._replace(items=ranked.items[:shown])))
    return Explored(ranked, _micro(best), _micro(cost))


def behind_safe_slots(greedy: Ranked, explored: Ranked, safe: int) -> Ranked:
    """The first `safe` of the greedy list, then the explored one without them, as long as it was.

    Scores fall along the list: a safe slot's is raised to that of the slot behind it where it would be lower.
    """
    if safe < 1:
        return explored
    others = ~np.isin(explored.items, greedy.items[:safe])
    items = np.concatenate([greedy.items[:safe], explored.items[others]])[: len(explored.items)]
    scores = np.concatenate([greedy.scores[:safe], explored.scores[others]])[: len(explored.items)]
    for slot in range(min(safe, len(scores) - 1) - 1, -1, -1):
        scores[slot] = max(scores[slot], scores[slot + 1])
    return Ranked(items, scores)


def _micro(clicks: float) -> int:
    return min(max(round(clicks * MICRO), 0), _MOST)
