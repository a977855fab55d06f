"""A table of scores learned off-line: lists drawn without replacement, a title with probability as exp(score).

Slot by slot P(i) = exp(score_i) / sum over the titles left of exp(score_j): the model of Plackett (1975) and Luce (1959). It is drawn
by adding standard Gumbel noise to each score and taking the k highest (Kool, van Hoof and Welling 2019, "Stochastic beams and where
to find them", section 2.3). The table never changes: what is learned meanwhile is counted by its arms, for other policies to go on
with. A reader of several segments has the mean of their scores by the reader's weights; of whom nothing is known, row 0.

>>> import numpy as np
>>> from bandi.model.policy_config import Fitted
>>> from bandi.policies.protocol import Candidates, Request
>>> from bandi.policies.registry import make_policy
>>> policy = make_policy(Fitted(titles=(3,), scores=((50.0,),)), segments=1)
>>> int(policy.rank(Request(np.ones(1, np.float32), 0), Candidates(np.arange(5, dtype=np.int32)), k=2, seed=1).items[0])
3
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from bandi.model.policy_config import Fitted
from bandi.model.records import Array
from bandi.policies._random import stream, unit
from bandi.policies._ranking import best
from bandi.policies.arms import BetaArms
from bandi.policies.protocol import Candidates, Ranked, Request


class FittedRule:
    """The k highest of scores with Gumbel noise, which are the ranking's scores."""

    def __init__(self, config: Fitted) -> None:
        self._others = config.others
        given = np.array(config.titles, np.int32)
        self._titles, last = np.unique(given[::-1], return_index=True)  # of a title that is named twice, the last score
        self._table = np.full((max(1, len(config.scores)), len(self._titles)), config.others, np.float32)
        for row, scores in zip(self._table, config.scores, strict=False):
            row[:] = np.array(scores, np.float32)[::-1][last]

    def choose(self, arms: BetaArms, request: Request, candidates: Candidates, k: int, seed: np.uint64) -> Ranked:
        """O(candidates + titles). Segments without a row of the table are served by row 0."""
        n = len(candidates.items)
        scratch = arms.gather(request, candidates)
        weights = request.segment_weights
        noisy_scores(self._titles, self._table, candidates.items, weights, self._others, seed, scratch.mean)
        best(scratch.mean, n, k, seed, scratch.values, scratch.places)
        return scratch.ranked(candidates, k)


@njit(cache=True, nogil=True)
def noisy_scores(
    titles: Array, table: Array, items: Array, weights: Array, others: float, seed: np.uint64, scores: Array
) -> None:  # fmt: skip
    """scores[i] = score of items[i] for a reader with `weights`, with Gumbel noise.

    titles: int32[n], ascending, each once, of the columns of table: float32[rows, n]; items: int32, ascending.
    """
    rows, n = table.shape
    column = 0
    for i in range(len(items)):
        while column < n and titles[column] < items[i]:
            column += 1
        score = others
        if column < n and titles[column] == items[i]:
            score = float(table[0, column])
            if weights[0] <= 0.0:
                total, weighed = 0.0, 0.0
                for s in range(1, len(weights)):
                    total += weights[s]
                    weighed += weights[s] * float(table[s if s < rows else 0, column])
                if total > 0.0:
                    score = weighed / total
        scores[i] = score - math.log(-math.log(unit(stream(seed, i))))
