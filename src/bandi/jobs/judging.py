"""Judging by the title that each reader turned to last: it is held out, and foretold from the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bandi.evaluation.ranking import RankingQuality, ranking_quality
from bandi.features.factors.als import AlsConfig, Factors, fit
from bandi.features.factors.interactions import Interactions, Rows, gather_interactions
from bandi.features.factors.tuning import FITS, choose
from bandi.jobs.reading import Material, weighed
from bandi.model.records import Array

K = 20
MAX_JUDGED = 10_000
"""Readers whose last title is held out to judge by."""


@dataclass(frozen=True, slots=True)
class HeldBack:
    """seen: all but the last titles; held: these; befores, nexts: int32[n], the title before the last, and the last, of each.

    users, items: int32[m], the events of `seen` in log order.
    """

    seen: Interactions
    held: Interactions
    befores: Array
    nexts: Array
    users: Array
    items: Array


def hold_back(material: Material) -> HeldBack | None:
    """Hold back the last title of readers of at least three, at most MAX_JUDGED of them; None where there are none.

    The last title is the one whose first event came last.
    """
    users, items, shape = material.users, material.items, material.shape
    width = max(shape[1], 1)
    pairs = _in_order(users, items, width)
    owners = pairs // width
    is_last = np.append(owners[1:] != owners[:-1], True)
    counts = np.bincount(owners, minlength=shape[0])
    judged = np.flatnonzero(is_last & (counts[owners] >= 3)) if len(owners) else np.zeros(0, np.int64)
    if not len(judged):
        return None
    judged = judged[np.linspace(0, len(judged) - 1, min(len(judged), MAX_JUDGED)).astype(int)]
    held = pairs[judged]
    kept = ~np.isin(users.astype(np.int64) * width + items, held)
    return HeldBack(
        weighed(users[kept], items[kept], shape),
        gather_interactions(held // width, held % width, np.ones(len(held)), shape),
        (pairs[judged - 1] % width).astype(np.int32),
        (held % width).astype(np.int32),
        users[kept],
        items[kept],
    )


def _in_order(users: Array, items: Array, width: int) -> Array:
    """Each pair of reader and title once, as reader * width + title: by readers, and each reader's by their first event."""
    pairs, first = np.unique(users.astype(np.int64) * width + items, return_index=True)
    ordered: Array = pairs[np.lexsort((first, pairs // width))]
    return ordered


def judge(
    held_back: HeldBack, config: AlsConfig, on_iteration: Callable[[int], None]
) -> tuple[dict[str, float], Factors]:
    """Recall and NDCG at 20 beside those of the most read titles, and the factors that knew nothing of what was held back."""
    seen, held = held_back.seen, held_back.held
    factors = fit(seen, config, on_iteration=on_iteration)
    found = ranking_quality(factors.users, factors.items, seen.by_user, held.by_user, K)
    popular = np.diff(seen.by_item.starts).astype(np.float32)[:, None]
    baseline = ranking_quality(np.ones((seen.users, 1), np.float32), popular, seen.by_user, held.by_user, K)
    metrics = {**_named(found, ""), **_named(baseline, "popular_"), "judged_readers": float(len(held_back.nexts))}
    return metrics, factors


def tune(held_back: HeldBack, start: AlsConfig, on_fit: Callable[[int, int], None]) -> AlsConfig:
    """Hyperparameters that are surely better, or `start`; FITS fits at most (see features.factors.tuning).

    Judged by the last fifth of what each reader has in `seen`: the last title is left to judge what was chosen.
    """
    return choose(*last_fifth(held_back), _ndcg, start, FITS, on_fit)


def last_fifth(held_back: HeldBack) -> tuple[Interactions, Interactions]:
    """`seen` without the last fifth of each reader's titles, at least one of two, and this fifth."""
    users, items = held_back.users, held_back.items
    shape = (held_back.seen.users, held_back.seen.items)
    width = max(shape[1], 1)
    pairs = _in_order(users, items, width)
    owners = pairs // width
    counts = np.bincount(owners, minlength=shape[0])
    taken = np.where(counts >= 2, np.maximum(counts // 5, 1), 0)
    from_end = np.cumsum(counts)[owners] - 1 - np.arange(len(pairs))
    held = pairs[from_end < taken[owners]]
    kept = ~np.isin(users.astype(np.int64) * width + items, held)
    return (
        weighed(users[kept], items[kept], shape),
        gather_interactions(held // width, held % width, np.ones(len(held)), shape),
    )


def _ndcg(factors: Factors, seen: Rows, held: Rows) -> Array:
    return ranking_quality(factors.users, factors.items, seen, held, K).ndcg


def _named(quality: RankingQuality, prefix: str) -> dict[str, float]:
    return {
        f"{prefix}recall_at_{K}": round(float(quality.recall.mean()), 5),
        f"{prefix}ndcg_at_{K}": round(float(quality.ndcg.mean()), 5),
    }
