"""How well lists agree with what readers did next: recall and NDCG at k on held-out reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bandi.features.factors.interactions import Rows
from bandi.model.records import Array

_BLOCK = 1_024

ScoresOf = Callable[[Array], Array]
"""Scores of all titles for some readers (int64[n]): float[n, titles], to be written over."""


@dataclass(frozen=True, slots=True)
class RankingQuality:
    """recall, ndcg: float64[readers], of each reader with something held out."""

    recall: Array
    ndcg: Array

    def __str__(self) -> str:
        parts = (
            f"{name} {v.mean():.4f} ± {1.96 * v.std() / max(len(v), 1) ** 0.5:.4f}"
            for name, v in (("recall", self.recall), ("NDCG", self.ndcg))
        )
        return ", ".join(parts)


def ranking_quality(users: Array, items: Array, seen: Rows, held_out: Rows, k: int = 20) -> RankingQuality:
    """Rank all titles that a reader has not seen by users[u] . items[i], and compare the top k with what was held out.

    users: float32[n, f]; items: float32[m, f]. Recall is hits / min(k, held out); NDCG has gain 1 for each hit (Järvelin
    and Kekäläinen 2002). O(n m f).
    """
    return quality_of(lambda block: users[block] @ items.T, len(items), seen, held_out, k)


def quality_of(scores_of: ScoresOf, titles: int, seen: Rows, held_out: Rows, k: int = 20) -> RankingQuality:
    """The same for scores of any kind. titles: how many there are."""
    readers = np.flatnonzero(np.diff(held_out.starts))
    k = min(k, titles)
    discounts = 1.0 / np.log2(np.arange(2, k + 2))
    recall, ndcg = np.zeros(len(readers)), np.zeros(len(readers))
    for first in range(0, len(readers), _BLOCK):
        block = readers[first : first + _BLOCK]
        scores = scores_of(block)
        for row, reader in enumerate(block):
            scores[row, seen.row(reader)[0]] = -np.inf
        top = np.argpartition(-scores, k - 1, axis=1)[:, :k]
        top = np.take_along_axis(top, np.argsort(-np.take_along_axis(scores, top, 1), axis=1, kind="stable"), 1)
        for row, reader in enumerate(block):
            wanted = held_out.row(reader)[0]
            hits = np.isin(top[row], wanted)
            most = min(k, len(wanted))
            recall[first + row] = hits.sum() / most
            ndcg[first + row] = (hits * discounts).sum() / discounts[:most].sum()
    return RankingQuality(recall, ndcg)
