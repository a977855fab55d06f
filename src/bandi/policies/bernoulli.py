"""What the four Beta–Bernoulli policies share: arms that count, and a rule that chooses. The rules have a file each.

Where trials are weighed by examination the arms' rates are those of the first slot.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from bandi.model.records import Array
from bandi.policies._ranking import best
from bandi.policies.arms import BetaArms
from bandi.policies.cascade import SlotModel
from bandi.policies.protocol import Candidates, ContentPriors, Outcomes, Policy, Posterior, Ranked, Request, State


class Rule(Protocol):
    """How a policy turns posteriors into a list."""

    def choose(self, arms: BetaArms, request: Request, candidates: Candidates, k: int, seed: np.uint64) -> Ranked:
        """The k (1 <= k <= candidates) chosen. O(candidates), whatever the size of the catalogue."""


def best_means(arms: BetaArms, request: Request, candidates: Candidates, k: int, seed: np.uint64) -> Ranked:
    """The k highest posterior means and their items, highest first."""
    posterior = arms.gather(request, candidates)
    best(posterior.mean, len(candidates.items), k, seed, posterior.values, posterior.places)
    return posterior.ranked(candidates, k)


class BernoulliPolicy:
    """Arms with Beta posteriors, ranked by a rule. Not to be ranked by two threads at once: it works in its own scratch."""

    def __init__(self, arms: BetaArms, rule: Rule, examination: SlotModel | None = None) -> None:
        """examination: by which trials are weighed, None: each counts whole."""
        self.arms, self.examination = arms, examination
        self.rule = rule

    def rank(self, request: Request, candidates: Candidates, k: int, seed: int) -> Ranked:
        """The k best of the candidates by the rule. O(candidates)."""
        k = min(k, len(candidates.items))
        if k < 1:
            return Ranked(np.zeros(0, np.int32), np.zeros(0, np.float32))
        return self.rule.choose(self.arms, request, candidates, k, np.uint64(seed))

    def greedy(self, request: Request, candidates: Candidates, k: int, seed: int) -> Ranked:
        """The k (1 <= k <= candidates) highest posterior means, which are the scores; equal ones in seeded order."""
        return best_means(self.arms, request, candidates, k, np.uint64(seed))

    def means(self, request: Request, candidates: Candidates) -> Array:
        """Posterior means of the candidates for this reader: float64[n]."""
        means: Array = self.arms.gather(request, candidates).mean[: len(candidates.items)].copy()
        return means

    def update(self, outcomes: Outcomes) -> None:
        """Add outcomes to their arms; rows of later steps are not theirs. O(rows)."""
        if outcomes.steps is not None:
            return
        self.arms.update(outcomes if self.examination is None else self.examination.weigh(outcomes))

    def posterior(self, items: Array, segment: int, now_ms: int, priors: ContentPriors | None = None) -> Posterior:
        """Belief about `items` (int32[n]) in one segment at `now_ms`. priors: what arms start from; None: as configured."""
        return self.arms.posterior(items, segment, now_ms, priors)

    def most_tried(self, limit: int) -> Array:
        """Up to `limit` items with most trials, most first: int32[m]. O(items)."""
        return self.arms.most_tried(limit)

    def merge(self, other: State) -> None:
        """Add the counts of another shard."""
        self.arms.merge(other)
        if self.examination is not None:
            self.examination.merge(other)

    def dump(self) -> State:
        """Copy of the counts."""
        return self.arms.dump() | ({} if self.examination is None else self.examination.dump())

    def load(self, state: State) -> None:
        """Replace the counts by those of `dump`."""
        self.arms.load(state)
        if self.examination is not None:
            self.examination.load(state)


_: type[Policy] = BernoulliPolicy
